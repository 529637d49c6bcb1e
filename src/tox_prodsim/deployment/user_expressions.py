"""RUN611, RUN612 and RUN658: the regular expressions of the user, which are searched for within limits of time."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.deployment.log_search import Search
from tox_prodsim.deployment.output import blocks
from tox_prodsim.model import files, leaks
from tox_prodsim.model.errors import ExpressionLimitError, ForeignFileError
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.leaks import AllowLeaks, Leak
from tox_prodsim.model.scenario import Deployment

_LOG_LIMIT_S = 2.0
_BYTES_PER_S = 1e6
"""A log may take so much longer: a good expression searches ten times as fast on a slow machine."""


def check_log(log: Path, deployment: Deployment, expressions: supervision.Expressions) -> Iterator[Finding]:
    """Yield the expected lines that a log lacks, and the forbidden ones that it has; nothing for one that is not ours.

    ``output`` reports what else is in its place.
    """
    try:
        files.refuse_foreign(log)
    except ForeignFileError:
        return
    for key, patterns in (("expect_output", deployment.expect_output), ("reject_output", deployment.reject_output)):
        for pattern in patterns:
            try:
                line = _search(log, pattern, expressions)
            except ExpressionLimitError as problem:
                yield too_slow(key, problem)
            else:
                yield from _judged(key, log.name, pattern, line)


def _judged(key: str, log: str, pattern: re.Pattern[bytes], line: str | None) -> Iterator[Finding]:
    if key == "expect_output" and line is None:
        yield findings.expected_output_missing(log, pattern)
    if key == "reject_output" and line is not None:
        yield findings.rejected_output(log, pattern, line)


def _search(log: Path, pattern: re.Pattern[bytes], expressions: supervision.Expressions) -> str | None:
    """Return the first line that matches, None: there is none; raises ExpressionLimitError."""
    size_bytes = log.stat().st_size if log.is_file() else 0
    search = functools.partial(first_line, log, pattern)
    return expressions.search(pattern, search, _LOG_LIMIT_S + size_bytes / _BYTES_PER_S)


def first_line(log: Path, pattern: re.Pattern[bytes]) -> str | None:
    """Return the first line that matches, None: there is none; the log is read block by block."""
    search = Search((pattern,))
    for block in blocks(log):
        search.read(block)
        if search.found:
            break
    return search.found.get(pattern)


class Acceptance:
    """Decides which leaks the user accepts; ``findings`` are those about expressions that were ended."""

    def __init__(self, allow: AllowLeaks, expressions: supervision.Expressions) -> None:
        self._allow = allow
        self._expressions = expressions
        self._ended: set[str] = set()
        self.findings: list[Finding] = []

    def accepts(self, leak: Leak) -> bool:
        """Return whether the user accepts this leak."""
        return self._allow.accepts(leak, self._finds)

    def _finds(self, pattern: re.Pattern[str], text: str) -> bool:
        if pattern.pattern in self._ended:
            return False
        try:
            return self._expressions.finds(pattern, text)
        except ExpressionLimitError as problem:
            self._ended.add(pattern.pattern)
            self.findings.append(too_slow(leaks.KEY, problem))
            return False


def too_slow(key: str, problem: ExpressionLimitError) -> Finding:
    """Return RUN658: nobody can say whether an expression matches."""
    return findings.expression_too_slow(key, problem.expression, str(problem))
