"""The stream: every event survives being saved."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tox_prodsim.model.events import Compared, Event, Found, ImportedModule, from_record, to_record
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.footprint import OF_FILES, OF_IMPORTS, Quantity, QuantityKind
from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.model.release_files import FileKind, ReleaseFile

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_NUMBER = st.floats(allow_nan=False)
ANY_WHOLE = st.integers(-(10**18), 10**18)
METRICS = st.just(START_UP) | st.builds(Metric.of_import, st.text(min_size=1))
QUANTITIES = (
    st.sampled_from(sorted(OF_FILES)).map(Quantity)
    | st.builds(Quantity, st.sampled_from(sorted(OF_IMPORTS)), st.text(min_size=1))
    | st.builds(Quantity, st.sampled_from(sorted({*QuantityKind} - OF_FILES - OF_IMPORTS)), st.text())
)
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "Quantity": QUANTITIES,
    "Metric": METRICS,
    "str": ANY_TEXT,
    "int": ANY_WHOLE,
    "int | None": st.none() | ANY_WHOLE,
    "float": ANY_NUMBER,
    "float | None": st.none() | ANY_NUMBER,
    "tuple[float, ...]": st.lists(ANY_NUMBER).map(tuple),
    "tuple[str, ...]": st.lists(ANY_TEXT).map(tuple),
    "tuple[ReleaseFile, ...]": st.lists(
        st.builds(ReleaseFile, name=ANY_TEXT, kind=st.sampled_from(FileKind), size_bytes=ANY_WHOLE, sha256=ANY_TEXT)
    ).map(tuple),
}


def instances(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Return instances of a dataclass with hostile text and numbers, the other fields by their types."""
    return st.builds(kind, **{field.name: BY_TYPE[field.type] for field in fields(kind) if field.type in BY_TYPE})


BY_TYPE["tuple[ImportedModule, ...]"] = st.lists(instances(ImportedModule)).map(tuple)
FOUND = st.builds(Found, finding=instances(Finding))
EVENTS: st.SearchStrategy[Event] = FOUND | st.one_of(
    *(instances(kind) for kind in get_args(Event) if kind is not Found)
)


@given(EVENTS)
def test_every_event_comes_back_from_json_as_it_was(event: Event) -> None:
    restored = from_record(json.loads(json.dumps(to_record(event))))
    assert restored == event
    assert hash(restored) == hash(event), "a list came back where a tuple went in"


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        pytest.param({}, KeyError, id="no event"),
        pytest.param({"event": "Rumour"}, KeyError, id="unknown event"),
        pytest.param({"event": "StepStarted"}, TypeError, id="field missing"),
        pytest.param({"event": "StepStarted", "step": "wheel", "mood": "good"}, TypeError, id="field unknown"),
        pytest.param({"event": "StepStarted", "step": "dance"}, ValueError, id="unknown step"),
        pytest.param({"event": "Measured", "metric": "naps"}, ValueError, id="unknown metric"),
        pytest.param({"event": "Measured", "metric": 3}, ValueError, id="no metric"),
        pytest.param({"event": "Found", "finding": {"level": "dire"}}, ValueError, id="unknown level"),
        pytest.param({"event": "Found", "finding": 3}, TypeError, id="no finding"),
    ],
)
def test_what_is_no_record_is_refused(record: dict[str, Any], problem: type[Exception]) -> None:
    with pytest.raises(problem):
        from_record(record)


def test_a_comparison_that_was_saved_without_its_reason_is_read() -> None:
    saved = {"event": "Compared", "metric": "import acme", "change": "unknown", "value_s": 0.1, "expected_s": None}
    event = from_record(saved | {"ratio": None, "tolerance": 0.1, "detail": "no baseline", "series": [], "cause": ""})
    assert isinstance(event, Compared)
    assert (event.metric, event.reason) == (Metric.of_import("acme"), None)
