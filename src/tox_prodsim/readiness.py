"""How one sees that a service is ready: the kinds of probes, and how they are written."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tox_prodsim.errors import ProdsimError
from tox_prodsim.words import fill, regex, seconds, whole

LOOPBACK = "127.0.0.1"

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


def finds_place(probes: Iterable[Probe]) -> bool:
    """Return whether a probe knows, or will find out, where the deployment listens."""
    return any(isinstance(probe, HttpProbe | TcpProbe | ListenProbe) for probe in probes)


def asked(probe: Probe) -> str:
    """Return the URL of the place that a probe asks, or nothing."""
    match probe:
        case HttpProbe(url=url):
            parts = urlsplit(url)
            return f"{parts.scheme}://{parts.netloc}"
        case TcpProbe(host=host, port=port):
            return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        case _:
            return ""


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
            return LogProbe(pattern=regex(key, value).pattern.decode())
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
        header = (name.strip(), regex(key, value.strip()).pattern.decode())
    return HttpProbe(
        url=url,
        statuses=_statuses(options["status"], key) if "status" in options else (),
        body=regex(key, options.get("body", "")).pattern.decode(),
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
    statuses = [whole(word) or 0 for word in text.replace(",", " ").split()]
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
    port = whole(text.strip())
    if port is None or not 0 < port < 65536:
        msg = f"{text!r} is no TCP port, use {{port}} for a free one or a number from 1 to 65535"
        raise ProdsimError(key, msg)
    return port


def _slashed(text: str, key: str) -> str:
    """Return the regular expression between the slashes of ``/regex/``."""
    text = text.strip()
    if len(text) < 3 or not (text.startswith("/") and text.endswith("/")):
        msg = f"{text!r} is no regular expression between slashes, write /text/"
        raise ProdsimError(key, msg)
    return regex(key, text[1:-1]).pattern.decode()


def _words(text: str, key: str) -> list[str]:
    """Split options at blanks outside of ``/…/`` values and quotes."""
    shielded = re.sub(r"=(/.*?/)(?=\s|$)", lambda found: "=" + shlex.quote(found[1]), text)
    try:
        return shlex.split(shielded)
    except ValueError as problem:
        raise ProdsimError(key, f"{text!r} cannot be read: {problem}".lower()) from None
