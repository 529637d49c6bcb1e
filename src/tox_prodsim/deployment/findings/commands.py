"""RUN605 and RUN610: tox's commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tox_prodsim.deployment.findings.describe import describe_ending, short
from tox_prodsim.model.findings import Finding, error
from tox_prodsim.model.formatting import joined
from tox_prodsim.supervision import Cause, Ending


def failed_command(
    run_id: str, command: str, ending: Ending, *, failed: bool, limit_s: float, logs: Sequence[str] = ()
) -> Iterator[Finding]:
    """Yield RUN610 or RUN605 for a tox command that did not succeed; ``failed`` is tox's view of its exit code.

    ``logs`` are those of the services that were up.
    """
    whose = "the service" if len(logs) == 1 else "each service"
    below = f"; what {whose} printed is in {joined(logs)}, its end is shown below" if logs else ""
    shown = short(command)
    if ending.cause is Cause.TIMED_OUT:
        yield error(
            "RUN610",
            run_id,
            f"stopped, its commands ran longer than run_timeout = {limit_s:g} s: {shown}",
            f"look at what it waits for; raising the limit helps only a command that was still working{below}",
        )
    elif ending.cause is Cause.NOT_STARTED:
        yield error("RUN605", run_id, f"could not be started: {ending.error}", "correct the command")
    elif failed:
        yield error("RUN605", run_id, f"{describe_ending(ending)}: {shown}", f"its output is shown above{below}")


def refused_command(run_id: str, reason: str) -> Finding:
    """Return RUN605: tox would not run one of its commands."""
    return error("RUN605", run_id, reason, "name the command in allowlist_externals, or correct it")
