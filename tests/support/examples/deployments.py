"""RUN and SIM803: from the start of a deployment to what it leaves."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tox_prodsim.deployment import findings
from tox_prodsim.deployment.in_flight import RequestOutcome
from tox_prodsim.deployment.leaks import findings as leak_findings
from tox_prodsim.deployment.monitoring import findings as well_findings
from tox_prodsim.deployment.monitoring.crashes import Crashes
from tox_prodsim.deployment.monitoring.lost_readiness import Loss
from tox_prodsim.deployment.monitoring.zombies import Pile
from tox_prodsim.model.conditions import CONDITIONS
from tox_prodsim.model.errors import ForeignFileError
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.leaks import Grade, Leak, LeakKind
from tox_prodsim.model.probes import HttpProbe
from tox_prodsim.model.scenario import Stop
from tox_prodsim.supervision import (
    Cause,
    DescendantEnding,
    Ending,
    Identity,
    NotifyState,
    Survivor,
    WrongProcess,
    Zombie,
)

WORKER = Survivor(pid=5127, command="python -m acme.worker", listens=("127.0.0.1:9000",))
OTHERS = Survivor(pid=5127, command="sudo sleep 1000", listens=(), state="sleeping", waits_on="do_wait", uid=0)
UNCLOSED = "ResourceWarning: unclosed file <_io.TextIOWrapper name='rows.csv' mode='r' encoding='UTF-8'>"
DROPPED = RequestOutcome(
    url="http://127.0.0.1:8000/slow", in_flight=True, problem="the connection was reset", after_s=0.01
)
HEALTH = Loss(
    probe=HttpProbe(url="http://127.0.0.1:8000/health"), began_at=4.21, ended_at=None, answer="http 503", asked=3
)
SEGFAULT = DescendantEnding(
    pid=4715,
    command="gunicorn acme.web:app",
    parent=Identity(pid=4711, started=1),
    parent_command="gunicorn acme.web:app",
    is_copy=True,
    ended_at=2.13,
    lived_s=2.0,
    status=11,
)
ZOMBIES = tuple(
    Zombie(
        pid=pid, command="sh", parent=Identity(pid=4711, started=1), parent_command="/venv/bin/python app.py", since=0.0
    )
    for pid in (4712, 4715, 4716, 4719, 4722)
)
STALE = WrongProcess(address="http://127.0.0.1:8000/", pid=812, command="python old.py", since="since 07:12")


def ended(code: int | None, *, signal: int | None = None, after_s: float = 0.0, **more: Any) -> Ending:
    cause = Cause.SIGNALLED if signal else Cause.EXITED
    return Ending(cause=cause, code=code, signal=signal, duration_s=after_s, **more)


def leak(kind: LeakKind, subject: str, detail: str = "", *, grade: Grade = Grade.FIRM, **place: Any) -> Leak:
    return Leak(kind=kind, grade=grade, subject=subject, detail=detail, **place)


def leaked(name: str, *leaks: Leak) -> list[Finding]:
    return list(leak_findings.to_findings(name, leaks, lambda _: False))


NO_REPORT = Ending(cause=Cause.LOST, code=None, signal=None, duration_s=1.0, error="the guard ended without a report")
REFUSED = findings.exited_before_ready("uvicorn", ended(3, after_s=0.41), "connection refused")
SURVIVED = leaked("app.py", *leak_findings.survivor_leaks(ended(0, survivors=(WORKER,))))
SMOKE = findings.failed_command("commands[0]", "python smoke.py", ended(1), failed=True, limit_s=60.0)
FINDINGS = [
    findings.expression_too_slow("reject_output", "^(a+)+b", "it took longer than 2 s"),
    findings.port_taken("127.0.0.1:8000", 812, "python old.py"),
    findings.exited_before_ready("uvicorn", ended(1, after_s=0.16), "connection refused"),
    findings.ready_timeout_exceeded("uvicorn", 30.0, "connection refused"),
    findings.answered_by_wrong_process("uvicorn", STALE),
    *SMOKE,
    findings.exited_while_serving("uvicorn", ended(None, signal=11, after_s=1.42)),
    findings.stop_timeout_exceeded(
        "uvicorn",
        Stop(signal=signal.SIGTERM, grace_s=10.0),
        Ending(cause=Cause.STOPPED, code=None, signal=9, duration_s=14.0, unstopped=(WORKER,)),
        "python",
    ),
    well_findings.readiness_lost("uvicorn", HEALTH, 0.0),
    well_findings.children_crashed("gunicorn", Crashes(level=Level.ERROR, endings=(SEGFAULT,), was_replaced=True), 0.0),
    well_findings.zombies_pile_up("python", Pile(zombies=ZOMBIES)),
    *findings.no_signal_handler("waitress-serve", signal.SIGTERM, runs_others=False),
    *findings.unexpected_ending("celery", ended(1), frozenset({0, -15, 143})),
    findings.run_timeout_exceeded("app.py", 30.0, 29.6),
    findings.expected_output_missing("deploy.log", re.compile(b"120 rows written")),
    findings.rejected_output("deploy.log", re.compile(b"CRITICAL"), "CRITICAL cannot write to the cache"),
    *findings.unexpected_ending("uvicorn", NO_REPORT, frozenset({0})),
    findings.start_failed("gunicorn", "No such file or directory"),
    findings.idle_timeout_exceeded("app.py", 20.0),
    findings.watchdog_timeout_exceeded("app.py", NotifyState(), 5.0),
    findings.output_limit_exceeded("app.py", "deploy.log", 1_000_000_000),
    *findings.unkillable_processes("app.py", ended(0, unkillable=(OTHERS,))),
    *SURVIVED,
    *leaked(
        "uvicorn",
        leak(LeakKind.FILE, "app.pid", "pid file in the working folder"),
        leak(LeakKind.FILE, "tmpx8rq2k1c", "folder in TMPDIR with 3 files, 12.4 kB"),
    ),
    *leaked("app.py", leak(LeakKind.WARNING, UNCLOSED, file="/srv/acme/export.py", line=14)),
    findings.replaced_log(ForeignFileError(Path("deploy.log"), "a FIFO"), "deploy.log"),
    findings.suspicious_output(
        "deploy.log", "ValueError: no such table (app.py:12)", 1, file="/srv/app.py", line=12, job=True
    ),
    *leaked(
        "app.py",
        leak(LeakKind.SHARED_MEMORY, "psm_d20cd606", "shared memory, 10 bytes, made by this user during the run"),
    ),
    *leaked("app.py", leak(LeakKind.TASK, "task Task-7", "destroyed while pending", file="/srv/jobs.py", line=31)),
    findings.near_limit("uvicorn", "ready_timeout", 26.1, 30.0),
    findings.no_evidence("app.py"),
    findings.request_dropped(DROPPED, "SIGTERM", 10.0),
    findings.second_start_failed(REFUSED, "restart.log", after="on the same port and in the same folder"),
    findings.failed_under_condition(CONDITIONS["no_network"], REFUSED, "simulate-no_network.log", ""),
]


def _reporting(finding: Finding) -> Callable[[Path], Iterable[Finding]]:
    return lambda _: [finding]


EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {each.code: _reporting(each) for each in FINDINGS}
