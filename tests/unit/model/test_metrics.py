"""A metric and its text."""

from __future__ import annotations

import pytest

from tox_prodsim.model.metrics import START_UP, Metric, MetricKind


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        pytest.param("import acme.cli", Metric(MetricKind.IMPORT, "acme.cli"), id="import"),
        pytest.param("start-up", START_UP, id="start-up"),
    ],
)
def test_a_metric_has_one_text(text: str, metric: Metric) -> None:
    assert Metric.parse(text) == metric
    assert str(metric) == text


@pytest.mark.parametrize("text", ["", "import ", "import", "acme", "Start-up"])
def test_another_text_is_not_a_metric(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid metric"):
        Metric.parse(text)


def test_metrics_are_sorted_as_their_texts_are() -> None:
    texts = ["start-up", "import b", "import a.b", "import a"]
    assert [str(metric) for metric in sorted(map(Metric.parse, texts))] == sorted(texts)


def test_only_the_start_up_is_one() -> None:
    assert START_UP.is_start_up
    assert not Metric.of_import("acme").is_start_up
