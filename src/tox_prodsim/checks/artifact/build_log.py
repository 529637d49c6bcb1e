"""What a build back end said before it gave up, in one phrase: which error, and where in the sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_ERROR = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Failed|NotFound|Failure)): ?(?P<text>.*)$")
_ABSENT = re.compile(r"\[Errno 2\][^']*'(?P<file>[^']+)'")
_CHATTER = re.compile(r"^(Backend: |started backend )")
_EXEC = re.compile(r'(build_meta\.py", line \d+, in run_setup(?:\n(?!  File).*)*\n  File )"<string>"')
"""setuptools reads setup.py and executes it without its name."""
_WORDS_SHOWN = 200
_SHOWN_LINES = 20
_UNPLACED_LINES = 6
"""So many lines are shown of a traceback that never comes to the sources."""


def last_words(output: str, source: Path, *, kind: str = "", text: str = "") -> str:
    """Return the error and the place, such as ``FileNotFoundError 'LICENSE' (setup.py:16)``.

    ``source`` is the folder that was built; ``kind`` and ``text`` are the error, where that is known apart.
    """
    lines = _lines(output)
    if not kind:
        kind, text = next(_errors(reversed(lines)), ("", lines[-1].strip() if lines else "no reason was given"))
    told = f"{kind.rpartition('.')[2]}: {text}".strip(": ")
    if absent := _ABSENT.search(text):
        told = f"{kind.rpartition('.')[2]} {_within(absent['file'], source) or absent['file']!r}"
    first = next(iter(told.splitlines()), "")
    place = _place(lines, source)
    return f"{first[:_WORDS_SHOWN]} ({place})" if place else first[:_WORDS_SHOWN]


def evidence(output: str, source: Path) -> tuple[str, ...]:
    """Return the lines that show it: those of the sources and what comes below, without the way that led there."""
    lines = _lines(output)
    last = max((at for at, line in enumerate(lines) if line.startswith("Traceback")), default=-1)
    inside = (at for at, line in enumerate(lines) if at > last and _frame_within(line, source))
    return lines[next(inside, max(last + 1, len(lines) - _UNPLACED_LINES)) :][-_SHOWN_LINES:]


def _lines(output: str) -> tuple[str, ...]:
    """Return the lines that say something, without what passes between tox and the back end; setup.py has its name."""
    told = _EXEC.sub(r'\1"setup.py"', output).splitlines()
    return tuple(line.rstrip() for line in told if line.strip() and not _CHATTER.match(line))


def is_absent_file(words: str) -> bool:
    """Return whether it was a file or a module that could not be found."""
    return words.startswith(("FileNotFoundError", "ModuleNotFoundError"))


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
        place = _frame_within(line, source) or place
    return place


def _frame_within(line: str, source: Path) -> str:
    """Return the place that a line of a traceback names, such as ``setup.py:16``; nothing when it is elsewhere."""
    frame = _FRAME.match(line)
    file = _within(frame["file"], source) if frame else ""
    return f"{file}:{frame['line']}" if frame and file else ""


def _within(file: str, source: Path) -> str:
    """Return the path of a file relative to the sources; nothing for one that is elsewhere."""
    path = source / file
    return str(path.relative_to(source)) if path.is_relative_to(source) else ""
