"""Code quality: what GitLab reads of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from support.run_events import CRASH, FAILING, HOSTILE, OPTIONS, PASSING, commands, found, named

from tox_prodsim.model.events import Event
from tox_prodsim.report.gitlab import render


def issues(*events: Event) -> list[dict[str, Any]]:
    """Return the array, after it has been held against what GitLab takes."""
    text = render(events, OPTIONS)
    assert text.startswith("[")
    assert text.isascii()
    loaded: list[dict[str, Any]] = json.loads(text)
    for each in loaded:
        assert each.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert each["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert each["location"]["lines"]["begin"] >= 1
        assert not each["location"]["path"].startswith(("/", "./"))
    prints = [each["fingerprint"] for each in loaded]
    assert len(prints) == len(set(prints))
    return loaded


def test_a_run_that_passes_has_its_note() -> None:
    (note,) = issues(*PASSING)
    assert (note["check_name"], note["severity"]) == ("PRF705", "info")


def test_a_run_that_fails_has_its_errors_first() -> None:
    crash, warned = issues(*FAILING)
    assert crash["description"] == f"RUN602 uvicorn: {CRASH.message} (prodsim, deploy)"
    assert (crash["severity"], crash["location"]) == ("major", {"path": "pyproject.toml", "lines": {"begin": 1}})
    assert (warned["severity"], warned["location"]) == ("minor", {"path": "acme/report.py", "lines": {"begin": 7}})


def test_a_fingerprint_is_that_of_environment_code_and_subject_and_not_of_the_line() -> None:
    def fingerprint(env_name: str = "prodsim", **changes: Any) -> str:
        (issue,) = issues(*named(found(replace(CRASH, **changes)), env_name))
        return str(issue["fingerprint"])

    same = [fingerprint(), fingerprint(line=7, file="a.py"), fingerprint(message="exit code 4")]
    others = [
        fingerprint("py312-prodsim"),
        fingerprint(code="RUN603"),
        fingerprint(subject="x"),
        fingerprint(service="w"),
    ]
    assert len(set(same)) == 1
    assert len({*same, *others}) == 5


def test_two_findings_of_the_same_subject_are_both_kept() -> None:
    assert len(issues(*found(CRASH, replace(CRASH, message="and again")))) == 2


def test_several_environments_are_one_array() -> None:
    assert len(issues(*named(FAILING, "a-prodsim"), *named(FAILING, "b-prodsim"))) == 4


def test_a_run_without_findings_is_an_empty_array() -> None:
    assert issues() == []


def test_a_path_is_relative_and_without_a_dot() -> None:
    paths = ["./a/b.py", "a/../../b.py", "/etc/passwd", "C:\\b.py", "a//b.py"]
    places = [issue["location"]["path"] for issue in issues(*found(*(replace(CRASH, file=path) for path in paths)))]
    assert places == ["a/b.py", "pyproject.toml", "pyproject.toml", "pyproject.toml", "a/b.py"]


def test_whatever_was_printed_it_is_text() -> None:
    assert len(issues(*HOSTILE)) == 6
    assert commands(render(HOSTILE, OPTIONS)) == []
