"""Lists of events, and the text that a person reads, written out in full."""

from __future__ import annotations

import pytest
from support.terminal_events import (
    compared,
    deployed,
    error,
    finished,
    not_checked,
    note,
    progress,
    shown,
    started,
    step,
    text,
    warning,
)

from tox_prodsim.model.events import (
    Change,
    Evidence,
    Found,
    Measured,
    Outcome,
    Step,
    StepFinished,
    StepStarted,
)
from tox_prodsim.model.findings import Verdict
from tox_prodsim.model.metrics import Metric
from tox_prodsim.report import RenderOptions
from tox_prodsim.report.terminal import TerminalReporter

REPORT = ".tox/prodsim/prodsim/report.json"


MEASURED = Measured(
    metric=Metric.of_import("acme"),
    value_s=0.092,
    control_s=0.075,
    ratio=1.2267,
    rounds=12,
    samples_s=(0.092,),
    control_samples_s=(0.075,),
    clock="effective-wall",
    control="stdlib-1",
)
TRIO = note("IMP504", "acme_trio", "importing it fails: No module named 'trio'", "ask for the extra")
LIBRARY = [
    started(),
    *step(Step.WHEEL, "RECORD ok, 41 modules, 1 console script", took_s=0.021),
    *step(Step.INSTALL, "acme 2.1.0, requirements of 8 distributions met", took_s=0.412),
    *step(Step.IMPORT, "acme from site-packages", TRIO, took_s=0.31),
    *step(Step.SCRIPTS, "1 script loads and answers --help"),
    not_checked(Step.DEPLOY, "no 'deploy' is configured"),
    StepStarted(step=Step.COMPARE, detail="prodsim/baselines/prodsim/cpython-3.12-linux-x86_64.json"),
    MEASURED,
    compared("import acme", Change.UNKNOWN, 0.092, None, None, "no baseline for this Python and platform"),
    StepFinished(step=Step.COMPARE, outcome=Outcome.OK, detail="candidate written", duration_s=4.2),
    finished(Verdict.PASSED, notes=1),
]
UP = [
    StepStarted(step=Step.DEPLOY, detail="uvicorn acme.web:app --port 43121 (service)"),
    progress(0.0004, "spawn", "pid 4711"),
]
SERVICE = [
    started(),
    *step(Step.WHEEL, "RECORD ok, 41 modules"),
    *UP,
    progress(0.214, "ready", "http /health 200", limit_s=30.0),
    progress(63.618, "SIGTERM", "to 1 processes"),
    progress(63.782, "stopped", "exit code 0, 0.16 s after the signal", limit_s=10.0, used_s=0.164),
    deployed(Outcome.OK, "started, was ready, was stopped, left nothing running", took_s=63.8),
    StepStarted(step=Step.COMPARE),
    MEASURED,
    compared("import acme", Change.SAME, 0.092, 0.090, 1.022, "12 rounds, +20% excluded (p 0.001)"),
    compared("start-up", Change.FASTER, 0.1714, 0.221, 0.77, "-23% in 12 rounds, again in 12 fresh ones"),
    StepFinished(step=Step.COMPARE, outcome=Outcome.OK, detail="", duration_s=4.2),
    finished(Verdict.PASSED, checks=37),
]
NOT_READY = error(
    "RUN603",
    "uvicorn",
    "not ready within ready_timeout = 30 s (last answer: connection refused)",
    "compare the probe with what it printed; raise ready_timeout only if it was still working",
)
FAILING_SERVICE = [
    started(),
    *step(Step.SCRIPTS, "1 script loads", warning("ENT512", "acme", "--help exited with 1", "parse first")),
    *UP,
    progress(30.02, "TIMEOUT", limit_s=30.0),
    Evidence(
        step=Step.DEPLOY,
        title="processes at that moment",
        lines=("   4711 sleeping  cpu 0.41 s  uvicorn acme.web:app --port 43121",),
    ),
    Found(finding=NOT_READY),
    progress(30.13, "stopped", "ended by SIGTERM", limit_s=10.0, used_s=0.11),
    Evidence(
        step=Step.DEPLOY,
        title="last 2 lines of deploy.log",
        lines=("INFO waiting for the database", "INFO still waiting"),
    ),
    deployed(Outcome.FAILED, took_s=30.2),
    not_checked(Step.COMPARE, "the run has failed already"),
    finished(Verdict.FAILED, errors=1, warnings=1, checks=31),
]


