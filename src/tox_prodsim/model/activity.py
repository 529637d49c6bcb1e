"""What goes on at this moment, for a line of progress. It is not an event: no report has it, and it may be lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.events import Step
from tox_prodsim.model.runner import CHILD_SCRIPTS, NO_VARIABLES, Completed, Runner
from tox_prodsim.model.secrets import redact_argv


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """What a step does now."""

    text: str
    """Such as ``import acme: round 12 of at most 64``; empty: what was said of this subject is over."""
    limit_s: float | None = None
    """The longest that it can take; None: there is no limit."""
    step: Step | None = None
    """The step that it belongs to; None: the one that is running."""
    subject: str = ""
    """What it is about, such as one of several services that start side by side."""
    goes_on: bool = False
    """Whether it is a part of what was announced before of this subject: the seconds count on."""


class Announce(Protocol):
    """Is told what goes on; returns at once, and never raises."""

    def __call__(self, activity: Activity, /) -> None:
        """Take note of what goes on from now on."""


def unannounced(_activity: Activity, /) -> None:
    """Take note of nothing: nobody looks."""


@contextmanager
def announced(announce: Announce, subject: str, text: str, limit_s: float | None = None) -> Iterator[None]:
    """Announce what goes on as long as the context is open."""
    announce(Activity(text=f"{subject} {text}", subject=subject, limit_s=limit_s))
    try:
        yield
    finally:
        announce(Activity(text="", subject=subject))


def announced_runner(runner: Runner, announce: Announce, step: Step) -> Runner:
    """Return the same runner, which announces each program; helpers of ours are not what a user wants to know."""

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        if str(CHILD_SCRIPTS) not in " ".join(argv):
            words = [Path(argv[0]).name, *argv[1:]]
            announce(Activity(step=step, text=" ".join(redact_argv(words)), limit_s=timeout_s))
        return runner(argv, timeout_s=timeout_s, variables=variables)

    return run
