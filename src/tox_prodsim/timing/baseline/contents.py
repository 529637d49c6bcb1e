"""What a release holds, as a baseline remembers it, and what two releases differ in.

Names only, sorted when written, with ``/`` in paths: nothing depends on the machine. A release with very many names is
remembered in part by patterns and numbers (``folded``), so that the file stays one that can be reviewed.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from tox_prodsim.model.dataclass import dataclass, field

MOST = 1000
"""So many modules, and as many data files, are remembered by their names; more by their number in a folder."""
COMMAND_GROUPS = frozenset({"console_scripts", "gui_scripts", "scripts"})
"""Entry points that are commands; ``scripts`` are the files that an installer puts beside them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a release held."""

    version: str
    created: str
    """The date on which that was recorded, ISO."""
    modules: frozenset[str] = frozenset()
    """All of the wheel."""
    imported: frozenset[str] = frozenset()
    """Those modules that a check has imported."""
    extensions: frozenset[str] = frozenset()
    """Those modules that are compiled."""
    entry_points: frozenset[str] = frozenset()
    """As ``[group] name``."""
    data: frozenset[str] = frozenset()
    packages: Mapping[str, int] = field(default_factory=dict)
    """Patterns of modules that are too many to be named, with their numbers."""
    folders: Mapping[str, int] = field(default_factory=dict)
    """Patterns of data files that are too many to be named, with their numbers."""
    descriptors: int | None = None
    """How many file descriptors the import leaves open; None: not counted."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """The reasons why modules did not import, by module."""
    notes: frozenset[str] = frozenset()
    """What there was to say of the release, one finding each."""

    def folded(self, most: int = MOST) -> Contents:
        """Return it as it is stored: of too many modules, those that were imported keep their names, up to ``most``."""
        folded = self
        if len(self.modules) > most:
            named = frozenset(sorted(self.imported, key=lambda name: (name.count("."), name))[:most])
            packages = _counted(self.modules - named, ".", most)
            folded = replace(folded, modules=named, imported=named, packages=packages)
        if len(self.data) > most:
            folded = replace(folded, data=frozenset(), folders=_counted(self.data, "/", most))
        return folded

    @property
    def module_count(self) -> int:
        """Return how many modules there are, named or not."""
        return len(self.modules) + sum(self.packages.values())

    @property
    def data_count(self) -> int:
        """Return how many data files there are, named or not."""
        return len(self.data) + sum(self.folders.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class CountDecrease:
    """Of what a pattern stands for, ``now`` are left of ``then``."""

    pattern: str
    then: int
    now: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LostContents:
    """What a release held and the next one does not, sorted."""

    modules: tuple[str, ...]
    """Without those that are lost extensions."""
    extensions: tuple[str, ...]
    """Extension modules, dotted."""
    entry_points: tuple[str, ...]
    """``[group] name``."""
    data: tuple[str, ...]
    """Paths as installed."""
    packages: tuple[CountDecrease, ...]
    """Packages of which fewer modules are left."""
    folders: tuple[CountDecrease, ...]
    """Folders of which fewer files are left."""


def lost(then: Contents, now: Contents) -> LostContents:
    """Return what is gone; ``then`` may be folded, ``now`` must not be.

    A command is gone when none has its name any more: whether it opens a console does not matter.
    """
    extensions = then.extensions - now.extensions
    commands = {_name(point) for point in now.entry_points if is_command(point)}
    points = (point for point in then.entry_points - now.entry_points if not is_command(point))
    scripts = (point for point in then.entry_points if is_command(point) and _name(point) not in commands)
    return LostContents(
        modules=tuple(sorted(then.modules - now.modules - extensions)),
        extensions=tuple(sorted(extensions)),
        entry_points=tuple(sorted([*points, *scripts])),
        data=tuple(sorted(then.data - now.data)),
        packages=tuple(_decreases(then.packages, now.modules - then.modules, ".")),
        folders=tuple(_decreases(then.folders, now.data, "/")),
    )


def gained(then: Contents, now: Contents) -> tuple[str, ...]:
    """Return the names of what is new, modules first; ``then`` may be folded, ``now`` must not be."""
    modules = [name for name in now.modules - then.modules if not then.packages.keys() & set(_patterns(name, "."))]
    data = [name for name in now.data - then.data if not then.folders.keys() & set(_patterns(name, "/"))]
    compiled = (now.extensions - then.extensions) & then.modules
    return (
        *sorted(modules),
        *_increases(then.packages, now.modules - then.modules, "."),
        *(f"{name} (compiled)" for name in sorted(compiled)),
        *sorted(now.entry_points - then.entry_points),
        *sorted(data),
        *_increases(then.folders, now.data, "/"),
    )


def merge_contents(old: Contents | None, new: Contents | None) -> Contents | None:
    """Return what to store: the old contents, with their version, when the new ones are the same."""
    if old is None or new is None:
        return new or old
    if new.descriptors is None:
        new = replace(new, descriptors=old.descriptors)
    return old if replace(new, version=old.version, created=old.created) == old else new


def is_command(point: str) -> bool:
    """Return whether ``[group] name`` is something to type."""
    return point.partition("]")[0].lstrip("[") in COMMAND_GROUPS


def _name(point: str) -> str:
    return point.partition("] ")[2]


def _counted(names: Iterable[str], separator: str, most: int) -> dict[str, int]:
    """Return patterns with numbers, at most ``most`` of them where possible, as deep as that allows."""
    all_names = tuple(names)
    for depth in range(max(name.count(separator) for name in all_names), 0, -1):
        patterns = Counter(_pattern(name, separator, depth) for name in all_names)
        if len(patterns) <= most:
            return dict(patterns)
    return dict(Counter(_pattern(name, separator, 0) for name in all_names))


def _pattern(name: str, separator: str, depth: int) -> str:
    """Return ``acme/locale/*.mo`` for what lies less deep, ``acme/locale/**/*.mo`` for all below this depth."""
    *folders, last = name.split(separator)
    kind = "*" if separator == "." else f"*{posixpath.splitext(last)[1]}"
    deep = len(folders) >= depth
    return separator.join([*folders[:depth], "**", kind] if deep else [*folders, kind])


def _patterns(name: str, separator: str) -> Iterator[str]:
    """Yield every pattern that the name fits."""
    return (_pattern(name, separator, depth) for depth in range(name.count(separator) + 2))


def _numbers(patterns: Mapping[str, int], names: Iterable[str], separator: str) -> Counter[str]:
    """Return how many of the names fit each of the patterns."""
    counted = names if patterns else ()
    return Counter(pattern for name in counted for pattern in patterns.keys() & set(_patterns(name, separator)))


def _decreases(patterns: Mapping[str, int], names: Iterable[str], separator: str) -> Iterator[CountDecrease]:
    now = _numbers(patterns, names, separator)
    for pattern, number in sorted(patterns.items()):
        if now[pattern] < number:
            yield CountDecrease(pattern=pattern, then=number, now=now[pattern])


def _increases(patterns: Mapping[str, int], names: Iterable[str], separator: str) -> Iterator[str]:
    now = _numbers(patterns, names, separator)
    for pattern, number in sorted(patterns.items()):
        if now[pattern] > number:
            yield f"{now[pattern] - number} more {pattern}"
