"""The end of a log as evidence: its last lines, from the last traceback on, within a bound."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import tracebacks
from tox_prodsim.deployment.printed_exceptions import HEADER, Place, PrintedException
from tox_prodsim.deployment.tracebacks import Traceback
from tox_prodsim.model import files
from tox_prodsim.model.formatting import counted, shortened

LAST_LINES = 12
"""Lines that are shown of a log without a traceback, and behind its last one."""
TRACEBACK_LINES = 60
"""Lines that are shown of the last traceback; of a longer one the innermost frames are kept."""
_CAUSE_LINES = 8
"""Lines that are shown of each exception before the last one of a chain, if the chain is too long."""
_MOST_CAUSES = 2
_MESSAGE_LINES = 8
"""Lines that are shown of what an exception says below its name."""
_NAMED = 160
"""Characters of an exception that are named in a sentence."""
_READ_BYTES = 1 << 18


def excerpt(log: Path, own_code: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the last lines of a log, from its last traceback on; nothing when there is no log.

    Lines that are left out are counted. Of several tracebacks the first one is named, since the others often follow
    from it. ``own_code`` are the folders and modules of the project.
    """
    lines = _last_lines(log)
    found = list(tracebacks.read(lines))
    if not found:
        return _text(lines[-LAST_LINES:])
    last = found[-1]
    begin = _begin(last, lines, of_whole=min(last.first, max(0, len(lines) - LAST_LINES)))
    shown = (*_earlier(found[:-1], own_code), *_text(lines[begin : last.first]), *_condensed(last, lines, own_code))
    return (*shown, *_behind(_text(lines[last.last + 1 :])))


def place_of(places: Sequence[Place], own_code: Sequence[Path]) -> Place | None:
    """Return the innermost place of the project's own code, or of any code; None: no frame is known."""
    real = [place for place in places if not place.file.startswith("<")] or list(places)
    own = [place for place in real if supervision.is_own_file(place.file, own_code)]
    return next(reversed(own or real), None)


def format_place(place: Place | None) -> str:
    """Return the name of the file and the line, such as ``app.py:12``; empty: not known."""
    return f"{Path(place.file).name}:{place.line}" if place is not None else ""


def named(traceback: Traceback, own_code: Sequence[Path]) -> str:
    """Return the last line of a traceback with its place: ``ValueError: no such table (app.py:12)``."""
    message = shortened(traceback.message, _NAMED) or f"{HEADER}:"
    place = format_place(place_of(traceback.places, own_code))
    return f"{message} ({place})" if place else message


def last_words(log: Path, own_code: Sequence[Path]) -> str:
    """Return the last line of the last traceback of a log, with its place, or the last line of the log."""
    lines = _last_lines(log)
    last = next(reversed(list(tracebacks.read(lines))), None)
    return named(last, own_code) if last is not None else "".join(_text(lines[-1:]))


def _last_lines(log: Path) -> list[bytes]:
    with contextlib.suppress(OSError), files.open_regular(log) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _READ_BYTES))
        return file.read(_READ_BYTES).splitlines()
    return []


def _begin(last: Traceback, lines: Sequence[bytes], *, of_whole: int) -> int:
    """Return where the lines in front of a traceback begin: with the line that a logger puts above it."""
    above = last.first - 1
    return min(of_whole, above) if above >= 0 and lines[above].strip() else of_whole


def _earlier(found: Sequence[Traceback], own_code: Sequence[Path]) -> Iterator[str]:
    if found:
        yield f"… the first of {len(found) + 1} tracebacks: {named(found[0], own_code)}"


def _condensed(traceback: Traceback, lines: Sequence[bytes], own_code: Sequence[Path]) -> Iterator[str]:
    """Yield a traceback, in parts when it is too long: its last exception, and what led to it in fewer lines."""
    whole = _text(lines[traceback.first : traceback.last + 1])
    if traceback.is_fatal or len(whole) <= TRACEBACK_LINES:
        yield from whole[:TRACEBACK_LINES]
        yield from _left_out(len(whole) - TRACEBACK_LINES)
        return
    *causes, last = traceback.raised
    shown = causes if len(causes) <= _MOST_CAUSES else [causes[0], causes[-1]]
    for cause, following in pairwise([*shown, last]):
        yield from _innermost(cause, lines, own_code, _CAUSE_LINES)
        between = _text(lines[cause.last + 1 : following.first])
        yield from between if len(between) <= LAST_LINES else _left_out(len(between))
    yield from _innermost(last, lines, own_code, TRACEBACK_LINES - _CAUSE_LINES * len(shown))


def _innermost(raised: PrintedException, lines: Sequence[bytes], own_code: Sequence[Path], room: int) -> Iterator[str]:
    """Yield one exception within so many lines: its header, the last frame of the project, the innermost frames."""
    message = _text(lines[raised.message_at : raised.last + 1])
    message = (*message[:_MESSAGE_LINES], *_left_out(len(message) - _MESSAGE_LINES))
    header, frames_end = raised.first + 1, raised.message_at if raised.message else raised.last + 1
    yield from _text(lines[raised.first : header])
    room -= 1 + len(message)
    if frames_end - header <= room:
        yield from _text(lines[header:frames_end])
    else:
        spans = _frame_spans(raised, header, frames_end)
        kept = _kept_spans(spans, raised, own_code, room - 2)
        at = header
        for begin, end in kept:
            yield from _left_out(begin - at)
            yield from _text(lines[begin:end])
            at = end
        yield from _left_out(frames_end - at)
    yield from message


def _frame_spans(raised: PrintedException, header: int, end: int) -> list[tuple[int, int]]:
    """Return the lines of each frame: the file, the source, and what points at it."""
    begins = sorted(each for each in raised.frames if header <= each < end)
    return list(zip(begins, [*begins[1:], end], strict=True))


def _kept_spans(
    spans: Sequence[tuple[int, int]], raised: PrintedException, own_code: Sequence[Path], room: int
) -> list[tuple[int, int]]:
    """Return the frames that fit: the last one of the project's own code, and the innermost ones."""
    own = [at for at, place in enumerate(raised.places) if supervision.is_own_file(place.file, own_code)]
    kept = {own[-1]} if own and own[-1] < len(spans) else set()
    room -= sum(spans[at][1] - spans[at][0] for at in kept)
    for at in reversed(range(len(spans))):
        length = spans[at][1] - spans[at][0]
        if at in kept:
            continue
        if length > room:
            break
        kept.add(at)
        room -= length
    return [spans[at] for at in sorted(kept)]


def _behind(lines: Sequence[str]) -> Iterator[str]:
    """Yield what is printed after the traceback, the last lines of it."""
    yield from _left_out(len(lines) - LAST_LINES)
    yield from lines[-LAST_LINES:]


def _left_out(count: int) -> Iterator[str]:
    if count > 0:
        yield f"  … {counted(count, 'line')} left out"


def _text(lines: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(line.decode(errors="replace") for line in lines)
