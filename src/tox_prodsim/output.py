"""What a deployment printed: read in bounded memory, and judged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tox_prodsim import endings
from tox_prodsim.findings import Finding
from tox_prodsim.scenario import DEFAULT_REJECT, Deployment

_LINE_LIMIT_BYTES = 1 << 16


def judge(log: Path, deployment: Deployment, *, ended_well: bool) -> Iterator[Finding]:
    """Yield what the log says against a success; it is read line by line, in bounded memory."""
    suspicious = [re.compile(pattern.encode()) for pattern in DEFAULT_REJECT]
    missing = dict.fromkeys(deployment.expect_output)
    rejected: dict[re.Pattern[bytes], str] = {}
    suspects: dict[re.Pattern[bytes], str] = {}
    for line in read_lines(log):
        for pattern in [pattern for pattern in missing if pattern.search(line)]:
            del missing[pattern]
        _note_matches(deployment.reject_output, line, rejected)
        _note_matches(suspicious, line, suspects)
    subject = log.name
    if ended_well:
        yield from (endings.not_seen(subject, pattern) for pattern in missing)
    yield from (endings.forbidden(subject, pattern, line) for pattern, line in rejected.items())
    if ended_well:
        yield from (endings.suspicious(subject, line, job=not deployment.is_service) for line in suspects.values())


def _note_matches(wanted: Sequence[re.Pattern[bytes]], line: bytes, seen: dict[re.Pattern[bytes], str]) -> None:
    for pattern in wanted:
        if pattern not in seen and pattern.search(line):
            seen[pattern] = line.decode(errors="replace").strip()


def read_lines(log: Path) -> Iterator[bytes]:
    """Yield the lines of a file, a longer one in pieces of 64 KiB."""
    if log.exists():
        with log.open("rb") as file:
            while line := file.readline(_LINE_LIMIT_BYTES):
                yield line


def tail(log: Path, count: int) -> list[str]:
    """Return the last lines of a file, from its last 64 KiB."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LINE_LIMIT_BYTES))
        return [line.decode(errors="replace") for line in file.read().splitlines()[-count:]]
