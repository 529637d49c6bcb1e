"""Regular expressions that are compiled when they are used for the first time, and not at an import.

Most of ours are not used in a run, and to compile them takes longer than to import the modules that they are in. A type
checker sees ``re.compile``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from re import compile as lazy_regex
else:

    class lazy_regex:  # noqa: N801 - takes the place of a function
        """Has what a compiled expression has."""

        def __init__(self, pattern: str | bytes, flags: int = 0) -> None:
            self._arguments = (pattern, flags)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            value = getattr(re.compile(*self._arguments), name)
            vars(self)[name] = value
            return value

        def __reduce__(self) -> tuple[Any, ...]:
            return re.compile, self._arguments


__all__ = ["lazy_regex"]
