"""Which endings of children are crashes: a signal that ends nothing on purpose, or one bad exit after another.

Not crashes: exit code 0; the signals by which a master ends its workers; a command of a shell script that fails; a
program that could not be started; the exit code by which billiard replaces a worker; the first two bad exits.
"""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from tox_prodsim.deployment.findings import SHELLS
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Level
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.supervision import DescendantEnding

BAD_EXITS = 3
"""So many bad exits of the same program and parent are a finding."""
_ON_PURPOSE = frozenset(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGPIPE") if hasattr(signal, name)
)
"""Signals by which a process is ended as a matter of course; the last by the end of a pipe."""
_RECYCLED = 155
"""The exit code of a worker of billiard (Celery) that has done its number of tasks."""
_EXPECTED = frozenset({0, _RECYCLED, *(128 + number for number in _ON_PURPOSE)})
_NO_EXEC = frozenset({126, 127, 255})
"""Exit codes of a copy of the parent whose exec failed: the parent gets an exception."""
_BRIEF_S = 0.2
"""A copy that fails to exec does so within that time; another program that lives no longer answers by its exit code."""
_REPLACED_S = 10.0
"""A worker that was killed is replaced when its parent starts another one within that time."""
_SEEN_S = 0.05
_NUMBERS = lazy_regex(r"\d+")
_INTERPRETER = lazy_regex(r"python|pypy")

_Key = tuple[object, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Crashes:
    """Children that crashed in the same way."""

    level: Level
    endings: tuple[DescendantEnding, ...]
    was_replaced: bool
    """Whether the parent started the same program once more."""


def find_crashes(
    endings: Sequence[DescendantEnding], alive: Sequence[tuple[DescendantEnding, float]] = ()
) -> list[Crashes]:
    """Return the crashes among the endings; ``alive`` are those without one, and when each was first seen."""
    groups: dict[_Key, list[DescendantEnding]] = defaultdict(list)
    for ending in endings:
        groups[_key(ending)].append(ending)
    begun: dict[_Key, list[float]] = defaultdict(list)
    for ending in endings:
        begun[_key(ending)].append(ending.ended_at - ending.lived_s)
    for each, seen_at in alive:
        begun[_key(each)].append(seen_at)
    return [each for key, group in groups.items() for each in _crashes_of(group, begun[key])]


def _crashes_of(group: list[DescendantEnding], begun: list[float]) -> Iterable[Crashes]:
    """Yield what of the endings of one program with one parent is a crash."""
    by_signal = [each for each in group if _is_fault(each)]
    killed = [each for each in group if _is_killed_worker(each)]
    exits = [each for each in group if _is_bad_exit(each)]
    if by_signal:
        yield Crashes(level=Level.ERROR, endings=tuple(by_signal), was_replaced=_replaced(by_signal, begun))
    if killed:
        replaced = _replaced(killed, begun)
        level = Level.ERROR if replaced else Level.WARNING
        yield Crashes(level=level, endings=tuple(killed), was_replaced=replaced)
    is_worker = any(map(_is_worker, group))
    if len(exits) >= BAD_EXITS and (is_worker or not any(each.status == 0 for each in group)):
        level = Level.ERROR if is_worker else Level.WARNING
        yield Crashes(level=level, endings=tuple(exits), was_replaced=_replaced(exits, begun))


def _key(ending: DescendantEnding) -> _Key:
    return ending.parent, _NUMBERS.sub("#", ending.command)


def _is_fault(ending: DescendantEnding) -> bool:
    return ending.signal is not None and ending.signal not in {*_ON_PURPOSE, _kill()}


def _is_killed_worker(ending: DescendantEnding) -> bool:
    return ending.signal == _kill() and _is_worker(ending)


def _is_bad_exit(ending: DescendantEnding) -> bool:
    """Return whether it is one of several endings that together are a crash."""
    if _program(ending.parent_command) in SHELLS:
        return False
    if ending.signal is not None:
        return ending.signal == _kill() and not _is_worker(ending)
    is_brief = ending.lived_s < _BRIEF_S
    if is_brief and (ending.code in _NO_EXEC if ending.is_copy else not _is_worker(ending)):
        return False
    return ending.code is not None and ending.code not in _EXPECTED


def _is_worker(ending: DescendantEnding) -> bool:
    """Return whether it runs the program of its parent, or Python; other programs answer by their exit code."""
    return ending.is_copy or _INTERPRETER.match(_program(ending.command)) is not None


def _replaced(ended: Sequence[DescendantEnding], begun: Iterable[float]) -> bool:
    """Return whether another one was started soon after; it may have been seen a moment before the end."""
    return any(ended[0].ended_at - _SEEN_S <= at <= ended[-1].ended_at + _REPLACED_S for at in begun)


def _program(command: str) -> str:
    return Path(command.partition(" ")[0]).name


def _kill() -> int:
    return int(getattr(signal, "SIGKILL", 9))
