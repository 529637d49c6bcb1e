"""When workflow commands are stopped, and when they are obeyed again."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator

import pytest
from support.workflow_log import obeyed

from tox_prodsim.plugin.ci import guard


@pytest.fixture
def at_exit(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], object]]]:
    """What is done when tox ends."""
    actions: list[Callable[[], object]] = []
    monkeypatch.setattr(atexit, "register", actions.append)
    yield actions
    guard.resume()


def test_commands_are_stopped_while_an_environment_runs(
    capsys: pytest.CaptureFixture[str], at_exit: list[Callable[[], object]]
) -> None:
    print("::error::before", end="")
    guard.begin("a", in_parallel=False)
    print("::error::inside\n##[error]x", end="")
    guard.end("a", in_parallel=False)
    print("::error::between")
    guard.begin("b", in_parallel=False)
    print("::error::inside")
    guard.end("b", in_parallel=False)
    print("::error::after")
    assert obeyed(capsys.readouterr().out) == [("error", each) for each in ("before", "between", "after")]
    assert at_exit == []


def test_in_parallel_they_are_stopped_until_tox_ends(
    capsys: pytest.CaptureFixture[str], at_exit: list[Callable[[], object]]
) -> None:
    for name in ("a", "b"):
        guard.begin(name, in_parallel=True)
    guard.end("a", in_parallel=True)
    print("::error::of b")
    guard.end("b", in_parallel=True)
    print("::error::shown when both have ended")
    for action in at_exit:
        action()
    print("::error::after")
    assert obeyed(capsys.readouterr().out) == [("error", "after")]


def test_each_token_is_new(capsys: pytest.CaptureFixture[str], at_exit: list[Callable[[], object]]) -> None:
    for _ in range(3):
        guard.begin("a", in_parallel=False)
        guard.end("a", in_parallel=False)
    tokens = {line for line in capsys.readouterr().out.splitlines() if line.startswith("::stop-commands::")}
    assert len(tokens) == 3
    assert all(len(token) == len("::stop-commands::") + 32 for token in tokens)
    assert at_exit == []