def test_a_passing_library_is_one_line_a_stage_and_the_summary_last() -> None:
    assert shown(*LIBRARY) == text("""
        prodsim: tox-prodsim 0.1.0 · CPython 3.12.4 · linux x86_64
          file     acme-2.1.0-py3-none-any.whl · 84 kB · built from the sdist
                   sha256 3f2a1c9b0d4e5555555555555555555555555555555555555555555555555555
                   acme-2.1.0.tar.gz · 61 kB
                   sha256 a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7
          wheel    ok    RECORD ok, 41 modules, 1 console script                                      0.02 s
          install  ok    acme 2.1.0, requirements of 8 distributions met                              0.41 s
          import   ok    acme from site-packages  [IMP504]                                            0.31 s
          scripts  ok    1 script loads and answers --help                                            0.20 s
          deploy   not checked: no 'deploy' is configured
          compare  prodsim/baselines/prodsim/cpython-3.12-linux-x86_64.json
            import acme             92 ms  no baseline for this Python and platform
          compare  ok    candidate written                                                            4.20 s
        NOTE IMP504 acme_trio: importing it fails: No module named 'trio'
        prodsim: passed  20 of 43 checks applied, 1 note · report .tox/prodsim/prodsim/report.json
        """)


def test_a_passing_service_shows_its_timeline_with_how_close_each_limit_came() -> None:
    assert shown(*SERVICE) == text("""
        prodsim: tox-prodsim 0.1.0 · CPython 3.12.4 · linux x86_64
          file     acme-2.1.0-py3-none-any.whl · 84 kB · built from the sdist
                   sha256 3f2a1c9b0d4e5555555555555555555555555555555555555555555555555555
                   acme-2.1.0.tar.gz · 61 kB
                   sha256 a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7
          wheel    ok    RECORD ok, 41 modules                                                        0.20 s
          contain  nested subreaper · every descendant
          deploy   uvicorn acme.web:app --port 43121 (service)
              0.000  spawn      pid 4711
              0.214  ready      http /health 200                                           limit 30 s (<1 %)
             63.618  SIGTERM    to 1 processes
             63.782  stopped    exit code 0, 0.16 s after the signal                        limit 10 s (1 %)
          deploy   ok    started, was ready, was stopped, left nothing running                        63.8 s
          compare
            import acme             92 ms  baseline    90 ms    +2 %  same                   tolerance ±10 %
            start-up               171 ms  baseline   221 ms   -23 %  faster                 tolerance ±10 %
                                           -23% in 12 rounds, again in 12 fresh ones
          compare  ok                                                                                 4.20 s
        prodsim: passed  37 of 43 checks applied · report .tox/prodsim/prodsim/report.json
        """)


