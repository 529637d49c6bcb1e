"""What is known of distributions: of the one that is checked, and of what is installed in its environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.outcomes import is_below
from tox_prodsim.checks.installed.providers import known_names
from tox_prodsim.model import top_levels
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.regex import lazy_regex

COMMAND_GROUPS = ("console_scripts", "gui_scripts")
_NAME = lazy_regex(r"[\w.-]+")  # of a requirement
_EXTRA = lazy_regex(r"""\bextra\s*==\s*['"]([^'"]+)""")
_FOR_DEVELOPERS = lazy_regex(r"(?:^|[-_.])(?:dev|doc|lint|test|typing|mypy$|ci$|all$)", re.IGNORECASE)
"""Extras for what maintainers need, or for everything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """The distribution under test, as its wheel describes it."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    """The lines of Requires-Dist."""
    requires_python: str = ""
    extras: tuple[str, ...] = ()
    """The extras with which it is installed."""
    top_levels: tuple[str, ...] = ()
    """The modules without a parent in the wheel."""
    modules: tuple[str, ...] = ()
    """All importable names."""
    extensions: tuple[str, ...] = ()
    """The modules that are compiled."""
    entry_points: tuple[EntryPoint, ...] = ()
    script_files: tuple[str, ...] = ()
    """The files of ``.data/scripts``, which an installer puts beside the commands."""
    start_files: tuple[str, ...] = ()
    """The files of the root of site-packages that Python runs when it starts: ``.pth`` and ``sitecustomize``."""
    classifiers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return the name in its canonical form."""
        return canonicalize_name(self.name)

    @property
    def commands(self) -> tuple[EntryPoint, ...]:
        """Return the entry points for which an installer writes a command."""
        return tuple(point for point in self.entry_points if point.group in COMMAND_GROUPS)

    @property
    def plugins(self) -> tuple[EntryPoint, ...]:
        """Return the other entry points, which another program loads."""
        return tuple(point for point in self.entry_points if point.group not in COMMAND_GROUPS)

    @property
    def known_extras(self) -> tuple[str, ...]:
        """Return the extras that have requirements."""
        return tuple(dict.fromkeys(extra for text in self.requires for extra in _EXTRA.findall(text)))

    def extras_with(self, module: str) -> tuple[str, ...]:
        """Return the extras that require a distribution that is known to provide the module."""
        return tuple(dict.fromkeys(extra for text in self._requirements_of(module) for extra in _EXTRA.findall(text)))

    def user_extras_with(self, module: str) -> tuple[str, ...]:
        """Return those extras of ``extras_with`` that are meant for users."""
        return tuple(extra for extra in self.extras_with(module) if not _FOR_DEVELOPERS.search(extra))

    def requires_always(self, module: str) -> bool:
        """Return whether a distribution that is known to provide the module is required without an extra."""
        return any(not _EXTRA.search(text) for text in self._requirements_of(module))

    def requires_distribution(self, name: str) -> bool:
        """Return whether the distribution of this name is required without an extra."""
        return any(not _EXTRA.search(text) for text in self._requirements({canonicalize_name(name)}))

    def _requirements_of(self, module: str) -> Iterator[str]:
        """Yield the requirements of distributions that are known to provide the module."""
        return self._requirements(known_names(module))

    def _requirements(self, names: Collection[str]) -> Iterator[str]:
        """Yield the requirements of distributions with these names."""
        return (text for text in self.requires if (found := _NAME.match(text)) and canonicalize_name(found[0]) in names)

    def is_stray(self, name: str) -> bool:
        """Return whether a top-level is in the wheel by accident: importing it would run tests or a set-up."""
        return top_levels.is_stray(name.partition(".")[0], self.key, self.modules)

    def lacks_foreign(self, missing: str) -> bool:
        """Return whether the module that was not found belongs to another distribution."""
        ours = any(is_below(missing, name) or is_below(name, missing) for name in self.top_levels)
        return bool(missing) and not ours and canonicalize_name(missing.partition(".")[0]) != self.key


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledDistribution:
    """One installed distribution."""

    name: str
    version: str
    requires: tuple[str, ...]
    editable: str
    """What shows that its code is outside of the environment; empty when it is inside."""
    tops: tuple[str, ...] = ()
    """Its importable top-level names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What is installed in an environment."""

    environment: Mapping[str, str]
    """The values of its Python for the variables of markers."""
    distributions: Mapping[str, InstalledDistribution]
    """The distributions by canonical name."""
    stdlib: frozenset[str] = frozenset()
    """The modules of its standard library; none are known before Python 3.10."""
