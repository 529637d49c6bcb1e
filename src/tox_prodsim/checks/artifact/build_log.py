"""The output of a build back end that failed: the error in one phrase, its place, and the lines that show it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_ERROR = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Failed|NotFound|Failure)): ?(?P<text>.*)$")
_ABSENT = re.compile(r"\[Errno 2\][^']*'(?P<file>[^']+)'")
_PROTOCOL = re.compile(r"^(Backend: |started backend )")
_EXEC = re.compile(r'(build_meta\.py", line \d+, in run_setup(?:\n(?!  File).*)*\n  File )"<string>"')
"""setuptools reads setup.py and executes it without its name."""
_ERROR_LIMIT = 200
_LINES_SHOWN = 20
_LINES_ELSEWHERE = 6
"""This many lines are shown of a traceback that is outside of the sources."""


def build_error(output: str, source: Path, *, exception: str = "", message: str = "") -> str:
    """Return the error and the place, such as ``FileNotFoundError 'LICENSE' (setup.py:16)``.

    ``source`` is the folder that was built; ``exception`` and ``message`` are the error, if it is known separately.
    """
    lines = _lines(output)
    if not exception:
        otherwise = ("", lines[-1].strip() if lines else "no reason was given")
        exception, message = next(_errors(reversed(lines)), otherwise)
    name = exception.rpartition(".")[2]
    error = f"{name}: {message}".strip(": ")
    if absent := _ABSENT.search(message):
        error = f"{name} {_path_in(source, absent['file']) or absent['file']!r}"
    first = next(iter(error.splitlines()), "")
    place = _place(lines, source)
    return f"{first[:_ERROR_LIMIT]} ({place})" if place else first[:_ERROR_LIMIT]


def error_lines(output: str, source: Path) -> tuple[str, ...]:
    """Return the lines that show the error: from the first frame of the traceback that is in the sources."""
    lines = _lines(output)
    last = max((at for at, line in enumerate(lines) if line.startswith("Traceback")), default=-1)
    inside = (at for at, line in enumerate(lines) if at > last and _place_of_frame(line, source))
    return lines[next(inside, max(last + 1, len(lines) - _LINES_ELSEWHERE)) :][-_LINES_SHOWN:]


def _lines(output: str) -> tuple[str, ...]:
    """Return the lines with text, without the messages between tox and the back end; setup.py has its name."""
    lines = _EXEC.sub(r'\1"setup.py"', output).splitlines()
    return tuple(line.rstrip() for line in lines if line.strip() and not _PROTOCOL.match(line))


def is_absent_file(error: str) -> bool:
    """Return whether the error is a file or a module that was not found."""
    return error.startswith(("FileNotFoundError", "ModuleNotFoundError"))


def _errors(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if found := _ERROR.match(line.strip()):
            yield found["kind"], found["text"]


def _place(lines: Iterable[str], source: Path) -> str:
    """Return the deepest line of the last traceback that is in the sources."""
    place = ""
    for line in lines:
        if line.startswith("Traceback"):
            place = ""
        place = _place_of_frame(line, source) or place
    return place


def _place_of_frame(line: str, source: Path) -> str:
    """Return the place in a line of a traceback, such as ``setup.py:16``; nothing if it is outside of the sources."""
    frame = _FRAME.match(line)
    file = _path_in(source, frame["file"]) if frame else ""
    return f"{file}:{frame['line']}" if frame and file else ""


def _path_in(source: Path, file: str) -> str:
    """Return the path of a file relative to the sources; nothing for a file that is elsewhere."""
    path = source / file
    return str(path.relative_to(source)) if path.is_relative_to(source) else ""
