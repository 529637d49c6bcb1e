"""What the whole check of a pure wheel costs, beside what tox takes to make the same environment and import it.

Two virtual environments are made in a temporary folder, one with tox and tox-uv, one with this tree as well. A round
has both in random order, with each installer: ``tox run -r -e plain`` makes an environment, installs the wheel and
runs ``python -c "import it"``; ``tox run -r -e prodsim`` makes the same environment and checks the wheel in it. Their
wall times make a pair; the figure is the median of the ratios of the pairs, and the spread the central 95 % of 1000
resamples of the rounds, as in ``overhead.py``. The ratio of the CPU times of all processes is measured as well, and
has a target of its own: on a busy machine it is the steadier of the two. ``--profile`` shows where the CPU time goes
instead (``cost_profile.py``).

What is measured is every check with its defaults but PRF: how long times are taken for is bounded by a budget of its
own, and a library need not have them taken at every run.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cost_profile
from overhead import OK, ROOT, environ, environment, figure, tox_version, word

RATIO_TARGET = 1.5
TRYING_TARGET = 2.0
"""With tox-uv, if there are scripts or extras to try."""
CPU_TARGET = 2.0
WHEELS = {"six": "six", "iniconfig": "iniconfig", "idna": "idna", "uvicorn": "uvicorn", "rich": "rich"}
"""Pure wheels, and what is imported."""
WITH_SCRIPTS_OR_EXTRAS = {"idna", "uvicorn", "rich"}
INSTALLERS = {"virtualenv, pip": {"TOX_DISABLED_EXTERNAL_PLUGINS": "tox-uv"}, "tox-uv": {}}
TOX_INI = """\
[testenv:plain]
commands = python -c "import {module}"

[testenv:prodsim]
ignore = PRF
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one tox run took, in seconds: on the clock, and of CPU with all its processes."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredWheel:
    """A wheel with an installer, and what its rounds cost without us and with us."""

    name: str
    target: float
    wheel: Path
    project: Path
    variables: dict[str, str]
    pairs: list[tuple[Cost, Cost]]


