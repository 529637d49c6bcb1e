"""The format ``trace``: trace events of Chrome, which Perfetto and speedscope show as a timeline.

A step of which it is not known when it began follows the one before it. The import tree is counted in work, not timed:
its rows share the measured time of the import by the work of each module.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tox_prodsim.model.events import Event, ImportTree, Measured, Progress
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.metrics import Metric
from tox_prodsim.model.printable import Printable
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.import_trees import Node, roots_of
from tox_prodsim.report.runs import Run, StepRun, runs

_STEPS = 1
"""The thread of the steps; those of the timelines follow, and the one of the measured times."""
_Record = dict[str, Any]


def render(events: Iterable[Event], _options: RenderOptions) -> str:
    """Return one document with a process for each run."""
    records = [record for number, run in enumerate(runs(events), start=1) for record in _Writer(run, number).records()]
    return json.dumps({"traceEvents": records, "displayTimeUnit": "ms"}, indent=1) + "\n"


class _Writer:
    """Writes the trace events of one run."""

    def __init__(self, run: Run, process: int) -> None:
        self._run = run
        self._process = process
        self._printable = Printable("utf-8")
        self._threads: dict[str, int] = {"steps": _STEPS}

    def records(self) -> Iterator[_Record]:
        """Yield the slices of the run, and the names of its rows."""
        for step, began_s, duration_s in _laid_out(self._run.steps):
            yield from self._step(step, began_s, duration_s)
        yield from self._measured(self._run.measured)
        if self._run.imports is not None:
            yield from self._imports(self._run.imports)
        yield self._name("process_name", 0, self._run.label)
        for name, thread in self._threads.items():
            yield self._name("thread_name", thread, name)

    def _step(self, step: StepRun, began_s: float, duration_s: float) -> Iterator[_Record]:
        outcome = step.finished.outcome.value if step.finished else "cut short"
        facts = {"outcome": outcome, "detail": step.finished.detail if step.finished else step.subject}
        facts |= {"findings": ", ".join(each.code for each in step.findings)}
        if step.step is not None:
            yield self._slice("steps", step.name, (began_s, duration_s), facts)
        for service in dict.fromkeys(each.service for each in step.timeline):
            row = joined((step.name, service), " ")
            yield from self._timeline(row, [each for each in step.timeline if each.service == service], step, began_s)

    def _timeline(self, row: str, events: Sequence[Progress], step: StepRun, began_s: float) -> Iterator[_Record]:
        """Yield a slice for each event, which lasts until the next one."""
        ends = [*(each.at_s for each in events[1:]), step.duration_s]
        for event, end_s in zip(events, ends, strict=True):
            facts = {"detail": event.detail}
            facts |= {} if event.limit_s is None else {"limit": f"{event.limit_s:g} s"}
            at_s = _finite(event.at_s)
            yield self._slice(row, event.name, (began_s + at_s, end_s - at_s), facts)

    def _measured(self, measured: Sequence[Measured]) -> Iterator[_Record]:
        """Yield the measured times in a row of their own, side by side."""
        at_s = 0.0
        for each in measured:
            facts = {"control": each.control, "ratio": f"{each.ratio:.3f}", "rounds": str(each.rounds)}
            yield self._slice("measured times", str(each.metric), (at_s, each.value_s), facts)
            at_s += _finite(each.value_s)

    def _imports(self, tree: ImportTree) -> Iterator[_Record]:
        """Yield the modules of the timed imports, each within the one that imported it."""
        roots = roots_of(tree.now)
        values_s = {each.metric: each.value_s for each in self._run.measured}
        first = next((root for root in roots if Metric.of_import(root.module.name) in values_s and root.total), None)
        if first is None:
            return
        pace_s = _finite(values_s[Metric.of_import(first.module.name)]) / first.total
        row = f"import tree, by {tree.unit}"
        at_s, pending = 0.0, list[tuple[Node, float]]()
        for root in roots:
            pending.append((root, at_s))
            at_s += root.total * pace_s
        while pending:
            node, at_s = pending.pop()
            facts = {"imported at": node.module.at, "distribution": node.module.origin}
            facts |= {"own work": f"{node.module.own} {tree.unit}", "all work": f"{node.total} {tree.unit}"}
            yield self._slice(row, node.module.name, (at_s, node.total * pace_s), facts)
            for child in node.children:
                pending.append((child, at_s))
                at_s += child.total * pace_s

    def _slice(self, row: str, name: str, when_s: tuple[float, float], facts: dict[str, str]) -> _Record:
        began_s, duration_s = when_s
        return {
            "ph": "X",
            "name": self._printable(name),
            "cat": "prodsim",
            "ts": round(_finite(began_s) * 1e6),
            "dur": round(_finite(duration_s) * 1e6),
            "pid": self._process,
            "tid": self._threads.setdefault(row, len(self._threads) + _STEPS),
            "args": {key: self._printable(value) for key, value in facts.items() if value},
        }

    def _name(self, what: str, thread: int, name: str) -> _Record:
        text = {"name": self._printable(name)}
        return {"ph": "M", "name": what, "pid": self._process, "tid": thread, "args": text}


def _laid_out(steps: Sequence[StepRun]) -> Iterator[tuple[StepRun, float, float]]:
    """Yield each step with when it began and how long it took; none reaches into the next one."""
    began: list[float] = []
    for step in steps:
        after_s = began[-1] + _finite(steps[len(began) - 1].duration_s) if began else 0.0
        known_s = step.began_s if step.began_s is not None and math.isfinite(step.began_s) else after_s
        began.append(max(known_s, 0.0))
    for step, began_s in zip(steps, began, strict=True):
        later = (each - began_s for each in began if each > began_s)
        yield step, began_s, min(_finite(step.duration_s), *later, math.inf)


def _finite(value_s: float) -> float:
    """Return the time, 0 for one that is negative or not a number."""
    return value_s if math.isfinite(value_s) and value_s > 0 else 0.0
