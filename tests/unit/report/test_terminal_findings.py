"""How findings are folded and placed on the terminal, and how checks that could not be made are named."""

from __future__ import annotations

from dataclasses import replace

from support.terminal_events import (
    compared,
    error,
    finished,
    not_checked,
    note,
    shown,
    started,
    step,
    text,
)

from tox_prodsim.model.events import (
    Change,
    Event,
    Found,
    Outcome,
    Step,
    StepFinished,
    StepStarted,
)
from tox_prodsim.model.findings import Finding, Level, Verdict

REPORT = ".tox/prodsim/prodsim/report.json"


def test_findings_of_one_code_are_folded_after_the_third_and_equal_ones_at_once() -> None:
    findings = [note("IMP504", f"acme.m{at}", f"No module named 'n{at}'") for at in range(5)]
    same = [error("ENT510", f"script{at}", "no module acme.cli", "ship it") for at in range(4)]
    events = [*step(Step.SCRIPTS, "0 of 4 scripts load", *findings, *same), finished(Verdict.FAILED, errors=4, notes=5)]
    assert shown(*events) == (
        "  scripts  FAIL  0 of 4 scripts load  [IMP504 x5, ENT510 x4]                                  0.20 s\n"
        "FAIL ENT510 script0: no module acme.cli\n"
        "     and 3 more like this: script1, script2, script3\n"
        "     hint: ship it\n"
        "     tox prodsim explain ENT510\n"
        "NOTE IMP504 acme.m0: No module named 'n0'\n"
        "NOTE IMP504 acme.m1: No module named 'n1'\n"
        "NOTE IMP504 acme.m2: No module named 'n2'\n"
        "     and 2 more like this: acme.m3, acme.m4\n"
        f"prodsim: FAILED  4 errors, 5 notes, 20 checks · report {REPORT}\n"
    )


def test_verbose_folds_nothing() -> None:
    same = [error("ENT510", f"script{at}", "no module acme.cli") for at in range(4)]
    output = shown(*step(Step.SCRIPTS, "", *same), verbosity=3)
    assert output.count("FAIL ENT510 script") == 4
    assert "more like this" not in output


def test_a_shared_hint_is_printed_once_and_different_ones_where_they_belong() -> None:
    findings = [error("WHL103", name, f"{name} differs", hint) for name, hint in (("a", "X"), ("b", "X"), ("c", "Y"))]
    lines = shown(*(Found(finding=finding) for finding in findings)).splitlines()
    assert lines[:-1] == [
        "FAIL WHL103 a differs",
        "FAIL WHL103 b differs",
        "     hint: X",
        "FAIL WHL103 c differs",
        "     hint: Y",
        "     tox prodsim explain WHL103",
    ]


def test_the_place_of_a_finding_is_shown_as_editors_understand_it() -> None:
    places = [("src/acme/cli.py", 7), ("pyproject.toml", None)]
    findings = [
        Finding(code=f"ENT51{at}", level=Level.ERROR, subject="s", message="m", file=file, line=line)
        for at, (file, line) in enumerate(places)
    ]
    output = shown(*(Found(finding=finding) for finding in findings))
    assert "     at src/acme/cli.py:7\n" in output
    assert "     at pyproject.toml\n" in output


def test_long_text_is_wrapped_below_itself_and_what_one_copies_stays_whole() -> None:
    path = "/" + "long/" * 30
    lines = shown(Found(finding=error("IMP502", "acme", f"{'is imported from ' * 6}{path}"))).splitlines()
    assert lines[1] == "     from is imported from"
    assert lines[2] == f"     {path}"


def test_what_is_found_outside_of_a_stage_is_no_mark_of_the_next() -> None:
    smoke = error("RUN605", "commands_post[0]", "exit code 1")
    events = [*step(Step.WHEEL, "fine"), Found(finding=smoke), not_checked(Step.COMPARE, "the run has failed already")]
    lines = shown(*events, finished(Verdict.FAILED, errors=1)).splitlines()
    assert lines[1] == "  compare  not checked: the run has failed already"
    assert lines[2] == "FAIL RUN605 commands_post[0]: exit code 1"


def with_unchecked(*impossible: str) -> list[Event]:
    done = StepFinished(
        step=Step.SCRIPTS,
        outcome=Outcome.OK,
        detail="fine",
        duration_s=0.2,
        not_checked=("ENT511: no plugins", *impossible),
        impossible=impossible,
    )
    return [StepStarted(step=Step.SCRIPTS), done]


def test_checks_that_have_nothing_to_look_at_are_named_when_verbose() -> None:
    assert "ENT511" not in shown(*with_unchecked())
    assert "  not checked ENT511: no plugins\n" in shown(*with_unchecked(), verbosity=3)


def test_checks_that_could_not_be_made_are_named_once_for_each_reason() -> None:
    events = with_unchecked("DEP205: no index", "DEP206: no index", "IMP504: a", "IMP504: b", "IMP504: c")
    lines = [line.strip() for line in shown(*events).splitlines()[1:5]]
    assert lines == [
        "not checked DEP205, DEP206: no index",
        "not checked IMP504: a",
        "not checked IMP504: b",
        "not checked 1 more: see -v",
    ]
    assert "  not checked IMP504: c\n" in shown(*events, verbosity=3)


def test_what_is_not_observable_is_named_without_saying_so_twice() -> None:
    assert "  not checked ports: no /proc\n" in shown(*with_unchecked("ports are not observable: no /proc"))
    assert "  not checked all of it\n" in shown(*with_unchecked("all of it"))


def test_what_follows_from_another_finding_is_named_below_it() -> None:
    broken = Finding(
        code="IMP503",
        level=Level.ERROR,
        subject="plum",
        message="importing it fails: ModuleNotFoundError: No module named 'stone'",
        hint="declare it",
    )
    command = Finding(
        code="ENT510", level=Level.ERROR, subject="pit", message="does not load: No module named 'stone'", hint="other"
    )
    events = [*step(Step.IMPORT, "", broken), *step(Step.SCRIPTS, "", command)]
    end = shown(started(), *events, finished(Verdict.FAILED, errors=1)).partition("[ENT510]")[2].partition("\n")[2]
    assert end == text(f"""
        FAIL IMP503 plum: importing it fails: ModuleNotFoundError: No module named 'stone'
             also: ENT510 pit
             hint: declare it
             tox prodsim explain IMP503
        prodsim: FAILED  1 error, 20 of 43 checks applied · report {REPORT}
        """)


def test_the_same_that_looks_like_more_than_the_tolerance_has_the_noise_that_makes_it() -> None:
    noisy = replace(compared("import acme", Change.SAME, 0.086, 0.1, 0.86), noise=0.18)
    (line,) = shown(StepStarted(step=Step.COMPARE), noisy).splitlines()[1:2]
    expected = "import acme 86 ms baseline 100 ms -14 % same, within the noise of ±18 % tolerance ±10 %"
    assert " ".join(line.split()) == expected
