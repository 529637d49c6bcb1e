"""What the user asked for, checked: every error names the key, before anything is started.

Seconds are floats named ``…_s``. Placeholders (``{port}``, ``{url}``, ``{scratch}``) stay in the text of a
``Deployment`` until it is launched, because every start gets a port of its own: ``Deployment.launch`` fills them.
"""

from __future__ import annotations

import math
import re
import shlex
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tox_prodsim.errors import ProdsimError
from tox_prodsim.findings import Policy

LOOPBACK = "127.0.0.1"
DEFAULT_REJECT = (r"Traceback \(most recent call last\)", "ResourceWarning", "was never awaited")
"""Output that speaks against a success although the exit code may be 0 (RUN624)."""

ProbeSource = str | Mapping[str, object]
"""How a probe is written: one line of text, or in TOML a table such as ``{ http = "…", status = 200 }``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpProbe:
    """Ready when the URL answers with one of ``statuses`` (empty: any 2xx) and a matching body, in ``timeout_s``."""

    url: str
    statuses: tuple[int, ...] = ()
    body: str = ""
    header: tuple[str, str] | None = None
    method: str = "GET"
    timeout_s: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TcpProbe:
    """Ready when a connection to host and port is accepted."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ListenProbe:
    """Ready when a process of the deployment listens on TCP: on ``port``, or on any port when it is None."""

    port: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogProbe:
    """Ready when a line of stdout or stderr matches the regular expression."""

    pattern: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FileProbe:
    """Ready when the file exists; a relative path is below the scratch directory."""

    path: str


