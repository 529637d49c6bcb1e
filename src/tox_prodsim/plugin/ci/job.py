"""The CI job in which tox runs: what is done at the begin of an environment, before its summary, and at its end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tox.tox_env.api import ToxEnv

from tox_prodsim.model.events import Event
from tox_prodsim.plugin.ci import guard, line_filter, publish, section
from tox_prodsim.report import NORMAL

OFF = "none"
"""The value of the key ``reports`` with which nothing is reported by itself."""


def is_github() -> bool:
    """Return whether this is a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def is_gitlab() -> bool:
    """Return whether this is a job of GitLab CI."""
    return os.environ.get("GITLAB_CI") == "true"


def begin(tox_env: ToxEnv) -> None:
    """Prepare the log of the job for an environment, before anything of it is printed."""
    if is_github():
        guard.begin(tox_env.conf.name, in_parallel=_in_parallel(tox_env))
    if is_gitlab() and tox_env.options.verbosity >= NORMAL and not _is_off(tox_env):
        section.begin(tox_env)


def before_summary(tox_env: ToxEnv) -> None:
    """End what is folded: the findings and the summary of an environment follow."""
    if is_gitlab():
        section.end(tox_env)


def add(tox_env: ToxEnv, events: Sequence[Event], report: Path) -> None:
    """Keep a run for what is reported when tox ends: the runs of all environments are one report."""
    if is_github() and not _is_off(tox_env):
        publish.add(events, report, Path(tox_env.core["tox_root"]))


def end(tox_env: ToxEnv) -> None:
    """Let the log of the job go on after an environment."""
    before_summary(tox_env)
    if is_github():
        guard.end(tox_env.conf.name, in_parallel=_in_parallel(tox_env))


def shown(show: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Return what shows the output of a command: under GitHub it breaks the workflow commands in it."""
    if not is_github():
        return show
    return line_filter.broken_commands(show)


def _in_parallel(tox_env: ToxEnv) -> bool:
    """Return whether environments run beside one another: what one of them prints is shown when it has ended."""
    options = tox_env.options
    return options.command in {"run-parallel", "p"} or bool(getattr(options, "parallel", 0))


def _is_off(tox_env: ToxEnv) -> bool:
    with contextlib.suppress(Exception):  # a wrong value is reported where the key is read
        return OFF in tox_env.conf["reports"]
    return False
