"""One cell of the matrix: start an adversary under a host of its own, end it in one way, count what is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from support.register import Register
from torture.matrix import (
    GRACE_S,
    HELD_S,
    HELD_WITHOUT_GUARD_S,
    HERE,
    LEAK_GRACE_S,
    SLACK_S,
    Adversary,
    Exits,
    Way,
)

from tox_prodsim import supervision

READY_LIMIT_S = 30.0
WHOM = ("host", "server", "guard", "warden")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What is the same for all cells of a table; ``relax`` multiplies what a busy machine needs, not the graces.

    ``shares``: the guards of the host are forks of one process (``server``), as those of tox.
    After its bound a run is watched for ``beyond_s`` more, to tell what is late from what survives.
    """

    containment: str = "auto"
    relax: float = 1.0
    built: Path | None = None
    beyond_s: float = 12.0
    shares: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What was counted: ``seconds`` is None when something still ran at the end; ``said`` is the host's result.

    ``supervisors`` are servers, guards and wardens that still run; ``trouble`` is what does not hold, in words.
    """

    survivors: int
    zombies: int
    seconds: float | None
    bound_s: float
    supervisors: int
    said: dict[str, Any]
    trouble: tuple[str, ...] = ()


def play(adversary: Adversary, way: Way, folder: Path, setting: Setting) -> Cell:
    """Play one cell in an empty folder, and leave nothing of it."""
    register_folder = folder / "register"
    register_folder.mkdir()
    register = Register(register_folder, in_namespace=setting.containment == "pidns")
    _plan(adversary, way, folder, setting)
    host, family = launched(folder), dict[str, psutil.Process]()
    try:
        _wait_ready(register, adversary, host, READY_LIMIT_S * max(1.0, setting.relax))
        family = _family(host.pid, register, WHOM if setting.shares else (WHOM[0], *WHOM[2:]))
        began = _end(way, family, folder)
        return _counted(adversary, way, register, host, family, began, setting)
    finally:
        if host.poll() is None:
            host.kill()
        host.wait()
        _kill(family.values())
        register.clear()


def _plan(adversary: Adversary, way: Way, folder: Path, setting: Setting) -> None:
    plan = {
        "argv": adversary.argv(folder / "register", ends=way.itself, built=setting.built),
        "containment": setting.containment,
        "shares": setting.shares,
        "ledger": str(folder / "ledger") if way.loses_host else None,
        "timeout_s": way.timeout_s,
        "grace_s": GRACE_S,
    }
    (folder / "plan.json").write_text(json.dumps(plan))


def launched(folder: Path) -> subprocess.Popen[bytes]:
    """Start the host of a folder in a session of its own."""
    with (folder / "host.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, str(HERE / "host.py"), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_ready(register: Register, adversary: Adversary, host: subprocess.Popen[bytes], limit_s: float) -> None:
    """Wait until the adversary is at work; one that is over by itself may be over before that is seen."""
    until = time.monotonic() + limit_s
    over = adversary.exits is Exits.ALWAYS or adversary.fights
    ready = (register.folder / "ready").exists
    while not (over or ready()) or len(register.registered()) < adversary.processes:
        if host.poll() is not None or time.monotonic() > until:
            if over:
                return
            said = (register.folder.parent / "host.log").read_text(errors="replace")
            raise AssertionError(f"{adversary.name} did not start: {said}")
        time.sleep(0.005)


def _family(host: int, register: Register, names: Sequence[str]) -> dict[str, psutil.Process]:
    """Return host, server, guard and warden, as far as they are there: each is a child of the one before."""
    ours = {pid for pid, _ in register.present()}
    found: dict[str, psutil.Process] = {}
    below = [host]
    with suppress(psutil.Error):
        for whom in names:
            if below:
                found[whom] = psutil.Process(below[0])
                below = [each.pid for each in found[whom].children() if each.pid not in ours]
    return found


def _end(way: Way, family: dict[str, psutil.Process], folder: Path) -> float | None:
    """Send the signals and return when the last was sent; None: the host knows when the end began."""
    (folder / "go").touch()
    began = None
    for at, (whom, number) in enumerate(way.signals):
        if way.signals[:at] == ((whom, number),):
            time.sleep(0.1)
        with suppress(psutil.NoSuchProcess):  # the run is over already
            if whom == "group" and "host" in family:
                os.killpg(family["host"].pid, number)
            elif whom in family:
                family[whom].send_signal(number)
        if way.stopped and whom == "host":
            _wait_dead([family["host"]])  # its death wakes who is stopped
        elif way.stopped and whom in family:
            _wait_stopped(family[whom])  # a busy machine lets it run on for a while, and a sweep leaves it at work
        began = time.monotonic()
    return began


def _counted(
    adversary: Adversary,
    way: Way,
    register: Register,
    host: subprocess.Popen[bytes],
    family: dict[str, psutil.Process],
    began: float | None,
    setting: Setting,
) -> Cell:
    bound_s = _within(adversary, way) + SLACK_S * setting.relax
    needs_sweep = adversary.holds and way.loses_guard() and way.loses_host
    if way.swept or needs_sweep:
        began = _swept("host" if way.stopped or needs_sweep else "", family, register.folder.parent / "ledger")
    quiet_at = register.quiet_at(bound_s + (way.timeout_s or 0.0) + setting.beyond_s)
    said = {} if way.loses_host else _said(host, register.folder.parent)
    states = register.states()
    began = said.get("began") if began is None else began
    cell = Cell(
        survivors=sum(state not in "ZX" for state in states),
        zombies=states.count("Z"),
        seconds=None if quiet_at is None or began is None else max(0.0, quiet_at - began),
        bound_s=bound_s,
        supervisors=sum(lives(family[whom]) for whom in WHOM[1:] if whom in family),
        said=said,
    )
    return replace(cell, trouble=tuple(_trouble(cell, adversary, way)))


def _swept(dead: str, family: Mapping[str, psutil.Process], ledger: Path) -> float:
    """Sweep as the next run does, once one of the three is dead ("": all of them); return when that began."""
    _wait_dead(each for whom, each in family.items() if dead in {whom, ""})
    began = time.monotonic()
    supervision.sweep(ledger)
    return began


def _wait_dead(processes: Iterable[psutil.Process]) -> None:
    waiting = list(processes)
    while any(map(lives, waiting)):
        time.sleep(0.005)


def _kill(supervisors: Iterable[psutil.Process]) -> None:
    """Kill what is left of host, guard and warden: a trial in trouble leaves nothing, even if they are stopped."""
    for each in supervisors:
        with suppress(psutil.Error):
            each.kill()


def _wait_stopped(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        while process.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE}:
            time.sleep(0.005)


def _within(adversary: Adversary, way: Way) -> float:
    """Return the bound without slack: what exits by itself has its leak grace, whatever is asked meanwhile."""
    exits = way.within_s and adversary.exits is Exits.ALWAYS
    held_s = (HELD_WITHOUT_GUARD_S if way.loses_guard() else HELD_S) if adversary.holds else 0.0
    return (max(way.within_s, 2 * LEAK_GRACE_S) if exits else way.within_s) + held_s


def _said(host: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    with suppress(subprocess.TimeoutExpired, FileNotFoundError):
        host.wait(10)
        said: dict[str, Any] = json.loads((folder / "result.json").read_text())
        return said
    return {"verdict": "no result", "cause": (folder / "host.log").read_text(errors="replace")[-300:]}


def lives(process: psutil.Process) -> bool:
    """Return whether it runs; an orphan's zombie is for process 1 to reap."""
    with suppress(psutil.Error):
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    return False


def _trouble(cell: Cell, adversary: Adversary, way: Way) -> Iterator[str]:
    if cell.survivors or cell.seconds is None:
        yield f"{cell.survivors} processes survive"
    elif cell.seconds > cell.bound_s:
        yield f"{cell.seconds:.2f} s, the bound is {cell.bound_s:.2f} s"
    if cell.zombies and not (way.orphans or (adversary.holds and way.loses_guard())):
        yield f"{cell.zombies} zombies are left"
    if cell.supervisors:
        yield f"{cell.supervisors} supervising processes run on"
    if not way.loses_host and (told := (cell.said["verdict"], cell.said.get("cause"))) not in _expected(adversary, way):
        yield f"the host says {told}"


def _expected(adversary: Adversary, way: Way) -> set[tuple[str, str]]:
    """Return verdict and cause that are right: a main process that has ended by itself keeps that ending."""
    if adversary.fights:
        return {("ended", "lost"), (way.verdict, way.cause)}  # it may fail to
    expected = {(way.verdict, way.cause)}
    if adversary.holds:
        expected |= {(way.verdict, "lost"), ("ended", "lost")}
    if adversary.exits is Exits.ALWAYS:
        expected |= {(way.verdict, "exited"), ("ended", "exited")}
    return expected
