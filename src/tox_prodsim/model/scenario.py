"""What the user asked for, checked: every error names the key, before anything is started.

Seconds are floats named ``…_s``. Placeholders (``{port}``, ``{url}``, ``{scratch}``) stay in the text of a
``Deployment`` until it is launched, because every start gets a port of its own: ``Deployment.launch`` fills them.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from tox_prodsim.model.auditors import Auditor
from tox_prodsim.model.conditions import Condition
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import Policy
from tox_prodsim.model.leaks import AllowLeaks
from tox_prodsim.model.parsing import fill, parse_signal, regex, whole
from tox_prodsim.model.probe_kinds import is_delay, parse_probe
from tox_prodsim.model.probes import LOOPBACK, HttpProbe, Probe, ProbeSource, base_url

ContainmentKind = Literal["auto", "subreaper", "cgroup", "pidns", "group"]
"""How the processes of a run are held together."""
CONTAINMENT_KINDS: tuple[ContainmentKind, ...] = get_args(ContainmentKind)
StopTo = Literal["main", "group", "tree"]
"""Who gets the stop signal: the main process, its process group, or every process."""
STOP_TO: tuple[StopTo, ...] = get_args(StopTo)
BASELINE_DIR = ".prodsim/baselines"
"""Below the tox root: a hidden folder is not taken for a package by any build back end."""
HIGHEST, LOWEST = "highest", "lowest-direct"
"""Which versions of its direct dependencies a wheel is tried with."""
NO_VALUES: Mapping[str, str] = MappingProxyType({})
"""What the placeholders of other services stand for where there are none."""
SIZE_KEYS = ("max_wheel_size", "max_installed_size", "max_import_memory", "max_ready_memory")
"""The keys of budgets in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """How to end a service: ``signal`` to the processes named by ``to``, SIGKILL to all after ``grace_s`` seconds."""

    signal: signal.Signals
    grace_s: float
    to: StopTo = "main"


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One start of a deployment, all placeholders filled."""

    argv: tuple[str, ...]
    """The command line."""
    probes: tuple[Probe, ...]
    """How one sees that it is ready; empty for a job."""
    port: int | None
    """The free port that ``{port}`` stands for; None: nothing names it."""
    url: str
    """Where it listens; empty when neither a port nor a probe says so."""
    values: Mapping[str, str]
    """What the placeholders stand for."""
    drain: tuple[str, ...] = ()
    """The requests that are in flight when it is stopped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What production would run: a service when ``ready`` says how one sees it is up, otherwise a job."""

    name: str = ""
    """Its name among several services; empty: it is the only one, named by no section."""
    section: str = ""
    """Its section, as it is written in the file; empty: it has none."""
    depends: tuple[str, ...] = ()
    """The services that must be ready, and the jobs that must have ended well, before it is started."""
    set_env: Mapping[str, str] = field(default_factory=dict)
    """Variables of its own, with placeholders; they override those of the environment."""
    argv: tuple[str, ...]
    """The command line, with placeholders."""
    ready: tuple[ProbeSource, ...]
    """The probes as they are written, with placeholders."""
    ready_timeout_s: float
    """Longest time from the spawn until a service is ready."""
    run_timeout_s: float
    """Longest time of a job."""
    stop: Stop
    """How a service is ended, and a job that takes too long."""
    exit_codes: frozenset[int]
    """The allowed ends, a signal as its negative number (as in ``subprocess``)."""
    expect_output: tuple[re.Pattern[bytes], ...] = ()
    """Patterns each of which a line of the output must match."""
    reject_output: tuple[re.Pattern[bytes], ...] = ()
    """Output that the user forbids (RUN612)."""
    uses_port: bool = False
    """Whether each start gets a free port."""
    idle_timeout_s: float | None = None
    """Longest silence of its output; None: it may be silent for ever."""
    watchdog_timeout_s: float | None = None
    """Longest time between two WATCHDOG=1 of sd_notify once it is ready; None: none are expected."""
    output_limit_bytes: int | None = None
    """Size of its log from which on it is a flood; None: there is no limit."""
    drain: tuple[str, ...] = ()
    """URLs of the requests that are in flight when a service is stopped, with placeholders."""
    restarts: int = 0
    """How often a service that has stopped is started once more, on the same port and in the same folder."""
    crash: bool = False
    """Whether a service is started once more after SIGKILL to its whole tree."""

    def __post_init__(self) -> None:
        """Refuse a probe that cannot be satisfied within ``ready_timeout``; raises ProdsimError."""
        for at, probe in enumerate(stand_in_probes("ready", self.ready)):
            if probe.steady_s >= self.ready_timeout_s:
                msg = (
                    f"for={probe.steady_s:g} leaves no time to become ready in ready_timeout = {self.ready_timeout_s:g}"
                )
                raise ProdsimError(f"ready[{at}]", msg)

    @property
    def is_service(self) -> bool:
        """Return whether it must become ready and stay up until stopped."""
        return bool(self.ready)

    @property
    def proves_something(self) -> bool:
        """Return whether the deployment itself shows evidence beyond an exit code."""
        delays = [source for source in self.ready if is_delay(source)]
        return len(self.ready) > len(delays) or bool(self.expect_output)

    def launch(self, *, port: int | None, scratch: Path, others: Mapping[str, str] = NO_VALUES) -> Launch:
        """Return this deployment with its placeholders filled for one start; ``others`` are those of other services."""
        values = {**others, **placeholders(port=port, scratch=scratch)}
        probes = tuple(parse_probe(source, f"ready[{at}]", values) for at, source in enumerate(self.ready))
        values |= _asked_url(probes, port)
        url = values.get("url") or next(filter(None, map(base_url, probes)), "")
        argv = tuple(fill(word, values) for word in self.argv)
        drain = tuple(fill(request, values) for request in self.drain)
        return Launch(argv=argv, probes=probes, port=port, url=url, values=values, drain=drain)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budgets:
    """Limits of imports and of the start-up; None, or no names: there is no limit."""

    import_s: float | None = None
    """Longest time of an import."""
    startup_s: float | None = None
    """Longest time of the start-up."""
    modules: int | None = None
    """Most modules that an import may load."""
    forbidden: tuple[str, ...] = ()
    """Modules that no import may load, with what is inside of them."""
    work_increase: float | None = None
    """Fraction by which the work of the imports may exceed that of the baseline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeBudgets:
    """Limits of sizes and of memory."""

    limits: Mapping[str, int | None] = field(default_factory=dict)
    """Bytes by name of the key; None: there is no limit."""


