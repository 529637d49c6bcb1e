"""BLD106: what a build has left running. Servers of compilers and build tools are started to stay: no fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.left_running import Unreported, describe, is_build_server
from tox_prodsim.model.runner import LeftProcess

BUILDS_LEAVE = "BLD106"


def left_by_builds(left: Iterable[tuple[str, tuple[LeftProcess, ...]]]) -> Iterator[Finding]:
    """Yield a finding for each build hook that has left processes running: its name, and what it has left."""
    unreported = Unreported()
    for hook, processes in left:
        new = [each for each in unreported.pick(processes) if not is_build_server(each)]
        if new:
            yield Finding(
                code=BUILDS_LEAVE,
                level=Level.WARNING,
                subject=hook,
                message=describe(new),
                hint="end what the build back end or setup.py starts, also when the build fails",
            )
