"""Shows what goes on while nothing is reported: on a terminal a line that is redrawn, elsewhere a line every 10 s.

A thread looks once a second. It writes nothing with ``-q``, nor where tox's own spinner moves.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from io import TextIOWrapper

from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.model.activity import Activity
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.events import Event, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.printable import Printable
from tox_prodsim.plugin.screen import Screen
from tox_prodsim.report import NORMAL
from tox_prodsim.report.progress import progress_line

_LOOK_S = 1.0
_DRAW_AFTER_S = 1.0
"""What is over within this time has no line."""
_LINE_EVERY_S = 10.0
_END_LIMIT_S = 1.0
"""The thread ends at once, unless nobody reads what it writes."""


@dataclass(kw_only=True, slots=True, eq=False)
class _Stage:
    """A step that is running, with what it does."""

    step: Step
    began_at: float
    usual: str = ""
    """What it does when nothing is announced; empty: what such a step always does."""
    limit_s: float | None = None
    announced: dict[str, tuple[Activity, float]] = field(default_factory=dict)
    """By subject, with when it began; the last one is shown."""


class ProgressDisplay:
    """The progress of one environment; ``redact`` masks secrets."""

    def __init__(self, tox_env: PythonRun, redact: Callable[[str], str]) -> None:
        self._env = tox_env
        self._redact = redact
        self._stages: list[_Stage] = []
        self._screen: Screen | None = None
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._said_at = self._now()
        self._is_parallel = _is_parallel(tox_env)
        is_terminal = sys.stdout.isatty()
        self._redraws = is_terminal and not self._is_parallel and _can_redraw()
        if tox_env.options.verbosity < NORMAL or (is_terminal and _has_spinner(tox_env)):
            self._over.set()

    def _start(self) -> None:
        """Look at the outputs from now on, once."""
        if self._thread is not None:
            return
        if not self._is_parallel:
            stream = self._env.log_handler.stdout
            self._screen = Screen(stream, _of_the_same_terminal(self._env, stream), redraws=self._redraws)
        self._thread = threading.Thread(target=self._work, name="prodsim-progress", daemon=True)
        self._thread.start()

    def handle(self, event: Event) -> None:
        """Begin and end the steps of the run."""
        match event:
            case StepStarted():
                self.begin(event.step, event.detail if event.step is Step.DEPLOY else "")
            case StepFinished():
                self.end(event.step)
            case RunFinished():
                self.close()

    def begin(self, step: Step, text: str = "", limit_s: float | None = None) -> None:
        """Begin a step, perhaps while another is running; ``text`` is what it does as long as nothing is announced."""
        if not self._over.is_set():
            self._start()
            self._stages.append(_Stage(step=step, began_at=self._now(), usual=text, limit_s=limit_s))
            self._changed()

    def end(self, step: Step) -> None:
        """End a step; one that has not begun is ignored."""
        kept = [stage for stage in self._stages if stage.step is not step]
        if len(kept) < len(self._stages):
            self._stages = kept
            self._changed()

    def announce(self, activity: Activity, /) -> None:
        """Take note of what a step does now; a step that is not running does nothing."""
        running = [stage for stage in self._stages if activity.step in {None, stage.step}]
        if not running:
            return
        announced = running[-1].announced
        before = announced.pop(activity.subject, None)
        if activity.text:
            began_at = before[1] if activity.goes_on and before is not None else self._now()
            announced[activity.subject] = (activity, began_at)

    def close(self) -> None:
        """Show nothing from now on."""
        self._stages = []
        self._over.set()
        if self._screen is not None:
            self._screen.close()
        if self._thread is not None:
            self._thread.join(_END_LIMIT_S)

    def hide(self) -> None:
        """Take the line away for a moment, because tox is suspended."""
        self._changed()

    def _changed(self) -> None:
        if self._screen is not None:
            self._screen.erase()

    @staticmethod
    def _now() -> float:
        return supervision.clock.now()

    def _work(self) -> None:
        screen = self._screen
        if screen is None:  # in this thread, tox's handler has the output that it does not keep for later
            screen = Screen(self._env.log_handler.stdout, redraws=False)
        while not self._over.wait(_LOOK_S):
            if self._redraws:
                self._draw(screen)
            elif self._line_is_due(screen):
                self._said_at = self._now()
                for stage in self._stages[-1:]:
                    screen.print(self._line(stage))
        if screen is not self._screen:
            screen.close()

    def _draw(self, screen: Screen) -> None:
        stages = self._stages[-1:]
        if stages and min(self._now() - stages[0].began_at, screen.silent_s) >= _DRAW_AFTER_S:
            line = self._line(stages[0], screen.columns - 1)
            screen.draw(line, lambda: self._stages[-1:] == stages)

    def _line_is_due(self, screen: Screen) -> bool:
        """Return whether it is silent for 10 s; several environments do not count the lines of one another."""
        said_s = self._now() - self._said_at
        return (said_s if self._is_parallel else min(said_s, screen.silent_s)) >= _LINE_EVERY_S

    def _line(self, stage: _Stage, columns: int | None = None) -> str:
        announced = [*stage.announced.values()]
        text, limit_s, began_at = stage.usual, stage.limit_s, stage.began_at
        if announced:
            (activity, began_at) = announced[-1]
            text, limit_s = activity.text, activity.limit_s
        return progress_line(
            stage.step,
            self._redact(text),
            self._now() - began_at,
            limit_s,
            clean=Printable(getattr(self._env.log_handler.stdout, "encoding", None)),
            env_name=self._env.conf.name if self._is_parallel else "",
            columns=columns,
        )


def _is_parallel(tox_env: PythonRun) -> bool:
    """Return whether tox runs several environments at once, and keeps what they print."""
    options = tox_env.options
    return options.command in {"run-parallel", "p"} or getattr(options, "parallel", 0) != 0


def _has_spinner(tox_env: PythonRun) -> bool:
    options = tox_env.options
    return _is_parallel(tox_env) and not (options.parallel_no_spinner or options.parallel_live)


def _can_redraw() -> bool:
    """Return whether the terminal knows how to go back in a line."""
    return os.name == "posix" and os.environ.get("TERM", "dumb") not in {"", "dumb"}


def _of_the_same_terminal(tox_env: PythonRun, stream: TextIOWrapper) -> list[TextIOWrapper]:
    """Return stderr where a terminal shows both."""
    other = tox_env.log_handler.stderr
    return [other] if stream.isatty() and other is not stream and other.isatty() else []
