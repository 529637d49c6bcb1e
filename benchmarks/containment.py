"""What each tool leaves behind: ``python benchmarks/containment.py [--check]`` (Linux, with a package index).

The adversaries of the torture suite run under tox, mirakuru, pytest-xprocess and subprocess.run, each installed from
the index, and under this tree; each is told to stop once its adversary is at work, with half a second of grace where it
can be told so. A cell is ``survivors/zombies/seconds``: what still runs 0.3 s after the tool has finished, by what the
adversary's own processes have registered, and how long it took from the order to stop until nothing ran any more.
Whatever a tool leaves is ended before the next cell: each process that registered itself in the folder of that cell.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.register import Register  # noqa: E402 - found by the line above
from torture.matrix import ADVERSARIES, GRACE_S, Adversary, hopper  # noqa: E402

RUN_S = 0.3  # an adversary is left alone for so long once all its processes are there
READY_LIMIT_S = 20.0
END_LIMIT_S = 20.0  # a tool that has not finished so long after the order has hung
COUNT_AFTER_S = 0.3
DEADLINE_S = 3.0  # of subprocess.run, from the start: the slowest adversary takes one to be at work
REQUIREMENTS = ("tox", "mirakuru", "pytest-xprocess")

TOX_INI = """\
[testenv:plain]
skip_install = true
pass_env = *
commands = {command}
allowlist_externals = *

[testenv:prodsim]
recreate = false
ignore = PRF, WHL
pass_env = *
stop_timeout = {grace}
commands = {command}
allowlist_externals = *
"""
DRIVER = """\
import os, pathlib, signal, sys, time
folder, command = pathlib.Path(sys.argv[1]), sys.argv[2:]
signal.alarm(60)
def wait():
    while not (folder / "go").exists():
        time.sleep(0.01)
    begin(time.monotonic())
def begin(moment):
    (folder / "began").write_text(str(moment))
"""
MIRAKURU = f"""{DRIVER}
from mirakuru import SimpleExecutor
executor = SimpleExecutor(command, timeout={GRACE_S}, stdin=None, stdout=None).start()
wait()
executor.stop()
"""
RUN = f"""{DRIVER}
import subprocess
begin(time.monotonic() + {DEADLINE_S})
subprocess.run(command, timeout={DEADLINE_S})
"""
SUPERVISION = f"""{DRIVER}
from tox_prodsim import supervision
process = supervision.start(command, cwd=folder, env=os.environ, stdout=None, stderr=None)
wait()
process.stop(signal.SIGTERM, {GRACE_S}, cause=supervision.Cause.TIMED_OUT)
"""
XPROCESS = f"""\
import os, pathlib, shlex, time
from xprocess import ProcessStarter
folder, command = pathlib.Path(os.environ["CELL"]), shlex.split(os.environ["COMMAND"])
class Starter(ProcessStarter):
    args, timeout, terminate_on_interrupt = command, 30, True
    def startup_check(self):
        return (folder / "go").exists()
def test_it(xprocess):
    xprocess.ensure("adversary", Starter)
    (folder / "began").write_text(str(time.monotonic()))
    xprocess.getinfo("adversary").terminate(timeout={GRACE_S})
"""
WHEEL = {
    "acme/__init__.py": "",
    "acme-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n",
    "acme-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "acme-1.0.dist-info/RECORD": "",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """One way to run a command and to stop it: by a signal to the tool, or by what its own code says."""

    name: str
    argv: Callable[[Path, Sequence[str]], list[str]]
    number: signal.Signals | None = None
    ours: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What was left, and how long it took until nothing ran (None: something did to the end, or was never started)."""

    survivors: int = 0
    zombies: int = 0
    seconds: float | None = None
    started: bool = True

    def __str__(self) -> str:
        if not self.started:
            return "not started"
        return f"{self.survivors}/{self.zombies}/{'-' if self.seconds is None else f'{self.seconds:.2f}'}"


