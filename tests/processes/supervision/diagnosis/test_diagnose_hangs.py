"""The seventeen ways to hang: the frame that hangs is named, nothing is ended for it, and it takes no two seconds."""

from __future__ import annotations

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support.hangs import HANGS, HEAD, UNSEEN
from support.hooked_programs import HookedPrograms

from tox_prodsim.supervision import Diagnosis, diagnose
from tox_prodsim.supervision.diagnosis import pyspy

LIMIT_S = 2.0
VERSIONS = ["3.9", "3.11", "3.13"]


def missing(diagnosis: Diagnosis, name: str) -> list[tuple[str, str]]:
    """Return the frames that hang and are not named."""
    found = {(Path(frame.file).name, frame.function) for frame in frames(diagnosis)}
    coroutines = [task.coroutine for process in diagnosis.processes for task in process.tasks]
    task = [] if not HANGS[name].task or HANGS[name].task in coroutines else [("task", HANGS[name].task)]
    return [frame for frame in HANGS[name].frames if frame not in found] + task


def frames(diagnosis: Diagnosis):
    for process in diagnosis.processes:
        for stack in (*process.stacks, *process.tasks):
            yield from stack.frames


def report(version: str, name: str, diagnosis: Diagnosis) -> None:
    """Print a line of the table that `pytest -s` shows."""
    sources = " + ".join(process.source or "nobody" for process in diagnosis.processes)
    print(f"{version:<5} {name:<46} {sources:<22} {diagnosis.took_s:.2f} s")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_frame_that_hangs_is_named_without_ptrace_rights(programs: HookedPrograms, version: str) -> None:
    for name, hang in HANGS.items():
        programs.start(name, hang.program)
    programs.wait_ready()
    pids = {name: {each.pid for each in process.tree()} for name, process in programs.started.items()}
    with ThreadPoolExecutor(4) as pool:
        diagnoses = dict(zip(HANGS, pool.map(programs.diagnose, HANGS), strict=True))
    for name, diagnosis in diagnoses.items():
        report(version, name, diagnosis)
    assert {name: missing(each, name) for name, each in diagnoses.items() if missing(each, name)} == {
        UNSEEN: [("child.py", "hangs_in_child")]
    }
    assert max(diagnosis.took_s for diagnosis in diagnoses.values()) < LIMIT_S
    assert {name: {each.pid for each in process.tree()} for name, process in programs.started.items()} == pids
    (hint,) = diagnoses[UNSEEN].hints
    assert "it was started with -S, so it loads no hook; pip install 'tox-prodsim[diag]'" in hint


@pytest.mark.skipif(not pyspy.find_program("py-spy"), reason="py-spy is not there: pip install 'tox-prodsim[diag]'")
@pytest.mark.parametrize("version", VERSIONS)
def test_with_py_spy_the_one_that_is_left_is_named_too(programs: HookedPrograms, version: str) -> None:
    programs.start(UNSEEN, HANGS[UNSEEN].program)
    programs.wait_ready()
    diagnosis = programs.diagnose(UNSEEN, py_spy="py-spy")
    if "ptrace" in "".join(diagnosis.hints):
        pytest.skip(diagnosis.hints[0])
    report(version, UNSEEN, diagnosis)
    assert (missing(diagnosis, UNSEEN), diagnosis.hints) == ([], ())
    assert [process.source for process in diagnosis.processes] == ["hook", "py-spy"]


def test_a_second_look_sees_what_is_so_then(programs: HookedPrograms) -> None:
    programs.start(
        "two hangs",
        HEAD + "def first():\n    ready()\n    while not os.path.exists('go'):\n        time.sleep(0.01)\n"
        "def second():\n    open('gone', 'w').close(); time.sleep(100)\nfirst(); second()",
    )
    programs.wait_ready("two hangs")
    before = programs.diagnose("two hangs")
    (programs.place("two hangs") / "go").touch()
    while not (programs.place("two hangs") / "gone").exists():
        time.sleep(0.01)
    after = programs.diagnose("two hangs")
    functions = [[frame.function for frame in frames(each) if frame.function != "<module>"] for each in (before, after)]
    assert functions == [["first"], ["second"]]


def test_sixty_forked_processes_that_are_deaf_take_no_longer_than_the_limit(programs: HookedPrograms) -> None:
    programs.start(
        "sixty",
        HEAD + "for number in range(1, 65):\n    if number not in (9, 19, 32, 33, 58, 59):\n"
        "        signal.signal(number, signal.SIG_IGN)\n"
        "def forked():\n    os.write(there, b'.'); time.sleep(100)\n"
        "here, there = os.pipe()\n"
        "for _ in range(59):\n    if os.fork() == 0:\n        forked()\n"
        "for _ in range(59):\n    os.read(here, 1)\n"
        "ready(); os.wait()",
    )
    programs.wait_ready("sixty")
    diagnosis = programs.diagnose("sixty")
    report("3.13", "sixty", dataclasses.replace(diagnosis, processes=diagnosis.processes[:1]))
    assert diagnosis.took_s < LIMIT_S
    stacks = [[stack.frames[-1].function for stack in process.stacks] for process in diagnosis.processes]
    assert sorted(stacks) == [["<module>"], *[["forked"]] * 59]
    assert not diagnosis.gave_up


def test_it_ends_at_once_when_nobody_wants_to_wait(programs: HookedPrograms) -> None:
    programs.start("impatient", HANGS["C deadlock that holds the GIL"].program)
    programs.wait_ready("impatient")
    diagnosis = programs.diagnose("impatient", give_up=lambda: True)
    assert diagnosis.gave_up
    assert diagnosis.took_s < 0.15


def test_what_the_kernel_knows_is_told_of_every_process(programs: HookedPrograms) -> None:
    programs.start(
        "tree",
        HEAD + "import socket, subprocess\n"
        "subprocess.Popen(['sleep', '100'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "ear = socket.create_server(('127.0.0.1', 0))\nprint(ear.getsockname()[1], flush=True)\n"
        "mouth = socket.create_connection(ear.getsockname())\nready()\nwhile True: pass",
    )
    programs.wait_ready("tree")
    main, child = sorted(programs.diagnose("tree").processes, key=lambda each: "sleep" in each.command)
    port = (programs.place("tree") / "output").read_text().strip()
    assert (main.listens, main.holds_output, child.holds_output) == ((f"127.0.0.1:{port}",), True, False)
    assert [each.partition(" -> ")[2] for each in main.connected] == [f"127.0.0.1:{port}"]
    assert (main.waits_on, child.waits_on) == ("computes", "sleeps")
    assert child.parent == main.pid
    assert main.cpu_share > 0.05 > child.cpu_share
    assert main.memory_bytes > 1e6
    assert (main.source, child.source, child.is_python) == ("hook", "", False)


def test_a_process_that_is_gone_is_left_out(programs: HookedPrograms) -> None:
    process = programs.start("gone", HANGS["time.sleep in main"].program)
    programs.wait_ready("gone")
    tree = process.tree()
    process.close()
    assert tree
    assert not any(psutil.pid_exists(each.pid) and each.is_running() for each in tree)
    assert diagnose(tree, hook=programs.hook, output=None, py_spy=None).processes == ()