class Update(StrEnum):
    """What of a run becomes the baseline."""

    ALL = "all"
    CONTENTS = "contents"
    TIMES = "times"


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What to time and against what."""

    imports: tuple[str, ...] = ()
    """The modules to time; empty: the top-levels and the console scripts' modules."""
    startup: bool = True
    """Whether the start-up of the deployment is timed."""
    tolerance: float = 0.05
    """Fraction by which a time may exceed its baseline."""
    timeout_s: float = 60.0
    """Longest time of the step that takes and compares times."""
    baseline_dir: Path = field(default_factory=lambda: Path(BASELINE_DIR))
    """The folder of the baselines of all environments."""
    reference_release: bool = True
    """Whether another version may be fetched, or built, and run beside this one."""
    update: Update | None = None
    """What of this run becomes the baseline; None: nothing."""
    budgets: Budgets = field(default_factory=Budgets)
    """The limits that hold whatever the baseline."""
    sizes: SizeBudgets = field(default_factory=SizeBudgets)
    """The same for sizes and memory."""
    size_tolerance: float = 0.1
    """Fraction by which a size, or a number of modules, may exceed its baseline."""
    memory_tolerance: float = 0.05
    """The same for memory."""

    @property
    def updates_contents(self) -> bool:
        """Return whether what the release holds becomes the baseline."""
        return self.update in {Update.ALL, Update.CONTENTS}

    @property
    def updates_times(self) -> bool:
        """Return whether the times become the baseline."""
        return self.update in {Update.ALL, Update.TIMES}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportFile:
    """A report that is written at the end of a run."""

    format: str
    path: Path | None = None
    """Its file; None: one in the folder of the environment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One prodsim environment: what to deploy, what to time, what counts."""

    env_name: str
    """The name of the environment."""
    deployments: tuple[Deployment, ...]
    """What production would run: nothing, the one of ``deploy``, or several services in the order of ``services``."""
    run_timeout_s: float
    """Longest time of each of tox's ``commands_pre``, ``commands`` and ``commands_post``."""
    stop: Stop
    """How commands that take too long are ended."""
    deploy_files: tuple[Path, ...]
    """What is copied into the scratch directory."""
    timing: Timing
    """What to time and against what."""
    policy: Policy
    """Which findings count, and which errors only warn."""
    has_commands: bool
    """Whether there are ``commands`` or ``commands_post``."""
    extensions: tuple[str, ...] = ()
    """The compiled modules that must be in the wheel and load."""
    containment: ContainmentKind = "auto"
    """How the processes are held together."""
    allow_leaks: AllowLeaks = field(default_factory=AllowLeaks)
    """What may be left behind."""
    audit: tuple[Auditor, ...] = ()
    """The tools that audit the files of the release."""
    simulate: tuple[Condition, ...] = ()
    """The conditions under which it is run once more."""
    report_mode: int = 0o600
    """The mode of the files of a run."""
    reports: tuple[ReportFile, ...] = ()
    """The reports that are written at the end of the run."""
    resolution: str = HIGHEST
    """Which versions of the wheel's own dependencies are installed: HIGHEST or LOWEST."""

    @property
    def deployment(self) -> Deployment | None:
        """Return the one of ``deploy``, whose start-up can be timed; None: there is none, or there are services."""
        return next((each for each in self.deployments if not each.name), None)