def main() -> int:
    """Install the tools, play all cells, print the table; with ``--check`` what is left by us is exit code 1."""
    options = _options()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what is in its background without
    with tempfile.TemporaryDirectory(prefix="containment-") as name:
        folder = Path(name)
        rivals = _environment(folder / "rivals", *REQUIREMENTS)
        with_us = _environment(folder / "with-us", "tox", str(ROOT))
        built = hopper(folder)
        chosen = options.adversary or [each.name for each in ADVERSARIES if built or each.pause_us is None]
        adversaries = [each for each in ADVERSARIES if each.name in chosen]
        tools = list(_tools(folder, rivals, with_us))
        print(_versions(rivals), flush=True)
        # One thread for each tool: a tool never meets itself, and a table takes minutes and not an hour.
        with ThreadPoolExecutor(options.jobs) as pool:
            columns = list(pool.map(lambda tool: _column(tool, adversaries, folder, built), tools))
    left = _print(adversaries, dict(zip(tools, columns, strict=True)))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs, {options.jobs} tools at a time")
    return 1 if options.check and left else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what tools leave of adversaries, side by side.")
    parser.add_argument("--jobs", type=int, default=4, help="tools that are measured at the same time (default: 4)")
    parser.add_argument("--adversary", action="append", help="only this one; more than once for several")
    parser.add_argument("--check", action="store_true", help="exit with 1 when this tree leaves anything")
    return parser.parse_args()


def _environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment with the requirements, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-qq", *requirements], check=True)
    return python


def _versions(python: Path) -> str:
    names = ", ".join(f"'{each}'" for each in REQUIREMENTS)
    program = f"from importlib.metadata import version as v; print(*(f'{{n}} {{v(n)}}' for n in [{names}]), sep=', ')"
    said = subprocess.run([str(python), "-c", program], check=True, capture_output=True, text=True).stdout.strip()
    return f"{said}, Python {sys.version.split()[0]}; cell: survivors/zombies/seconds"


# the tools


def _tools(folder: Path, rivals: Path, with_us: Path) -> list[Tool]:
    return [
        *(_tox(f"tox, {number.name}", rivals, "plain", folder, number) for number in (signal.SIGINT, signal.SIGTERM)),
        _driven("mirakuru", rivals, MIRAKURU),
        _tested("xprocess", rivals),
        _driven("subprocess.run", rivals, RUN),
        *(
            _tox(f"ours, {number.name}", with_us, "prodsim", folder, number)
            for number in (signal.SIGINT, signal.SIGTERM)
        ),
        _driven("ours, timeout", with_us, SUPERVISION),
    ]


def _driven(name: str, python: Path, program: str) -> Tool:
    """Return a tool that is used by a little program."""
    start = [str(python), "-c", program]
    return Tool(name=name, argv=lambda cell, command: [*start, str(cell), *command], ours=name.startswith("ours"))


def _tested(name: str, python: Path) -> Tool:
    """Return pytest with a fixture, in a folder of its own for each cell."""

    def argv(cell: Path, command: Sequence[str]) -> list[str]:
        (cell / "test_it.py").write_text(XPROCESS, encoding="utf-8")
        variables = [f"CELL={cell}", f"COMMAND={shlex.join(command)}"]
        return ["env", *variables, str(python), "-m", "pytest", "-q", str(cell / "test_it.py")]

    return Tool(name=name, argv=argv)


def _tox(name: str, python: Path, environment: str, folder: Path, number: signal.Signals) -> Tool:
    """Return a tox whose environment is made already, so that what it starts is the adversary and nothing else."""
    project = folder / f"project {name}".replace(", ", "-").replace(" ", "-")
    project.mkdir()
    with zipfile.ZipFile(project / "acme-1.0-py3-none-any.whl", "w") as archive:
        for path, text in WHEEL.items():
            archive.writestr(path, text)
    tox = [str(python), "-m", "tox", "run", "-e", environment, "-c", str(project), "--workdir", str(project / "work")]
    prepare = [*tox, "--notest", "--installpkg", str(project / "acme-1.0-py3-none-any.whl")]
    (project / "tox.ini").write_text(TOX_INI.format(command="python -c pass", grace=GRACE_S), encoding="utf-8")
    subprocess.run(prepare, check=True, stdout=subprocess.DEVNULL, env=_environ())

    def argv(_cell: Path, command: Sequence[str]) -> list[str]:
        text = TOX_INI.format(command=shlex.join(command), grace=GRACE_S)
        (project / "tox.ini").write_text(text, encoding="utf-8")
        return [*tox, "--skip-pkg-install"]

    return Tool(name=name, argv=argv, number=number, ours=name.startswith("ours"))


