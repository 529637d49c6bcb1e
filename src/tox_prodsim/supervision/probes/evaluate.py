"""Is it ready: evaluate a probe once, and accept an answer only when it comes from the deployment itself.

An old server that still listens on the port answers every naive probe within milliseconds. So after an answer over a
socket the listening one must belong to a process of the tree; where that cannot be checked, the answer has a note.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from tox_prodsim.model import files
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import ExpressionLimitError
from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.probes import (
    LOOPBACK,
    DelayProbe,
    ExecProbe,
    FileProbe,
    HttpProbe,
    ListenProbe,
    LogProbe,
    NotifyProbe,
    Probe,
    TcpProbe,
    UnixProbe,
)
from tox_prodsim.model.runner import Completed, Runner
from tox_prodsim.supervision import clock
from tox_prodsim.supervision.expressions import Expressions
from tox_prodsim.supervision.probes.answers import Answer, NotReady, Ready, Tree, Undecided
from tox_prodsim.supervision.probes.http import probe_http, target
from tox_prodsim.supervision.probes.notify import NotifySocket, NotifyState
from tox_prodsim.supervision.probes.tcp import local_addresses, probe_listen, probe_tcp
from tox_prodsim.supervision.probes.unix import probe_unix

LOG_BYTES_PER_POLL = 1 << 20
LINE_LIMIT_BYTES = 1 << 16
SHOWN = 200
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeContext:
    """What a probe may need."""

    tree: Tree
    """Returns the processes of the deployment."""
    log: LogWatch
    scratch: Path
    """The folder of relative paths."""
    spawned_at: float = 0.0
    """The ``clock.now()`` of the start of the deployment."""
    notify: NotifySocket | None = None
    """None: no probe needs it."""
    execute: ExecWatch | None = None
    """None: no probe needs it."""
    expressions: Expressions = field(default_factory=Expressions)
    """Searches for those of the probes."""


def poll_intervals() -> Iterator[float]:
    """Yield the seconds to sleep between two polls: from 20 ms, 1.3 times longer each time, up to 1 s."""
    pause_s = 0.02
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.3, 1.0)


def evaluate_probe(probe: Probe, context: ProbeContext, *, left_s: float = math.inf) -> Answer:
    """Evaluate one probe once, ``left_s`` before the answer is of no use any more."""
    try:
        return _evaluate(probe, context, left_s)
    except ExpressionLimitError as problem:
        return Undecided(expression=problem.expression, reason=str(problem))


def _evaluate(probe: Probe, context: ProbeContext, left_s: float) -> Answer:
    """Evaluate one probe once; raises ExpressionLimitError."""
    match probe:
        case HttpProbe():
            answer = probe_http(probe, context.tree, context.expressions)
        case TcpProbe():
            answer = probe_tcp(probe, context.tree)
        case UnixProbe():
            answer = probe_unix(probe, context.scratch, context.tree)
        case ListenProbe():
            answer = probe_listen(probe, context.tree)
        case LogProbe():
            answer = _log(probe, context.log, context.expressions)
        case FileProbe():
            answer = _file(probe, context.scratch)
        case DelayProbe():
            answer = _delay(probe, clock.now() - context.spawned_at)
        case NotifyProbe():
            answer = _notify(_required(context.notify).read(context.tree))
        case ExecProbe():
            answer = _required(context.execute).answer(probe, left_s)
    return answer


def probe_ports(probes: Iterable[Probe]) -> tuple[tuple[str, int], ...]:
    """Return the hosts and ports of this machine that the probes name: they must be free before the start."""
    named: dict[tuple[str, int], None] = {}
    for probe in probes:
        match probe:
            case HttpProbe():
                named[target(probe.url)[:2]] = None
            case TcpProbe():
                named[probe.host, probe.port] = None
            case ListenProbe(port=int(port)):
                named[LOOPBACK, port] = None
    return tuple(target for target in named if local_addresses(*target))


def probe_sockets(probes: Iterable[Probe], scratch: Path) -> tuple[Path, ...]:
    """Return the Unix sockets that the probes name: no process may listen on them before the start."""
    return tuple(dict.fromkeys(scratch / probe.path for probe in probes if isinstance(probe, UnixProbe)))


def _required(value: T | None) -> T:
    if value is None:
        msg = "the context lacks what a probe of this kind needs"
        raise ValueError(msg)
    return value


def _log(probe: LogProbe, log: LogWatch, expressions: Expressions) -> Answer:
    found = log.find(probe.pattern, expressions)
    return NotReady(reason=f"no line matches /{probe.pattern}/") if found is None else Ready(detail=f'log "{found}"')


def _file(probe: FileProbe, scratch: Path) -> Answer:
    path = scratch / probe.path
    return Ready(detail=f"file {probe.path}") if path.exists() else NotReady(reason=f"no file {probe.path}")


def _delay(probe: DelayProbe, age_s: float) -> Answer:
    if age_s < probe.delay_s:
        return NotReady(reason=f"runs for {age_s:.2f} s of {probe.delay_s:g} s")
    return Ready(detail=f"{probe.delay_s:g} s passed")


def _notify(state: NotifyState) -> Answer:
    status = f' "{state.status}"' if state.status else ""
    if state.ready:
        note = ", sender not checked: it was gone by then" if state.sender_unverified else ""
        return Ready(detail=f"notify READY=1{status}{note}")
    ignored = f", a message of {state.foreign_sender} does not count: no process of the deployment"
    return NotReady(reason=f"no READY=1{status}{ignored if state.foreign_sender else ''}")


class ExecWatch:
    """Runs the commands of probes, each at its own pace: in between its last answer holds."""

    def __init__(self, run: Runner, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._clock = clock
        self._last: dict[ExecProbe, tuple[float, Answer]] = {}

    def answer(self, probe: ExecProbe, left_s: float) -> Answer:
        """Return the answer of the command, which is waited for, but no longer than ``left_s``."""
        ended_at, answer = self._last.get(probe, (-math.inf, NotReady(reason=f"{_format_name(probe)} never asked")))
        limit_s = min(probe.timeout_s, left_s)
        if limit_s > 0 and self._clock() >= ended_at + probe.every_s:
            answer = _exec_answer(probe, self._run(probe.argv, timeout_s=limit_s), limit_s)
            self._last[probe] = self._clock(), answer
        return answer


def _exec_answer(probe: ExecProbe, ran: Completed, limit_s: float) -> Answer:
    """Return the answer of a command: its exit code, and the last line that it printed."""
    if ran.returncode == 0 and not ran.timed_out:
        return Ready(detail=f"{_format_name(probe)} exit code 0")
    if ran.timed_out:
        end = f"did not end within {limit_s:.3g} s"
    elif ran.returncode is None:
        end = "could not be run"
    else:
        end = f"exit code {ran.returncode}" if ran.returncode > 0 else f"ended by signal {-ran.returncode}"
    line = _last_line(ran.stderr) or _last_line(ran.stdout)
    return NotReady(reason=f"{_format_name(probe)} {end}{f': {line}' if line else ''}")


def _format_name(probe: ExecProbe) -> str:
    return f"exec {Path(probe.argv[0]).name}"


def _last_line(output: bytes) -> str:
    """Return the last line that is not empty."""
    return shortened(output[-LINE_LIMIT_BYTES:].decode("utf-8", "replace").rstrip().rpartition("\n")[2], SHOWN)


class LogWatch:
    """Finds lines in a log that grows: each pattern reads on from where it stopped, a bounded amount at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, bytes]] = {}
        self._last: dict[str, str | None] = {}

    def find(self, pattern: str, expressions: Expressions) -> str | None:
        """Return the first line not yet seen that matches, or None; the last line counts though it may still grow.

        Raises ExpressionLimitError.
        """
        offset, rest = self._places.get(pattern, (0, b""))
        chunk = self._read(offset)
        if not chunk and pattern in self._last:
            return self._last[pattern]
        *lines, rest = (rest + chunk).split(b"\n")
        self._places[pattern] = (offset + len(chunk), rest[-LINE_LIMIT_BYTES:])
        self._last[pattern] = None
        at = expressions.first(re.compile(pattern.encode()), (*lines, rest))
        if at is None:
            return None
        if at == len(lines):
            self._last[pattern] = shortened(rest.decode("utf-8", "replace"), SHOWN)
        return shortened((*lines, rest)[at].decode("utf-8", "replace"), SHOWN)

    def _read(self, offset: int) -> bytes:
        try:
            with files.open_regular(self._path) as log:
                log.seek(offset)
                return log.read(LOG_BYTES_PER_POLL)
        except OSError:
            return b""
