"""The output of the commands."""

from __future__ import annotations

import sys

from tox_prodsim.model.printable import Printable

NO_BASELINE = "no baseline is stored yet; accept one with: tox prodsim baseline update -e prodsim\n"
_LONGEST_LINE = 100_000


def write(text: str) -> None:
    """Write lines to stdout at once, in what its encoding has, with their control characters escaped."""
    clean = Printable(sys.stdout.encoding)
    write_rendered("".join(clean(line, limit=_LONGEST_LINE) + "\n" for line in text.split("\n")[:-1]))


def write_rendered(text: str) -> None:
    """Write what a report has made printable already, colors included."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
