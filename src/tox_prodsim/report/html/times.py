"""The sections about times: each beside its baseline with the distribution of its samples, and what was accepted."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence

from tox_prodsim.model.events import Change, Compared, Measured, Series, Step
from tox_prodsim.model.formatting import joined
from tox_prodsim.report import units
from tox_prodsim.report.html.charts import distribution, percent
from tox_prodsim.report.html.markup import Content, Markup, columns, isolated, label, table, tag
from tox_prodsim.report.runs import Run

_RESULTS = {Change.SLOWER: "failed", Change.FASTER: "up", Change.SAME: "up", Change.UNKNOWN: "skipped"}


def section(run: Run) -> Iterator[Markup]:
    """Yield the times of a run: a table, and for each metric the distribution of its samples."""
    measured = {each.metric: each for each in run.measured}
    compared = {each.metric: each for each in run.compared}
    metrics = list(dict.fromkeys([*measured, *compared]))
    rows = [_row(str(each), measured.get(each), compared.get(each)) for each in metrics]
    heads = columns("time", "now", "baseline", "change", "tolerance", "result", numbers=(1, 2, 3, 4))
    if any(each.expected_s is not None for each in run.compared):
        yield tag("p", "The baseline is scaled to this machine.")
    yield table("Times against the baseline", heads, rows, hidden=True)
    first = [
        (each.detail, units.precise(each.at_s))
        for step in run.steps
        for each in step.timeline
        if step.step is Step.COMPARE
    ]
    if first:
        yield table("For the first time, before there is bytecode", columns("start", "time", numbers=(1,)), first)
    for metric in metrics:
        found, against = measured.get(metric), compared.get(metric)
        rounds = f"{units.count(found.rounds, 'round')}, {found.clock}" if found is not None else ""
        yield tag("p", tag("strong", str(metric)), f" \N{MIDDLE DOT} {rounds}" if rounds else "", class_="metric")
        if against is not None and (reason := _reason(against)):
            yield tag("p", f"{against.change.value}: ", isolated(reason))
        if found is not None:
            yield from _distributions(found, against)


def _row(name: str, measured: Measured | None, compared: Compared | None) -> list[Content]:
    if compared is None:
        value_s = measured.value_s if measured is not None else 0.0
        return [name, units.precise(value_s), "", "", "", "measured"]
    expected = "" if compared.expected_s is None else units.precise(compared.expected_s)
    change = "" if compared.ratio is None else units.change(compared.ratio)
    tolerance = f"\N{PLUS-MINUS SIGN}{100 * compared.tolerance:.3g} %" if expected else ""
    result = label(compared.change.value, _RESULTS[compared.change])
    return [name, units.precise(compared.value_s), expected, change, tolerance, result]


def _reason(compared: Compared) -> str:
    """Return why the comparison came to its result."""
    noise = f"within the noise of \N{PLUS-MINUS SIGN}{100 * compared.noise:.0f} %" if compared.noise else ""
    detail = compared.detail.removeprefix(f"{compared.change.value}: ")
    return joined((noise, detail, compared.cause), "; ")


def _distributions(measured: Measured, compared: Compared | None) -> Iterator[Markup]:
    """Yield the samples of one metric as pictures and as a table: of this wheel, of the baseline's, of the control."""
    paired = _paired(compared)
    own = _finite(paired.samples_s if paired is not None else measured.samples_s)
    groups: list[tuple[str, Sequence[float], float | None]] = [
        ("this wheel", own, compared.expected_s if compared is not None else None)
    ]
    if paired is not None:
        groups.append(("wheel of the baseline", _finite(paired.control_samples_s), None))
    together = [each for _, samples, _ in groups for each in samples]
    expected = [line for _, _, line in groups if line is not None]
    tolerance = compared.tolerance if compared is not None else 0.0
    for name, samples, line in groups:
        if samples:
            yield _strip(name, samples, _range([*together, *expected]), line, tolerance)
    control = (f"control {measured.control}", _finite(measured.control_samples_s), None)
    rows = [_figures(name, samples) for name, samples, _ in (*groups, control) if samples]
    heads = columns("samples", "rounds", "least", "25 %", "median", "75 %", "most", numbers=range(1, 7))
    yield table(f"Samples of {measured.metric}", heads, rows, hidden=True)


def _paired(compared: Compared | None) -> Series | None:
    """Return the last series that was taken beside the wheel of the baseline, None if there is none."""
    series = compared.series if compared is not None else ()
    return next((each for each in reversed(series) if each.expected_ratio == 1 and not each.rel_error), None)


def _finite(samples: Sequence[float]) -> list[float]:
    return [each for each in samples if math.isfinite(each) and 0 <= each < 1e9]