def test_a_service_that_is_not_ready_ends_with_the_finding_its_hint_and_the_evidence() -> None:
    assert shown(*FAILING_SERVICE) == text("""
        prodsim: tox-prodsim 0.1.0 · CPython 3.12.4 · linux x86_64
          file     acme-2.1.0-py3-none-any.whl · 84 kB · built from the sdist
                   sha256 3f2a1c9b0d4e5555555555555555555555555555555555555555555555555555
                   acme-2.1.0.tar.gz · 61 kB
                   sha256 a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7
          scripts  WARN  1 script loads  [ENT512]                                                     0.20 s
          contain  nested subreaper · every descendant
          deploy   uvicorn acme.web:app --port 43121 (service)
              0.000  spawn      pid 4711
             30.020  TIMEOUT                                                              limit 30 s (100 %)
             30.130  stopped    ended by SIGTERM                                            limit 10 s (1 %)
          deploy   FAIL  [RUN603]                                                                     30.2 s
          compare  not checked: the run has failed already
        FAIL RUN603 uvicorn: not ready within ready_timeout = 30 s (last answer: connection refused)
             hint: compare the probe with what it printed; raise ready_timeout only if it was still working
             tox prodsim explain RUN603
             processes at that moment:
             |    4711 sleeping  cpu 0.41 s  uvicorn acme.web:app --port 43121
             last 2 lines of deploy.log:
             | INFO waiting for the database
             | INFO still waiting
        WARN ENT512 acme: --help exited with 1
             hint: parse first
             tox prodsim explain ENT512
        prodsim: FAILED  1 error, 1 warning, 31 of 43 checks applied · report .tox/prodsim/prodsim/report.json
        """)


def test_a_job_that_printed_a_traceback_fails_although_its_exit_code_was_0() -> None:
    printed = error(
        "RUN624",
        "deploy.log",
        "counts as a success, but printed: Traceback (most recent call last):",
        "let the exception end the process: no exit code 0 in a finally block",
    )
    events = [
        started(),
        StepStarted(step=Step.DEPLOY, detail="python prod_test.py (job)"),
        progress(0.0, "spawn", "pid 812"),
        progress(26.1, "ended", "exit code 0", limit_s=30.0),
        Found(
            finding=warning("RUN630", "python", "used 87% of run_timeout: 26.10 s of 30 s", "find out what got slower")
        ),
        Found(finding=printed),
        Evidence(step=Step.DEPLOY, title="last 1 lines of deploy.log", lines=("ValueError: no such item",)),
        deployed(Outcome.FAILED, took_s=26.1),
        finished(Verdict.FAILED, errors=1, warnings=1),
    ]
    assert shown(*events) == text("""
        prodsim: tox-prodsim 0.1.0 · CPython 3.12.4 · linux x86_64
          file     acme-2.1.0-py3-none-any.whl · 84 kB · built from the sdist
                   sha256 3f2a1c9b0d4e5555555555555555555555555555555555555555555555555555
                   acme-2.1.0.tar.gz · 61 kB
                   sha256 a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7
          contain  nested subreaper · every descendant
          deploy   python prod_test.py (job)
              0.000  spawn      pid 812
             26.100  ended      exit code 0                                                limit 30 s (87 %)
          deploy   FAIL  [RUN630, RUN624]                                                             26.1 s
        FAIL RUN624 deploy.log: counts as a success, but printed: Traceback (most recent call last):
             hint: let the exception end the process: no exit code 0 in a finally block
             tox prodsim explain RUN624
             last 1 lines of deploy.log:
             | ValueError: no such item
        WARN RUN630 python: used 87% of run_timeout: 26.10 s of 30 s
             hint: find out what got slower
             tox prodsim explain RUN630
        prodsim: FAILED  1 error, 1 warning, 20 of 43 checks applied · report .tox/prodsim/prodsim/report.json
        """)


