"""``tox prodsim baseline accept DIR``: store the candidates of a CI matrix."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path

from tox.session.state import State

from tox_prodsim import timing
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.scenario import Update
from tox_prodsim.plugin.cli.environments import baseline_folder, known
from tox_prodsim.plugin.cli.output import write
from tox_prodsim.plugin.cli.part import add_part
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.timing import baseline


def add_arguments(parser: ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument(
        "prodsim_candidates",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="the folder of the candidates; it may have folders",
    )
    add_part(parser)


def run(state: State) -> int:
    """Store each candidate where it belongs; raises ProdsimError before the first one."""
    if refused := baseline.update_refused(os.environ, allowed=state.conf.options.prodsim_allow_ci_update):
        raise ProdsimError("baseline accept", refused)
    stores = {env.name: baseline_folder(env) for env in known(state)}
    candidates = timing.candidates(state.conf.options.prodsim_candidates)
    for path, accepted, is_new in list(timing.accepted(candidates, stores, Update(state.conf.options.prodsim_part))):
        if is_new:
            baseline.save(path, accepted)
        write(f"baseline {'stored' if is_new else 'unchanged'}: {display_path(path)}\n")
    return 0
