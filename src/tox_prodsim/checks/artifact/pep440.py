"""Versions as PEP 440 reads them, and texts in their place that are none."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def parsed(text: str) -> Version | None:
    """Return the version that the text is; None when it is none."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def normal(text: str) -> str:
    """Return the version in its normal form, and a text that is none as it stands."""
    version = parsed(text)
    return text if version is None else str(version)


def same(one: str, other: str) -> bool:
    """Return whether both are one version, as 1.0 and 1.0.0 are, or the same text."""
    return one == other or ((version := parsed(one)) is not None and version == parsed(other))


def reaches(text: str, floor: str) -> bool:
    """Return whether it is a version that is not below ``floor``."""
    version = parsed(text)
    return version is not None and version >= Version(floor)
