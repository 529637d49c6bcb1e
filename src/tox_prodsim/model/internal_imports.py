"""What the modules of a wheel import of their own package: what is absent, and what they only need at times."""

from __future__ import annotations

from collections.abc import Callable

from tox_prodsim.model.dataclass import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Importer:
    """A line that imports something."""

    file: str
    """Relative to site-packages."""
    line: int
    module: str
    """The module that does it; empty: an example in the description of the project."""
    in_function: bool
    """Whether it runs only when a function is called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AbsentName:
    """A name of the package that modules of the wheel import, and that the wheel does not have."""

    name: str
    """The full name, such as ``acme.plugins``."""
    module: str
    """The module it is imported from with ``from module import name``; empty: the name is imported as a module."""
    importers: tuple[Importer, ...]


def _never(_module: str) -> bool:
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class InternalImports:
    """What the sources say."""

    absent: tuple[AbsentName, ...] = ()
    is_shell: bool = False
    """Whether there are modules, but nothing in them except names such as ``__version__``."""
    is_optional: Callable[[str], bool] = _never
    """Whether the package imports a module only under conditions: one that an ``if`` or a ``try`` guards."""
    unknown_because: str = ""
    """Why the sources could not be read; empty: they were."""


NO_IMPORTS = InternalImports()
