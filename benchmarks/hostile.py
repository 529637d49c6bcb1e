"""Read every hostile file of tests/support/hostile.py as a run does: what is said, the seconds and the memory.

Run it with the folder tests on the path: PYTHONPATH=tests python benchmarks/hostile.py [PART-OF-A-NAME]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from support.hostile import SDISTS, WHEELS, many_members

from tox_prodsim.checks import artifact
from tox_prodsim.model.errors import LimitExceededError, ProdsimError
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.supervision import Workers

MANY = {"100,000 modules": many_members(100_000)}


def main() -> None:
    """Print the table."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    print("| kind | input | what is said | seconds | MB above the start |\n| --- | --- | --- | --- | --- |")
    for kind, table in (("wheel", {**WHEELS, **MANY}), ("sdist", SDISTS)):
        for name, make in table.items():
            if wanted in name:
                print(f"| {kind} | {name} | {' | '.join(measured(make))} |", flush=True)


def measured(make: Callable[[Path], Path]) -> tuple[str, str, str]:
    """Return what is said of one file, the seconds, and the memory of the process that read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder))
        workers = Workers()
        start_kb = peak_kb(workers)
        began = time.monotonic()
        said = next(iter(sentences(workers, path)), "nothing")
        took_s = time.monotonic() - began
        try:
            memory = f"{(peak_kb(workers) - start_kb) / 1000:.0f}"
        finally:
            workers.close()
        return said.replace("|", "/")[:110], f"{took_s:.2f}", memory


def sentences(workers: Workers, path: Path) -> Iterator[str]:
    """Yield what is said of a file: why it is refused, or what its checks find."""
    read: Callable[[Path], artifact.Wheel | artifact.Sdist]
    read = artifact.open_wheel if path.suffix == ".whl" else artifact.open_sdist
    try:
        opened = artifact.read_bounded(workers, read, path)
    except ProdsimError as problem:
        found = artifact.unreadable_file(path, problem).findings[0]
        yield f"{found.code} {found.message}"
        return
    checks: list[Callable[[], CheckResult]] = []
    if isinstance(opened, artifact.Wheel):
        checks = [partial(check, opened) for check in (artifact.check_wheel, artifact.check_references)]
        checks += [partial(artifact.check_versions, opened, None), partial(artifact.check_native, opened)]
    elif isinstance(opened, artifact.Sdist):
        checks = [partial(artifact.check_sdist, opened)]
    results = [artifact.checked_bounded(workers, check, path) for check in checks]
    if isinstance(opened, artifact.Wheel):
        try:
            workers(artifact.internal_imports, opened)
        except LimitExceededError as problem:
            yield str(problem)
    yield from (f"{each.code} {ascii(each.message)[1:-1]}" for result in results for each in result.findings)
    yield from (f"not checked: {reason}" for result in results for _, reason in result.not_checked if "MB" in reason)


def peak_kb(workers: Workers) -> int:
    """Return the most memory that the process of the workers has had."""
    lines = workers(Path("/proc/self/status").read_text).splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
