"""What the plugin costs, side by side in one run: tox with it and without it, commands supervised and not.

Two virtual environments are made in a temporary folder, one with tox alone, one with tox and this tree. A round has
every subject once in each of them, in random order; its times make a pair, and a figure is the median of the figures of
the pairs, because what slows a shared machine for a while slows both of a pair. The spread is the central 95 % of 1000
resamples of the rounds. A time is wall time less the time the main thread waited for a CPU (``/proc/PID/schedstat``;
wall time where the system does not tell).

``tox run -e lint`` is run in a project that has a prodsim environment as well, which is what its users have.

The times of commands are those that tox itself writes with ``--result-json``: of an ordinary environment and of a
prodsim environment with the same commands, of the same tox run. They are wall times, which a busy machine only makes
longer, so a round is the fastest command of each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Pair = tuple[float, float]
"""Milliseconds without us and with us, of one round."""

ROOT = Path(__file__).resolve().parents[1]
RATIO_TARGET = 1.03
MORE_TARGET_MS = 80.0
RESAMPLES = 1000
OK = "ok"
COMMANDS = 8
"""So many commands an environment has: so many samples a tox run gives."""
TOX_INI = """\
[testenv:lint]
skip_install = true
commands = python -c pass

[testenv:plain]
skip_install = true
commands = {commands}

[testenv:prodsim]
recreate = false
ignore = PRF, WHL
commands = {commands}
"""
WHEEL = {
    "acme/__init__.py": "",
    "acme-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n",
    "acme-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: overhead\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "acme-1.0.dist-info/RECORD": (  # without hashes, so WHL is ignored above
        "acme/__init__.py,,\nacme-1.0.dist-info/METADATA,,\nacme-1.0.dist-info/WHEEL,,\nacme-1.0.dist-info/RECORD,,\n"
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One comparison: the times without us and with us, the figure with its spread, and what that means."""

    subject: str
    without_ms: float
    with_ms: float
    figure: str
    target: str
    word: str


def main() -> int:
    """Make the environments, measure, print the table; with ``--check`` a target that is not met is exit code 1."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="prodsim-overhead-") as name:
        folder = Path(name)
        alone, with_us = environment(folder / "alone", "tox"), environment(folder / "with", "tox", str(ROOT))
        version = tox_version(alone)
        if version != tox_version(with_us):
            sys.exit("the two environments have different versions of tox: there is nothing to compare")
        rows = [
            *_tox_runs(folder, alone, with_us, options.rounds),
            _commands(folder, with_us, max(options.rounds // 5, 2)),
        ]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    _print(rows, f"tox {version}, {python}, {options.rounds} rounds")
    return 1 if options.check and any(row.word != OK for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what the plugin costs, side by side with tox alone.")
    parser.add_argument("--rounds", type=int, default=100, help="how often each tox run is repeated (default: 100)")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every target is met")
    return parser.parse_args()


def environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment with the requirements, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-qq", *requirements], check=True)
    return python


def tox_version(python: Path) -> str:
    program = "import importlib.metadata as m; print(m.version('tox'))"
    return subprocess.run([str(python), "-c", program], check=True, capture_output=True, text=True).stdout.strip()


# tox with and without the plugin


def _tox_runs(folder: Path, alone: Path, with_us: Path, rounds: int) -> Iterator[Row]:
    project = _project(folder / "project")
    subjects = {"tox --version": ["--version"], "tox run -e lint": ["run", "-e", "lint"]}
    samplers = {
        (subject, python): _tox_sampler(python, project, arguments)
        for subject, arguments in subjects.items()
        for python in (alone, with_us)
    }
    for sampler in samplers.values():
        sampler()  # makes the environment and the bytecode; not counted
    samples: dict[tuple[str, Path], list[float]] = {which: [] for which in samplers}
    for _ in range(rounds):
        for which in random.sample(list(samplers), len(samplers)):
            samples[which].append(samplers[which]())
    for subject in subjects:
        yield _ratio_row(subject, list(zip(samples[subject, alone], samples[subject, with_us], strict=True)))


def _tox_sampler(python: Path, project: Path, arguments: Sequence[str]) -> Callable[[], float]:
    work = project.parent / f"work-{python.parent.parent.name}"
    argv = [str(python), "-m", "tox", *arguments, *([] if "--version" in arguments else ["--workdir", str(work)])]
    return lambda: _effective_ms(argv, project)


def _effective_ms(argv: Sequence[str], cwd: Path) -> float:
    """Return how long a program ran, less what its main thread waited for a CPU; exits when the program fails."""
    with (cwd / "output.txt").open("w+b") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=cwd, env=environ(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        waited_s = _wait(process)
        took_s = time.perf_counter() - began
        if process.wait() != 0:
            output.seek(0)
            sys.exit(f"{' '.join(argv)} ended with {process.returncode}:\n{output.read().decode(errors='replace')}")
    return (took_s - waited_s) * 1000


def _wait(process: subprocess.Popen[bytes]) -> float:
    """Wait for the end and return the seconds the process waited for a CPU, 0 where the system does not tell."""
    if sys.platform != "linux":
        process.wait()
        return 0.0
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now, so its entry in /proc is there
    try:
        return int(Path(f"/proc/{process.pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except OSError:
        return 0.0


def environ() -> dict[str, str]:
    """Return our variables without those that would change what tox does."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("TOX", "__TOX", "PYTHON"))}


