"""Tracebacks in a log: where each begins and ends, which line names the exception, and where it was raised.

Read are those of CPython (chained ones and groups, also with a time or the name of a container in front of each line),
those that rich draws into a box, those that a logger puts into one line of JSON, and the stacks of faulthandler.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tox_prodsim.deployment.printed_exceptions import (
    COLORS,
    FIRST_WORDS,
    HEADER,
    ExceptionReader,
    Place,
    PrintedException,
    begin,
)
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex

_CHAIN = lazy_regex(
    r"During handling of the above exception, another exception occurred:"
    r"|The above exception was the direct cause of the following exception:"
)
_WORDS = lazy_regex(FIRST_WORDS.pattern + rb"|the above exception|The above exception")
"""Matches every line that is of interest as long as no exception is being read."""
_ESCAPE = lazy_regex(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": ""}
_LONGEST_CHAIN = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Traceback:
    """One traceback: the exceptions of a chain in the order in which they are printed, mostly one."""

    raised: tuple[PrintedException, ...]

    @property
    def first(self) -> int:
        """Return the number of its first line."""
        return self.raised[0].first

    @property
    def last(self) -> int:
        """Return the number of its last line."""
        return self.raised[-1].last

    @property
    def message(self) -> str:
        """Return the line that it ends with, which names the exception; empty: it was cut off."""
        return self.raised[-1].message

    @property
    def is_fatal(self) -> bool:
        """Return whether it is what faulthandler prints when the interpreter dies."""
        return self.message.startswith("Fatal Python error: ")

    @property
    def places(self) -> tuple[Place, ...]:
        """Return where its last exception passed, the place that raised it last."""
        return self.raised[-1].places


def read(lines: Iterable[bytes]) -> Iterator[Traceback]:
    """Yield the tracebacks in the lines of a log; the lines are numbered from 0."""
    reader = _Reader()
    for number, line in enumerate(lines):
        if not reader.is_open and not _WORDS.search(line):
            continue
        text = COLORS.sub("", line.decode("utf-8", "replace")).rstrip()
        yield from reader.feed(number, text)
    yield from reader.end()


class _Reader:
    """Takes one line after the other; ``feed`` yields a traceback once it is known that no other continues it."""

    def __init__(self) -> None:
        self._open: ExceptionReader | None = None
        self._chain: list[PrintedException] = []
        self._is_continued = False

    @property
    def is_open(self) -> bool:
        """Return whether the next line may belong to what is being read."""
        return self._open is not None

    def feed(self, number: int, text: str) -> Iterator[Traceback]:
        """Take the next line."""
        if self._open is not None:
            if self._open.accepts(number, text):
                return
            self._close()
        if escaped := _escaped(text):
            yield from self.end()
            yield from (_in_one_line(each, number) for each in read(line.encode() for line in escaped))
        elif (begun := begin(number, text)) is not None:
            if not self._is_continued:
                yield from self._whole()
            self._open, self._is_continued = begun, False
        elif self._chain and _CHAIN.search(text):
            self._is_continued = True

    def end(self) -> Iterator[Traceback]:
        """Yield what is open."""
        self._close()
        yield from self._whole()

    def _close(self) -> None:
        if self._open is not None:
            self._chain = [*self._chain, self._open.raised()][-_LONGEST_CHAIN:]
        self._open = None

    def _whole(self) -> Iterator[Traceback]:
        if self._chain:
            yield Traceback(raised=tuple(self._chain))
        self._chain, self._is_continued = [], False


def _escaped(text: str) -> list[str]:
    """Return the lines of a traceback that is a string in one line, as loggers write JSON; otherwise nothing."""
    at = text.find(HEADER)
    if at < 0 or "\\n" not in text[at:]:
        return []
    quote = '"' if '\\"' in text[at:] else "'"
    string = re.match(rf"(?:[^\\{quote}]|\\.)*", text[at:])
    content = string[0] if string is not None else ""
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), content).split("\n")


def _in_one_line(traceback: Traceback, number: int) -> Traceback:
    raised = (replace(each, first=number, last=number, frames=()) for each in traceback.raised)
    return Traceback(raised=tuple(raised))
