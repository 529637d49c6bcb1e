"""The progress of an environment: which step is shown, what of it, and where nothing is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from types import SimpleNamespace
from typing import Any

import pytest

from tox_prodsim.model.activity import Activity, announced
from tox_prodsim.model.events import Outcome, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import Verdict
from tox_prodsim.plugin import progress
from tox_prodsim.plugin.progress import ProgressDisplay


class Output(TextIOWrapper):
    """What tox writes to; a terminal or a file."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal

    @property
    def text(self) -> str:
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined, no-any-return] # it is a BytesIO


Make = Callable[..., tuple[ProgressDisplay, Output]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return what makes a display that looks often, and its output."""
    monkeypatch.setattr(progress, "_LOOK_S", 0.01)
    monkeypatch.setattr(progress, "_DRAW_AFTER_S", 0.0)
    monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.02)
    monkeypatch.setenv("TERM", "xterm")
    made: list[ProgressDisplay] = []

    def display(*, terminal: bool = False, verbosity: int = 2, **options: Any) -> tuple[ProgressDisplay, Output]:
        output = Output(BytesIO(), encoding="utf-8")
        output.terminal = terminal
        monkeypatch.setattr(sys, "stdout", output)
        handler = SimpleNamespace(stdout=output, stderr=Output(BytesIO()))
        chosen = SimpleNamespace(**{"command": "run", "verbosity": verbosity, **options})
        env: Any = SimpleNamespace(log_handler=handler, options=chosen, conf=SimpleNamespace(name="py312-prodsim"))
        made.append(ProgressDisplay(env, lambda text: text.replace("hunter2", "***")))
        return made[-1], output

    yield display
    for each in made:
        each.close()


def until(output: Output, text: str) -> str:
    give_up_at = time.monotonic() + 30
    while text not in output.text:
        assert time.monotonic() < give_up_at, output.text
        time.sleep(0.01)
    return output.text


def test_without_a_terminal_lines_follow_one_another_as_long_as_the_step_runs(make: Make) -> None:
    display, output = make()
    display.handle(StepStarted(step=Step.IMPORT))
    give_up_at = time.monotonic() + 30
    while output.text.count("  import   importing its modules (0 s)\n") < 2:
        assert time.monotonic() < give_up_at, output.text
    display.handle(StepFinished(step=Step.IMPORT, outcome=Outcome.OK, detail="", duration_s=1.0))
    said = output.text
    time.sleep(0.1)
    assert output.text == said
    assert set(said.splitlines()) == {"  import   importing its modules (0 s)"}


def test_on_a_terminal_the_line_is_redrawn_and_goes_with_the_step(make: Make) -> None:
    display, output = make(terminal=True)
    display.begin(Step.COMPARE)
    until(output, "  compare  recording the imports (0 s)")
    display.announce(Activity(text="import acme: round 12 of at most 64", limit_s=20.0))
    until(output, "\r\x1b[K  compare  import acme: round 12 of at most 64 (0 s of 20 s)")
    display.end(Step.COMPARE)
    assert output.text.endswith("\r\x1b[K")
    assert "\n" not in output.text


def test_a_step_within_another_is_shown_until_it_ends(make: Make) -> None:
    display, output = make(terminal=True)
    display.begin(Step.DEPLOY, "uvicorn acme:app")
    display.begin(Step.COMMANDS, "commands[0] --password hunter2", 300.0)
    assert "hunter2" not in until(output, "  commands commands[0] --password *** (0 s of 300 s)")
    display.end(Step.COMMANDS)
    until(output, "\r\x1b[K  deploy   uvicorn acme:app (0 s)")


def test_of_several_services_the_one_that_is_still_awaited_is_shown(make: Make) -> None:
    display, output = make(terminal=True)
    display.begin(Step.DEPLOY)
    with announced(display.announce, "db", "is not ready yet", 30.0):
        with announced(display.announce, "web", "is not ready yet", 10.0):
            until(output, "web is not ready yet (0 s of 10 s)")
        until(output, "db is not ready yet (0 s of 30 s)")
    until(output, "running the deployment (0 s)")


def test_what_a_step_does_that_is_not_running_is_not_shown(make: Make) -> None:
    display, output = make(terminal=True)
    display.announce(Activity(text="early"))
    display.begin(Step.SDIST)
    display.announce(Activity(text="acme --help", step=Step.SCRIPTS))
    until(output, "building once more to compare (0 s)")
    assert "help" not in output.text


@pytest.mark.parametrize(
    ("options", "is_shown"),
    [
        pytest.param({"terminal": True, "verbosity": 1}, False, id="quiet on a terminal"),
        pytest.param({"verbosity": 1}, False, id="quiet"),
        pytest.param({"verbosity": 0}, False, id="very quiet"),
        pytest.param(
            {"terminal": True, "command": "p", "parallel_no_spinner": False, "parallel_live": False, "parallel": 2},
            False,
            id="beside a spinner",
        ),
        pytest.param({"command": "p", "parallel_no_spinner": False, "parallel_live": False}, True, id="in parallel"),
        pytest.param(
            {"terminal": True, "command": "legacy", "parallel": None, "parallel_no_spinner": True},
            True,
            id="without it",
        ),
    ],
)
def test_it_is_quiet_where_it_is_asked_to_be_or_a_spinner_moves(
    make: Make, options: dict[str, Any], is_shown: bool
) -> None:
    display, output = make(**options)
    display.begin(Step.IMPORT)
    if is_shown:  # of several environments, with its name, and never redrawn
        assert "\x1b" not in until(output, "  import   py312-prodsim: importing its modules (0 s)\n")
    time.sleep(0.1)
    assert bool(output.text) is is_shown


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_a_terminal_that_cannot_go_back_has_lines(make: Make, monkeypatch: pytest.MonkeyPatch, terminal: str) -> None:
    monkeypatch.setenv("TERM", terminal)
    display, output = make(terminal=True)
    display.begin(Step.IMPORT)
    assert "\x1b" not in until(output, "importing its modules (0 s)\n")


def test_the_last_event_ends_it_and_no_thread_is_left(make: Make) -> None:
    before = set(threading.enumerate())
    display, output = make(terminal=True)
    display.begin(Step.IMPORT)
    until(output, "importing")
    display.handle(RunFinished(verdict=Verdict.PASSED, errors=0, warnings=0, notes=0, checks=1, duration_s=1.0))
    assert set(threading.enumerate()) == before
    said = output.text
    display.begin(Step.IMPORT)
    time.sleep(0.1)
    assert output.text == said
