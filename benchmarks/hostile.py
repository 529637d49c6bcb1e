"""Read every hostile file of tests/support/hostile.py as a run does: what is said, the seconds and the memory.

Run it with the folder tests on the path: PYTHONPATH=tests python benchmarks/hostile.py [PART-OF-A-NAME]
The seconds are what passes; CPU is that of all processes that read, MB is what all of them had at most above a process
that has read nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
from support.hostile import SDISTS, WHEELS, many_members

from tox_prodsim.checks import artifact
from tox_prodsim.model.cores import usable_cores
from tox_prodsim.model.errors import LimitExceededError, ProdsimError
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.supervision import Workers

MANY = {"100,000 modules": many_members(100_000)}


def main() -> None:
    """Print the table."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    print("| kind | input | what is said | seconds | CPU | MB above the start |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, table in (("wheel", {**WHEELS, **MANY}), ("sdist", SDISTS)):
        for name, make in table.items():
            if wanted in name:
                print(f"| {kind} | {name} | {' | '.join(measured(make))} |", flush=True)


def measured(make: Callable[[Path], Path]) -> tuple[str, str, str, str]:
    """Return what is said of one file, the seconds, those of the processor, and the memory of what read it."""
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder))
        workers = Workers()
        workers.prepare()
        (start_kb,) = peaks_kb()
        began = time.monotonic()
        said = next(iter(sentences(workers, path)), "nothing")
        took_s = time.monotonic() - began
        memory = f"{sum(peak - start_kb for peak in peaks_kb()) / 1000:.0f}"
        used_s = sum(sum(each.cpu_times()[:2]) for each in readers())
        workers.close()
        return said.replace("|", "/")[:110], f"{took_s:.2f}", f"{used_s:.2f}", memory


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
    if isinstance(opened, artifact.Wheel):
        yield from of_wheel(workers, opened)
    elif isinstance(opened, artifact.Sdist):
        yield from described([artifact.checked_bounded(workers, partial(artifact.check_sdist, opened), path)])


def of_wheel(workers: Workers, wheel: artifact.Wheel) -> Iterator[str]:
    """Yield what the checks of a wheel find, which are run side by side as in a run."""
    try:
        facts = artifact.read_facts(workers, wheel, usable_cores())
    except LimitExceededError as problem:
        yield str(problem)
        return
    checks: list[Callable[..., CheckResult]] = [
        partial(artifact.check_wheel, wheel, facts),
        partial(artifact.check_references, wheel, (), facts),
        partial(artifact.check_versions, wheel, None),
        partial(artifact.check_native, wheel, facts=facts),
    ]
    with ThreadPoolExecutor() as pool:
        internal = pool.submit(workers, artifact.internal_imports, wheel, facts)
        results = list(pool.map(lambda check: artifact.checked_bounded(workers, check, wheel.path), checks))
    if internal.exception() is not None:
        yield str(internal.exception())
    yield from described(results)


def described(results: list[CheckResult]) -> Iterator[str]:
    """Yield the findings, and what was not checked because of its size."""
    yield from (f"{each.code} {ascii(each.message)[1:-1]}" for result in results for each in result.findings)
    yield from (f"not checked: {reason}" for result in results for _, reason in result.not_checked if "MB" in reason)


def peaks_kb() -> list[int]:
    """Return the most memory that each of the processes that read has had."""
    return [_peak_kb(Path(f"/proc/{each.pid}/status").read_text()) for each in readers()]


def _peak_kb(status: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def readers() -> list[psutil.Process]:
    """Return the processes that read."""
    below = psutil.Process().children(recursive=True)
    return [each for each in below if "worker.main" in " ".join(each.cmdline()) and not is_supervisor(each)]


def is_supervisor(process: psutil.Process) -> bool:
    """Return whether it is one of those that only watch a process."""
    return any("warden" in word or "guard" in word for word in process.cmdline())


if __name__ == "__main__":
    main()
