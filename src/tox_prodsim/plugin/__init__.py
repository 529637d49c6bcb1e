"""The plugin: the only package that imports tox. tox loads it by its entry point and finds the hooks here."""

from tox_prodsim.plugin.hooks import (
    tox_add_core_config,
    tox_add_env_config,
    tox_add_option,
    tox_after_run_commands,
    tox_before_run_commands,
    tox_env_teardown,
    tox_extend_envs,
    tox_on_install,
)

__all__ = [
    "tox_add_core_config",
    "tox_add_env_config",
    "tox_add_option",
    "tox_after_run_commands",
    "tox_before_run_commands",
    "tox_env_teardown",
    "tox_extend_envs",
    "tox_on_install",
]
