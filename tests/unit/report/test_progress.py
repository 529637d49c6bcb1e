"""The line of progress: in the width that there is, with nothing in it that drives a terminal."""

from __future__ import annotations

import pytest
from support.run_events import NASTY, commands

from tox_prodsim.model.events import Step
from tox_prodsim.model.printable import Printable
from tox_prodsim.report.progress import USUAL, progress_line, shortest, width

ROUND = "import acme: round 12 of at most 64"


def line(text: str = ROUND, *, limit_s: float | None = 20.0, columns: int | None = None, env_name: str = "") -> str:
    clean = Printable("utf-8")
    return progress_line(Step.COMPARE, text, 8.4, limit_s, clean=clean, columns=columns, env_name=env_name)


def test_it_says_the_step_what_it_does_and_the_seconds_of_the_limit() -> None:
    assert line() == "  compare  import acme: round 12 of at most 64 (8 s of 20 s)"
    assert line("", limit_s=None) == "  compare  recording the imports (8 s)"
    assert line(env_name="py312-prodsim") == f"  compare  py312-prodsim: {ROUND} (8 s of 20 s)"


def test_every_step_has_something_that_it_usually_does() -> None:
    assert USUAL.keys() == set(Step)


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (60, "  compare  import acme: round 12 of at most 64 (8 s of 20 s)"),
        (50, "  compare  import acme: round 12 o … (8 s of 20 s)"),
        (30, "  compare  import acme: round "),
        (5, "  com"),
        (1, " "),
        (0, ""),
    ],
)
def test_a_narrow_terminal_has_as_much_of_it_as_there_is_room_for(columns: int, shown: str) -> None:
    assert line(columns=columns) == shown


@pytest.mark.parametrize("columns", range(0, 80, 7))
def test_wide_characters_need_two_columns_and_accents_none(columns: int) -> None:
    assert width(line("\u8f93\u5165" * 40 + "e\u0301" * 40, columns=columns)) <= columns


def test_as_much_as_there_is_room_for_is_whole_characters() -> None:
    assert shortest("\u8f93\u5165", 3) == "\u8f93"
    assert shortest("e\u0301x", 1) == "e\u0301"


@pytest.mark.parametrize("columns", [None, 40, 200])
def test_whatever_is_announced_is_one_line_that_drives_nothing(columns: int | None) -> None:
    for text, env_name in ((NASTY, ""), ("x", NASTY), ("::error::x", "::error::y")):
        shown = line(text, columns=columns, env_name=env_name)
        assert commands(shown) == []
        assert shown.replace("\ufffe", "").isprintable()
