"""The section about what the release takes besides time: each quantity beside its baseline, and what was accepted."""

from __future__ import annotations

from collections.abc import Iterator

from tox_prodsim.model.events import FootprintCompared
from tox_prodsim.model.footprint import Growth
from tox_prodsim.report import quantities
from tox_prodsim.report.html.markup import Content, Markup, columns, isolated, label, table, tag
from tox_prodsim.report.runs import Run

_RESULTS = {Growth.GROWN: "failed", Growth.SHRUNK: "up", Growth.SAME: "up", Growth.UNKNOWN: "skipped"}


def section(run: Run) -> Iterator[Markup]:
    """Yield the quantities of a run: a table, and what each has grown by."""
    heads = columns("quantity", "now", "baseline", "change", "tolerance", "result", numbers=(1, 2, 3, 4))
    yield table("Footprint against the baseline", heads, [_row(each) for each in run.footprint], hidden=True)
    for each in run.footprint:
        if each.growth is not Growth.UNKNOWN and (reason := quantities.reason(each)):
            yield tag("p", tag("strong", str(each.quantity)), ": ", isolated(reason))
    accepted = [each for each in run.footprint if each.history]
    if accepted:
        rows = [[str(each.quantity), ", ".join(map(each.quantity.display, each.history))] for each in accepted]
        yield table("Accepted values, oldest first", columns("quantity", "accepted"), rows)


def _row(event: FootprintCompared) -> list[Content]:
    result = label(event.growth.value, _RESULTS[event.growth])
    figures = (quantities.value(event), quantities.expected(event), quantities.change(event))
    return [str(event.quantity), *figures, quantities.tolerance(event), result]
