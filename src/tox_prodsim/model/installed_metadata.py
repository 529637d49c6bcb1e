"""What is installed, also where its metadata is not UTF-8: old releases have the names of their authors in Latin-1."""

from __future__ import annotations

import email
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path


def read_text(distribution: Distribution, file: str) -> str:
    """Return a file of the metadata, with marks in place of what cannot be decoded; empty: it cannot be read."""
    try:
        return distribution.read_text(file) or ""
    except UnicodeDecodeError:
        folder = getattr(distribution, "_path", None)  # there is no public name for it
    except OSError:
        folder = None
    try:
        return (folder / file).read_bytes().decode("utf-8", "replace") if isinstance(folder, Path) else ""
    except OSError:
        return ""


def name_and_version(distribution: Distribution) -> tuple[str, str]:
    """Return both as METADATA has them, empty where it has none."""
    text = read_text(distribution, "METADATA") or read_text(distribution, "PKG-INFO") or read_text(distribution, "")
    fields = email.message_from_string(text)
    return str(fields["Name"] or "").strip(), str(fields["Version"] or "").strip()


def named_distributions(site_packages: Path | str) -> Iterator[tuple[str, str, Distribution]]:
    """Yield the distributions that have a name, each behind its name and version."""
    for each in distributions(path=[str(site_packages)]):
        name, version = name_and_version(each)
        if name:
            yield name, version, each
