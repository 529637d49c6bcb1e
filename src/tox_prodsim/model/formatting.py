"""Numbers, names and the output of programs, as findings and evidence tell them."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, what: str) -> str:
    """Return ``no modules``, ``1 module``, ``2 modules``."""
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int) -> str:
    """Return the first names, ``most`` of them, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def folded(names: Sequence[str]) -> str:
    """Return the first of the names and how many more there are."""
    return listed(names, 1)


def last_error(output: str) -> str:
    """Return the last line of an installer that calls itself an error, else the last line.

    To pip an index that it did not reach is one that has nothing.
    """
    lines = output.strip().splitlines()
    errors = [line for line in lines if line.lower().startswith("error")]
    error = "".join((errors or lines)[-1:])
    unreached = "No matching distribution" in error and any("Retrying (Retry(" in line for line in lines)
    return f"{error}: the index cannot be reached" if unreached else error
