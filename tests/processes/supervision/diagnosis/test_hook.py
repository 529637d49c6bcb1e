"""The hook in a program that runs: the program does not notice it, and what leaks is written down."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping

import pytest
from support.hangs import HANGS, HEAD
from support.hooked_programs import HookedPrograms
from support.pythons import site_packages

from tox_prodsim.supervision import Hook, is_unhandled
from tox_prodsim.supervision.diagnosis.hook import STACKS_SIGNAL, TASKS_SIGNAL

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


def run(
    programs: HookedPrograms, program: str, variables: Mapping[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    script = programs.folder / "program.py"
    script.write_text(program)
    environment = {**os.environ, "PYTHONHASHSEED": "0", **variables}
    command = [programs.python, *options, script]
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
def test_a_program_that_leaks_does_what_it_does_without_the_hook(programs: HookedPrograms) -> None:
    with_hook = run(programs, LEAKY, programs.hook.variables)
    without = run(programs, LEAKY, {})
    assert seen(with_hook) == seen(without)
    assert without.returncode == 3
    assert "ResourceWarning: Enable tracemalloc" in without.stderr
    assert "Task was destroyed but it is pending!" in without.stderr


@OLD_AND_NEW
def test_what_it_leaks_is_written_down(programs: HookedPrograms) -> None:
    run(programs, LEAKY, programs.hook.variables)
    script = str(programs.folder / "program.py")
    lines = [{key: plain(str(value)) for key, value in line.items()} for line in witnessed(programs.hook)]
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
    assert [line for line in lines if line["kind"] == "thread"] == []  # an unjoined thread at the exit is a race
    assert [(line["file"], line["line"]) for line in lines if line["kind"] == "exception"] == [
        (script, "18"),
        (script, "23"),
    ]


@OLD_AND_NEW
def test_without_the_variable_there_is_no_hook(programs: HookedPrograms) -> None:
    names = "'_tox_prodsim_hook', 'faulthandler', 'fcntl', 'threading', 'warnings'"
    program = f"import sys; print({{{names}}} & {{*sys.modules}}, sys.meta_path, sys.unraisablehook, sys.path)"
    without = run(programs, program, {})
    assert without.stdout.startswith("set()")
    programs.hook.remove()
    assert seen(run(programs, program, {})) == seen(without)
    assert seen(run(programs, program, programs.hook.variables)) == seen(without)
    programs.hook.remove()


def test_of_the_hook_nothing_remains_in_the_environment(programs: HookedPrograms) -> None:
    folder = site_packages(programs.python.parents[1])
    programs.hook.remove()
    before = sorted(folder.rglob("*"))
    programs.hook.install()
    assert sorted(folder.rglob("*")) == sorted([*before, programs.hook.pth])
    assert len(programs.hook.pth.read_text().splitlines()) == 1
    run(programs, LEAKY, programs.hook.variables)
    programs.hook.remove()
    assert sorted(folder.rglob("*")) == before


@OLD_AND_NEW
def test_the_hook_imports_next_to_nothing(programs: HookedPrograms) -> None:
    program = "import sys; print(*sys.modules)"
    modules = [set(run(programs, program, variables).stdout.split()) for variables in ({}, programs.hook.variables)]
    own = {"_tox_prodsim_hook", "atexit", "__future__", "faulthandler", "fcntl", "_signal"}
    assert modules[1] - modules[0] <= own | {"importlib.machinery", "importlib._abc"}


def test_a_folder_that_is_gone_is_nothing_to_complain_about(programs: HookedPrograms) -> None:
    gone = Hook(programs.hook.site_packages, programs.folder / "gone")
    assert seen(run(programs, "print('fine')", gone.variables)) == (0, "fine\n", "")


def test_where_few_files_may_be_open_a_process_is_observed_all_the_same(programs: HookedPrograms) -> None:
    programs.start(
        "limited",
        HEAD + "import resource\nif resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 64:\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "    os.execv(sys.executable, [sys.executable, *sys.argv])\n"
        "def few(): ready(); time.sleep(100)\nfew()",
    )
    programs.wait_ready()
    (process,) = programs.diagnose("limited").processes
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
def test_whatever_the_options_of_python_a_process_is_observed_and_says_nothing(
    programs: HookedPrograms, options: list[str]
) -> None:
    assert seen(run(programs, "print('fine')", programs.hook.variables, *options)) == (0, "fine\n", "")
    assert len(list(programs.hook.folder.glob("*.stacks"))) == 1


def test_a_forked_child_answers_for_itself(programs: HookedPrograms) -> None:
    programs.start(
        "forks",
        HEAD + "def parent(): os.wait()\ndef child(): ready(); time.sleep(100)\n"
        "child() if os.fork() == 0 else parent()",
    )
    programs.wait_ready()
    diagnosis = programs.diagnose("forks")
    assert [process.stacks[0].frames[-1].function for process in diagnosis.processes] == ["parent", "child"]
    assert [len(process.stacks) for process in diagnosis.processes] == [1, 1]


def test_a_program_that_closes_all_files_is_still_seen(programs: HookedPrograms) -> None:
    programs.start("closes", HEAD + "def daemon(): ready(); time.sleep(100)\nos.closerange(0, 2000)\ndaemon()")
    programs.wait_ready()
    (process,) = programs.diagnose("closes").processes
    assert process.stacks[0].frames[-1].function == "daemon"


def test_a_file_that_took_the_number_of_ours_is_not_written_to(programs: HookedPrograms) -> None:
    program = (
        "os.closerange(0, 2000)\nmine = os.open('precious', os.O_CREAT | os.O_WRONLY)\n"
        "os.dup2(mine, 900)\ndef daemon(): ready(); time.sleep(100)\ndaemon()"
    )
    programs.start("reuses", HEAD + program)
    programs.wait_ready()
    programs.diagnose("reuses")
    assert (programs.place("reuses") / "precious").read_bytes() == b""


@pytest.mark.parametrize("number", [STACKS_SIGNAL, TASKS_SIGNAL])
def test_a_program_that_has_a_use_for_our_signal_gets_none_from_us(programs: HookedPrograms, number: int) -> None:
    programs.start(
        "takes",
        HEAD + f"def taken(*_): open('signalled', 'w').close()\nsignal.signal({number}, taken)\nready()\n"
        "while True: time.sleep(1)",
    )
    programs.wait_ready()
    (process,) = programs.diagnose("takes").processes
    assert (process.source, process.stacks) == ("", ())
    assert not (programs.place("takes") / "signalled").exists()


def test_a_process_that_has_become_another_program_is_not_signalled(programs: HookedPrograms) -> None:
    process = programs.start("becomes", HEAD + "ready(); os.execv('/bin/sleep', ['sleep', '100'])")
    programs.wait_ready()
    while (list(process.tree()) or [process])[0].pid and "python" in process.tree()[0].exe():
        time.sleep(0.01)
    (programs.hook.folder / f"{process.pid}.stacks").stat()
    (after,) = programs.diagnose("becomes").processes
    assert (after.command, after.source) == ("sleep 100", "")
    assert process.poll() is None


def test_the_file_of_a_process_that_had_the_same_pid_before_is_not_believed(programs: HookedPrograms) -> None:
    process = programs.start("unhooked", HEAD + "ready()\nwhile True: time.sleep(1)", "-S")
    programs.wait_ready()
    (programs.hook.folder / f"{process.pid}.stacks").write_text("main 0x1 start 1\n")
    assert programs.diagnose("unhooked").processes[0].source == ""
    assert process.poll() is None
    assert is_unhandled(process.pid, STACKS_SIGNAL)


def test_other_interpreters_in_a_process_change_nothing(programs: HookedPrograms) -> None:
    programs.start(
        "subinterpreter",
        HEAD + "import _interpreters as i\nsub = i.create('legacy')\n"
        "i.exec(sub, 'import signal, threading, asyncio, warnings')\n"
        "def main(): ready(); time.sleep(100)\nmain()",
    )
    programs.wait_ready()
    (process,) = programs.diagnose("subinterpreter").processes
    assert process.stacks[0].frames[-1].function == "main"
    assert (programs.place("subinterpreter") / "output").read_text() == ""


def test_names_and_sources_of_any_letters_are_kept(programs: HookedPrograms) -> None:
    programs.start(
        "letters",
        HEAD + "import threading\ndef größe(): ready(); time.sleep(100)  # 𝄞\n"
        "threading.Thread(target=größe, name='\"\\\\ \\n𝄞 é').start()",
    )
    programs.wait_ready()
    (process,) = programs.diagnose("letters").processes
    (stack,) = [each for each in process.stacks if not each.is_main]
    assert (stack.thread, stack.daemon) == ('"\\ \n𝄞 é', False)
    assert (stack.frames[-1].function, stack.frames[-1].source) == (
        "größe",
        "def größe(): ready(); time.sleep(100)  # 𝄞",
    )


def test_a_folder_behind_a_link_is_the_same_folder(programs: HookedPrograms) -> None:
    link = programs.folder / "link"
    link.symlink_to(programs.hook.folder.parent)
    programs.hook = Hook(programs.hook.site_packages, link / programs.hook.folder.name)
    programs.start("linked", HANGS["C deadlock that holds the GIL"].program)
    programs.wait_ready()
    assert programs.diagnose("linked").processes[0].source == "faulthandler"


def test_in_a_pid_namespace_a_process_is_known_by_both_its_pids(programs: HookedPrograms) -> None:
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may make no pid namespace")
    program = f"import subprocess\nsubprocess.call([*{unshare}, sys.executable, '-c', INNER])"
    inner = HEAD + "def inside(): ready(); print(os.getpid(), flush=True); time.sleep(100)\ninside()"
    programs.start("namespace", HEAD + f"INNER = {inner!r}\n" + program)
    programs.wait_ready()
    last = programs.diagnose("namespace").processes[-1]
    assert (programs.place("namespace") / "output").read_text() == "1\n"
    assert (last.source, last.stacks[0].frames[-1].function) == ("hook", "inside")


def test_a_stopped_process_is_left_as_it_is(programs: HookedPrograms) -> None:
    process = programs.start("stopped", HEAD + "ready(); os.kill(os.getpid(), signal.SIGSTOP); print('continued')")
    programs.wait_ready()
    diagnosis = programs.diagnose("stopped")
    (seen,) = diagnosis.processes
    assert (seen.state, seen.source) == ("stopped", "")
    assert "it is stopped and cannot answer" in diagnosis.hints[0]
    assert process.tree()[0].status() == "stopped"


def test_what_a_forked_child_leaks_is_in_a_file_of_its_own(programs: HookedPrograms) -> None:
    run(
        programs,
        "import os, warnings\nwarnings.simplefilter('always')\n"
        "def leaks():\n    open(__file__)\n"
        "if os.fork() == 0:\n    leaks(); leaks()\nelse:\n    os.wait(); leaks()",
        programs.hook.variables,
    )
    assert sorted(len(file.read_text().splitlines()) for file in programs.hook.folder.glob("*.witness.jsonl")) == [2, 3]


def test_a_program_that_leaks_without_end_does_not_fill_the_disk(programs: HookedPrograms) -> None:
    run(
        programs,
        "import warnings\nwarnings.simplefilter('always')\nfor _ in range(1000):\n    open(__file__)",
        programs.hook.variables,
    )
    assert [line["kind"] for line in witnessed(programs.hook)] == ["warning"] * 200 + ["exit"]


@pytest.mark.parametrize(
    ("end", "kinds"),
    [
        pytest.param("sys.exit(1)", [["exit"]], id="an exit"),
        pytest.param("raise ValueError", [["exit"]], id="an exception"),
        pytest.param("os._exit(0)", [], id="an end without a clean-up: nothing can be said"),
        pytest.param("os.kill(os.getpid(), 9)", [], id="SIGKILL"),
    ],
)
def test_that_an_interpreter_came_to_its_end_is_written_down(
    programs: HookedPrograms, end: str, kinds: list[list[str]]
) -> None:
    run(programs, f"import os, sys\n{end}", programs.hook.variables)
    files = programs.hook.folder.glob("*.witness.jsonl")
    assert [[json.loads(line)["kind"] for line in file.read_text().splitlines()] for file in files] == kinds


def test_a_process_that_is_asked_while_it_answers_does_not_tell_of_us(programs: HookedPrograms) -> None:
    process = programs.start(
        "hasty",
        HEAD + "import threading\nfor _ in range(100):\n"
        "    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "def busy():\n    ready()\n    while True: pass\nbusy()",
    )
    programs.wait_ready()
    for _ in range(50):
        os.kill(process.pid, TASKS_SIGNAL)
        os.kill(process.pid, STACKS_SIGNAL)
    (seen,) = programs.diagnose("hasty").processes
    (main,) = [stack for stack in seen.stacks if stack.is_main]
    assert main.frames[-1].function == "busy"
