"""What the plugin keeps in tox's work folder, for all environments of the project."""

from __future__ import annotations

from pathlib import Path

from tox.tox_env.api import ToxEnv


def ledger_of(tox_env: ToxEnv) -> Path:
    """Return the folder in which the runs that go on are recorded."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-runs"


def toolbox_of(tox_env: ToxEnv) -> Path:
    """Return the folder in which the environments of other projects' tools are kept."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-tools"


def wheels_of(tox_env: ToxEnv) -> Path:
    """Return the folder in which wheels are kept."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-wheels"
