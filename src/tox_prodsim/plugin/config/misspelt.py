"""Keys and sections that nothing reads because they are misspelt, in the file and in the overrides of ``-x``.

tox passes over what it does not know, and nothing would be checked.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from tox.config.sets import EnvConfigSet

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.config import sections
from tox_prodsim.plugin.config.keys import KEYS

_SIMILAR = 0.8
"""How similar to one of ours an unknown key is when it is refused."""
_ENV_PREFIXES = ("testenv:", "env.", "tool.tox.env.")
"""How the section of an environment is written in the files of tox."""


def refuse(conf: EnvConfigSet) -> None:
    """Raise ProdsimError for a key that is nearly one of ours, and for an override of a section that there is not.

    ``unused()`` of tox leaves out the base section, which is where many write what holds for all environments, and
    the overrides.
    """
    found = {name for loader in conf.loaders for name in (*loader.found_keys(), *loader.overrides)}
    for name in sorted(name for name in found if name not in conf):
        if near := _near(name):
            msg = f"there is no such key, did you mean {near}?"
            raise ProdsimError(name, msg)
    for namespace, key in _unread_overrides(conf):
        msg = f"-x {namespace}.{key} is in no section that is read, write {' or '.join(_ENV_PREFIXES)} as the file does"
        raise ProdsimError(key, msg)


def refuse_unknown_services(conf: EnvConfigSet, names: tuple[str, ...]) -> None:
    """Raise ProdsimError for an override of a service that neither the file nor any environment has."""
    known = {*names, *sections.services_of_all(conf)}
    for namespace, name in sections.overridden(conf):
        if name not in known and not sections.is_in_file(conf, name):
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
            msg = f"there is no service {name!r}, {hint}"
            raise ProdsimError(f"-x {namespace}", msg)


def _near(name: str) -> str:
    """Return the key of ours that a name is nearly; empty: it is not one of ours."""
    return next(iter(difflib.get_close_matches(name, [key.name for key in KEYS], n=1, cutoff=_SIMILAR)), "")


def _unread_overrides(conf: EnvConfigSet) -> Iterator[tuple[str, str]]:
    """Yield the overrides of keys of ours for this environment in the spelling of another kind of file."""
    read = {loader.section.key for loader in conf.loaders}
    for prefix in _ENV_PREFIXES:
        namespace = f"{prefix}{conf.env_name}"
        if namespace not in read:
            yield from ((namespace, each.key) for each in sections.overrides_of(conf, namespace) if _near(each.key))
