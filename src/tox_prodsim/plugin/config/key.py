"""What a key of a prodsim environment is; ``keys`` has the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tox_prodsim.model import ranges
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.plugin.config import values

Schema = Mapping[str, object]
"""A JSON schema."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What a key means nothing without."""

    keys: tuple[str, ...]
    """The other keys, all of which must have a value."""
    reason: str
    """What an error says behind their names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One key: a row of the table."""

    name: str
    """Its name."""
    help: str
    """What it means, in one sentence of Markdown, as editors show the descriptions of a schema."""
    of_type: Any
    """What tox makes of its value; ``object``: nothing, so that an error can show what was written."""
    default: object
    """Its value where nobody sets it."""
    schema: Schema
    """The JSON schema of its value in TOML."""
    range: ranges.Range | None = None
    """The numbers that it may be; None: it is not a number."""
    parse: Callable[[str, Any], Any] = values.unchanged
    """What the value means, from the name and what tox made of it; raises ProdsimError that names the key."""
    refuse: Callable[[str, str], object] = values.refuse
    """What becomes of a complaint of tox about the value: ProdsimError, or nothing when there is just no value."""
    needs: Need | None = None
    """The keys without which a value means nothing."""
    factor_words: tuple[str, ...] = ()
    """Expressions for words that tox would take for factors in an ini file when a blank follows their colon."""
    more_help: str = ""
    """What the document says behind ``help``."""
    default_help: str = ""
    """What the document has for the default, where that is not the plain value."""
    of_service: bool = False
    """Whether the section of a service may have it as well."""
