"""The option ``--only`` of the commands that accept a baseline."""

from __future__ import annotations

from argparse import ArgumentParser

from tox_prodsim.model.scenario import Update


def add_part(parser: ArgumentParser) -> None:
    """Add the option; without it everything is accepted."""
    parts = [part.value for part in Update if part is not Update.ALL]
    what = "accept the contents or the times alone"
    parser.add_argument("--only", dest="prodsim_part", choices=parts, default=Update.ALL.value, help=what)
