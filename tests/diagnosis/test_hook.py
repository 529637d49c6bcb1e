"""The hook in a program that runs: the program does not notice it, and what leaks is written down."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from support.hangs import HANGS, HEAD
from support.pythons import site_packages

from tox_prodsim.supervision import Hook, is_unhandled
from tox_prodsim.supervision.diagnosis.hook import STACKS_SIGNAL, TASKS_SIGNAL

if TYPE_CHECKING:
    from conftest import Ring

OLD_AND_NEW = pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
LEAKY = """\
import asyncio, os, signal, socket, sys, threading, warnings
print({str(n): str(signal.getsignal(n)) for n in signal.valid_signals() if n not in (58, 59)})
print([fd for fd in map(int, os.listdir("/proc/self/fd")) if fd < 100], os.get_inheritable(2))
print(signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]), sys.argv, sys.path, sorted(vars()))
print(threading.active_count(), warnings.filters, sys.flags)
warnings.simplefilter("default")
with warnings.catch_warnings(record=True) as caught:
    warnings.warn("caught", ResourceWarning)
assert len(caught) == 1

def leaks():
    open(__file__)
leaks()
warnings.warn("not a leak", UserWarning)

class Broken:
    def __del__(self):
        raise ValueError("late")
broken = Broken()
del broken

def fails():
    raise KeyError("thread")
thread = threading.Thread(target=fails, name="acme-0")
thread.start()
thread.join()

async def pending():
    await asyncio.get_running_loop().create_future()
