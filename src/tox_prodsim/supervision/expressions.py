"""Search for the regular expressions of a user, which may take for ever: ``^(a+)+b`` in a line of forty letters.

An expression without repetitions, groups and alternatives takes no longer than the text is long, and is searched for
here. Any other is searched for in a process that has a limit of time (``worker``). A search that was ended has no
result: it raises ExpressionLimitError.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import AnyStr

from tox_prodsim.model.errors import ExpressionLimitError, LimitExceededError
from tox_prodsim.model.probes import HttpProbe, LogProbe, Probe
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import T
from tox_prodsim.supervision.worker import CallLimits, Workers

SEARCH_LIMIT_S = 2.0
"""For one text of at most a megabyte; of CPU time, so that a busy machine changes nothing."""
_LINEAR = lazy_regex(r"(?:[^\\*+?{}\[\]()|]|\\[^\w]|\\[dwsDWSbB])*")
"""What takes time in proportion to the text."""


class Expressions:
    """Searches for expressions; methods may be called from any thread."""

    def __init__(self, workers: Workers | None = None, *, limit_s: float = SEARCH_LIMIT_S) -> None:
        self._workers = workers or Workers()
        self._limit_s = limit_s

    def finds(self, pattern: re.Pattern[AnyStr], text: AnyStr) -> bool:
        """Return whether the expression matches anywhere; raises ExpressionLimitError, and Cancelled."""
        return self.first(pattern, (text,)) is not None

    def first(self, pattern: re.Pattern[AnyStr], texts: Sequence[AnyStr]) -> int | None:
        """Return the number of the first text in which it matches; raises ExpressionLimitError, and Cancelled."""
        return self.search(pattern, functools.partial(_first, pattern, texts), self._limit_s)

    def search(self, pattern: re.Pattern[AnyStr], search: Callable[[], T], limit_s: float) -> T:
        """Return the result of a search for the expression; raises ExpressionLimitError, and Cancelled."""
        if is_linear(pattern):
            return search()
        try:
            return self._workers.within(CallLimits(cpu_s=limit_s), search)
        except LimitExceededError as problem:
            raise ExpressionLimitError(shown(pattern), str(problem)) from problem

    def prepare(self, probes: Iterable[Probe]) -> None:
        """Have a process if the probes need one: the first answer is timed."""
        sources = (each for probe in probes for each in _sources(probe))
        if not all(is_linear(re.compile(each)) for each in sources):
            self._workers.prepare()

    def close(self) -> None:
        """End the processes; idempotent."""
        self._workers.close()


def is_linear(pattern: re.Pattern[AnyStr]) -> bool:
    """Return whether a search takes no longer than the text is long."""
    return _LINEAR.fullmatch(shown(pattern)) is not None


def shown(pattern: re.Pattern[AnyStr]) -> str:
    """Return the expression as a user wrote it."""
    source: str | bytes = pattern.pattern
    return source.decode(errors="replace") if isinstance(source, bytes) else source


def _first(pattern: re.Pattern[AnyStr], texts: Sequence[AnyStr]) -> int | None:
    return next((at for at, text in enumerate(texts) if pattern.search(text)), None)


def _sources(probe: Probe) -> tuple[str, ...]:
    """Return the expressions of a probe."""
    match probe:
        case LogProbe():
            return (probe.pattern,)
        case HttpProbe():
            return (probe.body, *(probe.header[1:] if probe.header else ()))
    return ()
