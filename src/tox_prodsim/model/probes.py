"""How one sees that a service is ready: the probes. ``probe_kinds`` has the table of their kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from tox_prodsim.model.dataclass import dataclass

LOOPBACK = "127.0.0.1"

ProbeSource = str | Mapping[str, object]
"""How a probe is written: one line of text, or in TOML a table such as ``{ http = "…", status = 200 }``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Steady:
    """What every probe has."""

    steady_s: float = 0.0
    """Seconds for which it must stay satisfied before it counts; 0: once is enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpProbe(_Steady):
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
class TcpProbe(_Steady):
    """Ready when a connection to host and port is accepted."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ListenProbe(_Steady):
    """Ready when a process of the deployment listens on TCP: on ``port``, or on any port when it is None."""

    port: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogProbe(_Steady):
    """Ready when a line of stdout or stderr matches the regular expression."""

    pattern: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FileProbe(_Steady):
    """Ready when the file exists; a relative path is below the scratch directory."""

    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DelayProbe(_Steady):
    """Ready when so many seconds have passed since the spawn; it proves nothing by itself."""

    delay_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifyProbe(_Steady):
    """Ready when a process of the deployment sends ``READY=1`` as sd_notify(3) does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecProbe(_Steady):
    """Ready when the command ends with exit code 0 within ``timeout_s``; run again ``every_s`` after its end."""

    argv: tuple[str, ...]
    timeout_s: float = 2.0
    every_s: float = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class UnixProbe(_Steady):
    """Ready when a stream connection to the Unix socket is accepted; a relative path is below the scratch directory."""

    path: str


Probe = HttpProbe | TcpProbe | ListenProbe | LogProbe | FileProbe | DelayProbe | NotifyProbe | ExecProbe | UnixProbe


def finds_place(probes: Iterable[Probe]) -> bool:
    """Return whether a probe knows, or will find out, where the deployment listens."""
    return any(isinstance(probe, HttpProbe | TcpProbe | ListenProbe) for probe in probes)


def describe_probe(probe: Probe) -> str:
    """Return a probe as a message names it."""
    match probe:
        case HttpProbe(url=text):
            pass
        case TcpProbe(host=host, port=port):
            text = f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
        case ListenProbe(port=port):
            text = "listen" if port is None else f"listen:{port}"
        case LogProbe(pattern=pattern):
            text = f"log:/{pattern}/"
        case FileProbe(path=path):
            text = f"file:{path}"
        case UnixProbe(path=path):
            text = f"unix:{path}"
        case ExecProbe(argv=argv):
            text = f"exec:{' '.join(argv)}"
        case DelayProbe(delay_s=delay_s):
            text = f"delay:{delay_s:g}"
        case NotifyProbe():
            text = "notify"
    return text


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