def _figures(name: str, samples: Sequence[float]) -> list[Content]:
    quarters = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else [samples[0]] * 3
    return [name, str(len(samples)), *map(units.precise, (min(samples), *quarters, max(samples)))]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return what a picture shows: nearly all of the values, with a margin; single slow rounds are at its edge."""
    ordered = sorted(values)
    low, high = ordered[0], ordered[min(len(ordered) - 1, math.ceil(0.97 * len(ordered)))]
    high = max(high, low * 1.02, 1e-6)
    margin = (high - low) / 12
    return max(low - margin, 0.0), high + margin


def _strip(
    title: str, samples: Sequence[float], limits: tuple[float, float], expected: float | None, tolerance: float
) -> Markup:
    """Return a histogram with an axis, the median, and the baseline with its tolerance."""
    low, high = limits

    def place(value: float) -> float:
        return (value - low) / (high - low)

    middle = statistics.median(samples)
    parts = [_band(place, expected, tolerance), distribution(title, samples, low, high)]
    parts += [_line(place(middle), f"median {units.precise(middle)}", 52, dashed=False)]
    if expected is not None:
        parts.append(_line(place(expected), f"baseline {units.precise(expected)}", 66, dashed=True))
    edge = sum(each > high for each in samples)
    beyond = f"; {edge} beyond the right edge" if edge else ""
    words = f"{title}: {units.count(len(samples), 'round')}, median {units.precise(middle)}{beyond}"
    base = tag("line", x1=0, x2="100%", y1=40, y2=40, stroke="#8a929b")
    height = 56 if expected is None else 70
    svg = tag("svg", base, parts, role="img", aria_label=words, width="100%", height=height, font_size=12)
    return tag("figure", tag("figcaption", words), svg)


def _band(place: Callable[[float], float], expected: float | None, tolerance: float) -> Markup:
    if expected is None:
        return Markup("")
    begin, end = (min(max(place(expected * (1 + part)), 0.0), 1.0) for part in (-tolerance, tolerance))
    if end <= begin:
        return Markup("")
    return tag("rect", x=percent(begin), width=percent(end - begin), height=40, fill="#8a929b", fill_opacity=0.18)


def _line(at: float, words: str, text_at: int, *, dashed: bool) -> Markup:
    at = min(max(at, 0.0), 1.0)
    right = at > 0.6
    line = tag(
        "line", x1=0, x2=0, y1=0, y2=text_at - 4, stroke="currentColor", stroke_dasharray="4 3" if dashed else None
    )
    anchor = "end" if right else None
    label = tag("text", words, x=-5 if right else 5, y=text_at, fill="currentColor", text_anchor=anchor)
    return tag("svg", line, label, x=percent(at), overflow="visible")


def has_history(run: Run) -> bool:
    """Return whether a baseline has accepted anything before."""
    return any(each.history for each in run.compared)


def history(run: Run) -> Iterator[Markup]:
    """Yield what the baseline has accepted of each metric, and this run, as a picture and as a table."""
    controls = {each.metric: each.control_s for each in run.measured}
    for each in run.compared:
        accepted = _finite(each.history)
        control_s = controls.get(each.metric, 0.0)
        if not accepted or control_s <= 0:
            continue
        values = [*(ratio * control_s for ratio in accepted), each.value_s]
        names = [*(f"value {at}" for at in range(1, len(accepted) + 1)), "this run"]
        yield tag("p", tag("strong", str(each.metric)), ", scaled to this machine, oldest first")
        yield _steps_of(str(each.metric), names, values)
        changes = [
            "",
            *(units.change(now / then) if then > 0 else "" for then, now in itertools.pairwise(values)),
        ]
        rows = [
            [name, units.precise(value), change] for name, value, change in zip(names, values, changes, strict=True)
        ]
        caption = f"History of {each.metric}, scaled to this machine, oldest first"
        yield table(caption, columns("accepted", "time", "change", numbers=(1, 2)), rows, hidden=True)


def _steps_of(metric: str, names: Sequence[str], values: Sequence[float]) -> Markup:
    """Return a column for each value, from zero."""
    most = max([*values, 1e-9])
    width = 1 / max(len(values), 6)
    columns = []
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        height = 60 * max(value, 0.0) / most
        last = name == "this run"
        bar = tag(
            "rect",
            x=percent((at + 0.1) * width),
            width=percent(0.8 * width),
            y=78 - height,
            height=height,
            fill="#4a7fb5" if last else "#9db6cf",
            class_="bar" if last else "bar past",
        )
        label = tag(
            "text",
            units.precise(value),
            x=percent((at + 0.5) * width),
            y=72 - height,
            text_anchor="middle",
            fill="currentColor",
        )
        columns += [tag("g", tag("title", f"{name}: {units.precise(value)}"), bar, label)]
    words = f"History of {metric}: {', '.join(map(units.precise, values))}"
    base = tag("line", x1=0, x2="100%", y1=78, y2=78, stroke="#8a929b")
    return tag("svg", columns, base, role="img", aria_label=words, width="100%", height=80, font_size=12)
