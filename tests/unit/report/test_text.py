"""The text of several runs: what each printed, then their matrix and one verdict."""

from __future__ import annotations

from dataclasses import replace

from support.run_events import FAILING, HOSTILE, OPTIONS, PASSING, STARTED, commands, named

from tox_prodsim.model.events import Event
from tox_prodsim.report.text import render


def shown(*events: Event, width: int = 100, verbosity: int = 2) -> list[str]:
    """Return the lines, with wide blanks as one."""
    text = render(events, replace(OPTIONS, width=width, verbosity=verbosity, report_path=""))
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_matrix_follows_the_text_of_each_run() -> None:
    both = [*named(PASSING, "a"), *named(FAILING, "b")]
    first, second = shown(*named(PASSING, "a"), width=120), shown(*named(FAILING, "b"), width=120)
    assert shown(*both, width=120) == [
        *first,
        *second,
        "prodsim: 2 environments",
        f"file acme-2.1.0-py3-none-any.whl · 84 kB · sha256 {'3f' * 32}",
        f"file acme-2.1.0.tar.gz · 61 kB · sha256 {'a7' * 32}",
        "environment wheel import deploy compare",
        "a ok ok ok",
        "b ok warn FAIL -",
        "-: not checked CUT: cut short",
        "prodsim: FAILED 1 of 2 environments passed · 1 error, 1 warning, 1 note, 8 checks",
    ]


def test_a_run_on_two_machines_is_named_after_them() -> None:
    arm = [replace(STARTED, platform="linux aarch64"), *PASSING[1:]]
    lines = shown(*PASSING, *arm)
    assert "prodsim (linux x86_64) ok ok ok" in lines
    assert any(line.startswith("prodsim (linux aarch64): passed") for line in lines)
    assert lines[-1].startswith("prodsim: passed 2 of 2 environments passed")


def test_columns_that_do_not_fit_are_in_a_block_of_their_own() -> None:
    lines = shown(*named(PASSING, "a"), *named(FAILING, "b"), width=40)
    assert [line for line in lines if line.startswith("environment")] == [
        "environment wheel import deploy",
        "environment compare",
    ]


def test_quiet_shows_the_verdict_alone_and_nothing_shows_nothing() -> None:
    both = [*named(PASSING, "a"), *named(PASSING, "b")]
    assert shown(*both, verbosity=1)[-1].startswith("prodsim: passed 2 of 2")
    assert not any(line.startswith("environment") for line in shown(*both, verbosity=1))
    assert shown(*both, verbosity=0) == []


def test_no_name_becomes_a_command_of_the_log() -> None:
    assert commands("\n".join(shown(*HOSTILE, *HOSTILE, *PASSING))) == []
