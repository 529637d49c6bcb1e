"""What the checks before a release cost when they are written by hand, and what ``tox run -e prodsim`` costs.

The job by hand is what release workflows do, a step a command: build the sdist and the wheel, let twine and
check-wheel-contents look at them, make an environment, install the wheel, ask pip whether the requirements fit, import
the package away from its sources, and call its command with ``--help``. It is done with pip, and with uv where uv has
the step. Its tools are installed before, as tox and the plugin are.

The projects are sdists of the index, unpacked. A round has each way once, in random order, on each project; everything
but the caches of pip and uv is made anew. The figure is the median of the ratios of a round to the job by hand with
pip. Times of imports and starts are not taken (``ignore = PRF``): the job by hand does not take them either.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from overhead import OK, ROOT, environ, environment, figure, tox_version, word

TOOLS = ("build", "twine", "check-wheel-contents", "uv")
BIN = "Scripts" if os.name == "nt" else "bin"
TOX_INI = "[testenv:prodsim]\nignore = PRF\n"
HAND, HAND_UV = "by hand, pip", "by hand, uv"
TARGETS = {"prodsim, pip": 0.6, "prodsim, tox-uv": 0.3}
WAYS = (HAND, HAND_UV, *TARGETS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project, what is imported, and its command, if it has one."""

    name: str
    module: str
    command: str = ""


