"""What a deployment printed: read in bounded memory, and checked. ``user_expressions`` has those of the user."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tox_prodsim.deployment import findings, log_end, tracebacks
from tox_prodsim.deployment.printed_exceptions import FIRST_WORDS
from tox_prodsim.model import files
from tox_prodsim.model.errors import ForeignFileError
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.scenario import Deployment

_BLOCK_BYTES = 1 << 16
_OVERLAP_BYTES = 1 << 10
"""Of a line longer than a block, so much is read twice: a match there is rarely longer."""


def check_output(
    log: Path, deployment: Deployment, *, ended_well: bool, own_code: Sequence[Path] = ()
) -> Iterator[Finding]:
    """Yield what speaks against the deployment in the log, which is read block by block, in bounded memory.

    A traceback contradicts a success, so it is a finding only if everything else ``ended_well``.
    """
    try:
        files.refuse_foreign(log)
    except ForeignFileError as problem:
        yield findings.replaced_log(problem, log.name)
        return
    if ended_well:
        yield from _printed_tracebacks(log, deployment, own_code)


def _printed_tracebacks(log: Path, deployment: Deployment, own_code: Sequence[Path]) -> Iterator[Finding]:
    """Yield RUN624 for the tracebacks of a log: with the first of them, and how many there are."""
    found = (each for each in tracebacks.read(lines_if_any(FIRST_WORDS, log)) if not each.is_fatal)
    first = next(found, None)
    if first is not None:
        place = log_end.place_of(first.places, own_code)
        yield findings.suspicious_output(
            log.name,
            log_end.named(first, own_code),
            1 + sum(1 for _ in found),
            file=place.file if place is not None else "",
            line=place.line if place is not None else None,
            job=not deployment.is_service,
        )


def blocks(log: Path) -> Iterator[bytes]:
    """Yield the file in blocks of whole lines, without the last line end; a longer line comes in parts that overlap."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(files.open_regular(log))
        except OSError:  # it was removed, or something else is in its place
            return
        rest = b""
        while read := file.read(_BLOCK_BYTES):
            whole, newline, after = (rest + read).rpartition(b"\n")
            if newline:
                yield whole
                rest = after
            elif len(after) > _BLOCK_BYTES:
                yield after
                rest = after[-_OVERLAP_BYTES:]
            else:
                rest = after
        if rest:
            yield rest


def read_lines(log: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their ends, a longer one in parts that overlap."""
    for block in blocks(log):
        yield from block.split(b"\n")


def lines_if_any(pattern: re.Pattern[bytes], log: Path) -> Iterator[bytes]:
    """Yield the lines of a file in which the pattern matches, none of any other: a search is ten times as fast."""
    if any(pattern.search(block) for block in blocks(log)):
        yield from read_lines(log)
