"""Findings about a file: what is wrong with it, and what one can do."""

from __future__ import annotations

from collections.abc import Sequence

from tox_prodsim.findings import Finding, Level


def error(code: str, subject: str, message: str, hint: str) -> Finding:
    """Return what fails the run."""
    return Finding(code=code, level=Level.ERROR, subject=subject, message=message, hint=hint)


def warning(code: str, subject: str, message: str, hint: str) -> Finding:
    """Return what should be looked at."""
    return Finding(code=code, level=Level.WARNING, subject=subject, message=message, hint=hint)


def note(code: str, subject: str, message: str, hint: str) -> Finding:
    """Return what is good to know."""
    return Finding(code=code, level=Level.NOTE, subject=subject, message=message, hint=hint)


def count(number: int, what: str) -> str:
    """Return ``no modules``, ``1 module``, ``2 modules``."""
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def folded(names: Sequence[str]) -> str:
    """Return the first of the names and how many more there are."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