def _project(folder: Path) -> Path:
    folder.mkdir()
    commands = "".join("\n    python -c pass" for _ in range(COMMANDS))
    (folder / "tox.ini").write_text(TOX_INI.replace("{commands}", commands), encoding="utf-8")
    with zipfile.ZipFile(folder / "acme-1.0-py3-none-any.whl", "w") as archive:
        for name, text in WHEEL.items():
            archive.writestr(name, text)
    return folder


def _ratio_row(subject: str, pairs: Sequence[Pair]) -> Row:
    ratio, low, high = figure(pairs, lambda without, with_us: with_us / without)
    return Row(
        subject=subject,
        without_ms=statistics.median(without for without, _ in pairs),
        with_ms=statistics.median(with_us for _, with_us in pairs),
        figure=f"{ratio:.3f} ({low:.3f} to {high:.3f})",
        target=f"at most {RATIO_TARGET}",
        word=word(ratio, low, RATIO_TARGET),
    )


# commands with and without supervision


def _commands(folder: Path, python: Path, rounds: int) -> Row:
    project, result = folder / "project", folder / "result.json"
    tox = [str(python), "-m", "tox", "run", "--workdir", str(folder / "work-with")]
    wheel = project / "acme-1.0-py3-none-any.whl"
    _effective_ms([*tox, "-e", "plain,prodsim", "--notest", "--installpkg", str(wheel)], project)
    pairs = []
    for _ in range(rounds):
        order = random.sample(["plain", "prodsim"], 2)
        argv = [*tox, "-e", ",".join(order), "--skip-pkg-install", "--result-json", str(result)]
        _effective_ms(argv, project)
        environments = json.loads(result.read_text(encoding="utf-8"))["testenvs"]
        pairs.append((_command_ms(environments["plain"]), _command_ms(environments["prodsim"])))
    more, low, high = figure(pairs, lambda without, supervised: supervised - without)
    return Row(
        subject="one of 'commands'",
        without_ms=statistics.median(without for without, _ in pairs),
        with_ms=statistics.median(supervised for _, supervised in pairs),
        figure=f"{more:+.0f} ms ({low:+.0f} to {high:+.0f})",
        target=f"at most +{MORE_TARGET_MS:.0f} ms",
        word=word(more, low, MORE_TARGET_MS),
    )


def _command_ms(environment: dict[str, Any]) -> float:
    times_s: list[float] = [command["elapsed"] for command in environment["test"]]
    return min(times_s) * 1000


# figures


def figure(pairs: Sequence[Pair], figure: Callable[[float, float], float]) -> tuple[float, float, float]:
    """Return the median of the figure over the pairs, and the bounds of the central 95 % over resamples of them."""
    figures = [figure(*pair) for pair in pairs]
    resampled = sorted(statistics.median(random.choices(figures, k=len(figures))) for _ in range(RESAMPLES))
    return statistics.median(figures), resampled[RESAMPLES * 25 // 1000], resampled[RESAMPLES * 975 // 1000 - 1]


def word(figure: float, low: float, target: float) -> str:
    """Return what a figure means: a target that the spread cannot exclude is not missed, nor is it met."""
    return OK if figure <= target else "MISSED" if low > target else "unclear"


def _print(rows: Sequence[Row], title: str) -> None:
    print(title)
    print(f"{'':<20}{'without':>11}{'with':>11}   {'figure (spread)':<26}{'target':<17}")
    for row in rows:
        times = f"{row.without_ms:>8.1f} ms{row.with_ms:>8.1f} ms"
        print(f"{row.subject:<20}{times}   {row.figure:<26}{row.target:<17}{row.word}")


if __name__ == "__main__":
    sys.exit(main())
