"""The lines that a user reads about causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tox_prodsim.model.formatting import joined
from tox_prodsim.timing.attribution import CauseKind, Explanation, Link, RegressionCause
from tox_prodsim.timing.recording import STDLIB

_MOST_CAUSES = 5
_MOST_PARTS = 4


def summary_lines(explanation: Explanation, unit: str) -> Iterator[str]:
    """Yield the lines about the causes, the largest first, and how much of the difference they explain."""
    for cause in explanation.causes[:_MOST_CAUSES]:
        yield headline(cause, unit)
        yield from (f"    {line}" for line in _details(cause))
    if explanation.causes[_MOST_CAUSES:]:
        yield f"and {len(explanation.causes) - _MOST_CAUSES} smaller ones"
    yield from _total(explanation, unit)


def headline(cause: RegressionCause, unit: str) -> str:
    """Return for example ``+226 ms  new  pandas  [pandas 3.1.1]  445 modules``."""
    cost = format_work(cause.work, unit) if cause.seconds is None else f"{1000 * cause.seconds:+.1f} ms"
    count = f"{cause.modules} modules" if cause.modules > 1 else ""
    return joined([cost, cause.kind, cause.module, _versions(cause), count], "  ")


def sentence(cause: RegressionCause, unit: str) -> str:
    """Return for example ``pandas [pandas 3.1.1] is new, imported at acme/report.py:3, and explains 93 % of it``."""
    location = cause.location
    match cause.kind:
        case CauseKind.NEW:
            what = f"{cause.module} {_versions(cause)} is new" + (f", imported at {location}" if location else "")
        case CauseKind.WORK:
            what = f"{cause.module} {_versions(cause)} does more, {format_work(cause.work, unit)}, in {cause.file}"
        case _:
            where = f", in {cause.module} {_versions(cause)}" if cause.module else ""
            what = f"the work has not grown so much: it is {cause.kind}{where}"
    return what if cause.share is None else f"{what}, and explains {100 * min(cause.share, 1.0):.0f} % of it"


def format_chain(links: Sequence[Link]) -> str:
    """Return the chain in one line: ``app > myapp.core > myapp.store``."""
    return " > ".join(link.module for link in links)


def import_locations(links: Sequence[Link]) -> Iterator[str]:
    """Yield where each module of a chain is imported, the last one first."""
    for link in reversed(links):
        if link.at is not None:
            through = f", called from {link.through}" if link.through is not None else ""
            yield f"{link.module} imported at {link.at}{through}"


def format_work(work: int, unit: str) -> str:
    """Return a difference of work, such as ``+285,088 bytecodes``."""
    return f"{work:+,} {unit}"


def _details(cause: RegressionCause) -> Iterator[str]:
    if cause.kind is not CauseKind.NEW and cause.file:
        yield f"in {cause.file}"
    if len(cause.chain) > 1:
        yield format_chain(cause.chain)
    yield from import_locations(cause.chain)
    if len(cause.parts) > 1:
        for part in cause.parts[:_MOST_PARTS]:
            cost = f"{part.work:,}" if part.seconds is None else f"{1000 * part.seconds:.1f} ms"
            yield f"{cost}  {part.origin} {part.version}  {part.modules} modules".replace("  1 modules", "  1 module")


def _versions(cause: RegressionCause) -> str:
    """Return ``[flask 3.1.2 -> 3.1.3]``, or the version alone when it did not change."""
    if not cause.origin:
        return ""
    name = "Python" if cause.origin == STDLIB and cause.then != cause.now else cause.origin
    version = f"{cause.then} -> {cause.now}" if cause.then and cause.then != cause.now else cause.now
    if cause.origin == STDLIB and cause.then == cause.now:
        version = ""
    return f"[{f'{name} {version}'.strip()}]"


def _total(explanation: Explanation, unit: str) -> Iterator[str]:
    if not any(cause.share is not None for cause in explanation.causes):
        return
    if explanation.seconds is not None:
        explained_s = sum(cause.seconds or 0.0 for cause in explanation.causes)
        yield f"explained {1000 * explained_s:.1f} of {1000 * explanation.seconds:.1f} ms"
    else:
        yield f"explained {sum(cause.work for cause in explanation.causes):,} of {explanation.work:,} {unit}"
