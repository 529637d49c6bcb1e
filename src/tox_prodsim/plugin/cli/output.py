"""The output of the commands."""

from __future__ import annotations

import sys

NO_BASELINE = "no baseline is stored yet; accept one with: tox prodsim baseline update -e prodsim\n"


def write(text: str) -> None:
    """Write to stdout at once, in what its encoding has: a page can be read in a C locale."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
