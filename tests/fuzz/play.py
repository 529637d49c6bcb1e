"""Fuzz every reader and print what came of it: ``python tests/fuzz/play.py [--examples N] [--seconds S] [--guided]``.

Each target is played in a process of its own, so that nothing hangs this one. An input that fails is made small and
kept in ``found/``, where the tests play it from then on. A traceback or a hang makes the exit code 1. Ctrl-C and
SIGTERM end all of it.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.engine import FOUND, LIMIT_S, Hang, play
from fuzz.targets import TARGETS

MOST_FAILURES = 3
"""After so many, a target is left: the rest would be the same ones."""
SEEDS = 60


@dataclass
class Result:
    """What came of one target."""

    name: str
    inputs: int = 0
    seconds: float = 0.0
    tracebacks: int = 0
    hangs: int = 0

    def add(self, problem: BaseException, smallest: bytes) -> None:
        """Count a failure, keep its input, and print it."""
        if isinstance(problem, Hang):
            self.hangs += 1
        else:
            self.tracebacks += 1
        path = FOUND / self.name / hashlib.sha256(smallest).hexdigest()[:12]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(smallest)
        print(f"{self.name}: {path}", file=sys.stderr)
        traceback.print_exception(problem, limit=-6)


def main() -> int:
    options = _options()
    if options.target and options.child:
        print(json.dumps(asdict(_played(options.target[0], options))))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.environ["TMPDIR"] = folder  # of the children: one that is killed leaves its own folder in it
        return _table(options)


def _stop(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _table(options: argparse.Namespace) -> int:
    """Play all targets, print what comes of them, and return the exit code."""
    names, children = options.target or list(TARGETS), Children()
    began = time.monotonic()
    print(f"{'target':<22} {'inputs':>9} {'seconds':>8} {'tracebacks':>10} {'hangs':>5}")
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            played = pool.map(lambda name: _in_a_process(name, options, children), names)
            results = [_printed(each) for each in played]
        finally:
            children.end()
    figures = ("inputs", "seconds", "tracebacks", "hangs")
    _printed(Result(f"{len(results)} targets", *(sum(getattr(each, name) for each in results) for name in figures)))
    print(f"{time.monotonic() - began:.0f} s in all")
    return 1 if any(each.tracebacks or each.hangs for each in results) else 0


class Children:
    """The processes of the targets, each with a group of its own, in which are those that it starts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def run(self, argv: Sequence[str], limit_s: float) -> tuple[bytes, int]:
        """Return what one prints, and how it ended: killed, if it takes longer, or if all of them are ended."""
        with self._lock:
            if self._ended:
                return b"", -signal.SIGKILL
            child = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)
            self._running.add(child)
        try:
            output, _ = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            _kill(child)
            output, _ = child.communicate()
        with self._lock:
            self._running.discard(child)
        return output, child.returncode

    def end(self) -> None:
        """Kill all that run, and start none any more; idempotent."""
        with self._lock:
            self._ended = True
            for child in self._running:
                _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and what it has started, unless it has ended: its number may be that of another group by then."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fuzz what reads files, answers and keys of others.")
    parser.add_argument("--examples", type=int, default=500, help="inputs of a round of a target (default: 500)")
    parser.add_argument("--seconds", type=float, default=0.0, help="rounds are repeated so long (default: one round)")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="only this one; more than once")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="targets at a time (default: one for each CPU)"
    )
    parser.add_argument(
        "--guided", action="store_true", help="let atheris look for new paths in the code, if it is there"
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.guided and importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not there: it has wheels for CPython 3.11 to 3.13 on Linux (x86_64) only")
    return options


def _played(name: str, options: argparse.Namespace) -> Result:
    """Play one target here, in rounds of other inputs each time."""
    result, until = Result(name), time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        while True:
            began, before = time.monotonic(), result.inputs
            try:
                result.inputs += play(TARGETS[name], Path(folder), options.examples, fixed=False).inputs
            except BaseException as problem:  # noqa: BLE001 - whatever it is, it is what is looked for
                result.inputs += getattr(problem, "inputs", 0)
                result.add(problem, getattr(problem, "smallest", b""))
            result.seconds += time.monotonic() - began
            failures = result.tracebacks + result.hangs
            if time.monotonic() >= until or failures >= MOST_FAILURES or result.inputs == before:
                return result


def _in_a_process(name: str, options: argparse.Namespace, children: Children) -> Result:
    """Play one target in a process, which is ended when an input hangs in a way that it does not notice itself."""
    argv = [sys.executable, str(Path(__file__).with_name("guided.py" if options.guided else "play.py"))]
    numbers = ["--examples", str(options.examples), "--seconds", str(options.seconds)]
    began = time.monotonic()
    # Of one input: LIMIT_S of CPU time, on a machine that has other work as well.
    limit_s = 10 * LIMIT_S + 2 * options.seconds + 2 * options.examples
    output, code = children.run([*argv, "--child", "--target", name, *numbers], limit_s)
    try:
        return Result(**json.loads(output.splitlines()[-1]))
    except (IndexError, ValueError):
        is_hang = code == -signal.SIGKILL
        return Result(name, seconds=time.monotonic() - began, hangs=int(is_hang), tracebacks=int(not is_hang))


def _printed(each: Result) -> Result:
    """Print a result at once: a run that is cut short has shown what it knows."""
    print(f"{each.name:<22} {each.inputs:>9,} {each.seconds:>8.0f} {each.tracebacks:>10} {each.hangs:>5}", flush=True)
    return each


if __name__ == "__main__":
    sys.exit(main())
