"""Why a probe is not satisfied: what else is known of the deployment then, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.probes import (
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
from tox_prodsim.supervision import NotReady, Refusal

_DEFAULT_HINT = "compare the probe with what it printed; raise ready_timeout only if it was still working"
_BUSY_HINT = "look below at what it waits for; raise ready_timeout only if it was still working"
_HINTS: Mapping[type, str] = {
    LogProbe: "compare the expression with the end of the log below; text in a buffer of the program is not in the log",
    FileProbe: "have it write this file; the path of the probe is relative to the scratch folder",
    NotifyProbe: "have it send READY=1 to NOTIFY_SOCKET, as with Type=notify of systemd, or use another probe",
    ExecProbe: "run the command of the probe by hand; it runs in the environment, in the scratch folder",
    UnixProbe: "have it listen on this path, which is relative to the scratch folder",
}
_STATUS_HINTS: Mapping[int, str] = {
    400: "it refuses the request, often because of its Host header: allow 127.0.0.1 (ALLOWED_HOSTS, trusted hosts)",
    401: "ask a path that needs no login, or write status=401 in the probe if that is a sign of life",
    403: "ask a path that is open to everybody, or write status=403 in the probe if that is a sign of life",
    405: "the path does not allow this method: write another one in the probe, such as method=GET",
    426: "the path wants another protocol, such as a websocket: ask another path",
    503: "its answer says that it is not ready: look at it and at the end of the log below",
}
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """Why a deployment is not ready; ``fact`` is a part of a sentence, empty when nothing else is known."""

    fact: str = ""
    hint: str = _DEFAULT_HINT


UNKNOWN = Obstacle()


def obstacle_of(probe: Probe, answer: NotReady, listens: Sequence[str]) -> Obstacle:
    """Return what is known when this was the last answer; ``listens`` are the addresses on which it listens."""
    asked = _asked_port(probe)
    match answer.refusal:
        case Refusal.ANSWERED:
            return _answered(probe, answer)
        case Refusal.SILENT:
            return Obstacle(
                hint="it does not answer: look below at what the request waits for, or raise timeout= of the probe"
            )
        case Refusal.FOREIGN:
            return Obstacle(hint="it answers, but not in HTTP: ask another port, or with https:// or tcp://")
        case Refusal.CLOSED:
            return Obstacle(hint="read the end of the log below; a server with TLS needs https:// in the probe")
    if asked is not None and (answer.refusal is Refusal.REFUSED or isinstance(probe, ListenProbe)):
        return _listens_elsewhere(*asked, listens)
    return Obstacle(hint=_HINTS.get(type(probe), _BUSY_HINT if isinstance(probe, ListenProbe) else _DEFAULT_HINT))


def _asked_port(probe: Probe) -> tuple[str, int] | None:
    """Return the host and the port that a probe asks; None: it asks none, or any."""
    match probe:
        case HttpProbe():
            parts = urlsplit(probe.url)
            return parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)
        case TcpProbe():
            return probe.host, probe.port
        case ListenProbe(port=int(port)):
            return "", port
    return None


def _listens_elsewhere(host: str, port: int, listens: Sequence[str]) -> Obstacle:
    if not listens:
        return Obstacle(fact="it listens on no TCP port", hint=_BUSY_HINT)
    fact = f"it listens on {listed(listens, 3)}"
    if any(address.rpartition(":")[2] == str(port) for address in listens):
        return Obstacle(fact=fact, hint=f"have it listen on {host}, or ask the address on which it listens")
    hint = "have it listen on the port of the probe ({port} in deploy, or the variable PORT), or correct the probe"
    return Obstacle(fact=fact, hint=hint)


def _answered(probe: Probe, answer: NotReady) -> Obstacle:
    """Return what an answer means that is not the one that is wanted."""
    status, url = answer.status or 0, urlsplit(probe.url) if isinstance(probe, HttpProbe) else urlsplit("")
    path = url.path or "/"
    if "does not match" in answer.reason:
        return Obstacle(hint="compare the expression of the probe with what it answered, which is shown below")
    if status == 404:
        fact = f"the server answers, but does not have {path}"
        return Obstacle(fact=fact, hint="correct the path of the probe, or write status=404 if that is a sign of life")
    if status in _REDIRECTS:
        location = next((line.partition(": ")[2] for line in answer.got if line.lower().startswith("location: ")), "")
        fact = f"it redirects to {location}" if location else ""
        return Obstacle(fact=fact, hint=f"ask that address, or write status={status} if that is a sign of life")
    if status in _STATUS_HINTS:
        return Obstacle(hint=_STATUS_HINTS[status])
    if status in _SERVER_ERRORS:
        return Obstacle(
            fact="the server answers with an error of its own", hint="read its log, the end of which is below"
        )
    return Obstacle(hint=f"correct the probe, or write status={status} if that is a sign of life")
