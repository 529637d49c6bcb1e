"""RUN611, RUN612, RUN624 and RUN658: what it prints."""

from __future__ import annotations

import re

from tox_prodsim.deployment.findings.describe import short
from tox_prodsim.model.errors import ForeignFileError
from tox_prodsim.model.findings import Finding, Level, error


def expected_output_missing(log: str, pattern: re.Pattern[bytes]) -> Finding:
    """Return RUN611: no line of the log matches an expected expression."""
    return error(
        "RUN611",
        "expect_output",
        f"no line of {log} matches {pattern.pattern.decode()!r}",
        "mend the deployment, or the expression",
    )


def rejected_output(log: str, pattern: re.Pattern[bytes], line: str) -> Finding:
    """Return RUN612: a line of the log matches a rejected expression."""
    return error(
        "RUN612",
        "reject_output",
        f"{log} has a line that matches {pattern.pattern.decode()!r}: {short(line)}",
        "mend what it reports, or the expression",
    )


def expression_too_slow(key: str, expression: str, reason: str) -> Finding:
    """Return RUN658: the search for an expression of the user was ended, so that nobody knows whether it matches."""
    return error(
        "RUN658",
        key,
        f"not checked: the search for {expression!r} was ended, {reason}",
        "write it without a repetition inside of a repetition, such as (a+)+, and with few times .*",
    )


def replaced_log(problem: ForeignFileError, log: str) -> Finding:
    """Return RUN657: something else is in the place of the log, so that what was printed is not known."""
    return error(
        "RUN657",
        log,
        f"{problem.kind} is in the place of the log, so the output of the deployment was not read",
        "find what replaces the log: nothing but tox-prodsim writes in its folder",
    )


def suspicious_output(log: str, last_line: str, count: int, *, file: str, line: int | None, job: bool) -> Finding:
    """Return RUN624: tracebacks contradict a success, for a job as an error; ``last_line`` is that of the first one."""
    printed = "a traceback" if count == 1 else f"{count} tracebacks, the first"
    return Finding(
        code="RUN624",
        level=Level.ERROR if job else Level.WARNING,
        subject=log,
        message=f"counts as a success, but printed {printed}: {last_line}",
        hint=(
            "let the exception end the process: no exit code 0 in a finally block"
            if job
            else "handle the exception where it is raised; if it is expected, log its message without the traceback"
        ),
        file=file,
        line=line,
    )
