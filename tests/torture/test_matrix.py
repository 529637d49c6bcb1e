"""Nothing is left of any adversary, however its run ends; ``pytest -m torture`` has every ending of every one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from torture.matrix import Adversary, Way
from torture.table import everything, missing, quick
from torture.trial import Setting, play

QUICK = set(quick())
CELLS = [
    pytest.param(
        adversary,
        way,
        id=f"{adversary.name} by {way.name}",
        marks=() if (adversary, way) in QUICK else pytest.mark.torture,
    )
    for adversary, way in everything()
]


@pytest.mark.parametrize(("adversary", "way"), CELLS)
def test_nothing_is_left_of(adversary: Adversary, way: Way, tmp_path: Path, setting: Setting) -> None:
    if why_not := missing(adversary, setting):
        pytest.skip(why_not)
    cell = play(adversary, way, tmp_path, setting)
    assert cell.trouble == (), f"{cell} (slack x {setting.relax:g})"


def test_what_the_supervision_does_not_hold_is_counted(tmp_path: Path, setting: Setting) -> None:
    """The suite sees survivors: where the supervision promises nothing, a daemon lives on after its host is killed."""
    daemon, killed = next(each for each in everything() if (each[0].name, each[1].name) == ("daemon", "KILL host"))
    cell = play(daemon, killed, tmp_path, replace(setting, containment="group", beyond_s=0.5))
    assert cell.survivors >= 1
    assert f"{cell.survivors} processes survive" in cell.trouble
