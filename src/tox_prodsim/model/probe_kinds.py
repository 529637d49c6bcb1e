"""The table of the kinds of probes, from which parsers, messages, the schema and the documents are made.

To add a kind is to add its class in ``probes``, its parser in ``probe_syntax`` and its row in KINDS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tox_prodsim.model import probe_syntax
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import fill
from tox_prodsim.model.probe_syntax import Source
from tox_prodsim.model.probes import LOOPBACK, Probe
from tox_prodsim.model.ranges import SECONDS

Schema = Mapping[str, object]
"""A JSON schema."""
_TEXT: Schema = {"type": "string"}
_TIMEOUT: Schema = SECONDS.schema
_HTTP_OPTIONS: Mapping[str, Schema] = {
    "status": {"type": ["integer", "string", "array"], "items": {"type": "integer"}},
    "body": _TEXT,
    "header": _TEXT,
    "method": _TEXT,
    "timeout": _TIMEOUT,
}
_COMMON_OPTIONS: Mapping[str, Schema] = {"for": _TIMEOUT}
"""The options that a table of every kind may have."""
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
    line: Callable[[Source], Probe]
    """The parser of a line."""
    table: Callable[[Source], Probe]
    """The parser of the value in a table."""
    value: Schema = field(default_factory=lambda: _TEXT)
    """The JSON schema of the value in a table."""
    options: Mapping[str, Schema] = field(default_factory=dict)
    """The JSON schemas of the options in a table, besides ``for``, which every table may have."""

    @property
    def schema(self) -> Schema:
        """Return the JSON schema of a table of this kind."""
        return {
            "type": "object",
            "description": next(iter(self.examples.values())),
            "properties": {self.name: self.value, **self.options, **_COMMON_OPTIONS},
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
        line=probe_syntax.parse_http_line,
        table=probe_syntax.parse_http_table,
        options=_HTTP_OPTIONS,
    ),
    ProbeKind(
        name="tcp",
        form="tcp://host:port",
        examples={"tcp://127.0.0.1:{port}": "a connection is accepted"},
        line=probe_syntax.from_line(probe_syntax.parse_tcp),
        table=probe_syntax.from_value("tcp", probe_syntax.parse_tcp),
    ),
    ProbeKind(
        name="unix",
        form="unix:path",
        examples={
            "unix:{scratch}/app.sock": "a stream connection is accepted; a relative path is below the scratch directory"
        },
        line=probe_syntax.from_line(probe_syntax.parse_unix),
        table=probe_syntax.from_value("unix", probe_syntax.parse_unix),
    ),
    ProbeKind(
        name="listen",
        form="listen",
        examples={
            "listen": "a process of the deployment listens on TCP; finds the port, and so {url}",
            "listen:8000": "on that port",
        },
        line=probe_syntax.from_line(probe_syntax.parse_listen),
        table=probe_syntax.from_value("listen", probe_syntax.parse_listen, none=_NO_ARGUMENT),
        value={"type": ["boolean", "integer", "string"]},
    ),
    ProbeKind(
        name="log",
        form="log:/regex/",
        examples={"log:/Application startup complete/": "a line of stdout or stderr matches"},
        line=probe_syntax.parse_log_line,
        table=probe_syntax.parse_log_table,
    ),
    ProbeKind(
        name="file",
        form="file:path",
        examples={"file:{scratch}/app.pid": "the file exists; a relative path is below the scratch directory"},
        line=probe_syntax.from_line(probe_syntax.parse_file),
        table=probe_syntax.from_value("file", probe_syntax.parse_file),
    ),
    ProbeKind(
        name="exec",
        form="exec:command",
        examples={
            "exec:pg_isready -p {port}": "the command ends with exit code 0 within 2 s; run every 0.1 s at most",
            "exec:pg_isready -p {port} timeout=5 every=1": "the same, within 5 s, and run every second",
        },
        line=probe_syntax.parse_exec_line,
        table=probe_syntax.parse_exec_table,
        value={"type": ["array", "string"], "items": {"type": ["string", "number"]}},
        options={"timeout": _TIMEOUT, "every": _TIMEOUT},
    ),
    ProbeKind(
        name="delay",
        form="delay:seconds",
        examples={"delay:2": "so many seconds have passed since the spawn; alone it is not evidence (RUN631)"},
        line=probe_syntax.from_line(probe_syntax.parse_delay),
        table=probe_syntax.from_value("delay", probe_syntax.parse_delay),
        value=_TIMEOUT,
    ),
    ProbeKind(
        name="notify",
        form="notify",
        examples={"notify": "a process of the deployment sends READY=1, as sd_notify(3) does"},
        line=probe_syntax.from_line(probe_syntax.parse_notify),
        table=probe_syntax.from_value("notify", probe_syntax.parse_notify, none=_NO_ARGUMENT),
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
    text, steady = probe_syntax.split_for(source.strip())
    line = Source(key=key, value=text, options={}, placeholders=values)
    kind = _BY_WORD.get(line.text.partition(":")[0])
    if kind is None:
        *forms, last = (each.form for each in KINDS)
        msg = f"{source!r} is not a probe, write {', '.join(forms)} or {last}"
        raise ProdsimError(key, msg)
    return _steady(kind.line(line), key, steady)


def _steady(probe: Probe, key: str, text: str | None) -> Probe:
    """Return the probe with the option ``for``, where that is written."""
    return probe if text is None else replace(probe, steady_s=probe_syntax.steady_s(key, text))


def is_delay(source: object) -> bool:
    """Return whether a line or a table is a delay, which is not evidence by itself."""
    return "delay" in source if isinstance(source, Mapping) else str(source).startswith("delay:")


def _parse_table(table: Mapping[str, object], key: str, values: Mapping[str, str]) -> Probe:
    kind = _kind_of_table(table, key)
    options = {name: fill(_option(option), values) for name, option in table.items() if name != kind.name}
    steady = options.pop("for", None)
    probe = kind.table(Source(key=key, value=table[kind.name], options=options, placeholders=values))
    return _steady(probe, key, steady)


def _kind_of_table(table: Mapping[str, object], key: str) -> ProbeKind:
    """Return the kind of a table, when it has one and no options of another."""
    kinds = [kind for kind in KINDS if kind.name in table]
    if len(kinds) != 1:
        names = [kind.name for kind in sorted(KINDS, key=lambda kind: not kind.options)]  # those with options first
        msg = f"{dict(table)!r} needs exactly one of {', '.join(names)}"
        raise ProdsimError(key, msg)
    (kind,) = kinds
    unknown = table.keys() - {kind.name} - kind.options.keys() - _COMMON_OPTIONS.keys()
    if unknown:
        msg = f"{'an' if kind.name == 'exec' else 'a'} {kind.name} probe has no option {min(unknown)!r}"
        raise ProdsimError(key, msg)
    return kind


def _option(value: object) -> str:
    """Return the option of a table as it would stand in a line: ``status = [200, 204]`` is ``status=200,204``."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
