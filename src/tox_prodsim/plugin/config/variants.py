"""The names of the prodsim environments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tox_prodsim.model import scenario
from tox_prodsim.model.regex import lazy_regex

ENV_NAME = "prodsim"
VARIANTS: Mapping[str, Mapping[str, object]] = {
    "lowest": {
        "description": "the same with the lowest versions of its dependencies that the wheel allows",
        "resolution": scenario.LOWEST,
    },
    "sdist": {
        "description": "the same from the sdist, as installed by users without a matching wheel",
        "package": "sdist",
    },
}
"""Environments beside ``prodsim``: the factor that selects each, and the keys that differ."""
_PYTHON = lazy_regex(r"(?:py|pypy|cpython|graalpy)?\d(?:\.?\d+)?t?")


def variants(requested: Iterable[str], *, listed: bool) -> Iterator[str]:
    """Yield the variants among the requested names; for a list of environments also those without a Python factor.

    With a variant in it tox itself does not know that ``py312-prodsim-lowest`` is made of factors.
    """
    plain = [f"{ENV_NAME}-{variant}" for variant in VARIANTS] if listed else []
    named = (name for name in requested if any(variant in name.split("-") for variant in VARIANTS))
    for name in dict.fromkeys([*plain, *named]):
        if all(word in {ENV_NAME, *VARIANTS} or _PYTHON.fullmatch(word) for word in name.split("-")):
            yield name