PROJECTS = (
    Project(name="idna", module="idna", command="idna"),
    Project(name="uvicorn", module="uvicorn", command="uvicorn"),
    Project(name="pluggy", module="pluggy"),
    Project(name="markupsafe", module="markupsafe._speedups"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """One job: its seconds on the clock, and what it reported."""

    wall_s: float
    reported: str


@dataclass(kw_only=True, slots=True)
class Subject:
    """A project with the tree of its sources, and its jobs by way."""

    project: Project
    tree: Path
    rounds: dict[str, list[Ran]] = field(default_factory=lambda: {way: [] for way in WAYS})


@dataclass(frozen=True, kw_only=True, slots=True)
class Pythons:
    """The Python with the tools of the job by hand, and the one with tox, tox-uv and the plugin."""

    hand: Path
    tox: Path


def main() -> int:
    """Make the environments, do the jobs, print the tables; with ``--check`` a target that is missed is exit code 1."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="prodsim-byhand-") as name:
        folder = Path(name)
        pythons = Pythons(
            hand=environment(folder / "tools", *TOOLS), tox=environment(folder / "tox", "tox", "tox-uv", str(ROOT))
        )
        chosen = [project for project in PROJECTS if project.name in options.projects]
        subjects = [Subject(project=each, tree=_unpacked(folder, pythons.hand, each.name)) for each in chosen]
        for _ in range(options.rounds + 1):  # the first one fills caches and is not counted
            for subject in subjects:
                for way in random.sample(WAYS, len(WAYS)):
                    subject.rounds[way].append(_job(subject, way, pythons, folder / "scratch"))
        print(f"tox {tox_version(pythons.tox)}, Python {sys.version.split()[0]}, {options.rounds} rounds")
    met = [met for subject in subjects for met in _print_rows(subject)]
    return 1 if options.check and not all(met) else 0


def _options() -> argparse.Namespace:
    names = [project.name for project in PROJECTS]
    parser = argparse.ArgumentParser(description="Measure the checks before a release by hand and with prodsim.")
    parser.add_argument("projects", nargs="*", default=names, metavar="PROJECT", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each job is done (default: 5)")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every target is met")
    return parser.parse_args()


def _unpacked(folder: Path, python: Path, name: str) -> Path:
    """Download the newest sdist and unpack it."""
    download = [str(python), "-m", "pip", "download", "-qq", "--no-deps", "--no-binary", ":all:", name]
    subprocess.run([*download, "-d", str(folder / "sdists" / name)], check=True)
    (sdist,) = (folder / "sdists" / name).iterdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "trees" / name, filter="data")
    (tree,) = (folder / "trees" / name).iterdir()
    (tree / "tox.ini").write_text(TOX_INI, encoding="utf-8")  # what the project has tests it, and is not run here
    return tree


# a job


def _job(subject: Subject, way: str, pythons: Pythons, scratch: Path) -> Ran:
    """Do the job in a copy of the tree."""
    shutil.rmtree(scratch, ignore_errors=True)
    tree = shutil.copytree(subject.tree, scratch / "tree")
    began = time.perf_counter()
    if way in TARGETS:
        return _prodsim(tree, way, pythons.tox, began)
    said = [_step(argv, cwd) for argv, cwd in _steps(subject.project, tree, pythons.hand, uv=way == HAND_UV)]
    return Ran(wall_s=time.perf_counter() - began, reported=_by_hand(said))


def _prodsim(tree: Path, way: str, python: Path, began: float) -> Ran:
    variables = {"TOX_DISABLED_EXTERNAL_PLUGINS": "tox-uv"} if way == "prodsim, pip" else {}
    _step([str(python), "-m", "tox", "run", "-e", "prodsim"], tree, **variables)
    wall_s = time.perf_counter() - began
    report = json.loads((tree / ".tox" / "prodsim" / "prodsim" / "report.json").read_text("utf-8"))
    counted = Counter(finding["level"] for finding in report["findings"])
    codes = ", ".join(sorted({finding["code"] for finding in report["findings"] if finding["level"] != "note"}))
    found = ", ".join(f"{count} {level}" for level, count in sorted(counted.items())) or "no finding"
    verdict = report["summary"]["verdict"]
    return Ran(wall_s=wall_s, reported=f"{verdict}, {found}{f' ({codes})' if codes else ''}")


def _steps(project: Project, tree: Path, python: Path, *, uv: bool) -> Iterator[tuple[list[str], Path]]:
    """Yield the commands of the job by hand, each with its working folder."""
    tool, env, away = python.parent, tree.parent / "env", tree.parent / "away"
    away.mkdir()
    inside = str(env / BIN / "python")
    yield [str(tool / "uv"), "build", "-q"] if uv else [str(python), "-m", "build"], tree
    files = [str(file) for file in sorted((tree / "dist").iterdir()) if file.suffix in {".whl", ".gz"}]
    (wheel,) = (file for file in files if file.endswith(".whl"))
    yield [str(tool / "twine"), "check", "--strict", *files], tree
    yield [str(tool / "check-wheel-contents"), wheel], tree
    if uv:
        yield [str(tool / "uv"), "venv", "-q", "--python", str(python), str(env)], tree
        yield [str(tool / "uv"), "pip", "install", "-q", "--python", inside, wheel], tree
        yield [str(tool / "uv"), "pip", "check", "--python", inside], tree
    else:
        yield [str(python), "-m", "venv", str(env)], tree
        yield [inside, "-m", "pip", "install", "-q", wheel], tree
        yield [inside, "-m", "pip", "check"], tree
    yield [inside, "-c", f"import {project.module}"], away
    if project.command:
        yield [str(env / BIN / project.command), "--help"], away


def _step(argv: Sequence[str], cwd: Path, **variables: str) -> tuple[str, int]:
    """Run a command, and return its name and exit code."""
    done = subprocess.run(
        argv, cwd=cwd, env={**environ(), **variables}, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return " ".join(Path(part).name for part in argv[:3]), done.returncode


def _by_hand(said: Sequence[tuple[str, int]]) -> str:
    failed = [f"{command}: exit {code}" for command, code in said if code]
    return f"{len(said)} commands, {'; '.join(failed) or 'all with exit 0'}"


# the tables


def _print_rows(subject: Subject) -> Iterator[bool]:
    """Print what each way took and reported; yield whether each target is met."""
    print(f"\n{subject.tree.name}")
    hand = [ran.wall_s for ran in subject.rounds[HAND][1:]]
    for way in WAYS:
        counted = subject.rounds[way][1:]
        walls = [ran.wall_s for ran in counted]
        ratio, low, high = figure(list(zip(hand, walls, strict=True)), lambda by_hand, other: other / by_hand)
        line = f"  {way:<16}{statistics.median(walls):>7.2f} s   {ratio:.2f} ({low:.2f} to {high:.2f})"
        if way in TARGETS:
            meant = word(ratio, low, TARGETS[way])
            line += f"   at most {TARGETS[way]}   {meant}"
            yield meant == OK
        print(f"{line}\n  {'':<16}{counted[-1].reported}")


if __name__ == "__main__":
    sys.exit(main())
