"""How probes are written: one line of text, or in TOML the value of a table; each kind has its parser here."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import fill, regex, whole, written
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
from tox_prodsim.model.ranges import SECONDS
from tox_prodsim.model.regex import lazy_regex

HTTP_OPTIONS = ("status", "body", "header", "method", "timeout", "for")
_EXEC_OPTION = lazy_regex(r"(?P<name>timeout|every|for)=(?P<value>\S*)")
"""What may stand behind the command of an exec line."""
_FOR = lazy_regex(r"(?P<line>.*?)\s+for=(?P<seconds>[^\s/]*)", re.DOTALL)
"""A line that ends with this option; a slash would end a regular expression."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
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


def split_for(line: str) -> tuple[str, str | None]:
    """Return a line without the option ``for=`` at its end, and the value of that; None: it has none."""
    found = _FOR.fullmatch(line)
    return (found["line"], found["seconds"]) if found else (line, None)


def steady_s(key: str, text: str | None) -> float:
    """Return the seconds of the option ``for``, 0 without it; raises ProdsimError if it is not valid."""
    if text is None:
        return 0.0
    try:
        return SECONDS.parse(key, text)
    except ProdsimError:
        shown = " ".join(text.split())
        shown = shown and written(shown)
        msg = f"for={shown} is not a time, give the seconds for which it must stay satisfied, a number from {SECONDS}"
        raise ProdsimError(key, msg) from None


def parse_http_line(source: Source) -> HttpProbe:
    """Return the probe for ``URL status=200 body=/ok/ header=/x-app: 1/ method=HEAD timeout=2``."""
    url, *rest = source.text.split(maxsplit=1)
    options: dict[str, str] = {}
    for option in _split_options("".join(rest), source.key):
        name, equals, value = option.partition("=")
        if not equals or name not in HTTP_OPTIONS:
            *names, last = (f"{known}=" for known in HTTP_OPTIONS)
            msg = f"{option!r} is not an option of an http probe, use {', '.join(names)} or {last}"
            raise ProdsimError(source.key, msg)
        options[name] = _between_slashes(value, source.key) if name in {"body", "header"} else value
    return _http(url, options, source.key)


def parse_http_table(source: Source) -> HttpProbe:
    """Return the probe of a table, where regular expressions have no slashes."""
    return _http(source.text, source.options, source.key)


def _http(url: str, options: Mapping[str, str], key: str) -> HttpProbe:
    _check_url(url, key)
    return HttpProbe(
        url=url,
        statuses=_statuses(options["status"], key) if "status" in options else (),
        body=regex(key, options.get("body", "")).pattern.decode(),
        header=_header(options["header"], key) if "header" in options else None,
        method=_method(options.get("method", "GET"), key),
        timeout_s=SECONDS.parse(key, options.get("timeout", "1")),
        steady_s=steady_s(key, options.get("for")),
    )


def _check_url(url: str, key: str) -> None:
    try:
        url.encode()  # an argument of a command line can have bytes that are not UTF-8
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        msg = f"{url!r} is not a URL that can be asked, write for example http://{LOOPBACK}:{{port}}/health"
        raise ProdsimError(key, msg)


def _statuses(text: str, key: str) -> tuple[int, ...]:
    statuses = [whole(word) or 0 for word in text.replace(",", " ").split()]
    if not statuses or not all(100 <= status <= 599 for status in statuses):
        msg = f"status={text} is not an HTTP status, give for example status=200 or status=200,204"
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
        msg = f"method={text} is not an HTTP method, write for example method=HEAD"
        raise ProdsimError(key, msg)
    return text.upper()


def parse_tcp(argument: str, key: str) -> TcpProbe:
    """Return the probe for ``tcp://host:port``."""
    host, colon, port = argument.removeprefix("//").rstrip("/").rpartition(":")
    if not colon or not host:
        msg = f"tcp:{argument!r} needs host and port, write tcp://{LOOPBACK}:{{port}}"
        raise ProdsimError(key, msg)
    return TcpProbe(host=host.strip("[]"), port=_port(port, key))


def parse_listen(argument: str, key: str) -> ListenProbe:
    """Return the probe for ``listen`` or ``listen:port``."""
    return ListenProbe(port=_port(argument, key) if argument else None)


