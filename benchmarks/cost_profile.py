"""Where the CPU time of a check goes, beside plain tox: milliseconds by cause, which add up to the difference.

``cost.py --profile`` runs this. Every program that the two tox runs start is timed by ``process_times``. In the process
of tox the imports are timed as well: a module counts what its own code takes, in the CPU time of its thread.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import process_times
from process_times import FORKED, Program

OURS, OTHERS, REST = "tox: imports of tox_prodsim", "tox: other imports", "tox: everything else"
SUPERVISION, WORKER, PROBE = (
    "server, guards and wardens",
    "process that reads files",
    "programs in the environment",
)
CAUSES = (OURS, OTHERS, REST, SUPERVISION, WORKER, PROBE)
INSTALLER, COMMANDS, OTHER_PROGRAMS = "uv, pip and what they start", "commands of the test", "other programs"
_TIMED_TOX = r"""
import atexit, importlib._bootstrap as bootstrap, json, os, sys, threading, time
load, spent, mine = bootstrap._load_unlocked, {}, threading.local()
def timed(spec):
    began, outer = time.thread_time(), getattr(mine, "inner", 0.0)
    mine.inner = 0.0
    try:
        return load(spec)
    finally:
        took = time.thread_time() - began
        top = spec.name.partition(".")[0]
        spent[top] = spent.get(top, 0.0) + (took - mine.inner) * 1000
        mine.inner = outer + took
bootstrap._load_unlocked = timed
def write(file=os.environ.pop("IMPORT_TIMES")):
    with open(file, "w") as out:
        json.dump(spent, out)
atexit.register(write)
from tox.run import run
sys.argv[0] = "tox"
run()
"""


def timed_tox(python: Path) -> list[str]:
    """Return the start of a command line that runs tox and times its imports."""
    return [str(python), "-c", _TIMED_TOX]


def profile(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Counter[str]:
    """Return the milliseconds of one tox run by cause; exits when it fails."""
    times, output = cwd / "imports.json", cwd / "output.txt"
    status, programs = process_times.run(argv, cwd, {**env, "IMPORT_TIMES": str(times)}, output)
    if status:
        sys.exit(f"{' '.join(argv)} failed:\n{output.read_text(errors='replace')}")
    imports = json.loads(times.read_text())
    found: Counter[str] = Counter()
    tox = next(iter(programs))
    for pid, each in programs.items():
        for program in each:
            found[_cause(program, pid == tox, programs)] += program.cpu_ms  # type: ignore[assignment]
    found[OURS] = imports.pop("tox_prodsim", 0.0)
    found[OTHERS] = sum(imports.values())
    found[REST] -= found[OURS] + found[OTHERS]
    return found


def _cause(program: Program, is_tox: bool, programs: Mapping[int, Sequence[Program]]) -> str:  # noqa: FBT001 - internal
    if is_tox:
        return REST
    text = program.command
    if text == FORKED or "guards.serve" in text or "guard.begin" in text or "orphan.py" in text:
        above = programs.get(program.parent, ())
        return REST if text == FORKED and above and above is programs[next(iter(programs))] else SUPERVISION
    rules: tuple[tuple[str, Callable[[str], bool]], ...] = (
        (WORKER, lambda text: "worker.main" in text),
        (PROBE, lambda text: "_child/" in text),
        (INSTALLER, lambda text: "/uv " in text or "-m pip " in text or "fsdecode" in text or "_venv_query" in text),
        (COMMANDS, lambda text: " -c import " in text),
    )
    return next((cause for cause, holds in rules if holds(text)), OTHER_PROGRAMS)


def show(name: str, plain: Sequence[Counter[str]], ours: Sequence[Counter[str]]) -> None:
    """Print the means of the rounds, which add up as medians would not."""
    load = f", load {os.getloadavg()[0]:.1f}"
    print(f"{name}: CPU in ms, means of {len(plain)} rounds{load}")
    print(f"{'cause':<40}{'plain':>8}{'prodsim':>9}{'more':>8}")
    causes = (*CAUSES, INSTALLER, COMMANDS, OTHER_PROGRAMS)
    rows = [(cause, _mean(plain, cause), _mean(ours, cause)) for cause in causes]
    for cause, before, after in [*rows, ("in all", sum(row[1] for row in rows), sum(row[2] for row in rows))]:
        print(f"{cause:<40}{before:>8.0f}{after:>9.0f}{after - before:>8.0f}")


def _mean(rounds: Sequence[Counter[str]], cause: str) -> float:
    return sum(each[cause] for each in rounds) / len(rounds)
