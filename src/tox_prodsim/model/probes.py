"""How one sees that a service is ready: the probes, and the table of their kinds.

To add a kind is to add its class and its row in KINDS.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import fill, regex, seconds, whole

LOOPBACK = "127.0.0.1"

Schema = Mapping[str, object]
"""A JSON schema."""
ProbeSource = str | Mapping[str, object]
"""How a probe is written: one line of text, or in TOML a table such as ``{ http = "…", status = 200 }``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpProbe:
    """Ready when the URL answers as described."""

    url: str
    """http or https"""
    statuses: tuple[int, ...] = ()
    """Accepted statuses; empty: any 2xx."""
    body: str = ""
    """Regular expression that the body must match; empty: any body."""
    header: tuple[str, str] | None = None
    """A header and the regular expression that its value must match; None: any."""
    method: str = "GET"
    timeout_s: float = 1.0
    """Seconds for one request."""


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
class DelayProbe:
    """Ready when so many seconds have passed since the spawn; it proves nothing by itself."""

    delay_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifyProbe:
    """Ready when a process of the deployment sends ``READY=1`` as sd_notify(3) does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecProbe:
    """Ready when the command ends with exit code 0 within ``timeout_s``; run again ``every_s`` after its end."""

    argv: tuple[str, ...]
    timeout_s: float = 2.0
    every_s: float = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class UnixProbe:
    """Ready when a stream connection to the Unix socket is accepted; a relative path is below the scratch directory."""

    path: str


Probe = HttpProbe | TcpProbe | ListenProbe | LogProbe | FileProbe | DelayProbe | NotifyProbe | ExecProbe | UnixProbe


def finds_place(probes: Iterable[Probe]) -> bool:
    """Return whether a probe knows, or will find out, where the deployment listens."""
    return any(isinstance(probe, HttpProbe | TcpProbe | ListenProbe) for probe in probes)


def base_url(probe: Probe) -> str:
    """Return the URL of the host and port that a probe connects to, or nothing."""
    match probe:
        case HttpProbe(url=url):
            parts = urlsplit(url)
            return f"{parts.scheme}://{parts.netloc}"
        case TcpProbe(host=host, port=port):
            return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        case _:
            return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """One probe as it is written: a line, or the value that a table has for its kind."""

    key: str
    """The key that an error names, such as ``ready[1]``."""
    value: object
    """The whole line, or the value in the table."""
    options: Mapping[str, str]
    """The other keys of the table; the options of a line are part of the line."""
    placeholders: Mapping[str, str]
    """What ``{port}`` and the like stand for."""

    @property
    def text(self) -> str:
        """Return the value as text, its placeholders filled."""
        return fill(str(self.value), self.placeholders)

    @property
    def argument(self) -> str:
        """Return what follows the first colon of a line."""
        return self.text.partition(":")[2]


def _http_line(source: _Source) -> HttpProbe:
    """Return the probe for ``URL status=200 body=/ok/ header=/x-app: 1/ method=HEAD timeout=2``."""
    url, *rest = source.text.split(maxsplit=1)
    options: dict[str, str] = {}
    for option in _split_options("".join(rest), source.key):
        name, equals, value = option.partition("=")
        if not equals or name not in _HTTP_OPTIONS:
            *names, last = (f"{known}=" for known in _HTTP_OPTIONS)
            msg = f"{option!r} is no option of an http probe, use {', '.join(names)} or {last}"
            raise ProdsimError(source.key, msg)
        options[name] = _between_slashes(value, source.key) if name in {"body", "header"} else value
    return _http(url, options, source.key)


def _http_table(source: _Source) -> HttpProbe:
    return _http(source.text, source.options, source.key)


def _http(url: str, options: Mapping[str, str], key: str) -> HttpProbe:
    _check_url(url, key)
    return HttpProbe(
        url=url,
        statuses=_statuses(options["status"], key) if "status" in options else (),
        body=regex(key, options.get("body", "")).pattern.decode(),
        header=_header(options["header"], key) if "header" in options else None,
        method=_method(options.get("method", "GET"), key),
        timeout_s=seconds(key, options.get("timeout", "1")),
    )


def _check_url(url: str, key: str) -> None:
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


def _header(text: str, key: str) -> tuple[str, str]:
    """Return the name of a header and the regular expression for its value."""
    name, colon, value = text.partition(":")
    if not colon:
        msg = f"header={text!r} needs the form /name: regex/"
        raise ProdsimError(key, msg)
    return name.strip(), regex(key, value.strip()).pattern.decode()


def _method(text: str, key: str) -> str:
    if not (text.isascii() and text.isalpha()):
        msg = f"method={text} is no HTTP method, write for example method=HEAD"
        raise ProdsimError(key, msg)
    return text.upper()


def _tcp(argument: str, key: str) -> TcpProbe:
    host, colon, port = argument.removeprefix("//").rstrip("/").rpartition(":")
    if not colon or not host:
        msg = f"tcp:{argument!r} needs host and port, write tcp://{LOOPBACK}:{{port}}"
        raise ProdsimError(key, msg)
    return TcpProbe(host=host.strip("[]"), port=_port(port, key))


def _listen(argument: str, key: str) -> ListenProbe:
    return ListenProbe(port=_port(argument, key) if argument else None)


def _log_line(source: _Source) -> LogProbe:
    return LogProbe(pattern=_between_slashes(source.argument, source.key))


def _log_table(source: _Source) -> LogProbe:
    """Return the probe of a table, where the regular expression has no slashes."""
    return LogProbe(pattern=regex(source.key, source.text).pattern.decode())


def _file(argument: str, key: str) -> FileProbe:
    return FileProbe(path=_path(argument, key, "file:{scratch}/app.pid"))


def _unix(argument: str, key: str) -> UnixProbe:
    return UnixProbe(path=_path(argument.removeprefix("//"), key, "unix:{scratch}/app.sock"))


def _delay(argument: str, key: str) -> DelayProbe:
    return DelayProbe(delay_s=seconds(key, argument.strip()))


def _notify(argument: str, key: str) -> NotifyProbe:
    if argument.strip():
        msg = f"notify:{argument} has an argument, write notify alone (in a table notify = true)"
        raise ProdsimError(key, msg)
    return NotifyProbe()


_EXEC_OPTION = re.compile(r"(?P<name>timeout|every)=(?P<value>\S*)")
"""What may stand behind the command of an exec line."""


def _exec_line(source: _Source) -> ExecProbe:
    """Return the probe of a line, split before its placeholders are filled: a folder may have a blank in its name."""
    words, options = _split_command(str(source.value).partition(":")[2], source.key), {}
    while words and (option := _EXEC_OPTION.fullmatch(words[-1])):
        options[option["name"]] = option["value"]
        words = words[:-1]
    return _exec(words, replace(source, options=options))


def _exec_table(source: _Source) -> ExecProbe:
    """Return the probe of a table: the command is a list, in which numbers may stand for themselves, or one text."""
    command = source.value
    if isinstance(command, str):
        return _exec(_split_command(command, source.key), source)
    words = command if isinstance(command, list) else [command]
    wrong = [word for word in words if isinstance(word, bool) or not isinstance(word, str | int | float)]
    if wrong or not isinstance(command, list):
        msg = f"{(wrong or words)[0]!r} is no text, give a list of words such as ['pg_isready', '-p', '{{port}}']"
        raise ProdsimError(source.key, msg)
    return _exec([str(word) for word in words], source)


def _exec(words: Sequence[str], source: _Source) -> ExecProbe:
    argv = tuple(_system_text(fill(word, source.placeholders), source.key) for word in words)
    if not argv or not argv[0]:
        msg = "exec: needs a command, write for example exec:pg_isready -p {port}"
        raise ProdsimError(source.key, msg)
    timeout, every = (source.options.get(name, default) for name, default in (("timeout", "2"), ("every", "0.1")))
    return ExecProbe(argv=argv, timeout_s=seconds(source.key, timeout), every_s=seconds(source.key, every))


def _path(argument: str, key: str, example: str) -> str:
    path = argument.strip()
    if not path:
        msg = f"{example.partition(':')[0]}: needs a path, write for example {example}"
        raise ProdsimError(key, msg)
    return _system_text(path, key)


def _system_text(text: str, key: str) -> str:
    """Return a text that may be a path or a word of a command line: no NUL, and what the file system can encode."""
    try:
        usable = b"\0" not in os.fsencode(text)
    except UnicodeError:
        usable = False
    if not usable:
        msg = f"{text!r} has a character that no path and no command line can have"
        raise ProdsimError(key, msg)
    return text


def _port(text: str, key: str) -> int:
    port = whole(text.strip())
    if port is None or not 0 < port < 65536:
        msg = f"{text!r} is no TCP port, use {{port}} for a free one or a number from 1 to 65535"
        raise ProdsimError(key, msg)
    return port


def _between_slashes(text: str, key: str) -> str:
    """Return the regular expression between the slashes of ``/regex/``."""
    text = text.strip()
    if len(text) < 3 or not (text.startswith("/") and text.endswith("/")):
        msg = f"{text!r} is no regular expression between slashes, write /text/"
        raise ProdsimError(key, msg)
    return regex(key, text[1:-1]).pattern.decode()


def _split_options(text: str, key: str) -> list[str]:
    """Split options at blanks outside of ``/…/`` values and quotes."""
    shielded = re.sub(r"=(/.*?/)(?=\s|$)", lambda found: "=" + shlex.quote(found[1]), text)
    return _split_command(shielded, key, display=text)


def _split_command(command: str, key: str, *, display: str = "") -> list[str]:
    """Split a command line into words as a shell does."""
    try:
        return shlex.split(command)
    except ValueError as problem:
        raise ProdsimError(key, f"{(display or command)!r} cannot be read: {problem}".lower()) from None


def _from_line(parse: Callable[[str, str], Probe]) -> Callable[[_Source], Probe]:
    """Return the parser of a line for a kind that has one argument after its colon."""
    return lambda source: parse(source.argument, source.key)


def _from_value(
    name: str, parse: Callable[[str, str], Probe], *, none: Sequence[str] = ()
) -> Callable[[_Source], Probe]:
    """Return the parser of a table for a kind with one argument; the words ``none`` stand for no argument."""

    def parse_value(source: _Source) -> Probe:
        argument = "" if source.text.lower() in none else source.text
        return parse(argument.removeprefix(f"{name}:"), source.key)

    return parse_value


_TEXT: Schema = {"type": "string"}
_TIMEOUT: Schema = {"type": ["number", "string"], "exclusiveMinimum": 0}
_HTTP_OPTIONS: Mapping[str, Schema] = {
    "status": {"type": ["integer", "string", "array"], "items": {"type": "integer"}},
    "body": _TEXT,
    "header": _TEXT,
    "method": _TEXT,
    "timeout": _TIMEOUT,
}
_NO_ARGUMENT = ("true", "", "any")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeKind:
    """One kind of probe: a row of the table that the parser, its messages, the schema and the documents are made of."""

    name: str
    """The word before the colon of a line, and the key of a table."""
    aliases: tuple[str, ...] = ()
    """Other words before the colon of a line."""
    form: str
    """The form of a line, as messages show it."""
    examples: Mapping[str, str]
    """Lines, and when each is satisfied."""
    line: Callable[[_Source], Probe]
    """The parser of a line."""
    table: Callable[[_Source], Probe]
    """The parser of the value in a table."""
    value: Schema = field(default_factory=lambda: _TEXT)
    """The JSON schema of the value in a table."""
    options: Mapping[str, Schema] = field(default_factory=dict)
    """The JSON schemas of the options in a table."""

    @property
    def schema(self) -> Schema:
        """Return the JSON schema of a table of this kind."""
        return {
            "type": "object",
            "description": next(iter(self.examples.values())),
            "properties": {self.name: self.value, **self.options},
            "required": [self.name],
            "additionalProperties": False,
        }


KINDS: tuple[ProbeKind, ...] = (
    ProbeKind(
        name="http",
        aliases=("https",),
        form="http://…",
        examples={
            "http://127.0.0.1:{port}/health": "any 2xx within 1 s",
            'http://127.0.0.1:{port}/health status=200,204 body=/"ok"/ header=/x-app: 1/ method=HEAD timeout=2': (
                "one of these statuses, and a body and a header that match"
            ),
        },
        line=_http_line,
        table=_http_table,
        options=_HTTP_OPTIONS,
    ),
    ProbeKind(
        name="tcp",
        form="tcp://host:port",
        examples={"tcp://127.0.0.1:{port}": "a connection is accepted"},
        line=_from_line(_tcp),
        table=_from_value("tcp", _tcp),
    ),
    ProbeKind(
        name="unix",
        form="unix:path",
        examples={
            "unix:{scratch}/app.sock": "a stream connection is accepted; a relative path is below the scratch directory"
        },
        line=_from_line(_unix),
        table=_from_value("unix", _unix),
    ),
    ProbeKind(
        name="listen",
        form="listen",
        examples={
            "listen": "a process of the deployment listens on TCP; finds the port, and so {url}",
            "listen:8000": "on that port",
        },
        line=_from_line(_listen),
        table=_from_value("listen", _listen, none=_NO_ARGUMENT),
        value={"type": ["boolean", "integer", "string"]},
    ),
    ProbeKind(
        name="log",
        form="log:/regex/",
        examples={"log:/Application startup complete/": "a line of stdout or stderr matches"},
        line=_log_line,
        table=_log_table,
    ),
    ProbeKind(
        name="file",
        form="file:path",
        examples={"file:{scratch}/app.pid": "the file exists; a relative path is below the scratch directory"},
        line=_from_line(_file),
        table=_from_value("file", _file),
    ),
    ProbeKind(
        name="exec",
        form="exec:command",
        examples={
            "exec:pg_isready -p {port}": "the command ends with exit code 0 within 2 s; run every 0.1 s at most",
            "exec:pg_isready -p {port} timeout=5 every=1": "the same, within 5 s, and run every second",
        },
        line=_exec_line,
        table=_exec_table,
        value={"type": ["array", "string"], "items": {"type": ["string", "number"]}},
        options={"timeout": _TIMEOUT, "every": _TIMEOUT},
    ),
    ProbeKind(
        name="delay",
        form="delay:seconds",
        examples={"delay:2": "so many seconds have passed since the spawn; alone it is no evidence (RUN631)"},
        line=_from_line(_delay),
        table=_from_value("delay", _delay),
        value={"type": ["number", "string"]},
    ),
    ProbeKind(
        name="notify",
        form="notify",
        examples={"notify": "a process of the deployment sends READY=1, as sd_notify(3) does"},
        line=_from_line(_notify),
        table=_from_value("notify", _notify, none=_NO_ARGUMENT),
        value={"type": ["boolean", "string"]},
    ),
)
"""All kinds of probes, in the order in which messages and documents list them."""
_BY_WORD = {word: kind for kind in KINDS for word in (kind.name, *kind.aliases)}
WORDS = tuple(_BY_WORD)
"""What may stand before the colon of a line."""


def parse_probe(source: object, key: str, values: Mapping[str, str]) -> Probe:
    """Return the probe that a line (or a TOML table) describes, its placeholders filled from ``values``."""
    if isinstance(source, Mapping):
        return _parse_table(source, key, values)
    if not isinstance(source, str):
        msg = f"{source!r} is neither a text nor a table, write for example http://{LOOPBACK}:{{port}}/health"
        raise ProdsimError(key, msg)
    line = _Source(key=key, value=source.strip(), options={}, placeholders=values)
    kind = _BY_WORD.get(line.text.partition(":")[0])
    if kind is None:
        *forms, last = (each.form for each in KINDS)
        msg = f"{source!r} is no probe, write {', '.join(forms)} or {last}"
        raise ProdsimError(key, msg)
    return kind.line(line)


def is_delay(source: object) -> bool:
    """Return whether a line or a table is a delay, which is no evidence by itself."""
    return "delay" in source if isinstance(source, Mapping) else str(source).startswith("delay:")


def _parse_table(table: Mapping[str, object], key: str, values: Mapping[str, str]) -> Probe:
    kind = _kind_of_table(table, key)
    options = {name: fill(_option(option), values) for name, option in table.items() if name != kind.name}
    return kind.table(_Source(key=key, value=table[kind.name], options=options, placeholders=values))


def _kind_of_table(table: Mapping[str, object], key: str) -> ProbeKind:
    """Return the kind of a table, when it has one and no options of another."""
    kinds = [kind for kind in KINDS if kind.name in table]
    if len(kinds) != 1:
        names = [kind.name for kind in sorted(KINDS, key=lambda kind: not kind.options)]  # those with options first
        msg = f"{dict(table)!r} needs exactly one of {', '.join(names)}"
        raise ProdsimError(key, msg)
    (kind,) = kinds
    unknown = table.keys() - {kind.name} - kind.options.keys()
    if unknown:
        msg = f"{'an' if kind.name == 'exec' else 'a'} {kind.name} probe has no option {min(unknown)!r}"
        raise ProdsimError(key, msg)
    return kind


def _option(value: object) -> str:
    """Return the option of a table as it would stand in a line: ``status = [200, 204]`` is ``status=200,204``."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