def test_a_regression_says_what_was_expected_here_and_does_not_name_its_subject_twice() -> None:
    message = (
        "import acme is slower than its baseline: 148 ms, baseline 92 ms scaled to this machine (+61 %, limit +10 %)"
    )
    events = [
        started(),
        StepStarted(step=Step.COMPARE, detail="base.json"),
        compared("import acme", Change.SLOWER, 0.148, 0.092, 1.61, "+60% in 12 rounds, again in 16 fresh ones"),
        Found(finding=error("PRF701", "import acme", message, "accept it with --prodsim-update-baseline")),
        compared("start-up", Change.UNKNOWN, 0.4, 0.39, 1.03, "inconclusive: the times spread by 40%"),
        StepFinished(step=Step.COMPARE, outcome=Outcome.OK, detail="", duration_s=9.7),
        finished(Verdict.FAILED, errors=1),
    ]
    assert shown(*events) == text("""
        prodsim: tox-prodsim 0.1.0 · CPython 3.12.4 · linux x86_64
          file     acme-2.1.0-py3-none-any.whl · 84 kB · built from the sdist
                   sha256 3f2a1c9b0d4e5555555555555555555555555555555555555555555555555555
                   acme-2.1.0.tar.gz · 61 kB
                   sha256 a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7
          compare  base.json
            import acme            148 ms  baseline    92 ms   +61 %  slower                 tolerance ±10 %
                                           +60% in 12 rounds, again in 16 fresh ones
            start-up               400 ms  baseline   390 ms    +3 %  inconclusive           tolerance ±10 %
                                           the times spread by 40%
          compare  FAIL  [PRF701]                                                                     9.70 s
        FAIL PRF701 import acme is slower than its baseline: 148 ms, baseline 92 ms scaled to this machine
             (+61 %, limit +10 %)
             hint: accept it with --prodsim-update-baseline
             tox prodsim explain PRF701
        prodsim: FAILED  1 error, 20 of 43 checks applied · report .tox/prodsim/prodsim/report.json
        """)


