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


def last_words(output: str, source: Path, *, kind: str = "", text: str = "") -> str:
    """Return the error and the place, such as ``FileNotFoundError 'LICENSE' (setup.py:16)``.

    ``source`` is the folder that was built; ``kind`` and ``text`` are the error, where that is known apart.
    """
    lines = list(tail(_EXEC.sub(r'\1"setup.py"', output)))
    if not kind:
        kind, text = next(_errors(reversed(lines)), ("", lines[-1].strip() if lines else "no reason was given"))
    told = f"{kind.rpartition('.')[2]}: {text}".strip(": ")
    if absent := _ABSENT.search(text):
        told = f"{kind.rpartition('.')[2]} {_within(absent['file'], source) or absent['file']!r}"
    first = next(iter(told.splitlines()), "")
    place = _place(lines, source)
    return f"{first[:_WORDS_SHOWN]} ({place})" if place else first[:_WORDS_SHOWN]


def tail(output: str, lines: int = 1000) -> tuple[str, ...]:
    """Return the last lines that say something, without what passes between tox and the back end."""
    told = [line.rstrip() for line in output.splitlines() if line.strip() and not _CHATTER.match(line)]
    return tuple(told[-lines:])


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
        elif (frame := _FRAME.match(line)) and (file := _within(frame["file"], source)):
            place = f"{file}:{frame['line']}"
    return place


def _within(file: str, source: Path) -> str:
    """Return the path of a file relative to the sources; nothing for one that is elsewhere."""
    path = source / file
    return str(path.relative_to(source)) if path.is_relative_to(source) else ""
