"""A field has the type that it is declared with, also where a file was edited by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tox_prodsim.model.events import Evidence, Found, Progress, Step
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.typed import wrong_field

FINDING: Any = {"code": "RUN603", "level": Level.ERROR, "subject": "s", "message": "m"}


@pytest.mark.parametrize(
    "value",
    [
        Progress(step=Step.DEPLOY, at_s=1, name="ready", limit_s=None),
        Evidence(step=None, title="log", lines=("a",)),
        Found(finding=Finding(**FINDING, line=3)),
    ],
)
def test_what_a_run_makes_has_its_types(value: Any) -> None:
    assert wrong_field(value) is None


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"at_s": True}, "at_s"),
        ({"at_s": 10**400}, "at_s"),
        ({"name": None}, "name"),
        ({"limit_s": "3"}, "limit_s"),
        ({"step": "deploy"}, "step"),
    ],
)
def test_a_field_of_another_type_is_named(fields: Any, wrong: str) -> None:
    values: Any = {"step": Step.DEPLOY, "at_s": 1.0, "name": "ready"}
    assert wrong_field(Progress(**values | fields)) == wrong


def test_the_items_of_a_tuple_and_the_fields_inside_are_looked_at() -> None:
    lines: Any = ("a", 3)
    assert wrong_field(Evidence(step=None, title="log", lines=lines)) == "lines"
    assert wrong_field(Found(finding=Finding(**FINDING | {"hint": 3}))) == "finding"
