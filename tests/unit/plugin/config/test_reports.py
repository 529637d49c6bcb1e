"""The key ``reports``: what it means, and each wrong value in one line that says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.refusals import refused

from tox_prodsim.model.scenario import ReportFile
from tox_prodsim.plugin.config.reports import parse, resolve
from tox_prodsim.plugin.config.values import Words


def read(root: Path, text: object) -> tuple[ReportFile, ...]:
    return resolve("reports", root, parse("reports", Words(text)))


@pytest.mark.parametrize(
    "value", ["markdown, junit:build/x.xml", "markdown\njunit:build/x.xml", ["markdown", "junit:build/x.xml"]]
)
def test_a_format_has_a_file_below_the_root_or_none(tmp_path: Path, value: object) -> None:
    (tmp_path / "build").mkdir()
    assert read(tmp_path, value) == (
        ReportFile(format="markdown"),
        ReportFile(format="junit", path=tmp_path / "build" / "x.xml"),
    )
    assert not list((tmp_path / "build").iterdir())


def test_none_is_not_a_format_and_stands_beside_others(tmp_path: Path) -> None:
    assert read(tmp_path, "none") == ()
    assert read(tmp_path, "none, junit") == (ReportFile(format="junit"),)


def test_an_absolute_file_is_as_it_is(tmp_path: Path) -> None:
    (report,) = read(tmp_path / "elsewhere", f"sarif:{tmp_path}/a:b.sarif")
    assert report.path == tmp_path / "a:b.sarif"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(
            "xml", "reports: 'xml' is not a format, write one of text, json, junit, markdown,", id="no format"
        ),
        pytest.param("Junit", "reports: 'Junit' is not a format", id="a capital"),
        pytest.param(
            "junit:", "reports: 'junit:' has no file behind the colon, write for example junit:", id="no file"
        ),
        pytest.param("json:a\0b", r"reports: 'json:a\x00b' has a character that no name of a report", id="a NUL"),
        pytest.param(":x.xml", "reports: '' is not a format", id="a file alone"),
        pytest.param("junit:no/x.xml", "reports: no/x.xml cannot be written: there is no folder ", id="no folder"),
        pytest.param("junit:there", "reports: there cannot be written: it is a folder", id="a folder"),
        pytest.param("junit, junit", "reports: junit is written twice to the same file", id="twice"),
        pytest.param("junit:x, sarif:x", "reports: two reports are written to x, name another", id="two in one"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "there").mkdir()
    assert str(refused(lambda: read(tmp_path, text))).startswith(line)
