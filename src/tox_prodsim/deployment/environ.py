"""The environment variables of production, without those that tox and this machine add."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tox_prodsim.model.formatting import joined

_SYSTEM_FOLDERS = {"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}
_INSTALLER_PREFIXES = ("PIP_", "UV_", "VIRTUALENV_")
_TOX_DEFAULTS = {"PYTHONIOENCODING": "utf-8"}
"""Variables that tox sets for the output that it reads; with them a program that fails in a C locale would pass."""
_WARNING_FILTERS = "PYTHONWARNINGS"
_GIT_CEILING = "GIT_CEILING_DIRECTORIES"
_SHOW_RESOURCE_WARNINGS = "default::ResourceWarning"


def production_variables(
    variables: Mapping[str, str],
    *,
    home: Path,
    temporary: Path,
    hidden: Iterable[str],
    ambient: Mapping[str, str],
    ceilings: Iterable[Path] = (),
) -> dict[str, str]:
    """Return the variables with which production would run a command of the environment.

    ``variables`` is what tox would use and ``ambient`` the environment of tox itself: HOME and TMPDIR become private
    unless ``set_env`` gave them another value. ``hidden`` are folders that must not satisfy a missing script. In
    ``ceilings`` and below, git finds no repository above them, as in production.
    """
    kept = {name: value for name, value in variables.items() if not _is_removed(name, value)}
    kept["PATH"] = os.pathsep.join(_not_hidden(kept.get("PATH", "").split(os.pathsep), set(hidden)))
    private = {"HOME": home, "USERPROFILE": home, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary}
    for name, folder in private.items():
        if name in {"HOME", "TMPDIR"} or name in kept:
            given = kept.get(name)
            kept[name] = str(folder) if given is None or given == ambient.get(name) else given
    if limits := joined([*map(str, ceilings), kept.get(_GIT_CEILING, "")], os.pathsep):
        kept[_GIT_CEILING] = limits
    kept.setdefault("PYTHONSAFEPATH", "1")
    kept.setdefault("PYTHONUNBUFFERED", "1")
    return kept


def with_own_variables(
    variables: Mapping[str, str], own: Mapping[str, str], *, temporary: Path, shared: Path
) -> dict[str, str]:
    """Return the variables of one of several services: with its own ones, and its own TMPDIR in place of the shared."""
    private = {name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP") if variables.get(name) == str(shared)}
    return {**variables, **private, **{name: value for name, value in own.items() if not _is_removed(name, value)}}


def with_resource_warnings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which Python reports what was not closed; not for runs that are timed.

    The filter is put first: the last one that matches counts, so that a filter of the user overrides it.
    """
    both = (_SHOW_RESOURCE_WARNINGS, variables.get(_WARNING_FILTERS, ""))
    return {**variables, _WARNING_FILTERS: joined(both, ",")}


def hidden_folders(own_scripts: Iterable[str], ambient: Mapping[str, str]) -> set[str]:
    """Return the folders of tox's own environment and of an activated one, but never a folder of the system."""
    folders = {os.path.realpath(folder) for folder in own_scripts}
    if active := ambient.get("VIRTUAL_ENV"):
        folders |= {os.path.realpath(Path(active) / name) for name in ("bin", "Scripts")}
    return folders - _SYSTEM_FOLDERS


def _is_removed(name: str, value: str) -> bool:
    return name == "PYTHONPATH" or name.startswith(("__TOX", *_INSTALLER_PREFIXES)) or _TOX_DEFAULTS.get(name) == value


def _not_hidden(folders: Iterable[str], hidden: set[str]) -> list[str]:
    return [folder for folder in dict.fromkeys(folders) if folder and os.path.realpath(folder) not in hidden]
