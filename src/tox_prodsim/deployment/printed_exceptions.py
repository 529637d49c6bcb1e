"""One exception as it is printed in a log, line by line: by CPython, as a group, by rich, by faulthandler."""

from __future__ import annotations

import re
from typing import Protocol

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex

HEADER = "Traceback (most recent call last)"
COLORS = lazy_regex(r"\x1b\[[0-9;]*m")
FIRST_WORDS = lazy_regex(rb"Traceback \(most recent call last\)|Fatal Python error: ")
"""Matches in every log that has an exception."""
_LONGEST_MESSAGE = 500
"""Characters of the line that names the exception that are kept."""
_MOST_LINES = 20_000
"""Lines after which a text that began as a traceback is not one."""
_MOST_FRAMES = 1000
_MOST_BETWEEN = 20
"""Lines of other processes between those of a traceback."""

_FRAME = lazy_regex(r'(?P<before>.*?)  File "(?P<file>[^"]+)", line (?P<line>\d+)(?:,? in .*)?$')
_NAME = lazy_regex(r"(?!(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL):)[^\W\d][\w.<>]*(?::(?: .*)?)?$")
"""A line that can name an exception; of another process it is one that came in between."""
_GROUP_LINE = lazy_regex(r"(?P<indent>.*?\s)[|+](?P<rest>-.*| .*|)$")
_SUB_EXCEPTION = lazy_regex(r"(?:-\+)?-+ (?P<number>\d+|\.\.\.) -+$")
_RICH_FRAME = lazy_regex(r"(?P<file>\S.*?):(?P<line>\d+)(?: in .*)?$")
_THREAD = lazy_regex(r"(?:Current thread|Thread) 0x[0-9a-f]+.*:$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A line of source that a frame points at."""

    file: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PrintedException:
    """One exception; the lines are those of what is read."""

    first: int
    """Its header."""
    last: int
    """The last line that belongs to it."""
    frames: tuple[int, ...]
    """The line of each frame."""
    places: tuple[Place, ...]
    """Where it passed, the place that raised it last."""
    message: str
    """The line that names it; empty: it was cut off."""
    message_at: int
    """The number of that line; of a text that was cut off, its last line."""


class ExceptionReader(Protocol):
    """An exception that is being read."""

    def accepts(self, number: int, text: str) -> bool:
        """Return whether this line belongs to it, and keep what the line says."""

    def raised(self) -> PrintedException:
        """Return what was read."""


def begin(number: int, text: str) -> ExceptionReader | None:
    """Return the exception of which this line is the header, None when it is none."""
    if text.startswith("Fatal Python error: "):
        return _Fatal(number, text)
    if HEADER not in text:
        return None
    if "+ Exception Group Traceback" in text:
        return _Group(number)
    return _Rich(number) if "─" in text else _Plain(number)


class _Lines:
    """What all of them keep."""

    def __init__(self, number: int) -> None:
        self._first = self._last = self._message_at = number
        self._frames: list[int] = []
        self._places: list[Place] = []
        self._message = ""

    def _add_frame(self, number: int, file: str, line: str) -> None:
        if len(self._frames) < _MOST_FRAMES:
            self._frames.append(number)
            self._places.append(Place(file=file, line=int(line)))
        else:
            self._places[-1] = Place(file=file, line=int(line))

    def _set_message(self, number: int, text: str) -> None:
        self._message, self._message_at = text[:_LONGEST_MESSAGE], number

    def _is_too_long(self, number: int) -> bool:
        return number - self._first > _MOST_LINES

    def raised(self) -> PrintedException:
        """Return what was read."""
        return PrintedException(
            first=self._first,
            last=self._last,
            frames=tuple(self._frames),
            places=tuple(self._places),
            message=self._message,
            message_at=self._message_at if self._message else self._last,
        )


class _Plain(_Lines):
    """As CPython prints it; each line may have a prefix that differs from the first one only in its numbers."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._prefix: re.Pattern[str] | None = None
        self._between = 0

    def accepts(self, number: int, text: str) -> bool:
        """Return whether this line belongs to it, and keep what the line says."""
        rest = self._without_prefix(text)
        if rest is None or not rest.strip() or self._is_too_long(number):
            return False
        is_indented = rest[0] in " \t"
        if is_indented and not self._message:
            if frame := _FRAME.match(rest):
                self._add_frame(number, frame["file"], frame["line"])
        elif not self._message and self._frames:
            return self._read_name(number, rest)
        elif not is_indented or HEADER in rest:
            return False
        self._last = number
        return True

    def _read_name(self, number: int, rest: str) -> bool:
        if _NAME.match(rest):
            self._set_message(number, rest)
            self._last = number
            return True
        self._between += 1
        return self._between <= _MOST_BETWEEN and HEADER not in rest

    def _without_prefix(self, text: str) -> str | None:
        if self._prefix is None:
            frame = _FRAME.match(text)
            if frame is None:
                return text
            self._prefix = re.compile(re.sub(r"\d+", r"\\d+", re.escape(frame["before"])))
        prefix = self._prefix.match(text)
        return text[prefix.end() :] if prefix is not None else None


class _Group(_Lines):
    """A group of exceptions, with bars in front of its lines; its place is that of the first that is not a group."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._group = self._leaf = ""
        self._is_first = True

    def accepts(self, number: int, text: str) -> bool:
        """Return whether this line belongs to it, and keep what the line says."""
        line = _GROUP_LINE.match(text)
        if line is None or self._is_too_long(number):
            return False
        self._last, rest = number, line["rest"]
        if sub := _SUB_EXCEPTION.match(rest):
            self._is_first &= sub["number"] == "1"
            if self._is_first:
                self._frames, self._places = [], []
        elif self._is_first:
            self._read(number, rest)
        return True

    def _read(self, number: int, rest: str) -> None:
        if frame := _FRAME.match(rest[1:]):
            self._add_frame(number, frame["file"], frame["line"])
        elif self._frames and rest[:1] == " " and rest[1:2].strip() and HEADER not in rest:
            self._group = self._group or rest[1:]
            self._leaf = rest[1:]
            message = self._group if self._leaf == self._group else f"{self._group}: {self._leaf}"
            self._set_message(number, message)


class _Rich(_Lines):
    """As rich draws it: the frames in a box, which may break a long path into two lines, and the message below."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._is_closed = False
        self._broken = ""

    def accepts(self, number: int, text: str) -> bool:
        """Return whether this line belongs to it, and keep what the line says."""
        if self._is_too_long(number) or self._message:
            return False
        if self._is_closed:
            self._set_message(number, text)
            self._last = number
            return bool(text)
        if text[:1] not in {"│", "╰"}:
            return False
        self._is_closed, self._last = text[0] == "╰", number
        self._read(number, text[1:].strip("│ "))
        return True

    def _read(self, number: int, content: str) -> None:
        content = self._broken + content
        self._broken = ""
        if frame := _RICH_FRAME.match(content):
            if content.startswith(("/", "<")) or content[1:3] == ":\\":
                self._add_frame(number, frame["file"], frame["line"])
        elif content.startswith("/") and " " not in content:
            self._broken = content


class _Fatal(_Lines):
    """As faulthandler prints it when the interpreter dies: the innermost frame first, one thread after the other."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(number)
        self._set_message(number, text)
        self._threads = 0

    def accepts(self, number: int, text: str) -> bool:
        """Return whether this line belongs to it, and keep what the line says."""
        if self._is_too_long(number):
            return False
        if frame := _FRAME.match(text):
            if self._threads == 1:
                self._frames.insert(0, number)
                self._places.insert(0, Place(file=frame["file"], line=int(frame["line"])))
        elif _THREAD.match(text):
            self._threads += 1
        elif text and not text.startswith(
            ("Python runtime state", "Extension modules", "  <no Python frame>", "  ...")
        ):
            return False
        self._last = number if text else self._last
        return True
