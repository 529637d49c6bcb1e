"""Versions by PEP 440, and texts that are not valid versions."""

from __future__ import annotations

from packaging.version import Version


def parsed(text: str) -> Version | None:
    """Return the version; None when the text is not a valid one, or has a number of more digits than Python reads."""
    try:
        return Version(text)
    except ValueError:
        return None


def normal(text: str) -> str:
    """Return the version in its normal form, or the text if it is not a valid version."""
    version = parsed(text)
    return text if version is None else str(version)


def same(one: str, other: str) -> bool:
    """Return whether both are the same version, as 1.0 and 1.0.0 are, or the same text."""
    return one == other or ((version := parsed(one)) is not None and version == parsed(other))


def reaches(text: str, floor: str) -> bool:
    """Return whether it is a valid version, and not below ``floor``."""
    version = parsed(text)
    return version is not None and version >= Version(floor)