def test_a_time_that_is_measured_and_not_compared_is_shown_as_such() -> None:
    events = [
        StepStarted(step=Step.COMPARE),
        MEASURED,
        StepFinished(step=Step.COMPARE, outcome=Outcome.OK, detail="baseline stored: base.json", duration_s=2.0),
    ]
    assert shown(*events).splitlines()[:2] == ["  compare", "    import acme             92 ms  measured"]
    assert shown(*events, verbosity=3).count("measured") == 1


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        pytest.param(Verdict.CANCELLED, "CANCELLED", id="cancelled by the user"),
        pytest.param(Verdict.INCOMPLETE, "INCOMPLETE", id="cut short by something else"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_says_where_it_was_and_that_it_is_no_pass(
    verdict: Verdict, word: str
) -> None:
    events = [*UP, progress(0.2, "ready", "listen"), finished(verdict, checks=12)]
    assert shown(*events) == (
        "  deploy   uvicorn acme.web:app --port 43121 (service)\n"
        "      0.000  spawn      pid 4711\n"
        "      0.200  ready      listen\n"
        "  deploy   not finished\n"
        f"prodsim: {word}  interrupted, not a pass · 12 checks · report {REPORT}\n"
    )


def test_a_stream_without_an_end_is_incomplete_with_what_it_had_found() -> None:
    upto = FAILING_SERVICE.index(Found(finding=NOT_READY)) + 1
    assert shown(*FAILING_SERVICE[:upto]).splitlines()[-10:] == [
        "  deploy   not finished",
        "FAIL RUN603 uvicorn: not ready within ready_timeout = 30 s (last answer: connection refused)",
        "     hint: compare the probe with what it printed; raise ready_timeout only if it was still working",
        "     tox prodsim explain RUN603",
        "     processes at that moment:",
        "     |    4711 sleeping  cpu 0.41 s  uvicorn acme.web:app --port 43121",
        "WARN ENT512 acme: --help exited with 1",
        "     hint: parse first",
        "     tox prodsim explain ENT512",
        f"prodsim: INCOMPLETE  interrupted, not a pass · 1 error, 1 warning · report {REPORT}",
    ]


def test_quiet_shows_errors_and_warnings_with_evidence_and_what_was_not_checked_but_no_notes() -> None:
    events = [*FAILING_SERVICE[:-1], Found(finding=TRIO), finished(Verdict.FAILED, errors=1, warnings=1, notes=1)]
    assert shown(*events, verbosity=1) == text("""
        FAIL RUN603 uvicorn: not ready within ready_timeout = 30 s (last answer: connection refused)
             hint: compare the probe with what it printed; raise ready_timeout only if it was still working
             tox prodsim explain RUN603
             processes at that moment:
             |    4711 sleeping  cpu 0.41 s  uvicorn acme.web:app --port 43121
             last 2 lines of deploy.log:
             | INFO waiting for the database
             | INFO still waiting
        WARN ENT512 acme: --help exited with 1
             hint: parse first
             tox prodsim explain ENT512
        prodsim: FAILED  1 error, 1 warning, 1 note, 20 of 43 checks applied · not checked: compare · report REPORT
        """).replace("REPORT", REPORT)


def test_very_quiet_is_silent() -> None:
    assert not shown(*FAILING_SERVICE, verbosity=0)


def test_verbose_adds_the_measurement_and_the_hints_of_notes() -> None:
    lines = shown(*LIBRARY, verbosity=3).splitlines()
    assert lines[11:14] == [
        "    import acme             92 ms  measured · control stdlib-1 75 ms · ratio 1.227 · 12 rounds ·",
        "                                   effective-wall",
        "    import acme             92 ms  no baseline for this Python and platform",
    ]
    assert lines[15:18] == [
        "NOTE IMP504 acme_trio: importing it fails: No module named 'trio'",
        "     hint: ask for the extra",
        "     tox prodsim explain IMP504",
    ]


def test_evidence_without_a_finding_is_shown_when_verbose_only() -> None:
    events = [*UP, Evidence(step=Step.DEPLOY, title="the log", lines=("all is well",)), deployed(Outcome.OK)]
    assert "all is well" not in shown(*events)
    assert "     the log:\n     | all is well\n" in shown(*events, verbosity=3)


def test_the_evidence_of_a_note_is_shown_when_verbose_only() -> None:
    evidence = Evidence(step=Step.DEPLOY, title="the log", lines=("all is well",))
    events = [*UP, Found(finding=note("RUN608", "it", "has no handler")), evidence, deployed(Outcome.OK)]
    assert "all is well" not in shown(*events)
    assert "     | all is well\n" in shown(*events, verbosity=3)


def test_a_short_stage_is_one_line_also_when_it_says_what_it_works_on() -> None:
    events = [StepStarted(step=Step.WHEEL, detail="acme.whl"), *step(Step.WHEEL, "RECORD ok")[1:]]
    assert shown(*events).splitlines()[0].startswith("  wheel    ok    RECORD ok ")


def test_a_stage_that_failed_is_no_ok_although_its_finding_is_ignored() -> None:
    assert shown(*UP, deployed(Outcome.FAILED)).splitlines()[2].startswith("  deploy   FAIL ")


def test_a_stage_with_an_error_is_no_ok_whatever_it_says_of_itself() -> None:
    events = [*UP, Found(finding=NOT_READY), deployed(Outcome.OK, "all fine")]
    assert shown(*events).splitlines()[2].startswith("  deploy   FAIL  all fine  [RUN603] ")


def test_a_stage_that_was_not_checked_names_what_was_found_in_it_nevertheless() -> None:
    events = [StepStarted(step=Step.SCRIPTS), Found(finding=TRIO), not_checked(Step.SCRIPTS, "no scripts")]
    assert shown(*events).splitlines()[0] == "  scripts  not checked: no scripts  [IMP504]"


def test_the_containment_is_named_with_what_it_guarantees() -> None:
    event = started(containment="process group + psutil", guarantee="best effort: not what leaves its group")
    line = "  contain  process group + psutil · best effort: not what leaves its group\n"
    assert shown(event, *UP).count(line) == 1
    assert "contain" not in shown(event)


def test_the_stream_is_written_while_it_happens() -> None:
    written: list[str] = []
    terminal = TerminalReporter(written.append, RenderOptions())
    counts = []
    for event in SERVICE:
        terminal.handle(event)
        counts.append(len(written))
    assert counts == [5, 5, 6, 8, 9, 10, 11, 12, 13, 13, 13, 15, 17, 18, 19]


def test_ascii_is_used_where_the_encoding_has_no_more() -> None:
    output = shown(*SERVICE, encoding="ascii")
    assert output.isascii()
    assert "prodsim: tox-prodsim 0.1.0 - CPython 3.12.4 - linux x86_64\n" in output
    assert "baseline    90 ms    +2 %  same                  tolerance +-10 %\n" in output


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "no-such-encoding", None])
def test_foreign_text_never_breaks_the_encoding(encoding: str | None) -> None:
    finding = error("IMP503", "日本語", "naïve \udcff 🦊", "ё")
    output = shown(Found(finding=finding), finished(Verdict.FAILED, errors=1), encoding=encoding)
    known = encoding if encoding not in {None, "no-such-encoding"} else "ascii"
    assert output.encode(known or "ascii").decode(known or "ascii") == output
    assert "\\udcff" in output
    assert ("日本語" in output) is (encoding == "utf-8")


