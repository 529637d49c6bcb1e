"""``tox prodsim checks``: every code with its level."""

from __future__ import annotations

from argparse import ArgumentParser

from tox.session.state import State

from tox_prodsim.catalogue import CATALOGUE, listing
from tox_prodsim.plugin.cli.output import write


def add_arguments(_parser: ArgumentParser) -> None:
    """Add nothing: there are no arguments."""


def run(_state: State) -> int:
    """Write the list."""
    write(listing(CATALOGUE.values()))
    return 0
