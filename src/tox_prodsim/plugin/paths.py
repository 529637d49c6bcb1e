"""The folders of the plugin in tox's work folder, which all environments of the project share."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tox.tox_env.api import ToxEnv

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import written
from tox_prodsim.model.scenario import BASELINE_DIR

_BASELINE_KEY = "prodsim_baseline_dir"
_FORMER_BASELINE_DIR = "prodsim/baselines"
"""The default before 0.2: setuptools takes a folder of this name for a package."""


def ledger_of(tox_env: ToxEnv) -> Path:
    """Return the folder in which live runs are recorded."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-runs"


def locks_of(tox_env: ToxEnv) -> Path:
    """Return the folder of the locks of the environments."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-locks"


def tool_envs_of(tox_env: ToxEnv) -> Path:
    """Return the folder of the environments of the auditors."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-tools"


def wheels_of(tox_env: ToxEnv) -> Path:
    """Return the folder in which wheels are kept."""
    return Path(tox_env.core["work_dir"]) / ".prodsim-wheels"


def baseline_dir(root: Path, configured: str) -> Path:
    """Return the folder of the baselines: the former default, as long as baselines are there and nowhere else.

    Raises ProdsimError for a relative path that is not below the root; an absolute one may be anywhere.
    """
    _refuse_baseline_dir(root, configured)
    folder, former = root / configured, root / _FORMER_BASELINE_DIR
    moved = configured != BASELINE_DIR or folder.is_dir()
    return former if not moved and any(former.glob("*/*.json")) else folder


def _refuse_baseline_dir(root: Path, configured: str) -> None:
    shown = written(repr(configured))
    if not configured.isprintable() or not Path(configured.strip()).parts:
        msg = f"{shown} is not a folder, write one below the tox root such as {BASELINE_DIR}"
        raise ProdsimError(_BASELINE_KEY, msg)
    try:
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            (root / configured).stat()  # since Python 3.13 resolve() and exists() let pass what cannot be looked up
        there = (root / configured).resolve()
        is_below = Path(configured).is_absolute() or there.is_relative_to(root.resolve())
        is_taken = (root / configured).exists() and not there.is_dir()
    except (OSError, RuntimeError, ValueError) as problem:  # a name that is too long, a circle of links
        reason = getattr(problem, "strerror", None) or str(problem)
        msg = f"{shown} is not a folder: {reason.lower()}"
        raise ProdsimError(_BASELINE_KEY, msg) from None
    if not is_below:
        msg = f"{shown} leads out of the tox root, to {there}; write an absolute path if that is meant"
        raise ProdsimError(_BASELINE_KEY, msg)
    if is_taken:
        msg = f"{shown} is not a folder, but a file"
        raise ProdsimError(_BASELINE_KEY, msg)


def move_advice(root: Path, path: Path) -> str:
    """Return how to move the baselines away from the former default; empty: they are not there."""
    if not path.is_relative_to(root / _FORMER_BASELINE_DIR):
        return ""
    target = str(Path(BASELINE_DIR).parent)
    move = f"mkdir -p {target} && git mv {_FORMER_BASELINE_DIR} {target}/"
    return f"builds can take this folder for a package, move it: {move}"


def display_path(path: Path) -> str:
    """Return the path as the user would type it: relative if it is below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
