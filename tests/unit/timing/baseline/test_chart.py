"""The history of baselines, drawn as text and as a picture."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tox_prodsim import timing
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing.baseline.history import NOT_COMMITTED, HistoryLine, HistoryPoint

LINE = HistoryLine(
    title="prodsim/cpython-3.13",
    metric=Metric.of_import("<acme>"),
    control="stdlib-1",
    points=(
        HistoryPoint(date="2026-10-01", commit="4ebf3a1", version="1.9", ratio=2.0, value=150.0),
        HistoryPoint(date="2026-11-02", commit=NOT_COMMITTED, version="1.10", ratio=4.0, value=300.0),
    ),
)


@pytest.mark.parametrize(("encoding", "sign"), [("utf-8", "\u2588"), ("ascii", "#"), ("no such", "#")])
def test_the_text_is_aligned_and_has_bars(encoding: str, sign: str) -> None:
    assert list(timing.drawn_as_text([LINE], encoding=encoding)) == [
        "prodsim/cpython-3.13",
        "  import <acme>, beside the newest control (stdlib-1)",
        f"    2026-10-01  4ebf3a1        1.9       150.0 ms           {sign * 15}",
        f"    2026-11-02  not committed  1.10      300.0 ms   +100 %  {sign * 30}",
    ]


def test_the_picture_needs_nothing_else_and_says_what_each_point_is() -> None:
    svg = timing.drawn_as_svg([LINE, LINE])
    root = ET.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert [each.text for each in root.iter(f"{space}title")] == 2 * [
        "2026-10-01 4ebf3a1 1.9: 150.0 ms",
        "2026-11-02 not committed 1.10: 300.0 ms",
    ]
    heights = [float(each.attrib["cy"]) for each in root.iter(f"{space}circle")]
    assert heights[1] < heights[0], "the larger value is higher up"
    assert svg.count("http") == 1, "nothing is loaded: the only address is the name of the format"
    assert "<script" not in svg
