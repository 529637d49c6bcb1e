"""The block ``footprint`` of a baseline: read again as it was written, and refused in one line when it is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.baselines import ACME
from support.refusals import refused

from tox_prodsim.model.footprint import INSTALLED_SIZE, WHEEL_SIZE
from tox_prodsim.model.scenario import Update
from tox_prodsim.timing.baseline import store
from tox_prodsim.timing.footprint import Footprint, Weighed

FOOTPRINT = Footprint(
    quantities={INSTALLED_SIZE: Weighed(value=9000, history=(8000, 9000)), WHEEL_SIZE: Weighed(value=7, history=(7,))},
    wheel_files={"acme/b.bin": 6000, "acme/a b.py": 5000},
    distributions={"flask==3.1.2": 8000, "acme==1.4.0": 1000},
    files={"acme/b.bin": 6000},
)
HEAVY = replace(ACME, footprint=FOOTPRINT)
PATH = Path("baseline.json")


def test_a_footprint_is_one_line_for_each_name_and_read_again_as_it_was_written() -> None:
    text = store.dumps(HEAVY)
    assert '    "quantities": {\n      "installed size": {"history": [8000, 9000], "value": 9000},\n' in text
    assert '    "wheel": {\n      "acme/a b.py": 5000,\n      "acme/b.bin": 6000\n    }\n  },\n' in text
    assert store.loads(PATH, text).footprint == FOOTPRINT
    assert store.dumps(store.loads(PATH, text)) == text


def test_a_baseline_without_a_footprint_is_read_and_gets_one_when_a_run_is_accepted() -> None:
    old = store.loads(PATH, store.dumps(ACME))
    assert old.footprint is None
    assert store.merged(old, HEAVY).footprint == FOOTPRINT
    assert store.merged(HEAVY, ACME) == HEAVY, "a run without one keeps what was accepted"
    assert store.merged(HEAVY, HEAVY) is HEAVY


@pytest.mark.parametrize(
    ("part", "kept"), [(Update.CONTENTS, None), (Update.TIMES, FOOTPRINT), (Update.ALL, FOOTPRINT)]
)
def test_the_footprint_is_accepted_with_the_times(part: Update, kept: Footprint | None) -> None:
    assert store.restricted(HEAVY, part).footprint == kept


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"quantities": {"weight": {"value": 1, "history": []}}},
            "footprint.quantities: 'weight' is not a valid quantity",
        ),
        (
            {"quantities": {"wheel size": {"value": -1, "history": []}}},
            "footprint.quantities.wheel size.value is -1, not",
        ),
        (
            {"quantities": {"wheel size": {"value": 1, "history": [0.5]}}},
            "wheel size.history is 0.5, not a whole number",
        ),
        (
            {"quantities": {"wheel size": {"value": 1}}},
            "footprint.quantities.wheel size.history is missing, not a list",
        ),
        ({"installed": {"flask": 1}}, "footprint.installed has 'flask', not a distribution such as click==8.4.2"),
        ({"files": {"a.py": "1"}}, "footprint.files.a.py is '1', not a whole number"),
        ({"wheel": {"a\x1b": 1}}, "footprint.wheel.a name has a control character"),
        ({"wheel": []}, "footprint.wheel is [], not a JSON object"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], reason: str) -> None:
    content = json.loads(store.dumps(HEAVY))
    content["footprint"] |= change
    assert reason in refused(lambda: store.loads(PATH, json.dumps(content))).message