def placeholders(*, port: int | None, scratch: Path) -> dict[str, str]:
    """Return what ``{scratch}``, ``{port}`` and ``{url}`` stand for; the last two only when there is a port."""
    values = {"scratch": str(scratch)}
    if port is not None:
        values |= {"port": str(port), "url": f"http://{LOOPBACK}:{port}"}
    return values


def _asked_url(probes: Sequence[Probe], port: int | None) -> dict[str, str]:
    """Return what ``{url}`` stands for when a probe asks on the port of ``{port}``: with its scheme and its host."""
    asked = (base_url(probe) for probe in sorted(probes, key=lambda probe: not isinstance(probe, HttpProbe)))
    return next(({"url": url} for url in asked if port is not None and urlsplit(url).port == port), {})


class _StandIns(dict[str, str]):
    """Placeholders of which only the kind is known: those of other services are by their ends."""

    def get(self, key: str, default: Any = None) -> Any:
        ends = {"_port": self["port"], "_url": self["url"]}
        return next((value for end, value in ends.items() if key.endswith(end)), super().get(key, default))


STAND_INS: Mapping[str, str] = _StandIns(placeholders(port=1, scratch=Path("scratch")))


def stand_in_probes(key: str, sources: Iterable[object]) -> tuple[Probe, ...]:
    """Return the probes of a key with some port and folder in place of its placeholders.

    Raises ProdsimError that names the one that is wrong.
    """
    values = STAND_INS
    return tuple(parse_probe(source, f"{key}[{at}]", values) for at, source in enumerate(sources))


def probe_sources(key: str, items: Sequence[ProbeSource]) -> tuple[ProbeSource, ...]:
    """Return the probes of a key as they are written, each of them checked."""
    stand_in_probes(key, items)
    return tuple(items)


def uses_port(texts: Iterable[object]) -> bool:
    """Return whether any of the texts names ``{port}`` or ``{url}``."""
    return any("{port}" in str(text) or "{url}" in str(text) for text in texts)


def signal_named(key: str, name: str) -> signal.Signals:
    """Return the signal for ``SIGTERM``, ``TERM`` or ``15``; raises ProdsimError naming the key otherwise."""
    number = parse_signal(name)
    if number is None:
        msg = f"{name!r} is not a signal of this system, write for example SIGTERM or SIGINT"
        raise ProdsimError(key, msg)
    return number


