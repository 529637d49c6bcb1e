"""Sizes of the configuration, such as ``5 MB`` or ``512 KiB``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import written
from tox_prodsim.model.regex import lazy_regex

_UNITS = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}
"""In small letters: ``5 MB``, ``5 mb`` and ``5MB`` are the same."""
_SIZE = lazy_regex(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]*)")
_MOST = 10**15
SCHEMA: Mapping[str, object] = {"type": "string"}
"""The JSON schema of a size in TOML."""


def limit(key: str, value: object) -> int | None:
    """Return the bytes of a limit, None for 0, which is no limit; raises ProdsimError for what is not a size."""
    found = _SIZE.fullmatch(written(value).strip())
    if found is None:
        _refuse(key, value)
    number, unit = float(found[1]), found[2].lower()
    if number and not unit:
        msg = f"{written(value)} has no unit, write for example {found[1]} MB or {found[1]} KiB"
        raise ProdsimError(key, msg)
    if unit and unit not in _UNITS:
        _refuse(key, value)
    size = number * _UNITS.get(unit, 1)
    if number and not 1 <= size <= _MOST:
        _refuse(key, value)
    return int(size) or None


def _refuse(key: str, value: object) -> NoReturn:
    msg = f"{written(value)} is not a size from 1 B to 1000 TB, write for example 5 MB or 512 KiB, or 0 for no limit"
    raise ProdsimError(key, msg)
