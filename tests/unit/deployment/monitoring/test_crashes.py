"""Which endings of children are crashes: nobody is accused who ends as a matter of course."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tox_prodsim.deployment.monitoring.crashes import find_crashes
from tox_prodsim.model.findings import Level
from tox_prodsim.supervision import DescendantEnding, Identity

MASTER, OTHER = Identity(pid=10, started=1), Identity(pid=11, started=2)
WORKER = "/venv/bin/python /venv/bin/gunicorn acme:app"


def ended(status: int | None, command: str = WORKER, at: float = 10.0, **more: Any) -> DescendantEnding:
    values: dict[str, Any] = {
        "pid": 20,
        "command": command,
        "parent": MASTER,
        "parent_command": WORKER,
        "is_copy": command == WORKER,
        "ended_at": at,
        "lived_s": 5.0,
        "status": status,
    }
    return DescendantEnding(**{**values, **more})


def exited(code: int, *args: Any, **more: Any) -> DescendantEnding:
    return ended(code << 8, *args, **more)


def levels(*endings: DescendantEnding, alive: tuple[DescendantEnding, ...] = ()) -> list[Level]:
    return [each.level for each in find_crashes(endings, [(each, each.ended_at) for each in alive])]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGUSR1, signal.SIGALRM])
@pytest.mark.parametrize("command", [WORKER, "ffmpeg -i -"])
def test_a_signal_that_ends_nothing_on_purpose_is_a_crash_at_once(number: int, command: str) -> None:
    assert levels(ended(number, command)) == [Level.ERROR]
    assert levels(ended(number | 0x80, command)) == [Level.ERROR], "core dumped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGPIPE])
def test_a_signal_by_which_masters_end_their_workers_is_none(number: int) -> None:
    assert levels(*[ended(number)] * 9) == []
    assert levels(*[exited(128 + number)] * 9) == []


def test_a_worker_that_was_killed_and_replaced_is_an_error_and_one_that_was_not_a_warning() -> None:
    assert levels(ended(9)) == [Level.WARNING]
    assert levels(ended(9), alive=(ended(None, at=10.5),)) == [Level.ERROR]
    assert levels(ended(9), alive=(ended(None, at=5.0),)) == [Level.WARNING], "the other one was there before"
    assert levels(ended(9), alive=(ended(None, at=10.5, parent=OTHER),)) == [Level.WARNING]


def test_a_program_that_was_killed_is_none_the_first_two_times() -> None:
    assert levels(ended(9, "ffmpeg -i -")) == []
    assert levels(*[ended(9, "ffmpeg -i -")] * 3) == [Level.WARNING]


@pytest.mark.parametrize(("times", "found"), [(1, []), (2, []), (3, [Level.ERROR]), (9, [Level.ERROR])])
def test_the_third_bad_exit_of_a_worker_is_a_crash(times: int, found: list[Level]) -> None:
    assert levels(*[exited(1)] * times) == found
    assert levels(*[exited(1, "/venv/bin/python worker.py")] * times) == found


def test_the_third_bad_exit_of_another_program_warns_unless_it_also_succeeds() -> None:
    assert levels(*[exited(1, "nginx -g daemon")] * 3) == [Level.WARNING]
    assert levels(*[exited(1, "grep -q up")] * 3, exited(0, "grep -q up")) == []


def test_each_parent_and_each_program_is_counted_by_itself() -> None:
    assert levels(exited(1, "git describe"), *[exited(1, "git describe", parent=OTHER)] * 2) == []
    assert levels(*[exited(1, "a.py")] * 2, exited(1, "b.py")) == []
    assert levels(*(exited(1, f"python -c spawn_main(pipe={each})") for each in range(3))) == [Level.ERROR]


def test_exits_that_mean_something_else_are_none() -> None:
    assert levels(*[exited(0)] * 9) == [], "max_requests of gunicorn"
    assert levels(*[exited(155)] * 9) == [], "max-tasks-per-child of Celery"
    assert levels(*[exited(255, lived_s=0.01)] * 9) == [], "exec failed"
    assert levels(*[exited(1, "git describe", lived_s=0.1)] * 9) == [], "an answer"
    assert levels(*[exited(1, parent_command="/bin/sh start.sh")] * 9) == [], "a command of a shell script"
    assert levels(*[ended(None)] * 9) == [], "nobody knows"