Probe = HttpProbe | TcpProbe | ListenProbe | LogProbe | FileProbe


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
        url = values.get("url") or next(filter(None, map(_asked, probes)), "")
        argv = tuple(fill(word, values) for word in self.argv)
        return Launch(argv=argv, probes=probes, port=port, url=url, values=values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What to time and against what; ``imports`` empty means the top-levels and the console scripts' modules."""

    imports: tuple[str, ...] = ()
    startup: bool = True
    tolerance: float = 0.10
    baseline_dir: Path = field(default_factory=lambda: Path("prodsim/baselines"))
    update: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One prodsim environment: what to deploy, what to time, what counts.

    ``run_timeout_s`` bounds each of tox's ``commands_pre``, ``commands`` and ``commands_post``; ``stop`` ends them.
    """

    env_name: str
    deployment: Deployment | None
    run_timeout_s: float
    stop: Stop
    deploy_files: tuple[Path, ...]
    timing: Timing
    policy: Policy
    has_commands: bool
    containment: str = "auto"


def placeholders(*, port: int | None, scratch: Path) -> dict[str, str]:
    """Return what ``{scratch}``, ``{port}`` and ``{url}`` stand for; the last two only when there is a port."""
    values = {"scratch": str(scratch)}
    if port is not None:
        values |= {"port": str(port), "url": f"http://{LOOPBACK}:{port}"}
    return values


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace the known placeholders, once; other braces are left as they are, for regular expressions and JSON."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


def uses_port(texts: Iterable[object]) -> bool:
    """Return whether any of the texts names ``{port}`` or ``{url}``."""
    return any("{port}" in str(text) or "{url}" in str(text) for text in texts)


def finds_place(probes: Iterable[Probe]) -> bool:
    """Return whether a probe knows, or will find out, where the deployment listens."""
    return any(isinstance(probe, HttpProbe | TcpProbe | ListenProbe) for probe in probes)


def _asked(probe: Probe) -> str:
    """Return the URL of the place that a probe asks, or nothing."""
    match probe:
        case HttpProbe(url=url):
            parts = urlsplit(url)
            return f"{parts.scheme}://{parts.netloc}"
        case TcpProbe(host=host, port=port):
            return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        case _:
            return ""


def seconds(key: str, value: object) -> float:
    """Return the value when it is a usable time limit; raises ProdsimError naming the key otherwise."""
    number = _positive(value)
    if number is None:
        msg = f"{_written(value)} is no time limit, give a number of seconds above 0"
        raise ProdsimError(key, msg)
    return number


def limit(key: str, value: object, *, unit: str) -> float | None:
    """Return the value when it is a usable limit, None when it is 0: no limit; raises ProdsimError naming the key."""
    number = _positive(value)
    if number is None and str(value).strip() not in {"0", "0.0"}:
        msg = f"{_written(value)} is no limit, give a number of {unit} above 0, or 0 for no limit"
        raise ProdsimError(key, msg)
    return number


def percent(key: str, value: object) -> float:
    """Return the value when it is a usable percentage; raises ProdsimError naming the key otherwise."""
    number = _positive(value)
    if number is None:
        msg = f"{_written(value)} is no percentage, give a number above 0 without the sign"
        raise ProdsimError(key, msg)
    return number


def _positive(value: object) -> float | None:
    """Return the finite number above 0 that the value is, or that its text means; None when there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _written(value: object) -> str:
    """Return the value as the user wrote it, quoted when it would not be seen otherwise."""
    return value if isinstance(value, str) and value else repr(value)


def signal_named(key: str, name: str) -> signal.Signals:
    """Return the signal for ``SIGTERM``, ``TERM`` or ``15``; raises ProdsimError naming the key otherwise."""
    text = name.strip().upper()
    try:
        if text.isdigit():
            return signal.Signals(int(text))
        return signal.Signals[text if text in signal.Signals.__members__ else "SIG" + text.removeprefix("SIG")]
    except (KeyError, ValueError):
        msg = f"{name!r} is no signal of this system, write for example SIGTERM or SIGINT"
        raise ProdsimError(key, msg) from None


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
    code = _whole(word)
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
    return tuple(_regex(f"{key}[{at}]" if len(lines) > 1 else key, line) for at, line in enumerate(lines))


def codes(key: str, words: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the items of ``select``, ``ignore`` or ``warn``, each a code of the catalogue or a prefix of some."""
    known = tuple(known)
    for word in words:
        if not word or not any(code.startswith(word) for code in known):
            msg = f"{word!r} is no code and no prefix of one, see 'tox prodsim checks'"
            raise ProdsimError(key, msg)
    return tuple(words)


def parse_probe(source: object, key: str, values: Mapping[str, str]) -> Probe:
    """Return the probe that a line (or a TOML table) describes, its placeholders filled from ``values``."""
    if isinstance(source, Mapping):
        return _from_table(source, key, values)
    if not isinstance(source, str):
        msg = f"{source!r} is neither a text nor a table, write for example http://{LOOPBACK}:{{port}}/health"
        raise ProdsimError(key, msg)
    text = fill(source.strip(), values)
    kind, _, rest = text.partition(":")
    match kind:
        case "http" | "https":
            return _http(text, key)
        case "tcp":
            return _tcp(rest, key)
        case "listen":
            return ListenProbe(port=_port(rest, key) if rest else None)
        case "log":
            return LogProbe(pattern=_slashed(rest, key))
        case "file":
            return _file(rest, key)
    msg = f"{source!r} is no probe, write http://…, tcp://host:port, listen, log:/regex/ or file:path"
    raise ProdsimError(key, msg)


_TABLE_OPTIONS = {"http": {"status", "body", "header", "method", "timeout"}}


def _from_table(table: Mapping[str, object], key: str, values: Mapping[str, str]) -> Probe:
    kinds = [kind for kind in ("http", "tcp", "listen", "log", "file") if kind in table]
    if len(kinds) != 1:
        msg = f"{dict(table)!r} needs exactly one of http, tcp, listen, log, file"
        raise ProdsimError(key, msg)
    kind = kinds[0]
    unknown = set(table) - {kind} - _TABLE_OPTIONS.get(kind, set())
    if unknown:
        msg = f"a {kind} probe has no option {min(unknown)!r}"
        raise ProdsimError(key, msg)
    value = fill(str(table[kind]), values)
    match kind:
        case "http":
            options = {name: fill(_option(option), values) for name, option in table.items() if name != kind}
            return _http_with(value, options, key)
        case "tcp":
            return _tcp(value if value.startswith("//") else value.removeprefix("tcp:"), key)
        case "listen":
            return ListenProbe(port=None if value.lower() in {"true", "", "any"} else _port(value, key))
        case "log":
            return LogProbe(pattern=_regex(key, value).pattern.decode())
        case _:
            return _file(value, key)


def _option(value: object) -> str:
    """Return the option of a table as it would stand in a line: ``status = [200, 204]`` is ``status=200,204``."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _http(text: str, key: str) -> HttpProbe:
    """Return the probe for ``URL status=200 body=/ok/ header=/x-app: 1/ method=HEAD timeout=2``."""
    url, *rest = text.split(maxsplit=1)
    options: dict[str, str] = {}
    for word in _words("".join(rest), key):
        name, equals, value = word.partition("=")
        if not equals or name not in _TABLE_OPTIONS["http"]:
            msg = f"{word!r} is no option of an http probe, use status=, body=, header=, method= or timeout="
            raise ProdsimError(key, msg)
        options[name] = _slashed(value, key) if name in {"body", "header"} else value
    return _http_with(url, options, key)


def _http_with(url: str, options: Mapping[str, str], key: str) -> HttpProbe:
    _checked_url(url, key)
    header: tuple[str, str] | None = None
    if "header" in options:
        name, colon, value = options["header"].partition(":")
        if not colon:
            msg = f"header={options['header']!r} needs the form /name: regex/"
            raise ProdsimError(key, msg)
        header = (name.strip(), _regex(key, value.strip()).pattern.decode())
    return HttpProbe(
        url=url,
        statuses=_statuses(options["status"], key) if "status" in options else (),
        body=_regex(key, options.get("body", "")).pattern.decode(),
        header=header,
        method=_method(options.get("method", "GET"), key),
        timeout_s=seconds(key, options.get("timeout", "1")),
    )


def _checked_url(url: str, key: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        msg = f"{url!r} is no URL that can be asked, write for example http://{LOOPBACK}:{{port}}/health"
        raise ProdsimError(key, msg)


def _statuses(text: str, key: str) -> tuple[int, ...]:
    statuses = [_whole(word) or 0 for word in text.replace(",", " ").split()]
    if not statuses or not all(100 <= status <= 599 for status in statuses):
        msg = f"status={text} is no HTTP status, give for example status=200 or status=200,204"
        raise ProdsimError(key, msg)
    return tuple(statuses)


def _method(text: str, key: str) -> str:
    if not (text.isascii() and text.isalpha()):
        msg = f"method={text} is no HTTP method, write for example method=HEAD"
        raise ProdsimError(key, msg)
    return text.upper()


def _tcp(rest: str, key: str) -> TcpProbe:
    host, colon, port = rest.removeprefix("//").rstrip("/").rpartition(":")
    if not colon or not host:
        msg = f"tcp:{rest!r} needs host and port, write tcp://{LOOPBACK}:{{port}}"
        raise ProdsimError(key, msg)
    return TcpProbe(host=host.strip("[]"), port=_port(port, key))


def _file(rest: str, key: str) -> FileProbe:
    if not rest.strip():
        msg = "file: needs a path, write for example file:{scratch}/app.pid"
        raise ProdsimError(key, msg)
    return FileProbe(path=rest.strip())


def _port(text: str, key: str) -> int:
    port = _whole(text.strip())
    if port is None or not 0 < port < 65536:
        msg = f"{text!r} is no TCP port, use {{port}} for a free one or a number from 1 to 65535"
        raise ProdsimError(key, msg)
    return port


def _whole(text: str) -> int | None:
    """Return the number that plain digits mean; ``isdigit`` also accepts what ``int`` refuses, such as a raised 2."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _slashed(text: str, key: str) -> str:
    """Return the regular expression between the slashes of ``/regex/``."""
    text = text.strip()
    if len(text) < 3 or not (text.startswith("/") and text.endswith("/")):
        msg = f"{text!r} is no regular expression between slashes, write /text/"
        raise ProdsimError(key, msg)
    return _regex(key, text[1:-1]).pattern.decode()


def _words(text: str, key: str) -> list[str]:
    """Split options at blanks outside of ``/…/`` values and quotes."""
    shielded = re.sub(r"=(/.*?/)(?=\s|$)", lambda found: "=" + shlex.quote(found[1]), text)
    try:
        return shlex.split(shielded)
    except ValueError as problem:
        raise ProdsimError(key, f"{text!r} cannot be read: {problem}".lower()) from None


def _regex(key: str, text: object) -> re.Pattern[bytes]:
    if not isinstance(text, str):
        msg = f"{text!r} is no text, put the regular expression in quotes"
        raise ProdsimError(key, msg)
    try:
        return re.compile(text.encode())
    except (re.error, OverflowError, RecursionError, UnicodeError) as problem:
        msg = f"{text!r} is no regular expression: {problem}"
        raise ProdsimError(key, msg) from None
