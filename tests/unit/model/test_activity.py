"""What goes on: programs that are run are announced, our own helpers are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tox_prodsim.model.activity import Activity, announced_runner
from tox_prodsim.model.events import Step
from tox_prodsim.model.runner import CHILD_SCRIPTS, NO_VARIABLES, Completed


def test_a_program_is_announced_with_its_limit_and_without_its_secrets() -> None:
    told: list[Activity] = []

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        return Completed(returncode=0, timed_out=False, stdout=repr((argv, timeout_s, variables)).encode(), stderr=b"")

    runner = announced_runner(run, told.append, Step.SCRIPTS)
    ran = runner(["/env/bin/acme", "--help", "--token=hunter2"], timeout_s=60.0)
    runner(["/env/bin/python", "-I", str(CHILD_SCRIPTS / "probe.py")], timeout_s=60.0)
    assert told == [Activity(text="acme --help --token=***", limit_s=60.0, step=Step.SCRIPTS)]
    assert b"hunter2" in ran.stdout
