"""``tox prodsim baseline update``: run the selected environments and accept their times."""

from __future__ import annotations

from argparse import ArgumentParser

from tox.session.cmd.run.sequential import run_sequential
from tox.session.state import State


def add_arguments(_parser: ArgumentParser) -> None:
    """Add nothing: all options are those of ``tox run``."""


def run(state: State) -> int:
    """Do what ``tox run --prodsim-update-baseline`` does."""
    state.conf.options.prodsim_update_baseline = True
    return run_sequential(state)
