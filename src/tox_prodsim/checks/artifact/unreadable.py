"""WHL140, WHL150, WHL151, SDI210 and SDI211: a file that cannot be read, so that nothing else can be checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tox_prodsim.model.errors import LimitExceededError, ProdsimError, RefusedFileError
from tox_prodsim.model.findings import CheckResult, error
from tox_prodsim.model.runner import BoundedCall, T

CODE = "WHL140"
_ENDED = "look at what in it is so large; nothing else of the file can be checked"


def unreadable_file(path: Path, problem: ProdsimError) -> CheckResult:
    """Return the only finding there can be; ``problem`` says what is wrong with the file."""
    reason = problem.message.removeprefix(str(path)).removeprefix(path.name).removeprefix(":").strip()
    if isinstance(problem, RefusedFileError):
        found = error(problem.code, path.name, reason, problem.hint)
        return CheckResult(detail="", codes=(problem.code,), findings=(found,))
    hint = "build it again, and compare the sha256 before and after it is copied or uploaded; no installer takes it"
    found = error(CODE, path.name, reason, hint)
    return CheckResult(detail="", codes=(CODE,), findings=(found,))


def read_bounded(call: BoundedCall, read: Callable[[Path], T], path: Path) -> T:
    """Return what ``read`` returns for the file; raises ProdsimError, and RefusedFileError if it was ended."""
    try:
        return call(read, path)
    except LimitExceededError as problem:
        key, code = ("wheel", "WHL151") if path.suffix == ".whl" else ("sdist", "SDI211")
        raise RefusedFileError(key, f"{path.name}: reading it was ended: {problem}", code, _ENDED) from problem


def checked_bounded(
    call: BoundedCall, check: Callable[..., CheckResult], path: Path, *sources: Callable[[], object]
) -> CheckResult:
    """Return the result of checks, which get what ``sources`` return; a finding says that one of these was ended."""
    try:
        return call(check, *(source() for source in sources))
    except LimitExceededError as problem:
        code = "WHL151" if path.suffix == ".whl" else "SDI211"
        found = error(code, path.name, f"not checked: its checks were ended: {problem}", _ENDED)
        return CheckResult(detail="", codes=(code,), findings=(found,))
