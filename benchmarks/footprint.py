"""How often memory is wrongly reported as grown, and how often 10 % more is found: real samples, drawn again and again.

python benchmarks/footprint.py [--samples N] [--starts N]

An import is sampled in fresh interpreters, a server is started and weighed. The same is done with a tenth more memory.
A run has four samples of an import, or one start: 1,000 pairs of runs are drawn from what was measured.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tox_prodsim.model.footprint import Growth, Quantity, QuantityKind
from tox_prodsim.supervision import settled_weight
from tox_prodsim.supervision.process_tree import with_descendants
from tox_prodsim.timing.footprint import Tolerances, Weighed, compare_quantity

PAIRS = 1000
IMPORTS = ("json", "asyncio", "unittest.mock", "http.server")
SAMPLE = """
import sys
def peak():
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) * 1024
base = peak()
__import__(sys.argv[1])
kept = b"x" * int(sys.argv[2])
print(peak(), base)
"""
SERVER = """
import asyncio, sys
kept = b"x" * int(sys.argv[1])
async def main():
    async with await asyncio.start_server(print, "127.0.0.1", 0) as server:
        print("up", flush=True)
        await server.serve_forever()
asyncio.run(main())
"""


def import_sample(module: str, more: int) -> Weighed:
    """Return the peak of one import, with so many bytes more."""
    argv = [sys.executable, "-c", SAMPLE, module, str(more)]
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    peak, base = map(int, subprocess.run(argv, capture_output=True, check=True, env=environ).stdout.split())
    return Weighed(value=peak, parts={"base": base})


def start_sample(more: int) -> Weighed:
    """Return what a server has at readiness, with so many bytes more."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "server.py")
        file.write_text(SERVER)
        with subprocess.Popen([sys.executable, str(file), str(more)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            weight = settled_weight(lambda: with_descendants(process.pid))
            psutil.Process(process.pid).kill()
    assert weight is not None
    return Weighed(value=weight.memory, source=weight.source, parts={"own": weight.own, "mapped": weight.mapped})


def run_of(samples: Sequence[Weighed], number: int, rng: random.Random) -> Weighed:
    """Return what a run makes of so many samples: the median of each figure."""
    drawn = rng.choices(samples, k=number)
    parts = {name: int(statistics.median(each.parts[name] for each in drawn)) for name in drawn[0].parts}
    value = int(statistics.median(each.value for each in drawn))
    return Weighed(value=value, parts=parts, source=drawn[0].source)


def grown(quantity: Quantity, then: Sequence[Weighed], now: Sequence[Weighed], number: int) -> int:
    """Return how many of the pairs of runs are reported as grown."""
    rng = random.Random(1)
    pairs = ((run_of(then, number, rng), run_of(now, number, rng)) for _ in range(PAIRS))
    return sum(compare_quantity(quantity, b, a, Tolerances()).growth is Growth.GROWN for a, b in pairs)


def line(name: str, quantity: Quantity, same: Sequence[Weighed], more: Sequence[Weighed], number: int) -> None:
    """Print the rates of one quantity."""
    values = [each.value for each in same]
    spread = 100 * (max(values) / min(values) - 1)
    half = len(same) // 2
    false, found = grown(quantity, same[:half], same[half:], number), grown(quantity, same, more, number)
    print(f"{name:<28} {statistics.median(values) / 1e6:>6.1f} MB  spread {spread:>4.1f} %", end="  ")
    print(f"unchanged: {false} of {PAIRS} grown  +10 %: {found} of {PAIRS} found", flush=True)


def main() -> None:
    """Take the samples and print a line for each quantity."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--starts", type=int, default=20)
    options = parser.parse_args()
    for module in IMPORTS:
        more = import_sample(module, 0).value // 10
        taken = [(import_sample(module, 0), import_sample(module, more)) for _ in range(options.samples)]
        same, larger = zip(*taken, strict=True)
        line(f"memory of import {module}", Quantity(QuantityKind.IMPORT_MEMORY, module), same, larger, 4)
    more = start_sample(0).value // 10
    started = [(start_sample(0), start_sample(more)) for _ in range(options.starts)]
    same, larger = zip(*started, strict=True)
    line("memory at readiness", Quantity(QuantityKind.READY_MEMORY), same, larger, 1)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s")
