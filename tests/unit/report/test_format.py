"""The table of formats: every format renders the same run, and its page names all of them."""

from __future__ import annotations

import json
import os
import re
import sys

import pytest
from support.documents import ROOT, document
from support.run_events import FAILING, OPTIONS, PASSING

from tox_prodsim.model.events import SCHEMA_VERSION, Event, Outcome, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import Verdict
from tox_prodsim.report import FORMATS, RenderOptions

PAGE = document("reports.md").read_text("utf-8")
EXAMPLES = ROOT / "docs" / "reference" / "reports"
EVENTS: list[Event] = [
    StepStarted(step=Step.WHEEL),
    StepFinished(step=Step.WHEEL, outcome=Outcome.OK, detail="RECORD ok", duration_s=0.25),
    RunFinished(verdict=Verdict.PASSED, errors=0, warnings=0, notes=0, checks=2, duration_s=1.0),
]


def test_the_text_is_what_the_terminal_shows() -> None:
    assert FORMATS["text"].render(EVENTS, RenderOptions(width=60, report_path="report.json")) == (
        "  wheel    ok    RECORD ok                            0.25 s\nprodsim: passed  2 checks · report report.json\n"
    )


def test_the_json_is_the_report() -> None:
    document = json.loads(FORMATS["json"].render(EVENTS, RenderOptions()))
    assert document["schema_version"] == SCHEMA_VERSION
    assert [step["step"] for step in document["steps"]] == ["wheel"]
    assert document["summary"]["verdict"] == "passed"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_renders_a_run_without_events_and_ends_its_last_line(name: str) -> None:
    assert FORMATS[name].render([], RenderOptions()).endswith("\n")


def test_a_format_is_imported_when_it_is_used_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FORMATS:
        monkeypatch.delitem(sys.modules, f"tox_prodsim.report.{name}", raising=False)
    FORMATS["gitlab"].render(EVENTS, RenderOptions())
    assert [name for name in FORMATS if f"tox_prodsim.report.{name}" in sys.modules] == ["gitlab"]


def test_the_table_is_by_name_and_text_is_the_default() -> None:
    assert [each.name for each in FORMATS.values()] == list(FORMATS)
    assert next(iter(FORMATS)) == "text"


def test_the_page_has_the_table_and_the_version_of_the_schema() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert rows == [(each.name, each.description) for each in FORMATS.values()]
    assert f"`schema_version` is {SCHEMA_VERSION}" in PAGE


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", ["passing", "failing"])
def test_the_examples_in_the_documentation_are_what_is_written(kind: str, name: str) -> None:
    """``PRODSIM_UPDATE_DOCS=1`` writes them."""
    written = FORMATS[name].render({"passing": PASSING, "failing": FAILING}[kind], OPTIONS)
    path = EXAMPLES / f"{kind}.{FORMATS[name].suffix}"
    if os.environ.get("PRODSIM_UPDATE_DOCS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(written, encoding="utf-8")
    assert path.read_text("utf-8") == written
