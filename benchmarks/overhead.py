"""What the plugin costs, side by side in one run: tox with it and without it, commands supervised and not.

Two virtual environments are made in a temporary folder, one with tox alone, one with tox and this tree. A tox run of
each subject is one sample; in every round the subjects come in random order. The time of a run is its wall time less
the time its main thread waited for a CPU (``/proc/PID/schedstat``; wall time where the system does not tell), the
estimate is the mean of the fastest quarter, and the spread is the central 95 % of 1000 resamples of the rounds.

The times of commands are those that tox itself writes with ``--result-json``: of an ordinary environment and of a
prodsim environment with the same commands, of the same tox run.
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

ROOT = Path(__file__).resolve().parents[1]
RATIO_TARGET = 1.03
MORE_TARGET_MS = 80.0
RESAMPLES = 1000
COMMANDS = 5
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
    """One comparison: what it costs without us and with us, the figure with its spread, and whether that is enough."""

    subject: str
    without_ms: float
    with_ms: float
    figure: str
    target: str
    met: bool


def main() -> int:
    """Make the environments, measure, print the table; with ``--check`` a missed target is exit code 1."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="prodsim-overhead-") as name:
        folder = Path(name)
        alone, with_us = _environment(folder / "alone", "tox"), _environment(folder / "with", "tox", str(ROOT))
        version = _tox_version(alone)
        if version != _tox_version(with_us):
            sys.exit("the two environments have different versions of tox: there is nothing to compare")
        rows = [
            *_tox_runs(folder, alone, with_us, options.rounds),
            _commands(folder, with_us, max(options.rounds // 5, 2)),
        ]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    _print(rows, f"tox {version}, {python}, {options.rounds} rounds")
    return 1 if options.check and not all(row.met for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what the plugin costs, side by side with tox alone.")
    parser.add_argument("--rounds", type=int, default=60, help="how often each tox run is repeated (default: 60)")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    return parser.parse_args()


def _environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment with the requirements, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-qq", *requirements], check=True)
    return python


def _tox_version(python: Path) -> str:
    program = "import importlib.metadata as m; print(m.version('tox'))"
    return subprocess.run([str(python), "-c", program], check=True, capture_output=True, text=True).stdout.strip()


# tox with and without the plugin


def _tox_runs(folder: Path, alone: Path, with_us: Path, rounds: int) -> Iterator[Row]:
    project = _project(folder / "project")
    subjects = {"tox --version": ["--version"], "tox run -e lint": ["run", "-e", "lint"]}
    samplers: dict[tuple[str, Path], Callable[[], float]] = {}
    for subject, arguments in subjects.items():
        for python in (alone, with_us):
            samplers[subject, python] = _tox_sampler(python, project, arguments)
    for sampler in samplers.values():
        sampler()  # makes the environment and the bytecode; not counted
    samples = _rounds(samplers, rounds)
    for subject in subjects:
        yield _ratio_row(subject, samples[subject, alone], samples[subject, with_us])


def _tox_sampler(python: Path, project: Path, arguments: Sequence[str]) -> Callable[[], float]:
    work = project.parent / f"work-{python.parent.parent.name}"
    argv = [str(python), "-m", "tox", *arguments, *([] if "--version" in arguments else ["--workdir", str(work)])]
    return lambda: _effective_ms(argv, project)


def _rounds(samplers: dict[tuple[str, Path], Callable[[], float]], rounds: int) -> dict[tuple[str, Path], list[float]]:
    samples: dict[tuple[str, Path], list[float]] = {subject: [] for subject in samplers}
    for _ in range(rounds):
        for subject in random.sample(list(samplers), len(samplers)):
            samples[subject].append(samplers[subject]())
    return samples


def _effective_ms(argv: Sequence[str], cwd: Path) -> float:
    """Return how long a program ran, less what its main thread waited for a CPU; exits when the program fails."""
    with (cwd / "output.txt").open("w+b") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=cwd, env=_environ(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
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


def _environ() -> dict[str, str]:
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


def _ratio_row(subject: str, without: Sequence[float], with_us: Sequence[float]) -> Row:
    ratio = _estimate(with_us) / _estimate(without)
    low, high = _spread(without, with_us, lambda before, after: after / before)
    return Row(
        subject=subject,
        without_ms=_estimate(without),
        with_ms=_estimate(with_us),
        figure=f"{ratio:.3f} ({low:.3f} to {high:.3f})",
        target=f"at most {RATIO_TARGET}",
        met=ratio <= RATIO_TARGET,
    )


# commands with and without supervision


def _commands(folder: Path, python: Path, rounds: int) -> Row:
    project, result = folder / "project", folder / "result.json"
    tox = [str(python), "-m", "tox", "run", "--workdir", str(folder / "work-with")]
    wheel = project / "acme-1.0-py3-none-any.whl"
    _effective_ms([*tox, "-e", "plain,prodsim", "--notest", "--installpkg", str(wheel)], project)
    samples: dict[str, list[float]] = {"plain": [], "prodsim": []}
    for _ in range(rounds):
        order = random.sample(list(samples), len(samples))
        argv = [*tox, "-e", ",".join(order), "--skip-pkg-install", "--result-json", str(result)]
        _effective_ms(argv, project)
        environments = json.loads(result.read_text(encoding="utf-8"))["testenvs"]
        for name in samples:
            samples[name] += [command["elapsed"] * 1000 for command in environments[name]["test"]]
    without, supervised = samples["plain"], samples["prodsim"]
    low, high = _spread(without, supervised, lambda before, after: after - before)
    more = _estimate(supervised) - _estimate(without)
    return Row(
        subject="one of 'commands'",
        without_ms=_estimate(without),
        with_ms=_estimate(supervised),
        figure=f"{more:+.0f} ms ({low:+.0f} to {high:+.0f})",
        target=f"at most +{MORE_TARGET_MS:.0f} ms",
        met=more <= MORE_TARGET_MS,
    )


# figures


def _estimate(samples: Sequence[float]) -> float:
    """Return the mean of the fastest quarter: what disturbs a run can only make it slower."""
    return statistics.fmean(sorted(samples)[: max(len(samples) // 4, 1)])


def _spread(
    without: Sequence[float], with_us: Sequence[float], figure: Callable[[float, float], float]
) -> tuple[float, float]:
    """Return the bounds of the central 95 % of the figure over resamples of both sides."""
    figures = sorted(
        figure(_estimate(random.choices(without, k=len(without))), _estimate(random.choices(with_us, k=len(with_us))))
        for _ in range(RESAMPLES)
    )
    return figures[RESAMPLES * 25 // 1000], figures[RESAMPLES * 975 // 1000 - 1]


def _print(rows: Sequence[Row], title: str) -> None:
    print(title)
    print(f"{'':<20}{'without':>11}{'with':>11}   {'figure (spread)':<26}{'target':<16}")
    for row in rows:
        times = f"{row.without_ms:>8.1f} ms{row.with_ms:>8.1f} ms"
        print(f"{row.subject:<20}{times}   {row.figure:<26}{row.target:<16}{'ok' if row.met else 'MISSED'}")


if __name__ == "__main__":
    sys.exit(main())
