"""Pictures in SVG whose items a script makes answer to the keyboard and the mouse; without it they are pictures.

An item reaches from ``begin`` to ``end``, as fractions of the whole. Positions are in percent, so that a picture is as
wide as its page and its text keeps its size. Colors are attributes, for readers that strip styles; those of
``style.css`` replace them. A picture repeats what a table beside it says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.report.html.markup import Markup, tag

ROW, TEXT_AT = 22, 15
_WIDE, _LETTER, _FEWEST = 1000, 6.8, 3
"""The width that labels are cut for, that of a letter, and the fewest letters that are worth showing."""
_NARROW = 0.12
"""On a phone an item that is narrower has no label."""
_FILLS = {
    "plain": ("#d5e3f3", "#10243a"),
    "up": ("#cdebd5", "#0d2c17"),
    "busy": ("#f6e3bd", "#3a2a06"),
    "new": ("#f9d3bf", "#451a05"),
    "gone": ("#e4e0ea", "#2b2436"),
    "more": ("#f6e3bd", "#3a2a06"),
    "less": ("#cdebd5", "#0d2c17"),
    "failed": ("#f6cfcf", "#4a0e0e"),
    "skipped": ("#e7e9ec", "#30363d"),
}
"""The color of an item by its kind, and that of its text: legible on light and on dark paper."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One bar of a picture, or a mark: an item that begins where it ends."""

    label: str
    """Written into the bar."""
    name: str
    """All that there is to say about it: the tooltip, and what a screen reader says."""
    begin: float
    end: float
    row: int
    kind: str = "plain"
    level: int = 1
    """Its depth in a tree, from 1."""
    target: str = ""
    """The id of the row of a table that has the same."""
    ticked: bool = False
    """Whether its begin is an event, which is marked."""
    beside: bool = False
    """Whether the label may stand beside the bar: there is nothing else in its row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A picture."""

    title: str
    items: Sequence[Item]
    role: str
    """``tree``, or ``listbox`` for items in a row."""
    rows: int
    span: float = 0.0
    """What the whole width stands for, in seconds; 0: there is no axis."""
    headings: Sequence[tuple[int, str]] = ()
    """Rows with text in place of items."""

    def draw(self) -> Markup:
        """Return the picture, with its frame for the script."""
        height = self.rows * ROW + (20 if self.span else 0)
        content = (
            _axis(self.span, self.rows * ROW),
            (_heading(at, words) for at, words in self.headings),
            map(_item, self.items),
        )
        facts = {"data_chart": self.role, "data_span": self.span or None, "data_label": self.title}
        svg = tag(
            "svg", *content, role="img", aria_label=self.title, width="100%", height=height, font_size=12, **facts
        )
        return tag("div", svg, class_="chart")


def percent(fraction: float) -> str:
    """Return a place, or a width, as an attribute."""
    return f"{100 * min(max(fraction, 0.0), 1.0):.3f}".rstrip("0").rstrip(".") + "%"


def ticks(span: float) -> Iterator[tuple[float, str]]:
    """Yield round numbers from 0 to the span, as fractions of it, with their texts."""
    if not 0 < span < math.inf:
        return
    raw = span / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= raw)
    for at in range(int(span / step) + 1):
        yield at * step / span, f"{at * step:.6g} s"


def _axis(span: float, bottom: int) -> Iterator[Markup]:
    for at, words in ticks(span):
        if at <= 0.97:
            line = tag("line", x1=0, x2=0, y1=0, y2=bottom, stroke="#8a929b", stroke_opacity=0.35)
            label = tag("text", words, x=3, y=bottom + 14, fill="currentColor")
            yield tag("svg", line, label, x=percent(at), class_="tick", overflow="visible")


def _heading(row: int, words: str) -> Markup:
    return tag("text", words, x=0, y=row * ROW + TEXT_AT, fill="currentColor", font_weight="bold")


def _item(item: Item) -> Markup:
    width = item.end - item.begin
    return tag(
        "svg",
        *_parts(item, width),
        x=percent(item.begin),
        y=item.row * ROW,
        width=percent(width) if width > 0 else 6,
        height=ROW - 1,
        overflow="visible" if item.beside else None,
        class_=f"item {item.kind}",
        data_begin=f"{item.begin:.6f}",
        data_end=f"{item.end:.6f}",
        data_level=item.level,
        data_label=item.label,
        data_target=item.target or None,
    )


def _parts(item: Item, width: float) -> Iterator[Markup]:
    fill, ink = _FILLS[item.kind]
    yield tag("title", item.name)
    if width > 0:
        yield tag("rect", width="100%", height=ROW - 2, rx=2, fill=fill, stroke="#ffffff", stroke_opacity=0.6)
    if item.kind == "gone":
        yield tag("line", x1=0, x2="100%", y1=ROW / 2 - 1, y2=ROW / 2 - 1, stroke=ink, stroke_opacity=0.45)
    if item.ticked or width <= 0:
        yield tag("rect", width=2, height=ROW - 2, fill="currentColor", class_="mark")
    if item.beside and width < 3 * _NARROW:
        yield _label_beside(item)
    elif label := _fitting(item.label, width):
        yield tag("text", label, x=6, y=TEXT_AT, fill=ink, class_="small" if width < _NARROW else None)


def _label_beside(item: Item) -> Markup:
    """Return the label right of a bar, or left of one that ends far to the right."""
    if item.end > 0.6:
        return tag("text", item.label, x=-6, y=TEXT_AT, text_anchor="end", fill="currentColor", class_="beside")
    return tag("text", item.label, x="100%", dx=6, y=TEXT_AT, fill="currentColor", class_="beside")


def _fitting(label: str, width: float) -> str:
    """Return as much of a label as fits, on a wide page; of a dotted name the end, nothing if that is not worth it."""
    room = int((width * _WIDE - 10) / _LETTER)
    sign, blank, name = label.rpartition(" ")
    ends = (name.split(".", at)[-1] for at in range(1, name.count(".") + 1))
    shorter = (f"{sign}{blank}\N{HORIZONTAL ELLIPSIS}{end}" for end in ends)
    cut = f"{label[: room - 1]}\N{HORIZONTAL ELLIPSIS}" if room > _FEWEST else ""
    return next((each for each in (label, *shorter) if len(each) <= room), cut)


def distribution(title: str, samples: Iterable[float], low: float, high: float) -> Markup:
    """Return a histogram of the samples that are in the range, as the content of a picture of 100 % by 40."""
    bins = [0] * 48
    for each in samples:
        at = int((each - low) / (high - low) * len(bins)) if high > low else 0
        bins[min(max(at, 0), len(bins) - 1)] += 1
    most = max([*bins, 1])
    bars = (
        tag(
            "rect",
            x=percent(at / len(bins)),
            width=percent(0.9 / len(bins)),
            y=40 - 36 * number / most,
            height=36 * number / most,
            fill="#4a7fb5",
            class_="bar",
        )
        for at, number in enumerate(bins)
        if number
    )
    return tag("g", tag("title", title), bars)
