"""Import many modules one after the other, and say no more than the number of one that loads from its source.

``probe`` imports this file. A module costs one short line of output, and a thread for the time limit only now and then.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol

    class Answers(Protocol):
        """``probe.Answers``."""

        def __call__(self, record: dict[str, Any]) -> None:
            """Write a record."""

        def begin(self, number: int) -> None:
            """Write that an item begins."""


_SLACK = 0.1
"""The limit for one import is kept to this part of it."""

_NOT_FROM_SOURCE = {"outcome": "loaded", "elsewhere": "", "version": "", "callable": False, "source": False}
_MODULE = type(os)

# bound now, because what is imported may replace or patch them
_exit, _now, _getpid = os._exit, time.monotonic, os.getpid
_arm, _disarm = faulthandler.dump_traceback_later, faulthandler.cancel_dump_traceback_later


def import_all(
    request: dict[str, Any], answer_to: Answers, raised: Callable[[BaseException, str], Any], err: int
) -> None:
    """Import the modules of the request; what is below one that failed has failed for the same reason.

    ``raised`` returns the answer for an exception, and ``err`` is where the stacks go when the time is up.
    """
    limit_s, budget_s, names = request["limit_s"], request["budget_s"], list(unfolded(request["modules"]))
    began, me, armed, number = _now(), _getpid(), -limit_s, 0
    failed: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(names):
        now = _now()
        if budget_s is not None and now - began > budget_s:
            break
        if now - armed > limit_s * _SLACK:
            _arm(limit_s * (1 + _SLACK), exit=True, file=err)
            armed = now
        answer_to.begin(number)
        failure = _inherited(name, failed) or _failure(name, raised)
        if _getpid() != me:  # a fork of the import: the next line would wait for a thread that it lacks
            _exit(0)
        if failure is not None:
            failed[name] = failure
            answer_to({"end": number, **failure})
        elif not _is_from_source(name):
            answer_to({"end": number, **_NOT_FROM_SOURCE})
    else:
        number = len(names)
    _disarm()
    answer_to({"left": number})


def unfolded(folded: list[str]) -> Iterator[str]:
    """Yield names of which each says how many parts it shares with the one before: ``0.acme``, ``1.core``."""
    parts: list[str] = []
    for text in folded:
        shared, _, rest = text.partition(".")
        parts = [*parts[: int(shared)], *(rest.split(".") if rest else ())]
        yield ".".join(parts)


def _inherited(name: str, failed: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the failure of the nearest package above that failed."""
    while failed and "." in name:
        name = name.rpartition(".")[0]
        if name in failed:
            return failed[name]
    return None


def _failure(name: str, raised: Callable[[BaseException, str], Any]) -> dict[str, Any] | None:
    try:
        importlib.import_module(name)
    except BaseException as problem:  # SystemExit and KeyboardInterrupt are failures too
        failure: dict[str, Any] = raised(problem, name)
        return failure
    return None


def _is_from_source(name: str) -> bool:
    """Return whether a ``.py`` file was found by that name and run; a module may put something else in its place."""
    loaded = sys.modules.get(name)
    if type(loaded) is not _MODULE:
        return False
    spec, file = loaded.__dict__.get("__spec__"), loaded.__dict__.get("__file__")
    return isinstance(file, str) and file.endswith(".py") and getattr(spec, "name", None) == name
