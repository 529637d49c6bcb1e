"""Which findings have one cause, and which of them stands for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tox_prodsim.model.causes import causes, counted, display, faults, reason_of
from tox_prodsim.model.findings import Counts, Finding, error, note, warning

PACKAGE = error("IMP503", "plum", "importing it fails: ModuleNotFoundError: No module named 'stone'", "declare it")
COMMAND = error("ENT510", "[console_scripts] plum = plum:main", f"does not load: {PACKAGE.message[20:]}", "")
PLUGIN = note("ENT511", "[plum.kinds] pit = plum.pit", "was not loaded, because stone is not installed", "")
STRAY = error("WHL133", "tests/", "is not the project's", "")


def raised(found: Finding, place: str) -> Finding:
    return replace(found, reason=f"ValueError: 3 at {place}")


def test_what_lacks_the_same_module_has_one_cause() -> None:
    found = [PACKAGE, STRAY, COMMAND, PLUGIN]
    assert [(each.finding, each.also) for each in faults(found)] == [(PACKAGE, (COMMAND, PLUGIN)), (STRAY, ())]
    assert causes(found) == ["", "", "IMP503 plum", "IMP503 plum"]
    assert counted(found) == Counts(errors=2, warnings=0, notes=0)
    assert [display(PACKAGE), display(COMMAND)] == ["IMP503 plum", "ENT510 [console_scripts] plum"]


def test_the_worst_stands_for_a_cause_wherever_it_comes() -> None:
    milder = note("IMP504", "plum.pit", PACKAGE.message, "")
    assert [(each.finding, each.also) for each in faults([PLUGIN, milder, COMMAND])] == [(COMMAND, (PLUGIN, milder))]


def test_an_exception_is_known_by_its_place() -> None:
    one, same, other = raised(PACKAGE, "a:1"), raised(COMMAND, "a:1"), raised(COMMAND, "b:1")
    one, same, other = (replace(each, message="fails: ValueError: 3") for each in (one, same, other))
    assert [each.also for each in faults([one, same, other])] == [(same,), ()]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        pytest.param(STRAY, "", id="nothing is known"),
        pytest.param(warning("ENT512", "plum", "exits with 1", PACKAGE.message), "lacks stone", id="the last words"),
        pytest.param(
            error("SIM801", "plum", "import fails with no_home: PermissionError: /x", "set HOME"),
            "no_home: PermissionError: /x",
            id="an import under a condition",
        ),
        pytest.param(
            error("SIM803", "deploy", "fails with no_home: exit code 1", "its last line in a.log: PermissionError: /x"),
            "no_home: PermissionError: /x",
            id="the deployment under it",
        ),
        pytest.param(error("SIM802", "plum", "--help fails with utc: it exits with 1", ""), "", id="no exception"),
    ],
)
def test_the_reason_is_in_the_words_of_a_finding(found: Finding, reason: str) -> None:
    assert reason_of(found) == reason


def test_nothing_in_common_is_no_common_cause() -> None:
    assert causes([STRAY, STRAY]) == ["", ""]
