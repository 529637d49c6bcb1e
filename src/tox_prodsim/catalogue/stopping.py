"""RUN640 and RUN641: what a stop does to requests in flight, and whether the next start works."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="RUN640",
        level=Level.ERROR,
        title="a request in flight was dropped by the stop",
        why=(
            "Each deployment of a new release stops the old one while users wait for answers. A server that ends at "
            "once resets their connections. The requests that 'drain' names are sent right before the stop signal, "
            "which waits until the server has read them. One idle keep-alive connection is held beside them."
        ),
        example=(
            "FAIL RUN640 http://127.0.0.1:8000/slow: the request in flight failed 0.01 s after SIGTERM: the connection "
            "was reset"
        ),
        causes=(
            "the handler of the signal ends the process instead of the main loop",
            "the server has no graceful shutdown, or its own limit for it is shorter than the request",
            "the workers get the signal as well, and end before the main process has drained them",
        ),
        solution=(
            "stop accepting first, answer what was accepted, then end",
            "set the server's own limit (graceful-timeout, timeout-graceful-shutdown) just below stop_timeout",
            "end streams yourself when the signal comes: tell their clients to reconnect, then close",
        ),
    ),
    Check(
        code="RUN641",
        level=Level.ERROR,
        title="the service could not be started a second time",
        why=(
            "After the stop it was started once more, on the same port and in the same folder. An orchestrator does "
            "that after each deployment and each crash. What the first start left made the second one fail. A start "
            "that fails while start-up is timed, in a copy of the folder, is reported in the same way, also for a "
            "job."
        ),
        example=(
            "FAIL RUN641 uvicorn: the second start fails, on the same port and in the same folder: exit code 3 after "
            "0.41 s, before it was ready (last answer: connection refused)"
        ),
        causes=(
            "a pid file or a lock file is left, and the start refuses to run beside it",
            "a Unix socket is left, and bind() fails with 'Address already in use'",
            "the port is in TIME_WAIT, and the listening socket has no SO_REUSEADDR",
            "a migration or another preparation works only once",
        ),
        solution=(
            "remove what is left of a process that no longer runs, at the start",
            "set SO_REUSEADDR on the listening socket (asyncio and most servers do)",
            "restarts = 0 when it is not meant to be started again in the same folder",
        ),
    ),
)