def test_a_line_of_a_log_cannot_drive_the_terminal_nor_a_ci_system() -> None:
    lines = (
        "\x1b[2J\x1b]0;owned\x07 clear screen",
        "::error file=x::owned",
        "##[add-mask]secret and ##vso[task.setvariable]",
        "a\x00b\rc\u202ed\u2028e\tf",
        "w" * 700,
    )
    events = [
        *UP,
        Found(finding=error("RUN602", "::error::\nx", "\x1b[31mred\n::warning::y " + "z" * 80 + " ::stop-commands::t")),
        Evidence(step=Step.DEPLOY, title="::group::log", lines=lines),
        deployed(Outcome.FAILED),
    ]
    assert shown(*events).splitlines()[3:-1] == [
        r"FAIL RUN602 ::error::\nx: \x1b[31mred\n::warning::y",
        "     " + "z" * 80,
        r"     \::stop-commands::t",
        r"     tox prodsim explain RUN602",
        r"     \::group::log:",
        r"     | \x1b[2J\x1b]0;owned\x07 clear screen",
        r"     | ::error file=x::owned",
        r"     | #\#[add-mask]secret and #\#vso[task.setvariable]",
        r"     | a\x00b\rc\u202ed\u2028e   f",
        r"     | " + "w" * 500 + " … (200 more characters)",
    ]


def test_a_stage_named_by_hostile_text_stays_on_its_line() -> None:
    events = [started(env_name="x\n::error::"), *step(Step.WHEEL, "ok\n::error::y")]
    lines = shown(*events).splitlines()
    assert lines[0].startswith(r"x\n::error::: tox-prodsim")
    assert lines[5].startswith(r"  wheel    ok    ok\n::error::y ")
    assert not any(line.strip().startswith("::") for line in lines)


def test_colours_are_red_for_errors_yellow_for_what_is_close_and_gone_without_colour() -> None:
    output = shown(*FAILING_SERVICE, color=True)
    assert "\x1b[31mFAIL\x1b[0m RUN603 uvicorn" in output
    assert "\x1b[33mWARN\x1b[0m ENT512 acme" in output
    assert "  compare  \x1b[33mnot checked: \x1b[0mthe run has failed already\n" in output
    assert "\x1b[31mlimit 30 s (100 %)\x1b[0m\n" in output
    assert "prodsim: \x1b[31mFAILED  \x1b[0m1 error" in output
    assert "\x1b[32mok    \x1b[0mRECORD ok" in shown(*SERVICE, color=True)
    assert "\x1b" not in shown(*FAILING_SERVICE, color=False)


@pytest.mark.parametrize(
    ("used_s", "color"),
    [
        pytest.param(7.9, "\x1b[2m", id="far"),
        pytest.param(8.0, "\x1b[33m", id="near"),
        pytest.param(10, "\x1b[31m", id="over"),
    ],
)
def test_the_colour_of_a_limit_says_how_close_it_came(used_s: float, color: str) -> None:
    line = shown(*UP, progress(63.0, "stopped", limit_s=10.0, used_s=used_s), color=True).splitlines()[2]
    assert f"{color}limit 10 s (" in line
