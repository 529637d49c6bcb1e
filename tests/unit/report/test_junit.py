"""JUnit: what GitLab and Jenkins read of a run; whatever was printed, it is well-formed."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import support
from support.run_events import CRASH, FAILING, HOSTILE, OPTIONS, PASSING, STARTED, commands, found, named
from xmlschema import XMLSchema

from tox_prodsim.model.events import Event, Evidence, Outcome, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.report.junit import render

SCHEMA = XMLSchema(str(Path(support.__file__).with_name("junit-10.xsd")))
"""Of the plugin xUnit of Jenkins, as the sdist of pytest has it."""
PLACES = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}
REQUIRED = {
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testcase": {"classname", "name", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"message"},
    "property": {"name", "value"},
}


def parsed(*events: Event) -> ET.Element:
    """Return the document, after it has been held against the rules of its readers."""
    text = render(events, OPTIONS)
    assert text.isascii()
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ET.fromstring(text)
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(names) == len(set(names))
    for element in root.iter():
        assert {child.tag for child in element} <= PLACES.get(element.tag, set())
        assert element.attrib.keys() >= REQUIRED.get(element.tag, set())
    for suite in root:
        assert suite.findall("testcase")
        for key, tag in (("tests", ""), ("failures", "/failure"), ("errors", "/error"), ("skipped", "/skipped")):
            assert int(suite.attrib[key]) == len(suite.findall(f"testcase{tag}"))
    return root


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="nothing"),
        pytest.param(PASSING, id="passing"),
        pytest.param([*named(FAILING, "a"), *named(PASSING[:5], "b")], id="two, one cut short"),
        pytest.param(HOSTILE, id="hostile"),
    ],
)
def test_it_is_as_the_schema_of_jenkins_says_but_for_the_place_that_gitlab_reads(events: list[Event]) -> None:
    root = parsed(*events)
    problems = {str(problem.reason) for problem in SCHEMA.iter_errors(root)}
    assert all(re.fullmatch("'(file|line)' attribute not allowed for element", problem) for problem in problems)
    for each in root.iter("testcase"):
        for place in ("file", "line"):
            each.attrib.pop(place, None)
    assert SCHEMA.is_valid(root)
    root[0].set("time", "soon")
    assert not SCHEMA.is_valid(root)


def test_the_cases_of_a_step_share_its_time_and_what_was_skipped_took_none() -> None:
    times = {case.attrib["name"].split()[0]: case.attrib["time"] for case in parsed(*PASSING).iter("testcase")}
    assert times["WHL101"] == times["WHL102"] == "0.125"
    assert times["WHL103"] == "0.000"
    assert times["compare"] == "9.000"


def cases(root: ET.Element) -> dict[str, str]:
    """Return how each case ended, by step and name."""
    return {
        f"{case.attrib['classname'].rpartition('.')[2]}: {case.attrib['name']}": next(
            (child.tag for child in case if child.tag != "system-out"), "passed"
        )
        for case in root.iter("testcase")
    }


def case(root: ET.Element, code: str) -> ET.Element:
    """Return the case of a code."""
    return next(each for each in root.iter("testcase") if each.attrib["name"].startswith(code))


def test_a_run_that_passes_has_a_case_for_each_code_and_none_that_fails() -> None:
    root = parsed(*PASSING)
    assert cases(root) == {
        "wheel: WHL101 RECORD is wrong": "passed",
        "wheel: WHL102": "passed",
        "wheel: WHL103": "skipped",
        "deploy: RUN602 it ended early": "passed",
        "deploy: RUN603": "passed",
        "compare: compare step": "passed",
        "run: PRF705": "passed",
    }
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("7", "0", "0")
    assert [suite.attrib["time"] for suite in root] == ["0.250", "1.000", "9.000", "0.000"]


def test_a_suite_has_the_facts_of_the_run() -> None:
    suite = parsed(*FAILING)[0]
    assert suite.attrib["name"] == "prodsim.prodsim.wheel"
    assert suite.attrib["timestamp"] == "2026-11-22T10:00:00"
    properties = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    assert properties["wheel"] == "acme-2.1.0-py3-none-any.whl"
    assert properties["sha256"] == "3f" * 32
    assert properties["python"] == "CPython 3.12.4"
    assert properties["verdict"] == "failed"


def test_an_error_fails_with_its_evidence_and_a_warning_passes_with_output() -> None:
    root = parsed(*FAILING)
    failed = case(root, "RUN602")[0]
    assert failed.attrib == {"type": "RUN602", "message": f"uvicorn: {CRASH.message}"}
    assert str(failed.text).splitlines() == [
        f"FAIL RUN602 uvicorn: {CRASH.message}",
        "  hint: its last output is shown below",
        "tox prodsim explain RUN602",
        "end of deploy.log:",
        "| no such table: entries",
        "| Exiting.",
    ]
    warned = case(root, "IMP501")
    assert [child.tag for child in warned] == ["system-out"]
    assert "  at acme/report.py:7" in str(warned[0].text).splitlines()
    assert (warned.attrib["file"], warned.attrib["line"]) == ("acme/report.py", "7")
    assert cases(root)["compare: compare step"] == "skipped"


def test_several_findings_of_a_code_are_one_case_that_says_how_many() -> None:
    second = Finding(code="RUN602", level=Level.ERROR, subject="worker", message="exit code 4")
    root = parsed(*found(CRASH, second))
    (failure,) = root.iter("failure")
    assert failure.attrib["message"].endswith(" (and 1 more)")
    assert "FAIL RUN602 worker: exit code 4" in str(failure.text)


def test_the_output_of_a_service_is_with_the_finding_about_it() -> None:
    web, db = (
        Finding(code=code, level=Level.ERROR, subject="x", message="y", service=service)
        for code, service in (("RUN602", "web"), ("RUN603", "db"))
    )
    logs = [Evidence(step=Step.DEPLOY, title=f"log of {each}", lines=(each,), service=each) for each in ("db", "web")]
    root = parsed(*found(web, db), *logs)
    assert "log of web:" in str(case(root, "RUN602")[0].text)
    assert "log of db:" not in str(case(root, "RUN602")[0].text)
    assert "log of db:" in str(case(root, "RUN603")[0].text)


@pytest.mark.parametrize("length", range(len(PASSING)))
def test_a_run_that_was_cut_short_anywhere_has_an_error(length: int) -> None:
    root = parsed(*PASSING[:length])
    assert cases(root)["verdict: the run ends"] == "error"


def test_a_step_that_was_cut_short_is_an_error_of_its_own() -> None:
    assert cases(parsed(*PASSING[:5]))["deploy: deploy step"] == "error"


def test_a_step_that_failed_without_a_finding_is_a_failure() -> None:
    failed = StepFinished(step=Step.COMPARE, outcome=Outcome.FAILED, detail="it did not start", duration_s=1.0)
    (failure,) = parsed(STARTED, StepStarted(step=Step.COMPARE), failed).iter("failure")
    assert failure.attrib["message"] == "it did not start"


def test_what_was_not_checked_is_skipped_with_its_reason_also_where_a_code_has_none() -> None:
    lines = (
        "RUN622 is not observable: no scratch",
        "what it finds at its exit is not observable: SIGTERM ended it",
        "nothing known",
    )
    ended = StepFinished(step=Step.DEPLOY, outcome=Outcome.OK, detail="", duration_s=1.0, not_checked=lines)
    root = parsed(
        STARTED, ended, RunFinished(verdict=Verdict.PASSED, errors=0, warnings=0, notes=0, checks=1, duration_s=1)
    )
    assert {each.attrib["name"]: each[0].attrib["message"] for each in root.iter("testcase")} == {
        "RUN622": "no scratch",
        "nothing known": "not checked",
        "what it finds at its exit": "SIGTERM ended it",
    }


def test_several_environments_are_one_document_with_names_of_their_own() -> None:
    root = parsed(*named(PASSING, "py311-prodsim"), *named(FAILING, "py312-prodsim"))
    assert {suite.attrib["name"].split(".")[1] for suite in root} == {"py311-prodsim", "py312-prodsim"}


def test_whatever_was_printed_it_is_one_well_formed_document_of_text() -> None:
    text = render(HOSTILE, OPTIONS)
    root = parsed(*HOSTILE)
    assert commands(text) == []
    assert len(text) < 1_000_000
    (failure,) = root.iter("failure")
    assert "]]></system-out> ::error::owned" in str(failure.text)
    assert "9800 lines left out" in str(failure.text)
    assert not any(character in text for character in "\x00\x1b\ufffe\ud800")


@pytest.mark.parametrize("character", [*map(chr, range(32)), "\x7f", "\x85", "\ud800", "\ufffe", "\uffff"])
def test_every_character_that_xml_cannot_hold_is_written_as_its_number(character: str) -> None:
    bad = Finding(code="RUN602", level=Level.ERROR, subject="x", message=f"a{character}b", hint=character)
    (failure,) = parsed(*found(bad)).iter("failure")
    assert failure.attrib["message"].isprintable()


def test_a_file_that_is_not_in_the_repository_is_the_project_file() -> None:
    outside = Finding(code="RUN602", level=Level.ERROR, subject="x", message="y", file="/etc/passwd", line=3)
    assert case(parsed(*found(outside)), "RUN602").attrib["file"] == "pyproject.toml"
