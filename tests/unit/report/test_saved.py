"""Report files of other machines: nothing of them is lost, and none of them raises anything but ValueError."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.run_events import FAILING, HOSTILE, OPTIONS, PASSING, STARTED, named

from tox_prodsim.model.events import Event, ImportedModule, ImportTree
from tox_prodsim.model.release_files import FileKind, ReleaseFile
from tox_prodsim.report.json import dumps, render, report
from tox_prodsim.report.saved import runs_of
from tox_prodsim.report.text import render as as_text

TREE = ImportTree(unit="bytecodes", now=(ImportedModule(name="acme", importer="", own=3),), left_out=1)
FILES = (ReleaseFile(name="acme-2.1.0.tar.gz", kind=FileKind.SDIST, size_bytes=1, sha256="dd" * 32),)
FULL: list[Event] = [replace(STARTED, files=FILES), *PASSING[1:-4], TREE, *PASSING[-4:]]
ODD: list[Any] = [None, float("inf"), 10**30, "\ud800", [], {}, True, [None], ["x"]]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(FULL, id="passing"),
        pytest.param(FAILING, id="failing"),
        pytest.param(HOSTILE, id="hostile"),
        pytest.param(FAILING[:6], id="killed"),
        pytest.param([], id="nothing"),
    ],
)
def test_a_report_that_is_read_again_is_the_same(events: list[Event]) -> None:
    written = dumps(report(events))
    (again,) = runs_of(written.encode())
    assert dumps(report(again)) == written


def test_a_report_of_several_runs_has_the_events_of_each() -> None:
    both = [*named(FAILING, "a"), *named(PASSING, "b")]
    first, second = runs_of(render(both, OPTIONS).encode())
    assert render([*first, *second], OPTIONS) == render(both, OPTIONS)


def test_fields_of_a_later_version_are_passed_over() -> None:
    document = report(FAILING)
    for each in (document, document["wheel"], document["steps"][1], document["findings"][0], document["summary"]):
        each["color"] = {"of": ["the sky"]}
    (again,) = runs_of(json.dumps(document).encode())
    assert report(again) == json.loads(json.dumps(report(FAILING)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "it is not JSON", id="empty"),
        pytest.param(b"\xff\xfe\x00", "it is not JSON", id="no text"),
        pytest.param(b"[" * 100_000, "it is not JSON", id="deep"),
        pytest.param(b"1" * 5000, "it is not JSON", id="a long number"),
        pytest.param(b"[]", "it is not a report of tox-prodsim in the format json", id="a list"),
        pytest.param(b'{"tool": "x"}', "it is not a report of tox-prodsim in the format json", id="another tool"),
        pytest.param(
            b'{"tool": {"name": "tox-prodsim"}, "schema_version": 1}', "it is of another version", id="an old one"
        ),
        pytest.param(
            b'{"tool": {"name": "tox-prodsim"}, "schema_version": true}', "it is of another version", id="a truth"
        ),
        pytest.param(
            b'{"tool": {"name": "tox-prodsim"}, "schema_version": 2, "runs": []}', "it does not have 1 to", id="no run"
        ),
        pytest.param(b'{"tool": {"name": "tox-prodsim"}, "schema_version": 2}', "a field is not", id="no field"),
    ],
)
def test_what_is_not_a_report_has_one_line(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        runs_of(content)
    assert "\n" not in str(refused.value)


def test_a_report_that_passes_with_an_error_is_refused() -> None:
    document = report(FAILING)
    document["summary"]["verdict"] = "passed"
    with pytest.raises(ValueError, match="its verdict is passed, and it has an error"):
        runs_of(json.dumps(document).encode())


def test_any_field_can_have_any_value() -> None:
    read = 0
    for changed in _changed(json.loads(dumps(report(FULL[:3] + FAILING[-8:])))):
        try:
            (events,) = runs_of(json.dumps(changed).encode())
        except ValueError:
            continue
        read += 1
        render(events, OPTIONS)
        as_text([*events, *PASSING], OPTIONS)
    assert read > 100


def _changed(document: Any) -> Iterator[Any]:
    """Yield the document with another value in each place, and without it."""
    for *way, last in _places(document):
        for value in (*ODD, KeyError):
            changed = copy.deepcopy(document)
            place = changed
            for key in way:
                place = place[key]
            if value is KeyError:
                del place[last]
            else:
                place[last] = value
            yield changed


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from _places(value[key], (*at, key))