def parse_log_line(source: Source) -> LogProbe:
    """Return the probe for ``log:/regex/``."""
    return LogProbe(pattern=_between_slashes(source.argument, source.key))


def parse_log_table(source: Source) -> LogProbe:
    """Return the probe of a table, where the regular expression has no slashes."""
    return LogProbe(pattern=regex(source.key, source.text).pattern.decode())


def parse_file(argument: str, key: str) -> FileProbe:
    """Return the probe for ``file:path``."""
    return FileProbe(path=_path(argument, key, "file:{scratch}/app.pid"))


def parse_unix(argument: str, key: str) -> UnixProbe:
    """Return the probe for ``unix:path``, also as a URL."""
    return UnixProbe(path=_path(argument.removeprefix("//"), key, "unix:{scratch}/app.sock"))


def parse_delay(argument: str, key: str) -> DelayProbe:
    """Return the probe for ``delay:seconds``."""
    return DelayProbe(delay_s=SECONDS.parse(key, argument.strip()))


def parse_notify(argument: str, key: str) -> NotifyProbe:
    """Return the probe for ``notify``."""
    if argument.strip():
        msg = f"notify:{argument} has an argument, write notify alone (in a table notify = true)"
        raise ProdsimError(key, msg)
    return NotifyProbe()


def parse_exec_line(source: Source) -> ExecProbe:
    """Return the probe of a line, split before its placeholders are filled: a folder may have a blank in its name."""
    words, options = _split_command(str(source.value).partition(":")[2], source.key), {}
    while words and (option := _EXEC_OPTION.fullmatch(words[-1])):
        options[option["name"]] = option["value"]
        words = words[:-1]
    return _exec(words, replace(source, options=options))


def parse_exec_table(source: Source) -> ExecProbe:
    """Return the probe of a table: the command is a list, in which numbers may stand for themselves, or one text."""
    command = source.value
    if isinstance(command, str):
        return _exec(_split_command(command, source.key), source)
    words = command if isinstance(command, list) else [command]
    wrong = [word for word in words if isinstance(word, bool) or not isinstance(word, str | int | float)]
    if wrong or not isinstance(command, list):
        msg = f"{(wrong or words)[0]!r} is not text, give a list of words such as ['pg_isready', '-p', '{{port}}']"
        raise ProdsimError(source.key, msg)
    return _exec([str(word) for word in words], source)


def _exec(words: Sequence[str], source: Source) -> ExecProbe:
    argv = tuple(_system_text(fill(word, source.placeholders), source.key) for word in words)
    if not argv or not argv[0]:
        msg = "exec: needs a command, write for example exec:pg_isready -p {port}"
        raise ProdsimError(source.key, msg)
    timeout, every = (source.options.get(name, default) for name, default in (("timeout", "2"), ("every", "0.1")))
    return ExecProbe(
        argv=argv,
        timeout_s=SECONDS.parse(source.key, timeout),
        every_s=SECONDS.parse(source.key, every),
        steady_s=steady_s(source.key, source.options.get("for")),
    )


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
        msg = f"{text!r} has a character that is not allowed in a path or a command line"
        raise ProdsimError(key, msg)
    return text


def _port(text: str, key: str) -> int:
    port = whole(text.strip())
    if port is None or not 0 < port < 65536:
        msg = f"{text!r} is not a TCP port, use {{port}} for a free one or a number from 1 to 65535"
        raise ProdsimError(key, msg)
    return port


def _between_slashes(text: str, key: str) -> str:
    """Return the regular expression between the slashes of ``/regex/``."""
    text = text.strip()
    if len(text) < 3 or not (text.startswith("/") and text.endswith("/")):
        msg = f"{text!r} is not a regular expression between slashes, write /text/"
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


def from_line(parse: Callable[[str, str], Probe]) -> Callable[[Source], Probe]:
    """Return the parser of a line for a kind that has one argument after its colon."""
    return lambda source: parse(source.argument, source.key)


def from_value(name: str, parse: Callable[[str, str], Probe], *, none: Sequence[str] = ()) -> Callable[[Source], Probe]:
    """Return the parser of a table for a kind with one argument; the words ``none`` stand for no argument."""

    def parse_value(source: Source) -> Probe:
        argument = "" if source.text.lower() in none else source.text
        return parse(argument.removeprefix(f"{name}:"), source.key)

    return parse_value
