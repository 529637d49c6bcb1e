"""WHL140: a file that can be read neither as a wheel nor as an sdist, so that nothing else can be checked."""

from __future__ import annotations

from pathlib import Path

from tox_prodsim.model.findings import CheckResult, error

CODE = "WHL140"


def unreadable_file(path: Path, problem: str) -> CheckResult:
    """Return the only finding there can be; ``problem`` says what is wrong with the file."""
    reason = problem.removeprefix(str(path)).removeprefix(path.name).strip()
    hint = "build it again, and compare the sha256 before and after it is copied or uploaded; no installer takes it"
    found = error(CODE, path.name, reason, hint)
    return CheckResult(detail="", codes=(CODE,), findings=(found,))
