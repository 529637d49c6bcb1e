"""How one sees that a service is ready: the kinds of probes, and how they are written."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import fill, regex, seconds, whole

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


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifyProbe:
    """Ready when a process of the deployment says ``READY=1`` as sd_notify(3) does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecProbe:
    """Ready when the command ends with exit code 0 within ``timeout_s``."""

    argv: tuple[str, ...]
    timeout_s: float = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class UnixProbe:
    """Ready when a stream connection to the Unix socket is accepted; a relative path is below the scratch directory."""

    path: str


Probe = HttpProbe | TcpProbe | ListenProbe | LogProbe | FileProbe | NotifyProbe | ExecProbe | UnixProbe


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
    if kind in {"http", "https"}:
        return _http(text, key)
    if kind == "exec":  # split before the placeholders are filled: a folder may have a blank in its name
        return _exec(_split(source.strip().partition(":")[2], key), {}, key, values)
    if kind not in _FROM_TEXT:
        known = "http://…, tcp://host:port, unix:path, listen, log:/regex/, file:path, exec:command or notify"
        msg = f"{source!r} is no probe, write {known}"
        raise ProdsimError(key, msg)
    return _FROM_TEXT[kind](rest, key)


_TABLE_OPTIONS = {"http": {"status", "body", "header", "method", "timeout"}, "exec": {"timeout"}}


def _from_table(table: Mapping[str, object], key: str, values: Mapping[str, str]) -> Probe:
    known = ("http", "exec", *_FROM_TEXT)
    kinds = [kind for kind in known if kind in table]
    if len(kinds) != 1:
        msg = f"{dict(table)!r} needs exactly one of {', '.join(known)}"
        raise ProdsimError(key, msg)
    kind = kinds[0]
    unknown = set(table) - {kind} - _TABLE_OPTIONS.get(kind, set())
    if unknown:
        msg = f"{'an' if kind == 'exec' else 'a'} {kind} probe has no option {min(unknown)!r}"
        raise ProdsimError(key, msg)
    value = fill(str(table[kind]), values)
    options = {name: fill(_option(option), values) for name, option in table.items() if name != kind}
    match kind:
        case "http":
            return _http_with(value, options, key)
        case "exec":
            return _exec(_command(table[kind], key), options, key, values)
        case "log":  # without the slashes of a line
            return LogProbe(pattern=regex(key, value).pattern.decode())
        case "listen" | "notify" if value.lower() in {"true", "", "any"}:
            value = ""
    return _FROM_TEXT[kind](value.removeprefix(f"{kind}:"), key)


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


def _listen(rest: str, key: str) -> ListenProbe:
    return ListenProbe(port=_port(rest, key) if rest else None)


def _log(rest: str, key: str) -> LogProbe:
    return LogProbe(pattern=_slashed(rest, key))


def _file(rest: str, key: str) -> FileProbe:
    return FileProbe(path=_path(rest, key, "file:{scratch}/app.pid"))


def _unix(rest: str, key: str) -> UnixProbe:
    return UnixProbe(path=_path(rest.removeprefix("//"), key, "unix:{scratch}/app.sock"))


def _notify(rest: str, key: str) -> NotifyProbe:
    if rest.strip():
        msg = f"notify:{rest} has an argument, write notify alone (in a table notify = true)"
        raise ProdsimError(key, msg)
    return NotifyProbe()


def _path(rest: str, key: str, example: str) -> str:
    path = rest.strip()
    if not path:
        msg = f"{example.partition(':')[0]}: needs a path, write for example {example}"
        raise ProdsimError(key, msg)
    return _for_the_system(path, key)


def _for_the_system(text: str, key: str) -> str:
    """Return a text that may be a path or a word of a command line: no NUL, and what the file system can encode."""
    try:
        usable = b"\0" not in os.fsencode(text)
    except UnicodeError:
        usable = False
    if not usable:
        msg = f"{text!r} has a character that no path and no command line can have"
        raise ProdsimError(key, msg)
    return text


def _exec(words: Sequence[str], options: Mapping[str, str], key: str, values: Mapping[str, str]) -> ExecProbe:
    argv = tuple(_for_the_system(fill(word, values), key) for word in words)
    if not argv or not argv[0]:
        msg = "exec: needs a command, write for example exec:pg_isready -p {port}"
        raise ProdsimError(key, msg)
    return ExecProbe(argv=argv, timeout_s=seconds(key, options.get("timeout", "2")))


def _command(value: object, key: str) -> list[str]:
    """Return the words of a command in a table: a list, in which numbers may stand for themselves, or one text."""
    if isinstance(value, str):
        return _split(value, key)
    words = value if isinstance(value, list) else [value]
    wrong = [word for word in words if isinstance(word, bool) or not isinstance(word, str | int | float)]
    if wrong or not isinstance(value, list):
        msg = f"{(wrong or words)[0]!r} is no text, give a list of words such as ['pg_isready', '-p', '{{port}}']"
        raise ProdsimError(key, msg)
    return [str(word) for word in words]


def _split(command: str, key: str, *, shown: str = "") -> list[str]:
    """Split a command line into words as a shell does."""
    try:
        return shlex.split(command)
    except ValueError as problem:
        raise ProdsimError(key, f"{(shown or command)!r} cannot be read: {problem}".lower()) from None


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
    return _split(shielded, key, shown=text)


_FROM_TEXT: dict[str, Callable[[str, str], Probe]] = {
    "tcp": _tcp,
    "unix": _unix,
    "listen": _listen,
    "log": _log,
    "file": _file,
    "notify": _notify,
}
"""The kinds that are a name and, after a colon, one argument."""
