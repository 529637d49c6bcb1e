"""The trace: what Perfetto reads of a run, steps and timelines where they belong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from support.run_events import FAILING, HOSTILE, OPTIONS, PASSING, commands, named

from tox_prodsim.model.events import Event, Measured, StepStarted
from tox_prodsim.report.trace import render


def records(*events: Event) -> list[dict[str, Any]]:
    """Return the records, after it has been seen that each is one that Perfetto takes."""
    document = json.loads(render(events, OPTIONS), parse_constant=lambda name: f"not JSON: {name}")
    loaded: list[dict[str, Any]] = document["traceEvents"]
    for each in loaded:
        assert each["ph"] in {"X", "M"}
        assert {"name", "pid", "tid", "args"} <= each.keys()
        assert each["ph"] == "M" or (isinstance(each["ts"], int) and each["ts"] >= 0)
        assert each["ph"] == "M" or (isinstance(each["dur"], int) and each["dur"] >= 0)
    return loaded


def rows(*events: Event) -> dict[str, list[tuple[str, int, int]]]:
    """Return the slices of each row: name, begin and end in microseconds."""
    found = records(*events)
    names = {each["tid"]: each["args"]["name"] for each in found if each["name"] == "thread_name"}
    slices: dict[str, list[tuple[str, int, int]]] = {}
    for each in found:
        if each["ph"] == "X":
            slices.setdefault(names[each["tid"]], []).append((each["name"], each["ts"], each["ts"] + each["dur"]))
    return slices


def test_the_steps_are_where_they_were_and_the_timeline_is_within_its_step() -> None:
    assert rows(*PASSING) == {
        "steps": [("wheel", 0, 250_000), ("deploy", 500_000, 1_500_000), ("compare", 2_000_000, 11_000_000)],
        "deploy": [
            ("spawn", 506_000, 700_000),
            ("ready", 700_000, 1_000_000),
            ("stopped", 1_000_000, 1_500_000),
        ],
        "measured times": [("import acme", 0, 500_000)],
        "import tree, by bytecodes": [
            ("acme", 0, 500_000),
            ("acme.report", 300_000, 350_000),
            ("json", 0, 300_000),
            ("json.decoder", 0, 200_000),
        ],
    }


def test_a_step_of_an_older_log_follows_the_one_before_it_and_none_reaches_into_the_next() -> None:
    events = [replace(each, began_s=None) if isinstance(each, StepStarted) else each for each in PASSING]
    assert [slice_[1] for slice_ in rows(*events)["steps"]] == [0, 250_000, 1_250_000]
    late = [replace(each, began_s=0.1) if each is PASSING[3] else each for each in PASSING]
    assert rows(*late)["steps"][0] == ("wheel", 0, 100_000)


def test_without_a_measured_time_there_is_no_tree() -> None:
    assert "import tree, by bytecodes" not in rows(*(each for each in PASSING if not isinstance(each, Measured)))


def test_each_service_has_a_row() -> None:
    found = rows(*FAILING)
    assert [name for name, _, _ in found["deploy web"]] == ["spawn", "ended"]
    assert [name for name, _, _ in found["deploy db"]] == ["spawn"]


def test_a_step_has_its_outcome_and_its_findings() -> None:
    deploy = next(each for each in records(*FAILING) if each["name"] == "deploy")
    assert deploy["args"] == {"outcome": "failed", "findings": "RUN602"}
    cut = next(each for each in records(*PASSING[:5]) if each["name"] == "deploy")
    assert cut["args"]["outcome"] == "cut short"


def test_several_environments_are_processes_with_their_names() -> None:
    found = records(*named(PASSING, "a-prodsim"), *named(PASSING, "b-prodsim"))
    processes = {each["pid"]: each["args"]["name"] for each in found if each["name"] == "process_name"}
    assert processes == {1: "a-prodsim", 2: "b-prodsim"}


def test_whatever_was_printed_it_is_text_and_every_number_is_one() -> None:
    text = render(HOSTILE, OPTIONS)
    assert records(*HOSTILE)
    assert not any(word in text for word in ("NaN", "Infinity"))
    assert json.dumps(json.loads(text), ensure_ascii=False).encode()
    assert commands(text) == []
    assert text.isascii()
