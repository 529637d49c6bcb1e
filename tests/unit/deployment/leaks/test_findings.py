"""The leaks of a run, its processes included, and their findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.expressions import Here

from tox_prodsim.deployment import leaks
from tox_prodsim.deployment.leaks import findings as leak_findings
from tox_prodsim.deployment.user_expressions import Acceptance
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.leaks import AllowLeaks, Grade, Leak, LeakKind, parse
from tox_prodsim.supervision import Cause, Ending, Survivor


def leak(kind: LeakKind, subject: str, *, grade: Grade = Grade.FIRM, detail: str = "", **place: Any) -> Leak:
    return Leak(kind=kind, grade=grade, subject=subject, detail=detail, **place)


def findings(*found: Leak, allow: AllowLeaks | None = None) -> list[Finding]:
    return list(leak_findings.to_findings("app", found, Acceptance(allow or AllowLeaks(), Here()).accepts))


def test_each_kind_is_one_finding_with_the_first_three_and_a_count() -> None:
    files = [leak(LeakKind.FILE, f"f{number}", detail="file in TMPDIR, 1 byte") for number in range(5)]
    (finding,) = findings(*files)
    assert (finding.code, finding.level, finding.subject) == ("RUN622", Level.WARNING, "app")
    assert finding.message == (
        "left 5 files behind: f0 (file in TMPDIR, 1 byte); f1 (file in TMPDIR, 1 byte); f2 (file in TMPDIR, 1 byte); "
        "and 2 more"
    )


def test_every_kind_has_its_code_its_level_and_a_hint() -> None:
    found = findings(*(leak(kind, "x") for kind in LeakKind if kind is not LeakKind.PROCESS))
    assert [(each.code, each.level.value) for each in found] == [
        ("RUN620", "error"),
        ("RUN621", "error"),
        ("RUN622", "warning"),
        ("RUN623", "warning"),
        ("RUN625", "warning"),
        ("RUN626", "warning"),
        ("RUN626", "warning"),
    ]
    assert all(each.hint and each.message[0].islower() | each.message[0].isdigit() for each in found)


def test_only_hints_are_a_note_and_one_fact_among_them_is_what_the_code_says() -> None:
    hint = leak(LeakKind.FILE, "a.lock", grade=Grade.HINT)
    assert [each.level for each in findings(hint)] == [Level.NOTE]
    assert [each.level for each in findings(hint, leak(LeakKind.FILE, "b"))] == [Level.WARNING]


def test_the_place_is_the_first_that_is_known() -> None:
    (finding,) = findings(
        leak(LeakKind.TASK, "a"), leak(LeakKind.TASK, "task b", detail="lost", file="/srv/b.py", line=7)
    )
    assert (finding.file, finding.line) == ("/srv/b.py", 7)
    assert finding.message == "2 tasks were never awaited: a; task b (lost, b.py:7)"


def test_what_is_accepted_is_no_finding_and_is_not_counted() -> None:
    allow = parse(["files:*.pid"])
    assert findings(leak(LeakKind.FILE, "a.pid"), allow=allow) == []
    (finding,) = findings(leak(LeakKind.FILE, "a.pid"), leak(LeakKind.FILE, "b"), allow=allow)
    assert finding.message == "left 1 file behind: b"


WORKER = Survivor(pid=7, command="/venv/bin/python -m w", listens=("127.0.0.1:80", "[::]:81"), holds_output=True)


def left(*survivors: Survivor, signal: int | None = None) -> Ending:
    return Ending(cause=Cause.EXITED, code=0, signal=signal, duration_s=1.0, survivors=survivors)


def test_a_survivor_is_reported_with_what_it_holds_and_its_addresses_once_more() -> None:
    found = findings(*leak_findings.survivor_leaks(left(WORKER)))
    assert [f"{each.code} {each.message}" for each in found] == [
        "RUN620 left 1 process running: pid 7 python -m w (listens on 127.0.0.1:80, [::]:81, holds the output open)",
        "RUN621 left 2 addresses in use: 127.0.0.1:80 (pid 7 python -m w); [::]:81 (pid 7 python -m w)",
    ]


def test_an_accepted_process_may_still_not_hold_the_output_or_a_port() -> None:
    found = findings(*leak_findings.survivor_leaks(left(WORKER)), allow=parse(["processes"]))
    assert [f"{each.code} {each.message[:38]}" for each in found] == [
        "RUN620 left its output open in 1 process: pid",
        "RUN621 left 2 addresses in use: 127.0.0.1:80 ",
    ]
    assert findings(*leak_findings.survivor_leaks(left(WORKER)), allow=parse(["processes", "output", "ports"])) == []


def test_the_report_of_a_run_has_its_survivors_and_what_is_new_since_the_snapshot(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("temporary", "scratch", "shared", "system_v")}
    (tmp_path / "temporary").mkdir()
    snapshot = leaks.take_snapshot(**folders)
    (tmp_path / "temporary/a").write_text("")
    ending = left(Survivor(pid=7, command="sleep 9", listens=()), signal=9)
    report = leak_findings.report_leaks(snapshot, ending, leaks.LeakEvidence())
    assert [each.subject for each in report.leaks] == ["pid 7 sleep 9", "a"]
    assert report.not_observable[-1].endswith("SIGKILL ended it before that")


def test_the_resource_tracker_that_is_slow_to_end_is_no_leak() -> None:
    command = "python -c from multiprocessing.resource_tracker import main;main(5)"
    tracker = Survivor(pid=7, command=command, listens=(), holds_output=True)
    assert list(leak_findings.survivor_leaks(left(tracker))) == []
