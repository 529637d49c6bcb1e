"""``tox prodsim baseline update``: run the selected environments and accept what they hold and their times."""

from __future__ import annotations

from argparse import ArgumentParser

from tox.session.cmd.run.sequential import run_sequential
from tox.session.state import State

from tox_prodsim.plugin.cli.part import add_part


def add_arguments(parser: ArgumentParser) -> None:
    """Add the part; all other options are those of ``tox run``."""
    add_part(parser)


def run(state: State) -> int:
    """Do what ``tox run --prodsim-update-baseline`` does."""
    state.conf.options.prodsim_update_baseline = state.conf.options.prodsim_part
    return run_sequential(state)