def _environ() -> Mapping[str, str]:
    """Return our variables without those that would change what the tools do."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("TOX", "__TOX", "PYTEST"))}


# one cell


def _column(tool: Tool, adversaries: Sequence[Adversary], folder: Path, built: Path | None) -> list[Cell]:
    """Play all adversaries with one tool."""
    cells = []
    for adversary in adversaries:
        cell = folder / f"{tool.name} {adversary.name}".replace(", ", "-").replace(" ", "-")
        cell.mkdir()
        cells.append(_cell(tool, adversary, cell, built))
    return cells


def _cell(tool: Tool, adversary: Adversary, folder: Path, built: Path | None) -> Cell:
    arena = folder / "arena"
    arena.mkdir()
    register = Register(arena)
    argv = tool.argv(folder, adversary.argv(arena, ends=False, built=built))
    process = subprocess.Popen(
        argv,
        cwd=folder,
        env=_environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        if not _is_at_work(register, adversary, process):
            return Cell(started=False)
        began = time.monotonic()
        (folder / "go").touch()
        if tool.number and process.poll() is None:
            process.send_signal(tool.number)
        quiet_at = _watched(register, process)
        with suppress(FileNotFoundError):
            began = float((folder / "began").read_text())
        return _counted(register, began, quiet_at)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        register.clear()


def _is_at_work(register: Register, adversary: Adversary, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + READY_LIMIT_S
    while len(register.registered()) < adversary.processes:
        if process.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.01)
    time.sleep(RUN_S)
    return True


def _watched(register: Register, process: subprocess.Popen[bytes]) -> float | None:
    """Watch until the tool has finished, and return since when nothing runs."""
    until = time.monotonic() + END_LIMIT_S
    quiet_at, finished_at = None, None
    while time.monotonic() < min(until, (finished_at or until) + COUNT_AFTER_S):
        now = time.monotonic()
        quiet_at = None if register.alive() else quiet_at or now
        if finished_at is None and process.poll() is not None:
            finished_at = now
        time.sleep(0.01)
    return quiet_at


def _counted(register: Register, began: float, quiet_at: float | None) -> Cell:
    zombies = register.states().count("Z")
    if register.is_quiet():
        return Cell(survivors=0, zombies=zombies, seconds=max(0.0, (quiet_at or time.monotonic()) - began))
    # What hops from pid to pid is between two of them at many a moment: it is there all the same.
    return Cell(survivors=max(1, *(register.alive() for _ in range(10))), zombies=zombies, seconds=None)


# the table


def _print(adversaries: Sequence[Adversary], columns: Mapping[Tool, Sequence[Cell]]) -> int:
    """Print the table, and return how much of it is left by us."""
    print(f"{'':<23}" + "".join(f"{tool.name:>16}" for tool in columns))
    for at, adversary in enumerate(adversaries):
        print(f"{adversary.name:<23}" + "".join(f"{cells[at]!s:>16}" for cells in columns.values()))
    totals: dict[str, Callable[[Sequence[Cell]], int]] = {
        "left survivors": lambda cells: sum(cell.survivors > 0 for cell in cells),
        "left zombies": lambda cells: sum(cell.zombies > 0 for cell in cells),
        "survivors": lambda cells: sum(cell.survivors for cell in cells),
        "zombies": lambda cells: sum(cell.zombies for cell in cells),
    }
    for what, count in totals.items():
        print(f"{what:<23}" + "".join(f"{count(cells):>16}" for cells in columns.values()))
    print(f"'left …': adversaries of {len(adversaries)}")
    ours = [cell for tool, cells in columns.items() if tool.ours for cell in cells]
    return sum(cell.survivors + cell.zombies + (not cell.started) for cell in ours)


if __name__ == "__main__":
    sys.exit(main())
