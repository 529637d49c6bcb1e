"""The prodsim environments that a command works on, and their baselines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tox.session.state import State
from tox.tox_env.runner import RunToxEnv

from tox_prodsim.plugin.paths import baseline_dir


def selected(state: State) -> Iterator[RunToxEnv]:
    """Yield the environments that ``-e`` and the other options of tox select."""
    return _environments(state, only_selected=True)


def known(state: State) -> Iterator[RunToxEnv]:
    """Yield all environments of the project."""
    return _environments(state, only_selected=False)


def _environments(state: State, *, only_selected: bool) -> Iterator[RunToxEnv]:
    for name in state.envs.iter(only_active=only_selected):
        env = state.envs[name]
        if isinstance(env, RunToxEnv) and "prodsim" in name.split("-"):
            yield env


def baseline_folder(env: RunToxEnv) -> Path:
    """Return the folder of the baselines of all environments, as the environment configures it."""
    return baseline_dir(env.core["tox_root"], str(env.conf["prodsim_baseline_dir"]))


def baseline_paths(state: State) -> list[Path]:
    """Return the files of the baselines of the selected environments."""
    return [path for env in selected(state) for path in sorted((baseline_folder(env) / env.name).glob("*.json"))]