async def never(): pass
async def main():
    never()
    asyncio.ensure_future(pending()).set_name("acme-1")
    await asyncio.sleep(0)
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
import gc; gc.collect()
loop.close()
threading.Thread(target=threading.Event().wait, name="acme-2", daemon=True).start()
sys.exit(3)
"""


def run(ring: Ring, program: str, variables: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    script = ring.folder / "program.py"
    script.write_text(program)
    environment = {**os.environ, "PYTHONHASHSEED": "0", **variables}
    command = [ring.python, *options, script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def seen(ran: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """Return what a user sees of a program, without the addresses of objects and the numbers of threads."""
    return ran.returncode, plain(ran.stdout), plain(ran.stderr)


def plain(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+|Task-\d+|\d{6,}", "0x", text)


def witnessed(hook: Hook) -> list[dict[str, object]]:
    (file,) = hook.folder.glob("*.witness.jsonl")
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


@OLD_AND_NEW
def test_a_program_that_leaks_does_what_it_does_without_the_hook(ring: Ring) -> None:
    with_hook = run(ring, LEAKY, ring.hook.variables)
    without = run(ring, LEAKY, {})
    assert seen(with_hook) == seen(without)
    assert without.returncode == 3
    assert "ResourceWarning: Enable tracemalloc" in without.stderr
    assert "Task was destroyed but it is pending!" in without.stderr


@OLD_AND_NEW
def test_what_it_leaks_is_written_down(ring: Ring) -> None:
    run(ring, LEAKY, ring.hook.variables)
    script = str(ring.folder / "program.py")
    lines = [{key: plain(str(value)) for key, value in line.items()} for line in witnessed(ring.hook)]
    told = [(line["kind"], line.get("message"), line.get("name") or line.get("where")) for line in lines]
    unclosed = plain(f"unclosed file <_io.TextIOWrapper name='{script}' mode='r' encoding='UTF-8'>")
    assert [each for each in told if each[0] == "warning"] == [
        ("warning", unclosed, None),
        ("warning", "coroutine 'never' was never awaited", None),
    ]
    assert [each for each in told if each[0] == "exception"] == [
        ("exception", "late", "Broken.__del__"),
        ("exception", "'thread'", "thread acme-0"),
    ]
    assert [each for each in told if each[0] == "task"] == [("task", "Task was destroyed but it is pending!", "acme-1")]
    assert [line for line in lines if line["kind"] == "thread"] == [
        {"kind": "thread", "name": "acme-2", "daemon": "True"}
    ]
    assert [(line["file"], line["line"]) for line in lines if line["kind"] == "exception"] == [
        (script, "18"),
        (script, "23"),
    ]


@OLD_AND_NEW
def test_without_the_variable_there_is_no_hook(ring: Ring) -> None:
    names = "'_tox_prodsim_hook', 'faulthandler', 'fcntl', 'threading', 'warnings'"
    program = f"import sys; print({{{names}}} & {{*sys.modules}}, sys.meta_path, sys.unraisablehook, sys.path)"
    without = run(ring, program, {})
    assert without.stdout.startswith("set()")
    ring.hook.remove()
    assert seen(run(ring, program, {})) == seen(without)
    assert seen(run(ring, program, ring.hook.variables)) == seen(without)
    ring.hook.remove()


def test_of_the_hook_nothing_remains_in_the_environment(ring: Ring) -> None:
    folder = site_packages(ring.python.parents[1])
    ring.hook.remove()
    before = sorted(folder.rglob("*"))
    ring.hook.install()
    assert sorted(folder.rglob("*")) == sorted([*before, ring.hook.pth])
    assert len(ring.hook.pth.read_text().splitlines()) == 1
    run(ring, LEAKY, ring.hook.variables)
    ring.hook.remove()
    assert sorted(folder.rglob("*")) == before


@OLD_AND_NEW
def test_the_hook_imports_next_to_nothing(ring: Ring) -> None:
    program = "import sys; print(*sys.modules)"
    modules = [set(run(ring, program, variables).stdout.split()) for variables in ({}, ring.hook.variables)]
    own = {"_tox_prodsim_hook", "atexit", "__future__", "faulthandler", "fcntl", "_signal"}
    assert modules[1] - modules[0] <= own | {"importlib.machinery", "importlib._abc"}


def test_a_folder_that_is_gone_is_nothing_to_complain_about(ring: Ring) -> None:
    gone = Hook(ring.hook.site_packages, ring.folder / "gone")
    assert seen(run(ring, "print('fine')", gone.variables)) == (0, "fine\n", "")


def test_where_few_files_may_be_open_a_process_is_observed_all_the_same(ring: Ring) -> None:
    ring.start(
        "limited",
        HEAD + "import resource\nif resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 64:\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "    os.execv(sys.executable, [sys.executable, *sys.argv])\n"
        "def few(): ready(); time.sleep(100)\nfew()",
    )
    ring.wait_ready()
    (process,) = ring.diagnose("limited").processes
    assert (process.source, process.stacks[0].frames[-1].function) == ("hook", "few")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["-I"], id="isolated"),
        pytest.param(["-E"], id="without PYTHON variables"),
        pytest.param(["-W", "error"], id="with warnings as errors"),
        pytest.param(["-X", "dev"], id="in development mode"),
        pytest.param(["-bb"], id="with bytes warnings as errors"),
        pytest.param(["-OO"], id="without docstrings"),
    ],
)
def test_whatever_the_options_of_python_a_process_is_observed_and_says_nothing(ring: Ring, options: list[str]) -> None:
    assert seen(run(ring, "print('fine')", ring.hook.variables, *options)) == (0, "fine\n", "")
    assert len(list(ring.hook.folder.glob("*.stacks"))) == 1


def test_a_forked_child_answers_for_itself(ring: Ring) -> None:
    ring.start(
        "forks",
        HEAD + "def parent(): os.wait()\ndef child(): ready(); time.sleep(100)\n"
        "child() if os.fork() == 0 else parent()",
    )
    ring.wait_ready()
    diagnosis = ring.diagnose("forks")
    assert [process.stacks[0].frames[-1].function for process in diagnosis.processes] == ["parent", "child"]
    assert [len(process.stacks) for process in diagnosis.processes] == [1, 1]


def test_a_program_that_closes_all_files_is_still_seen(ring: Ring) -> None:
    ring.start("closes", HEAD + "def daemon(): ready(); time.sleep(100)\nos.closerange(0, 2000)\ndaemon()")
    ring.wait_ready()
    (process,) = ring.diagnose("closes").processes
    assert process.stacks[0].frames[-1].function == "daemon"


def test_a_file_that_took_the_number_of_ours_is_not_written_to(ring: Ring) -> None:
    program = (
        "os.closerange(0, 2000)\nmine = os.open('precious', os.O_CREAT | os.O_WRONLY)\n"
        "os.dup2(mine, 900)\ndef daemon(): ready(); time.sleep(100)\ndaemon()"
    )
    ring.start("reuses", HEAD + program)
    ring.wait_ready()
    ring.diagnose("reuses")
    assert (ring.place("reuses") / "precious").read_bytes() == b""


@pytest.mark.parametrize("number", [STACKS_SIGNAL, TASKS_SIGNAL])
def test_a_program_that_has_a_use_for_our_signal_gets_none_from_us(ring: Ring, number: int) -> None:
    ring.start(
        "takes",
        HEAD + f"def taken(*_): open('signalled', 'w').close()\nsignal.signal({number}, taken)\nready()\n"
        "while True: time.sleep(1)",
    )
    ring.wait_ready()
    (process,) = ring.diagnose("takes").processes
    assert (process.source, process.stacks) == ("", ())
    assert not (ring.place("takes") / "signalled").exists()


def test_a_process_that_has_become_another_program_is_not_signalled(ring: Ring) -> None:
    process = ring.start("becomes", HEAD + "ready(); os.execv('/bin/sleep', ['sleep', '100'])")
    ring.wait_ready()
    while (list(process.tree()) or [process])[0].pid and "python" in process.tree()[0].exe():
        time.sleep(0.01)
    (ring.hook.folder / f"{process.pid}.stacks").stat()
    (after,) = ring.diagnose("becomes").processes
    assert (after.command, after.source) == ("sleep 100", "")
    assert process.poll() is None


def test_the_file_of_a_process_that_had_the_same_pid_before_is_not_believed(ring: Ring) -> None:
    process = ring.start("unhooked", HEAD + "ready()\nwhile True: time.sleep(1)", "-S")
    ring.wait_ready()
    (ring.hook.folder / f"{process.pid}.stacks").write_text("main 0x1 start 1\n")
    assert ring.diagnose("unhooked").processes[0].source == ""
    assert process.poll() is None
    assert is_unhandled(process.pid, STACKS_SIGNAL)


def test_other_interpreters_in_a_process_change_nothing(ring: Ring) -> None:
    ring.start(
        "subinterpreter",
        HEAD + "import _interpreters as i\nsub = i.create('legacy')\n"
        "i.exec(sub, 'import signal, threading, asyncio, warnings')\n"
        "def main(): ready(); time.sleep(100)\nmain()",
    )
    ring.wait_ready()
    (process,) = ring.diagnose("subinterpreter").processes
    assert process.stacks[0].frames[-1].function == "main"
    assert (ring.place("subinterpreter") / "output").read_text() == ""


def test_names_and_sources_of_any_letters_are_kept(ring: Ring) -> None:
    ring.start(
        "letters",
        HEAD + "import threading\ndef größe(): ready(); time.sleep(100)  # 𝄞\n"
        "threading.Thread(target=größe, name='\"\\\\ \\n𝄞 é').start()",
    )
    ring.wait_ready()
    (process,) = ring.diagnose("letters").processes
    (stack,) = [each for each in process.stacks if not each.is_main]
    assert (stack.thread, stack.daemon) == ('"\\ \n𝄞 é', False)
    assert (stack.frames[-1].function, stack.frames[-1].source) == (
        "größe",
        "def größe(): ready(); time.sleep(100)  # 𝄞",
    )


def test_a_folder_behind_a_link_is_the_same_folder(ring: Ring) -> None:
    link = ring.folder / "link"
    link.symlink_to(ring.hook.folder)
    ring.hook = Hook(ring.hook.site_packages, link)
    ring.start("linked", HANGS["C deadlock that holds the GIL"].program)
    ring.wait_ready()
    assert ring.diagnose("linked").processes[0].source == "faulthandler"


def test_in_a_pid_namespace_a_process_is_known_by_both_its_pids(ring: Ring) -> None:
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may make no pid namespace")
    program = f"import subprocess\nsubprocess.call([*{unshare}, sys.executable, '-c', INNER])"
    inner = HEAD + "def inside(): ready(); print(os.getpid(), flush=True); time.sleep(100)\ninside()"
    ring.start("namespace", HEAD + f"INNER = {inner!r}\n" + program)
    ring.wait_ready()
    last = ring.diagnose("namespace").processes[-1]
    assert (ring.place("namespace") / "output").read_text() == "1\n"
    assert (last.source, last.stacks[0].frames[-1].function) == ("hook", "inside")


def test_a_stopped_process_is_left_as_it_is(ring: Ring) -> None:
    process = ring.start("stopped", HEAD + "ready(); os.kill(os.getpid(), signal.SIGSTOP); print('continued')")
    ring.wait_ready()
    diagnosis = ring.diagnose("stopped")
    (seen,) = diagnosis.processes
    assert (seen.state, seen.source) == ("stopped", "")
    assert "it is stopped and cannot answer" in diagnosis.hints[0]
    assert process.tree()[0].status() == "stopped"


def test_what_a_forked_child_leaks_is_in_a_file_of_its_own(ring: Ring) -> None:
    run(
        ring,
        "import os, warnings\nwarnings.simplefilter('always')\n"
        "def leaks():\n    open(__file__)\n"
        "if os.fork() == 0:\n    leaks(); leaks()\nelse:\n    os.wait(); leaks()",
        ring.hook.variables,
    )
    assert sorted(len(file.read_text().splitlines()) for file in ring.hook.folder.glob("*.witness.jsonl")) == [2, 3]


def test_a_program_that_leaks_without_end_does_not_fill_the_disk(ring: Ring) -> None:
    run(
        ring,
        "import warnings\nwarnings.simplefilter('always')\nfor _ in range(1000):\n    open(__file__)",
        ring.hook.variables,
    )
    assert [line["kind"] for line in witnessed(ring.hook)] == ["warning"] * 200 + ["exit"]


@pytest.mark.parametrize(
    ("end", "kinds"),
    [
        pytest.param("sys.exit(1)", [["exit"]], id="an exit"),
        pytest.param("raise ValueError", [["exit"]], id="an exception"),
        pytest.param("os._exit(0)", [], id="an end without a clean-up: nothing can be said"),
        pytest.param("os.kill(os.getpid(), 9)", [], id="SIGKILL"),
    ],
)
def test_that_an_interpreter_came_to_its_end_is_written_down(ring: Ring, end: str, kinds: list[list[str]]) -> None:
    run(ring, f"import os, sys\n{end}", ring.hook.variables)
    files = ring.hook.folder.glob("*.witness.jsonl")
    assert [[json.loads(line)["kind"] for line in file.read_text().splitlines()] for file in files] == kinds


def test_a_process_that_is_asked_while_it_answers_does_not_tell_of_us(ring: Ring) -> None:
    process = ring.start(
        "hasty",
        HEAD + "import threading\nfor _ in range(100):\n"
        "    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "def busy():\n    ready()\n    while True: pass\nbusy()",
    )
    ring.wait_ready()
    for _ in range(50):
        os.kill(process.pid, TASKS_SIGNAL)
        os.kill(process.pid, STACKS_SIGNAL)
    (seen,) = ring.diagnose("hasty").processes
    (main,) = [stack for stack in seen.stacks if stack.is_main]
    assert main.frames[-1].function == "busy"
