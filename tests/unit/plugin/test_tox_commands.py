"""What is kept of tox's commands between two pauses of the run."""

from __future__ import annotations

import pytest

from tox_prodsim.model.findings import error
from tox_prodsim.plugin.tox_commands import CommandId, CommandRecords
from tox_prodsim.run.context import CommandsOutcome

FAILED = (error("RUN605", "commands[0]", "exit code 1", ""),)


@pytest.mark.parametrize(
    ("run_id", "expected"),
    [
        pytest.param("commands_pre[0]", CommandId(key="commands_pre", index=0), id="a command"),
        pytest.param("commands[12]", CommandId(key="commands", index=12), id="two digits"),
        pytest.param("install_deps", None, id="an installer"),
        pytest.param("_exit", None, id="the end of a back end"),
    ],
)
def test_only_the_users_commands_have_an_id(run_id: str, expected: CommandId | None) -> None:
    assert CommandId.parse(run_id) == expected


def test_an_outcome_has_what_is_new_and_the_totals() -> None:
    records = CommandRecords()
    records.add_end("commands_pre[0]", FAILED, failed=True)
    records.add_diagnosis("commands_pre[0]", ("sleeps",))
    lines = (("what commands_pre[0] was doing", ("sleeps",)),)
    assert records.outcome() == CommandsOutcome(findings=FAILED, evidence=lines, pre_failed=True, commands_ran=1)
    assert records.outcome() == CommandsOutcome(pre_failed=True, commands_ran=1)


def test_a_retry_that_succeeds_removes_the_failure() -> None:
    records = CommandRecords()
    records.add_end("commands_pre[0]", FAILED, failed=True)
    records.add_end("commands_pre[0]", (), failed=False)
    assert records.outcome() == CommandsOutcome(commands_ran=2)


def test_the_second_diagnosis_of_a_command_is_why_it_does_not_stop() -> None:
    records = CommandRecords()
    records.add_diagnosis("commands[0]", ("sleeps",))
    records.add_diagnosis("commands[0]", ("ignores SIGTERM",))
    assert records.outcome().evidence == (
        ("what commands[0] was doing", ("sleeps",)),
        ("why commands[0] did not stop", ("ignores SIGTERM",)),
    )