def main() -> int:
    """Make the environments, measure, print the table; with ``--check`` a target that is not met is exit code 1."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="prodsim-cost-") as name:
        folder = Path(name)
        alone = environment(folder / "alone", "tox", "tox-uv")
        with_us = environment(folder / "with", "tox", "tox-uv", str(ROOT))
        version = tox_version(alone)
        if version != tox_version(with_us):
            sys.exit("the two environments have different versions of tox: there is nothing to compare")
        subjects = [
            _subject(folder, alone, requirement, installer)
            for requirement in options.wheels
            for installer in options.installers
        ]
        if options.profile:
            return _profile(subjects, alone, with_us, options.rounds)
        for _ in range(options.rounds + 1):  # the first one fills caches and is not counted
            for subject in random.sample(subjects, len(subjects)):
                subject.pairs.append(_round(subject, alone, with_us))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    load = f", load {os.getloadavg()[0]:.1f} of {os.cpu_count()} CPUs" if hasattr(os, "getloadavg") else ""
    print(f"tox {version}, {python}, {options.rounds} rounds{load}")
    met = [_row(subject) for subject in subjects]
    return 1 if options.check and not all(met) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what a whole check costs, beside plain tox.")
    parser.add_argument("wheels", nargs="*", default=list(WHEELS), metavar="WHEEL", help=f"of {', '.join(WHEELS)}")
    parser.add_argument("--rounds", type=int, default=10, help="how often each tox run is repeated (default: 10)")
    parser.add_argument("--installers", nargs="*", default=list(INSTALLERS), choices=INSTALLERS, help="default: both")
    parser.add_argument("--profile", action="store_true", help="show the CPU time by cause instead (Linux)")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every target is met")
    return parser.parse_args()


def _subject(folder: Path, python: Path, requirement: str, installer: str) -> MeasuredWheel:
    """Download the wheel, once, and make a project of its own, so that the work folders are apart."""
    wheels, project = folder / "wheels" / requirement, folder / f"{requirement}-{list(INSTALLERS).index(installer)}"
    if not wheels.exists():
        download = [
            str(python),
            "-m",
            "pip",
            "download",
            "-qq",
            "--no-deps",
            "--only-binary",
            ":all:",
            "-d",
            str(wheels),
        ]
        subprocess.run([*download, requirement], check=True)
    project.mkdir()
    (project / "tox.ini").write_text(TOX_INI.replace("{module}", WHEELS[requirement]), encoding="utf-8")
    (wheel,) = wheels.glob("*.whl")
    return MeasuredWheel(
        name=f"{'-'.join(wheel.name.split('-')[:2])}, {installer}",
        target=TRYING_TARGET if installer == "tox-uv" and requirement in WITH_SCRIPTS_OR_EXTRAS else RATIO_TARGET,
        wheel=wheel,
        project=project,
        variables=INSTALLERS[installer],
        pairs=[],
    )


def _round(subject: MeasuredWheel, alone: Path, with_us: Path) -> tuple[Cost, Cost]:
    costs = {}
    for python, env in random.sample([(alone, "plain"), (with_us, "prodsim")], 2):
        costs[env] = _cost([str(python), "-m", "tox", *_arguments(subject, env)], subject)
    return costs["plain"], costs["prodsim"]


def _arguments(subject: MeasuredWheel, env: str) -> list[str]:
    work = subject.project / f"work-{env}"
    return ["run", "-r", "-e", env, "--workdir", str(work), "--installpkg", str(subject.wheel)]


def _profile(subjects: Sequence[MeasuredWheel], alone: Path, with_us: Path, rounds: int) -> int:
    """Print for each subject where the CPU time goes."""
    for subject in subjects:
        found: dict[str, list[Counter[str]]] = {"plain": [], "prodsim": []}
        for _ in range(rounds + 1):
            for python, env in random.sample([(alone, "plain"), (with_us, "prodsim")], 2):
                argv = [*cost_profile.timed_tox(python), *_arguments(subject, env)]
                found[env].append(cost_profile.profile(argv, subject.project, {**environ(), **subject.variables}))
        cost_profile.show(subject.name, found["plain"][1:], found["prodsim"][1:])
    return 0


def _cost(argv: Sequence[str], subject: MeasuredWheel) -> Cost:
    """Return what a tox run took; exits when it fails."""
    with (subject.project / "output.txt").open("w+b") as output:
        variables = {**environ(), **subject.variables}
        before, began = _children_s(), time.perf_counter()
        done = subprocess.run(
            argv,
            cwd=subject.project,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        cost = Cost(wall_s=time.perf_counter() - began, cpu_s=_children_s() - before)
        if done.returncode != 0:
            output.seek(0)
            sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{output.read().decode(errors='replace')}")
    return cost


def _children_s() -> float:
    """Return the CPU seconds of all children that have ended, and of those that these have waited for."""
    times = os.times()
    return times.children_user + times.children_system


def _row(subject: MeasuredWheel) -> bool:
    """Print what a subject came to, and return whether the target is met."""
    counted = subject.pairs[1:]
    walls = [(plain.wall_s, ours.wall_s) for plain, ours in counted]
    ratio, low, high = figure(walls, lambda plain, ours: ours / plain)
    cpus = [(plain.cpu_s, ours.cpu_s) for plain, ours in counted]
    cpu, cpu_low, _ = figure(cpus, lambda plain, ours: ours / plain)
    plain_s, ours_s = (statistics.median(times) for times in zip(*walls, strict=True))
    meant, meant_of_cpu = word(ratio, low, subject.target), word(cpu, cpu_low, CPU_TARGET)
    print(
        f"{subject.name:<30}{plain_s:>7.2f} s{ours_s:>7.2f} s   {ratio:.2f} ({low:.2f} to {high:.2f})   "
        f"at most {subject.target}   {meant}   CPU {cpu:.2f}   at most {CPU_TARGET}   {meant_of_cpu}"
    )
    return meant == meant_of_cpu == OK


if __name__ == "__main__":
    sys.exit(main())
