"""Several services: their names and placeholders, and the order that follows from what they depend on."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.regex import lazy_regex

KINDS = ("port", "url")
"""What a placeholder may name of a service: ``db_port``, ``db_url``."""
_NAME = lazy_regex(r"[A-Za-z][A-Za-z0-9_-]*")
_AMBIGUOUS = {"port", "url", "pid", "scratch"}
"""Names that say nothing: PRODSIM_PORT and the like are of the only deployment."""


def prefix(name: str) -> str:
    """Return how the placeholders of a service begin: a hyphen is not possible there."""
    return name.replace("-", "_").lower()


def placeholder(name: str, kind: str) -> str:
    """Return the name of a placeholder, such as ``db_port``."""
    return f"{prefix(name)}_{kind}"


def stand_ins(names: Iterable[str]) -> dict[str, str]:
    """Return values for the placeholders of services, for checks before anything is known of them."""
    values = {"port": "1", "url": "http://127.0.0.1:1"}
    return {placeholder(name, kind): values[kind] for name in names for kind in KINDS}


def placeholders_in(texts: Iterable[object]) -> list[str]:
    """Return the names in braces that end like a placeholder of a service."""
    ends = "|".join(KINDS)
    return [match for text in texts for match in re.findall(rf"\{{(\w+_(?:{ends}))\}}", str(text))]


def named_in(texts: Iterable[object], names: Iterable[str]) -> list[str]:
    """Return those of the services whose placeholders are in the texts."""
    found = set(placeholders_in(texts))
    return [name for name in names if any(placeholder(name, kind) in found for kind in KINDS)]


def check_names(key: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names; raises ProdsimError for one that cannot name a service."""
    seen: dict[str, str] = {}
    for name in names:
        if not _NAME.fullmatch(name):
            msg = f"{name!r} is not a name of a service, write letters, digits, - and _, a letter first"
            raise ProdsimError(key, msg)
        if prefix(name) in _AMBIGUOUS:
            msg = (
                f"a service cannot be named {name!r}: {{{prefix(name)}}} and PRODSIM_{name.upper()} mean something else"
            )
            raise ProdsimError(key, msg)
        other = seen.setdefault(prefix(name), name)
        if names.count(name) > 1 or other != name:
            msg = (
                f"{name!r} is listed twice"
                if other == name
                else f"{other!r} and {name!r} share {{{prefix(name)}_port}}"
            )
            raise ProdsimError(key, msg)
    return tuple(names)


def circle(depends: Mapping[str, Collection[str]]) -> list[str]:
    """Return the names of a circle, the first one again at its end; nothing when there is none."""
    try:
        graphlib.TopologicalSorter(depends).prepare()
    except graphlib.CycleError as problem:
        names: list[str] = problem.args[1]
        return names[::-1]  # graphlib goes from what is needed to what needs it
    return []


def all_needed(depends: Mapping[str, Collection[str]], name: str) -> set[str]:
    """Return everything that a service depends on, directly or not."""
    found: set[str] = set()
    left = list(depends.get(name, ()))
    while left:
        other = left.pop()
        if other not in found:
            found.add(other)
            left += depends.get(other, ())
    return found
