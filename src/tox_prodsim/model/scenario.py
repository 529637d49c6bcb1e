"""What the user asked for, checked: every error names the key, before anything is started.

Seconds are floats named ``…_s``. Placeholders (``{port}``, ``{url}``, ``{scratch}``) stay in the text of a
``Deployment`` until it is launched, because every start gets a port of its own: ``Deployment.launch`` fills them.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tox_prodsim.model.auditors import Auditor
from tox_prodsim.model.conditions import Condition
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import Policy
from tox_prodsim.model.leaks import AllowLeaks
from tox_prodsim.model.parsing import fill, parse_signal, regex, whole
from tox_prodsim.model.probes import LOOPBACK, Probe, ProbeSource, asked, parse_probe

HIGHEST, LOWEST = "highest", "lowest-direct"
"""Which versions of its direct dependencies a wheel is tried with."""
DEFAULT_REJECT = (r"Traceback \(most recent call last\)",)
"""Output that speaks against a success although the exit code may be 0 (RUN624)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """How to end a service: ``signal`` to the whole tree, then SIGKILL after ``grace_s`` seconds."""

    signal: signal.Signals
    grace_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One start of a deployment, all placeholders filled; ``url`` is empty when nothing said where it listens."""

    argv: tuple[str, ...]
    probes: tuple[Probe, ...]
    port: int | None
    url: str
    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What production would run: a service when ``ready`` says how one sees it is up, otherwise a job.

    ``exit_codes`` are the allowed ends, a signal as its negative number (as in ``subprocess``).
    """

    argv: tuple[str, ...]
    ready: tuple[ProbeSource, ...]
    ready_timeout_s: float
    run_timeout_s: float
    stop: Stop
    exit_codes: frozenset[int]
    expect_output: tuple[re.Pattern[bytes], ...] = ()
    reject_output: tuple[re.Pattern[bytes], ...] = ()
    """Output that the user forbids (RUN612); the default patterns are RUN624 and live in DEFAULT_REJECT."""
    uses_port: bool = False
    idle_timeout_s: float | None = None
    """Longest silence of its output; None: it may be silent for ever."""
    watchdog_timeout_s: float | None = None
    """Longest time between two WATCHDOG=1 of sd_notify once it is ready; None: none are expected."""
    output_limit_bytes: int | None = None
    """Size of its log from which on it is a flood; None: there is no limit."""

    @property
    def is_service(self) -> bool:
        """Return whether it must become ready and stay up until stopped."""
        return bool(self.ready)

    @property
    def proves_something(self) -> bool:
        """Return whether the deployment itself shows evidence beyond an exit code."""
        return bool(self.ready or self.expect_output)

    def launch(self, *, port: int | None, scratch: Path) -> Launch:
        """Return this deployment with its placeholders filled for one start."""
        values = placeholders(port=port, scratch=scratch)
        probes = tuple(parse_probe(source, f"ready[{at}]", values) for at, source in enumerate(self.ready))
        url = values.get("url") or next(filter(None, map(asked, probes)), "")
        argv = tuple(fill(word, values) for word in self.argv)
        return Launch(argv=argv, probes=probes, port=port, url=url, values=values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budgets:
    """Limits that need no baseline but the last one, which is a fraction; None, or no names: there is no limit."""

    import_s: float | None = None
    startup_s: float | None = None
    modules: int | None = None
    forbidden: tuple[str, ...] = ()
    work_increase: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What to time and against what; ``imports`` empty means the top-levels and the console scripts' modules."""

    imports: tuple[str, ...] = ()
    startup: bool = True
    tolerance: float = 0.05
    baseline_dir: Path = field(default_factory=lambda: Path("prodsim/baselines"))
    update: bool = False
    budgets: Budgets = field(default_factory=Budgets)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One prodsim environment: what to deploy, what to time, what counts.

    ``run_timeout_s`` bounds each of tox's ``commands_pre``, ``commands`` and ``commands_post``; ``stop`` ends them.
    ``extensions`` are the compiled modules that must be in the wheel and load.
    """

    env_name: str
    deployment: Deployment | None
    run_timeout_s: float
    stop: Stop
    deploy_files: tuple[Path, ...]
    timing: Timing
    policy: Policy
    has_commands: bool
    extensions: tuple[str, ...] = ()
    containment: str = "auto"
    allow_leaks: AllowLeaks = field(default_factory=AllowLeaks)
    audit: tuple[Auditor, ...] = ()
    simulate: tuple[Condition, ...] = ()
    resolution: str = HIGHEST


def placeholders(*, port: int | None, scratch: Path) -> dict[str, str]:
    """Return what ``{scratch}``, ``{port}`` and ``{url}`` stand for; the last two only when there is a port."""
    values = {"scratch": str(scratch)}
    if port is not None:
        values |= {"port": str(port), "url": f"http://{LOOPBACK}:{port}"}
    return values


def uses_port(texts: Iterable[object]) -> bool:
    """Return whether any of the texts names ``{port}`` or ``{url}``."""
    return any("{port}" in str(text) or "{url}" in str(text) for text in texts)


def signal_named(key: str, name: str) -> signal.Signals:
    """Return the signal for ``SIGTERM``, ``TERM`` or ``15``; raises ProdsimError naming the key otherwise."""
    number = parse_signal(name)
    if number is None:
        msg = f"{name!r} is no signal of this system, write for example SIGTERM or SIGINT"
        raise ProdsimError(key, msg)
    return number


def stop_signal(key: str, name: str) -> signal.Signals:
    """Return the signal that asks a service to stop; raises ProdsimError when it is one that cannot."""
    number = signal_named(key, name)
    if number.name == "SIGSTOP":
        msg = "SIGSTOP suspends a process and ends none, write for example SIGTERM or SIGINT"
        raise ProdsimError(key, msg)
    return number


def exit_codes(key: str, words: Sequence[str], *, default: frozenset[int]) -> frozenset[int]:
    """Return the allowed ends from words such as ``0``, ``3`` or ``SIGTERM`` (which allows -15 and 128 + 15)."""
    if not words:
        return default
    allowed: set[int] = set()
    for word in words:
        allowed |= _ends(key, word)
    return frozenset(allowed)


def _ends(key: str, word: str) -> set[int]:
    code = whole(word)
    if code is not None and code <= 255:
        return {code}
    try:
        number = int(signal_named(key, "" if word.isdigit() else word))
    except ProdsimError:
        msg = f"{word!r} is neither an exit code (0 to 255) nor a signal of this system (such as SIGTERM)"
        raise ProdsimError(key, msg) from None
    return {-number, 128 + number}


def patterns(key: str, lines: Sequence[object]) -> tuple[re.Pattern[bytes], ...]:
    """Return the regular expressions of a key, for matching the bytes of a log line by line."""
    return tuple(regex(f"{key}[{at}]" if len(lines) > 1 else key, line) for at, line in enumerate(lines))


def resolution(key: str, word: str) -> str:
    """Return which versions are to be taken; raises ProdsimError when it is neither of the two words."""
    if word.strip() not in {HIGHEST, LOWEST}:
        msg = f"{word!r} is neither {HIGHEST} nor {LOWEST}"
        raise ProdsimError(key, msg)
    return word.strip()


def codes(key: str, words: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the items of ``select``, ``ignore`` or ``warn``, each a code of the catalogue or a prefix of some."""
    known = tuple(known)
    for word in words:
        if not word or not any(code.startswith(word) for code in known):
            msg = f"{word!r} is no code and no prefix of one, see 'tox prodsim checks'"
            raise ProdsimError(key, msg)
    return tuple(words)
