"""What is said of a deployment that is not ready: what is known of it, and what can be done."""

from __future__ import annotations

import pytest

from tox_prodsim.deployment.not_ready import obstacle_of
from tox_prodsim.model.probes import FileProbe, HttpProbe, ListenProbe, LogProbe, Probe, TcpProbe
from tox_prodsim.supervision import NotReady, Refusal

HTTP = HttpProbe(url="http://127.0.0.1:8000/health")
TCP = TcpProbe(host="127.0.0.1", port=8000)
REFUSED = NotReady(reason="connection refused", refusal=Refusal.REFUSED)


def answered(status: int, *got: str, reason: str = "") -> NotReady:
    return NotReady(reason=reason or f"http {status}", refusal=Refusal.ANSWERED, status=status, got=got)


@pytest.mark.parametrize(
    ("probe", "answer", "listens", "fact", "hint"),
    [
        pytest.param(HTTP, REFUSED, ["127.0.0.1:8765"], "it listens on 127.0.0.1:8765", "port of the probe", id="port"),
        pytest.param(TCP, REFUSED, ["0.0.0.0:9", "[::]:9"], "it listens on 0.0.0.0:9, [::]:9", "{port}", id="tcp"),
        pytest.param(HTTP, REFUSED, ["[::1]:8000"], "it listens on [::1]:8000", "on 127.0.0.1, or ask", id="address"),
        pytest.param(HTTP, REFUSED, [], "it listens on no TCP port", "what it waits for", id="nowhere"),
        pytest.param(
            ListenProbe(port=8000),
            NotReady(reason="no process"),
            ["127.0.0.1:9"],
            "it listens on 127.0.0.1:9",
            "{port}",
            id="listen",
        ),
        pytest.param(ListenProbe(), NotReady(reason="no process"), [], "", "what it waits for", id="listen anywhere"),
        pytest.param(
            HTTP,
            answered(404),
            ["127.0.0.1:8000"],
            "the server answers, but does not have /health",
            "correct the path",
            id="404",
        ),
        pytest.param(
            HTTP,
            answered(307, "HTTP/1.1 307", "location: /health/"),
            [],
            "it redirects to /health/",
            "status=307",
            id="redirect",
        ),
        pytest.param(HTTP, answered(301), [], "", "status=301", id="redirect to nowhere"),
        pytest.param(HTTP, answered(400), [], "", "ALLOWED_HOSTS", id="400"),
        pytest.param(HTTP, answered(401), [], "", "status=401", id="401"),
        pytest.param(HTTP, answered(403), [], "", "status=403", id="403"),
        pytest.param(HTTP, answered(405), [], "", "method=GET", id="405"),
        pytest.param(HTTP, answered(500), [], "the server answers with an error of its own", "its log", id="500"),
        pytest.param(HTTP, answered(503), [], "", "not ready", id="503"),
        pytest.param(HTTP, answered(200), [], "", "status=200", id="200 instead of 204"),
        pytest.param(
            HTTP, answered(200, reason="http 200, but the body does not match /x/"), [], "", "expression", id="body"
        ),
        pytest.param(HTTP, NotReady(reason="no answer", refusal=Refusal.SILENT), [], "", "timeout=", id="silent"),
        pytest.param(HTTP, NotReady(reason="no HTTP", refusal=Refusal.FOREIGN), [], "", "https://", id="no HTTP"),
        pytest.param(HTTP, NotReady(reason="closed", refusal=Refusal.CLOSED), [], "", "https://", id="closed"),
        pytest.param(LogProbe(pattern="up"), NotReady(reason="no line"), [], "", "expression", id="log"),
        pytest.param(FileProbe(path="a.pid"), NotReady(reason="no file"), [], "", "scratch folder", id="file"),
    ],
)
def test_what_is_known_and_what_can_be_done(
    probe: Probe, answer: NotReady, listens: list[str], fact: str, hint: str
) -> None:
    obstacle = obstacle_of(probe, answer, listens)
    assert obstacle.fact == fact
    assert hint in obstacle.hint