def stop_signal(key: str, name: str) -> signal.Signals:
    """Return the signal that asks a service to stop; raises ProdsimError when it is one that cannot."""
    number = signal_named(key, name)
    if number.name == "SIGSTOP":
        msg = "SIGSTOP suspends a process and does not end it, write for example SIGTERM or SIGINT"
        raise ProdsimError(key, msg)
    return number


def exit_codes(key: str, words: Iterable[str]) -> frozenset[int]:
    """Return the allowed ends from words such as ``0``, ``3`` or ``SIGTERM`` (which allows -15 and 128 + 15)."""
    return frozenset(code for word in words for code in _exit_codes_of(key, word))


def default_exit_codes(stop: signal.Signals, *, service: bool) -> frozenset[int]:
    """Return 0 for a job; for a service also death by its own stop signal, which uvicorn, waitress and others show."""
    return frozenset({0, -stop, 128 + stop}) if service else frozenset({0})


def _exit_codes_of(key: str, word: str) -> set[int]:
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


def drain_urls(key: str, lines: Sequence[object]) -> tuple[str, ...]:
    """Return the requests of a key as they are written; raises ProdsimError for what is not a URL to ask."""
    for line in map(str, lines):
        if problem := _not_a_request(line):
            msg = f"{line!r} {problem}"
            raise ProdsimError(key, msg)
    return tuple(map(str, lines))


def _not_a_request(line: str) -> str:
    """Return why a URL, with its placeholders, cannot be requested; nothing when it can."""
    text = re.sub(r"\{\w+\}", "1", re.sub(r"\{(\w+_)?url\}", "http://host", line))
    if re.search(r"\s", text):
        return "has a blank, write one URL a line and %20 for a blank in it"
    try:
        text.encode()
        parts, port = urlsplit(text), urlsplit(text).port
    except UnicodeEncodeError:
        return "is not a URL to request: it has bytes that are not UTF-8"
    except ValueError as problem:
        return f"is not a URL to request: {str(problem).lower()}"
    if parts.scheme not in {"http", "https", "tcp"} or not parts.hostname:
        return f"is not a URL to request, write for example {{url}}/slow or tcp://{LOOPBACK}:{{port}}"
    return f"names no port, write for example tcp://{LOOPBACK}:{{port}}" if parts.scheme == "tcp" and not port else ""


def stop_to(key: str, word: str) -> StopTo:
    """Return who gets the stop signal; raises ProdsimError when it is not one of the three words."""
    found = [each for each in STOP_TO if each == word.strip()]
    if not found:
        msg = f"{word.strip()!r} is not one of {', '.join(STOP_TO)}"
        raise ProdsimError(key, msg)
    return found[0]


def containment(key: str, word: str) -> ContainmentKind:
    """Return how the processes are to be held together; raises ProdsimError when it is not one of the kinds."""
    found = [kind for kind in CONTAINMENT_KINDS if kind == word.strip()]
    if not found:
        msg = f"{word.strip()!r} is not one of {', '.join(CONTAINMENT_KINDS)}"
        raise ProdsimError(key, msg)
    return found[0]


def resolution(key: str, word: str) -> str:
    """Return which versions are to be taken; raises ProdsimError when it is neither of the two words."""
    if word.strip() not in {HIGHEST, LOWEST}:
        msg = f"{word!r} is neither {HIGHEST} nor {LOWEST}"
        raise ProdsimError(key, msg)
    return word.strip()


def codes(key: str, words: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the items of ``select``, ``ignore`` or ``warn``, each a code of the catalogue or a prefix of some.

    A glob of subjects may follow a colon: ``IMP504:acme.win32``.
    """
    known = tuple(known)
    for word in words:
        prefix, colon, glob = word.partition(":")
        if not prefix or not any(code.startswith(prefix) for code in known):
            msg = f"{word!r} is neither a code nor a prefix of one, see 'tox prodsim checks'"
            raise ProdsimError(key, msg)
        if colon and not glob:
            msg = f"{word!r} names no subject, write for example {prefix}:acme.* without a blank behind the colon"
            raise ProdsimError(key, msg)
    return tuple(words)
