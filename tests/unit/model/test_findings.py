"""Which findings count, and what they mean for the run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tox_prodsim.model.findings import Counts, Finding, Level, Policy, Verdict, decide


def finding(code: str = "RUN607", level: Level = Level.ERROR) -> Finding:
    return Finding(code=code, level=level, subject="it", message="is so")


@pytest.mark.parametrize(
    ("policy", "level"),
    [
        pytest.param(Policy(), Level.ERROR, id="everything counts"),
        pytest.param(Policy(select=("RUN",)), Level.ERROR, id="its family is selected"),
        pytest.param(Policy(select=("WHL",)), None, id="another family is selected"),
        pytest.param(Policy(ignore=("RUN607",)), None, id="it is ignored"),
        pytest.param(Policy(ignore=("RUN61",)), Level.ERROR, id="others are ignored"),
        pytest.param(
            Policy(select=("RUN607",), ignore=("RUN",)), Level.ERROR, id="the longer selection beats the family"
        ),
        pytest.param(Policy(select=("RUN",), ignore=("RUN607",)), None, id="the longer ignore beats the family"),
        pytest.param(Policy(select=("RUN6",), ignore=("RUN6",)), None, id="on a tie ignore wins"),
        pytest.param(Policy(select=("WHL",), ignore=("WHL",)), None, id="neither speaks of it"),
        pytest.param(Policy(warn=("RUN6",)), Level.WARNING, id="it is a warning only"),
        pytest.param(Policy(warn=("WHL",)), Level.ERROR, id="others are warnings only"),
        pytest.param(Policy(ignore=("RUN",), warn=("RUN607",)), None, id="warn does not select"),
    ],
)
def test_the_longest_item_decides(policy: Policy, level: Level | None) -> None:
    applied = policy.apply(finding())
    assert (applied and applied.level) == level


@pytest.mark.parametrize(
    ("policy", "subject", "level"),
    [
        pytest.param(Policy(ignore=("IMP504:plum.win32",)), "plum.win32", None, id="this subject is ignored"),
        pytest.param(Policy(ignore=("IMP504:plum.win32",)), "plum.win32con", Level.ERROR, id="another one is not"),
        pytest.param(Policy(ignore=("IMP5:plum.*",)), "plum.win32", None, id="a prefix and a glob"),
        pytest.param(Policy(ignore=("WHL:plum.*",)), "plum.win32", Level.ERROR, id="another family"),
        pytest.param(Policy(warn=("IMP504:plum.*",)), "plum.win32", Level.WARNING, id="this subject only warns"),
        pytest.param(
            Policy(select=("IMP504:plum.win32",), ignore=("IMP504",)), "plum.win32", Level.ERROR, id="it is longer"
        ),
        pytest.param(Policy(select=("IMP504:plum.a",)), "plum.win32", None, id="another subject is selected"),
        pytest.param(
            Policy(ignore=("IMP504:pit",)), "[console_scripts] pit = plum.cli:main", None, id="the name of a command"
        ),
        pytest.param(Policy(ignore=("IMP504:pit",)), "[plum.plugins] pit", None, id="the name of an entry point"),
    ],
)
def test_an_item_may_name_subjects(policy: Policy, subject: str, level: Level | None) -> None:
    applied = policy.apply(replace(finding("IMP504"), subject=subject))
    assert (applied and applied.level) == level


def test_subjects_do_not_drop_a_family() -> None:
    assert not Policy(ignore=("PRF701:import plum",)).drops("PRF")
    assert not Policy(ignore=("PRF",), select=("PRF701:import plum",)).drops("PRF")


@pytest.mark.parametrize("level", [Level.WARNING, Level.NOTE])
def test_warn_makes_nothing_worse(level: Level) -> None:
    assert Policy(warn=("RUN",)).apply(finding(level=level)) == finding(level=level)


def test_a_warning_keeps_all_but_its_level() -> None:
    applied = Policy(warn=("RUN",)).apply(finding())
    assert applied == finding(level=Level.WARNING)


PREFIXES = st.lists(st.sampled_from(["RUN", "RUN6", "RUN60", "RUN607", "WHL", "WHL101", "R"]), max_size=3).map(tuple)


@given(PREFIXES, PREFIXES, PREFIXES)
def test_a_longer_ignore_never_brings_a_finding_back(
    select: tuple[str, ...], ignore: tuple[str, ...], more: tuple[str, ...]
) -> None:
    if Policy(select=select, ignore=ignore).apply(finding()) is None:
        assert Policy(select=select, ignore=ignore + more).apply(finding()) is None


@pytest.mark.parametrize(
    ("levels", "finished", "cancelled", "verdict"),
    [
        pytest.param([], True, False, Verdict.PASSED, id="nothing found"),
        pytest.param([Level.WARNING, Level.NOTE], True, False, Verdict.PASSED, id="warnings do not fail"),
        pytest.param([Level.NOTE, Level.ERROR], True, False, Verdict.FAILED, id="an error fails"),
        pytest.param([], False, False, Verdict.INCOMPLETE, id="cut short is not a pass"),
        pytest.param([Level.ERROR], False, False, Verdict.FAILED, id="cut short after an error"),
        pytest.param([Level.ERROR], True, True, Verdict.CANCELLED, id="cancelled after an error"),
        pytest.param([], False, True, Verdict.CANCELLED, id="cancelled"),
    ],
)
def test_the_verdict(levels: list[Level], *, finished: bool, cancelled: bool, verdict: Verdict) -> None:
    assert decide([finding(level=level) for level in levels], finished=finished, cancelled=cancelled) is verdict


def test_only_a_finished_run_without_errors_passes() -> None:
    for size, finished, cancelled in itertools.product(range(3), (True, False), (True, False)):
        for levels in itertools.product(Level, repeat=size):
            passed = decide((finding(level=level) for level in levels), finished=finished, cancelled=cancelled)
            assert (passed is Verdict.PASSED) is (finished and not cancelled and Level.ERROR not in levels)


def test_findings_are_counted_by_their_levels() -> None:
    levels = (Level.ERROR, Level.NOTE, Level.ERROR, Level.WARNING)
    assert Counts.of(finding(level=level) for level in levels) == Counts(errors=2, warnings=1, notes=1)
    assert Counts.of([]) == Counts(errors=0, warnings=0, notes=0)
