"""Draws the history of baselines: as text for a terminal, and as one SVG that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from tox_prodsim.model.printable import Printable
from tox_prodsim.timing.baseline.history import HistoryLine, HistoryPoint
from tox_prodsim.timing.stats import percent

_BAR = 30
_WIDTH, _PANEL, _LEFT, _TOP = 760, 170, 70, 40
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - 30, _PANEL - _TOP - 40


def drawn_as_text(lines: Sequence[HistoryLine], *, encoding: str) -> Iterator[str]:
    """Yield the lines of a terminal, with blocks where the encoding has them."""
    sign = _sign(encoding)
    title = ""
    for line in lines:
        if line.title != title:
            title = line.title
            yield title
        yield f"  {line.metric}" + (f", beside the newest control ({line.control})" if line.control else "")
        yield from (f"    {row}" for row in _rows(line, sign))


def drawn_as_svg(lines: Sequence[HistoryLine]) -> str:
    """Return the picture: a panel for each metric, every point with what it is as a tooltip."""
    height = _PANEL * max(1, len(lines))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">'
    )
    body = [f'<rect width="{_WIDTH}" height="{height}" fill="white"/>']
    for at, line in enumerate(lines):
        body += [f'<g transform="translate(0 {at * _PANEL})">', *_panel(line), "</g>"]
    return "\n".join([head, *body, "</svg>"]) + "\n"


def _sign(encoding: str) -> str:
    try:
        "\u2588".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "\u2588"


def _rows(line: HistoryLine, sign: str) -> Iterator[str]:
    largest = max(*(point.value for point in line.points), 1e-9)
    widths = [max(len(getattr(point, name)) for point in line.points) for name in ("commit", "version")]
    before: HistoryPoint | None = None
    for point in line.points:
        bar = sign * max(1, round(_BAR * point.value / largest))
        change = _change(before, point)
        names = f"{point.commit:<{widths[0]}}  {point.version:<{widths[1]}}"
        yield f"{point.date}  {names}  {line.display(point.value):>12}  {change:>7}  {bar}"
        before = point


def _change(before: HistoryPoint | None, point: HistoryPoint) -> str:
    if before is None or not before.ratio or before.ratio == point.ratio:
        return ""
    return percent(point.ratio / before.ratio - 1)


def escape(text: str) -> str:
    """Return a text for the picture: no control character, nothing that is markup."""
    return html.escape(Printable("utf-8")(text))


def _panel(line: HistoryLine) -> Iterator[str]:
    """Yield one metric: its name, the axis from 0 to the largest value, and the points, evenly spaced."""
    largest = max(*(point.value for point in line.points), 1e-9)
    places = [
        (round(_LEFT + _PLOT_WIDTH * (at + 0.5) / len(line.points), 1), _height(point.value, largest))
        for at, point in enumerate(line.points)
    ]
    bottom = _TOP + _PLOT_HEIGHT
    yield f'<text x="10" y="20" font-weight="bold">{escape(str(line.metric))}</text>'
    yield f'<text x="{_WIDTH - 10}" y="20" text-anchor="end" fill="gray">{escape(line.title)}</text>'
    for value, level in ((largest, _TOP), (0.0, bottom)):
        yield f'<line x1="{_LEFT}" y1="{level}" x2="{_LEFT + _PLOT_WIDTH}" y2="{level}" stroke="lightgray"/>'
        yield f'<text x="{_LEFT - 6}" y="{level + 4}" text-anchor="end">{_axis(line, value)}</text>'
    corners = " ".join(f"{x},{y}" for x, y in places)
    yield f'<polyline points="{corners}" fill="none" stroke="steelblue" stroke-width="2"/>'
    for point, (x, y) in zip(line.points, places, strict=True):
        tooltip = f"{point.date} {point.commit} {point.version}: {line.display(point.value)}"
        yield f'<circle cx="{x}" cy="{y}" r="4" fill="steelblue"><title>{escape(tooltip)}</title></circle>'
    yield f'<text x="{places[0][0]}" y="{bottom + 18}" text-anchor="middle">{escape(line.points[0].date)}</text>'
    if len(places) > 1:
        yield f'<text x="{places[-1][0]}" y="{bottom + 18}" text-anchor="middle">{escape(line.points[-1].date)}</text>'


def _axis(line: HistoryLine, value: float) -> str:
    return f"{value:.3g} ms" if line.control else line.display(value)


def _height(value: float, largest: float) -> float:
    return round(_TOP + _PLOT_HEIGHT * (1 - value / largest), 1)
