"""One deployment on stage: start, ready, stop, and what its end and its output say.

A service stands up in ``up`` and is taken down in ``down``; a job runs to its end in ``up``. Whoever makes a Stage
closes it: ``close`` ends whatever is left, whenever it is called.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tox_prodsim import endings, output, supervision
from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.deployment.place import Place, free_port, start, taken_ports
from tox_prodsim.deployment.sentinel import Sentinel
from tox_prodsim.deployment.watch import Watch, ended
from tox_prodsim.events import Event, Found, Happened, Outcome, Step, StepFinished, StepStarted, Told
from tox_prodsim.findings import Finding, Level
from tox_prodsim.readiness import ListenProbe
from tox_prodsim.scenario import Deployment

_CODES = frozenset(code for code in CATALOGUE if code.startswith("RUN")) - {"RUN605"}
NEAR = 0.8
"""From this share of a limit on, the next slow machine is a failure: RUN630."""
_TIMEOUTS = {"RUN603", "RUN610", "RUN615", "RUN616", "RUN617"}
_SLOW_EVERY_S = 10.0
_TAIL_LINES = 12


def checks(deployment: Deployment) -> frozenset[str]:
    """Return the codes of what playing the deployment checks: a limit that is not set is none of them."""
    limits = {
        "RUN615": deployment.idle_timeout_s,
        "RUN616": deployment.watchdog_timeout_s,
        "RUN617": deployment.output_limit_bytes,
    }
    return _CODES - {code for code, limit in limits.items() if limit is None}


class Stage:
    """Play one deployment, once; ``went_up`` says whether the commands may run, ``url`` where it can be asked."""

    def __init__(self, deployment: Deployment, place: Place) -> None:
        self._deployment = deployment
        self._place = place
        self._launch = deployment.launch(port=free_port() if deployment.uses_port else None, scratch=place.scratch)
        self._process: supervision.Process | None = None
        self._sentinel: Sentinel | None = None
        self._began = time.monotonic()
        self._failed = False
        self._told = False
        self.went_up = False
        self.start_s: float | None = None
        self.url = self._launch.url

    @property
    def variables(self) -> dict[str, str]:
        """Return what smoke commands are told in their environment: PRODSIM_URL, _PORT, _PID and _SCRATCH."""
        told = {f"PRODSIM_{name.upper()}": value for name, value in self.values.items()}
        return told | ({"PRODSIM_PID": str(self._process.pid)} if self._process is not None else {})

    @property
    def values(self) -> Mapping[str, str]:
        """Return what the placeholders in commands and ``set_env`` stand for."""
        port = _port_of(self.url) if self._launch.port is None else self._launch.port
        found = {"url": self.url, "port": "" if port is None else str(port)}
        return {**self._launch.values, **{name: value for name, value in found.items() if value}}

    def up(self) -> Iterator[Event]:
        """Start it; a service until it is ready, a job until it ended."""
        self._began = time.monotonic()
        kind = "service" if self._deployment.is_service else "job"
        yield StepStarted(step=Step.DEPLOY, detail=f"{shlex.join(self._launch.argv)} ({kind})")
        blocked = next(taken_ports(self._launch.probes), None)
        if blocked is not None:
            yield from self._fail(blocked)
            return
        yield from self._spawn()
        if self._process is None:
            return
        yield from (self._until_ready() if self._deployment.is_service else self._until_done())

    def _spawn(self) -> Iterator[Event]:
        process = start(self._launch, self._place)
        ending = process.poll()
        if ending is not None and ending.cause is supervision.Cause.NOT_STARTED:
            yield from self._fail(endings.could_not_start(self._name, ending.error))
            return
        self._process = process
        self._sentinel = Sentinel(self._name, process, self._deployment, self._place.log, self._look)
        self._sentinel.start()
        self._began = process.spawned_at
        yield self._happened("spawn", f"pid {process.pid}")

    def _until_ready(self) -> Iterator[Event]:
        limit_s = self._deployment.ready_timeout_s
        watch = Watch(self._running, self._launch, self._place, limit_s)
        for probe, ready in watch.answers():
            if isinstance(probe, ListenProbe) and not self.url:
                self.url = ready.url
            yield self._happened("ready" if not watch.pending else "answers", ready.detail, limit_s)
        if watch.trouble is not None:
            yield from self._fail(self._broken() or watch.trouble)
            return
        self.went_up = True
        self.start_s = self._elapsed()
        yield from self._near("ready_timeout", self.start_s, limit_s)
        if supervision.is_unhandled(self._running.pid, self._deployment.stop.signal):
            yield Found(finding=endings.no_handler(self._name, self._deployment.stop.signal.name))

    def _until_done(self) -> Iterator[Event]:
        limit_s = self._deployment.run_timeout_s
        ending = None
        while ending is None and self._elapsed() < limit_s:
            ending = self._running.wait(min(_SLOW_EVERY_S, limit_s - self._elapsed()))
            if ending is None and self._elapsed() < limit_s:
                yield self._happened("SLOW", f"still running ({self._elapsed():.0f} s of {limit_s:g} s)", limit_s)
        if ending is None:
            yield from self._fail(endings.job_timed_out(self._name, limit_s), cause=supervision.Cause.TIMED_OUT)
            return
        if (broken := self._broken()) is not None:
            yield from self._fail(broken)
            return
        yield self._happened("ended", endings.how(ending), limit_s)
        self.start_s = ending.duration_s
        yield from self._near("run_timeout", ending.duration_s, limit_s)
        yield from self._judge_end(ending)
        self.went_up = not self._failed

    def down(self, *, commands_ran: bool) -> Iterator[Event]:
        """Stop a service that is up, judge how it ended and what it printed, and finish the step."""
        if self._process is not None and self._deployment.is_service and self.went_up:
            yield from self._take_down(self._process)
        if self._process is not None:
            yield from self._judge_output()
        if self._failed:
            yield from self._last_lines()
        elif not (self._deployment.proves_something or commands_ran):
            yield Found(finding=endings.proved_nothing(self._name))
        self.close()
        yield StepFinished(
            step=Step.DEPLOY,
            outcome=Outcome.FAILED if self._failed else Outcome.OK,
            detail="" if self._failed else self._evidence(),
            duration_s=time.monotonic() - self._began,
        )

    def _take_down(self, process: supervision.Process) -> Iterator[Event]:
        stop = self._deployment.stop
        if (broken := self._broken()) is not None:
            yield from self._fail(broken)
            return
        if process.main_exited():
            ending = ended(process)
            self._failed = True
            yield self._happened("died", endings.how(ending))
            yield Found(finding=endings.died(self._name, ending))
            yield from (Found(finding=each) for each in endings.left_behind(self._name, ending))
            return
        count = len(process.tree())
        yield self._happened(stop.signal.name, f"to {count} process{'es' if count != 1 else ''}")
        asked = time.monotonic()
        ending = process.stop(stop.signal, stop.grace_s)
        took_s = time.monotonic() - asked
        yield self._happened("stopped", endings.how(ending), stop.grace_s, took_s)
        if ending.forced:
            self._failed = True
            yield Found(finding=endings.killed(self._name, stop.signal.name, stop.grace_s))
            return
        yield from self._near("stop_timeout", took_s, stop.grace_s)
        yield from self._judge_end(ending)

    def _judge_end(self, ending: supervision.Ending) -> Iterator[Event]:
        for finding in endings.judged_end(self._name, ending, self._deployment.exit_codes):
            self._failed |= finding.level is Level.ERROR
            yield Found(finding=finding)

    def _judge_output(self) -> Iterator[Event]:
        for finding in output.judge(self._place.log, self._deployment, ended_well=not self._failed):
            self._failed |= finding.level is Level.ERROR
            yield Found(finding=finding)

    def _fail(self, finding: Finding, *, cause: supervision.Cause = supervision.Cause.STOPPED) -> Iterator[Event]:
        """Report the failure, then end what was started: evidence first, clean-up after it."""
        self._failed = True
        self.went_up = False
        if finding.code in _TIMEOUTS:
            yield from self._timed_out(finding)
        yield Found(finding=finding)
        yield from self._last_lines()
        if self._process is not None:
            stop = self._deployment.stop
            ending = self._process.stop(stop.signal, stop.grace_s, cause=cause)
            if ending.signals:
                yield self._happened("stopped", f"{endings.how(ending)} ({endings.signals(ending)})")
            else:
                yield self._happened("ended", endings.how(ending))
            if ending.forced:
                yield Found(finding=endings.killed(self._name, stop.signal.name, stop.grace_s))
            yield from (Found(finding=each) for each in endings.left_behind(self._name, ending))

    def _timed_out(self, finding: Finding) -> Iterator[Event]:
        broken = self._sentinel if self._sentinel is not None and self._sentinel.finding is not None else None
        at_s = broken.broken_at - self._began if broken else self._elapsed()
        yield Happened(step=Step.DEPLOY, at_s=at_s, what="TIMEOUT", detail=finding.message)
        seen = broken.seen if broken else self._look()
        yield Told(step=Step.DEPLOY, title="processes at that moment", lines=seen)

    def _look(self) -> tuple[str, ...]:
        """Return what it is doing now, looked at before anything of it is ended."""
        return tuple(supervision.tree(self._running.tree()))

    def _broken(self) -> Finding | None:
        """Return which limit was broken behind our back, None when none was; the watch is over then."""
        if self._sentinel is None:
            return None
        self._sentinel.dismiss()
        return self._sentinel.finding

    def _last_lines(self) -> Iterator[Event]:
        """Show how the log ends, once: at the moment of the failure, not after the messages of a stop."""
        lines = tuple(output.tail(self._place.log, _TAIL_LINES))
        if lines and not self._told:
            self._told = True
            yield Told(step=Step.DEPLOY, title=f"end of {self._place.log.name}", lines=lines)

    def _near(self, key: str, took_s: float, limit_s: float) -> Iterator[Event]:
        if took_s >= NEAR * limit_s:
            yield Found(finding=endings.near_limit(self._name, key, took_s, limit_s))

    def _evidence(self) -> str:
        if self._deployment.is_service:
            return "started, was ready, was stopped, left nothing running"
        seen = f", {len(self._deployment.expect_output)} expected lines seen" if self._deployment.expect_output else ""
        return f"ended with an allowed exit code{seen}, left nothing running"

    @property
    def _name(self) -> str:
        return Path(self._launch.argv[0]).name

    @property
    def _running(self) -> supervision.Process:
        if self._process is None:
            msg = "the deployment was not started"
            raise RuntimeError(msg)
        return self._process

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _happened(self, what: str, detail: str, limit_s: float | None = None, used_s: float | None = None) -> Happened:
        at_s = self._elapsed()
        return Happened(step=Step.DEPLOY, at_s=at_s, what=what, detail=detail, limit_s=limit_s, used_s=used_s)

    def close(self) -> None:
        """End whatever is left of it; may be called at any time, and again."""
        if self._process is not None:
            stop = self._deployment.stop
            self._broken()
            self._process.stop(stop.signal, min(stop.grace_s, supervision.CANCEL_GRACE_S))
            self._process.close()


def _port_of(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
