"""The folders of the plugin in tox's work folder, which all environments of the project share."""

from __future__ import annotations

from pathlib import Path

from tox.tox_env.api import ToxEnv


def ledger_of(tox_env: ToxEnv) -> Path:
    """Return the folder in which live runs are recorded."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-runs"


def tool_envs_of(tox_env: ToxEnv) -> Path:
    """Return the folder of the environments of the auditors."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-tools"


def wheels_of(tox_env: ToxEnv) -> Path:
    """Return the folder in which wheels are kept."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-wheels"
