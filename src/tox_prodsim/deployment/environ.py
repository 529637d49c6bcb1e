"""The environment variables of production: what tox and this machine would add to them is taken away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tox_prodsim.model.formatting import joined

_SYSTEM_FOLDERS = {"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}
_INSTALLERS_OWN = ("PIP_", "UV_", "VIRTUALENV_")
_TOX_DEFAULTS = {"PYTHONIOENCODING": "utf-8"}
"""Variables that tox sets for its own reading of output; with them a program that fails in a C locale would pass."""
_FILTERS = "PYTHONWARNINGS"
_SHOW = "default::ResourceWarning"


def production(
    variables: Mapping[str, str], *, home: Path, temporary: Path, hidden: Iterable[str], ambient: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables with which production would run a command of the environment.

    ``variables`` is what tox would use and ``ambient`` the environment of tox itself: HOME and TMPDIR become private
    unless ``set_env`` gave them another value. ``hidden`` are folders that must not satisfy a missing script.
    """
    kept = {name: value for name, value in variables.items() if not _is_foreign(name, value)}
    kept["PATH"] = os.pathsep.join(_visible(kept.get("PATH", "").split(os.pathsep), set(hidden)))
    private = {"HOME": home, "USERPROFILE": home, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary}
    for name, folder in private.items():
        if name in {"HOME", "TMPDIR"} or name in kept:
            given = kept.get(name)
            kept[name] = str(folder) if given is None or given == ambient.get(name) else given
    kept.setdefault("PYTHONSAFEPATH", "1")
    kept.setdefault("PYTHONUNBUFFERED", "1")
    return kept


def showing_leaks(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which Python says what was not closed; not for runs that are timed.

    The filter is put first: of those that match, the last one counts, so that a filter of the user's own still decides.
    """
    filters = (_SHOW, variables.get(_FILTERS, ""))
    return {**variables, _FILTERS: joined(filters, ",")}


def hidden_folders(own_scripts: Iterable[str], ambient: Mapping[str, str]) -> set[str]:
    """Return the folders of tox's own environment and of an activated one, but never a folder of the system."""
    folders = {os.path.realpath(folder) for folder in own_scripts}
    if active := ambient.get("VIRTUAL_ENV"):
        folders |= {os.path.realpath(Path(active) / name) for name in ("bin", "Scripts")}
    return folders - _SYSTEM_FOLDERS


def _is_foreign(name: str, value: str) -> bool:
    return name == "PYTHONPATH" or name.startswith(("__TOX", *_INSTALLERS_OWN)) or _TOX_DEFAULTS.get(name) == value


def _visible(folders: Iterable[str], hidden: set[str]) -> list[str]:
    return [folder for folder in dict.fromkeys(folders) if folder and os.path.realpath(folder) not in hidden]
