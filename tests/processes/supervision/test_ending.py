from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.adversaries import Adversaries

from tox_prodsim.model.errors import Cancelled
from tox_prodsim.supervision import Cancel, Cause, Ending, Process, run, start

PYTHON = [sys.executable, "-I", "-S", "-c"]


STARTED: list[Process] = []


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    yield
    while STARTED:
        STARTED.pop().close()


def launch(argv: list[str], **options: object) -> Process:
    given = {"cwd": Path("/"), "env": os.environ, "stdout": None, "stderr": None, **options}
    STARTED.append(start(argv, **given))
    return STARTED[-1]


def ending_of(argv: list[str], **options: object) -> Ending:
    ending = launch(argv, **options).wait(20)
    assert ending, "it hung"
    return ending


@pytest.mark.parametrize("code", [0, 1, 77, 255])
def test_an_exit_code_is_kept(code: int) -> None:
    ending = ending_of(["/bin/sh", "-c", f"exit {code}"])
    assert (ending.cause, ending.code, ending.signal, ending.returncode) == (Cause.EXITED, code, None, code)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGHUP, signal.SIGPIPE])
def test_a_death_by_signal_is_no_exit(number: signal.Signals) -> None:
    ending = ending_of(["/bin/sh", "-c", f"kill -{int(number)} $$"])
    assert (ending.cause, ending.code, ending.signal, ending.returncode) == (Cause.SIGNALLED, None, number, -number)


def not_executable(folder: Path) -> list[str]:
    (folder / "plain").write_text("no program")
    return [str(folder / "plain")]


def bad_shebang(folder: Path) -> list[str]:
    (folder / "script").write_text("#!/no/such/python\n")
    (folder / "script").chmod(0o755)
    return [str(folder / "script")]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        pytest.param(lambda _: ["no-such-command"], "no-such-command: No such file or directory", id="not on PATH"),
        pytest.param(lambda folder: [f"{folder}/nothing"], "nothing: No such file or directory", id="not there"),
        pytest.param(not_executable, "plain: Permission denied", id="not executable"),
        pytest.param(bad_shebang, "script: the interpreter that its first line names does not exist", id="bad shebang"),
        pytest.param(lambda _: ["/bin/echo", "a\0b"], "/bin/echo: embedded null byte", id="a NUL in an argument"),
    ],
)
def test_what_cannot_be_started_is_said_and_is_no_exit_code(command, says: str, tmp_path: Path) -> None:
    process = launch(command(tmp_path))
    ending = process.poll()
    assert ending
    assert (ending.cause, ending.returncode, process.pid) == (Cause.NOT_STARTED, None, 0)
    assert ending.error.endswith(says)
    assert process.stop(signal.SIGTERM, 1) is ending


def test_a_working_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    ending = ending_of(["/bin/true"], cwd=tmp_path / "gone")
    assert ending.error == f"cannot work in {tmp_path}/gone: No such file or directory"


def test_the_command_is_found_on_the_path_of_its_own_environment(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "tool").chmod(0o755)
    assert ending_of(["tool"], env={"PATH": str(tmp_path)}).code == 9


def test_a_command_sees_a_clean_process(tmp_path: Path) -> None:
    code = """if True:
        import json, os, signal
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        print(json.dumps({
            "files": sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1],
            "stdin": os.readlink("/proc/self/fd/0"),
            "masked": int(status["SigBlk"], 16),
            "leads": os.getsid(0) == os.getpid() == os.getpgid(0),
            "cwd": os.getcwd(),
            "hangup": signal.getsignal(signal.SIGHUP) == signal.SIG_DFL,
            "env": dict(os.environ),
        }))
    """
    env = {"A": "ä\udcff", "LC_ALL": "C.UTF-8"}
    seen = json.loads(run([*PYTHON, code], cwd=tmp_path, env=env, timeout_s=20).stdout)
    assert seen.pop("env").items() >= env.items()
    assert seen == {
        "files": [0, 1, 2],
        "stdin": "/dev/null",
        "masked": 0,
        "leads": True,
        "cwd": str(tmp_path),
        "hangup": True,
    }


def test_a_library_preloaded_for_the_command_does_not_touch_the_guard() -> None:
    assert ending_of([*PYTHON, "raise SystemExit(4)"], env={"LD_LIBRARY_PATH": "/x", "PYTHONHOME": "/x"}).code == 4


def test_only_the_command_holds_its_output() -> None:
    """The reader sees the end of file when the command closes its output, not when the supervision ends."""
    read_end, write_end = os.pipe()
    process = launch(
        [*PYTHON, "import os, time; os.close(1); os.close(2); time.sleep(60)"], stdout=write_end, stderr=write_end
    )
    os.close(write_end)
    assert os.read(read_end, 1) == b""
    assert process.poll() is None
    process.close()
    os.close(read_end)


def test_a_long_command_line_and_a_large_environment_get_through() -> None:
    env = {f"V{at}": "x" * 10_000 for at in range(60)}
    ran = run(
        [*PYTHON, "import os, sys; print('V59' in os.environ, len(sys.argv[1]))", "y" * 100_000],
        cwd=Path("/"),
        env=env,
        timeout_s=20,
    )
    assert ran.stdout.split() == [b"True", b"100000"]


def test_waiting_ends_when_the_time_runs_out() -> None:
    process = launch(["sleep", "60"])
    begin = time.monotonic()
    assert process.wait(0.1) is None
    assert 0.1 <= time.monotonic() - begin < 2
    assert not process.main_exited()
    process.close()


def test_the_spawn_is_timed_without_the_guard_and_the_duration_without_the_leak_grace() -> None:
    before = time.monotonic()
    process = launch(["/bin/sh", "-c", "sleep 60 & exec sleep 0.2"])
    assert before < process.spawned_at < time.monotonic()
    assert process.wait(0.4) is None
    assert process.main_exited(), "the main process is gone, a child has its leak grace"
    ending = process.wait(10)
    assert ending
    assert 0.2 <= ending.duration_s < 0.6
    assert 0 < ending.effective_s <= ending.duration_s


def test_a_command_that_ends_in_its_grace_is_not_forced_and_keeps_its_code() -> None:
    process = launch(["/bin/sh", "-c", "trap 'sleep 0.1; exit 3' TERM; echo; while :; do sleep 0.02; done"])
    time.sleep(0.2)
    ending = process.stop(signal.SIGTERM, 10, cause=Cause.TIMED_OUT)
    assert (ending.cause, ending.code, ending.forced) == (Cause.TIMED_OUT, 3, False)
    assert ending.duration_s < 5
    assert [(sent.name, sent.pids >= 1, sent.at_s > 0.1) for sent in ending.signals] == [("SIGTERM", True, True)]


def test_the_first_stop_counts_also_when_two_threads_stop() -> None:
    process = launch(["sleep", "60"])
    endings = []
    stops = [threading.Thread(target=lambda: endings.append(process.stop(signal.SIGINT, 5))) for _ in range(4)]
    for stop in stops:
        stop.start()
    endings.append(process.wait(10))
    for stop in stops:
        stop.join()
    assert len(endings) == 5
    assert all(ending is endings[0] for ending in endings)
    assert endings[0].signal == signal.SIGINT
    assert process.stop(signal.SIGTERM, 1) is endings[0]


def test_the_tree_is_what_runs_below_the_supervisors() -> None:
    process = launch(["/bin/sh", "-c", "sleep 60 & (setsid sleep 61 &) ; wait"])
    end = time.monotonic() + 10
    commands: list[str] = []
    while commands != ["/bin/sh", "sleep", "sleep"] and time.monotonic() < end:
        time.sleep(0.01)
        commands = [each.cmdline()[0] for each in process.tree()]
    assert commands == ["/bin/sh", "sleep", "sleep"]
    assert process.tree()[0].pid == process.pid
    process.close()
    assert process.tree() == ()


def test_a_cancel_before_the_start_starts_nothing() -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        launch(["/bin/true"], cancel=cancel)
    cancel.close()


def test_a_cancel_ends_a_wait_and_leaves_the_stop_to_the_caller() -> None:
    cancel = Cancel()
    process = launch(["sleep", "60"], cancel=cancel)
    threading.Timer(0.1, cancel.set).start()
    with pytest.raises(Cancelled):
        process.wait(30)
    assert process.poll() is None
    assert process.stop(signal.SIGTERM, 5).signal == signal.SIGTERM
    cancel.close()


def test_a_hard_cancel_ends_the_grace(adversaries: Adversaries) -> None:
    cancel = Cancel()
    process = adversaries.start("deaf_main", cancel=cancel)
    adversaries.wait_ready()
    threading.Timer(0.2, lambda: cancel.set(hard=True)).start()
    ending = process.stop(signal.SIGTERM, 30)
    assert ending.duration_s < 10
    assert ([sent.name for sent in ending.signals], ending.forced) == (["SIGTERM", "SIGKILL"], False)
    cancel.close()


def test_a_cancel_during_a_long_stop_leaves_five_seconds_of_its_grace(adversaries: Adversaries) -> None:
    cancel = Cancel()
    process = adversaries.start("deaf_main", cancel=cancel)
    adversaries.wait_ready()
    threading.Timer(0.2, cancel.set).start()
    ending = process.stop(signal.SIGTERM, 60)
    assert 5 <= ending.duration_s < 30
    cancel.close()


def test_a_helper_returns_what_it_wrote() -> None:
    ran = run(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], cwd=Path("/"), env=os.environ, timeout_s=20)
    assert (ran.stdout, ran.stderr, ran.ending.code) == (b"out\n", b"err\n", 3)


def test_a_helper_that_floods_is_read_to_the_end_and_kept_to_the_limit() -> None:
    code = "import sys; sys.stdout.write('x' * 20_000_000); sys.exit(2)"
    ran = run([*PYTHON, code], cwd=Path("/"), env=os.environ, timeout_s=30, stdout_limit_bytes=1000)
    assert (ran.stdout, ran.ending.code) == (b"x" * 1000, 2)


def test_a_helper_that_floods_for_ever_times_out() -> None:
    ran = run(["yes"], cwd=Path("/"), env=os.environ, timeout_s=0.5, stdout_limit_bytes=10)
    assert (ran.stdout, ran.ending.cause) == (b"y\n" * 5, Cause.TIMED_OUT)


def test_a_helper_that_hangs_times_out_and_is_gone(adversaries: Adversaries) -> None:
    ran = run(adversaries.command("zoo"), cwd=adversaries.folder, env=os.environ, timeout_s=0.6)
    assert (ran.ending.cause, ran.ending.forced, adversaries.states()) == (Cause.TIMED_OUT, True, [])


def test_a_helper_that_leaves_a_child_with_its_output_returns_all_the_same(adversaries: Adversaries) -> None:
    ran = run(adversaries.command("pipe_holder_exit"), cwd=adversaries.folder, env=os.environ, timeout_s=20)
    assert (ran.ending.code, len(ran.ending.survivors), adversaries.states()) == (0, 1, [])


def test_a_cancelled_helper_is_stopped(adversaries: Adversaries) -> None:
    cancel = Cancel()
    threading.Timer(0.4, cancel.set).start()
    with pytest.raises(Cancelled):
        run(adversaries.command("obedient"), cwd=adversaries.folder, env=os.environ, timeout_s=30, cancel=cancel)
    assert adversaries.states() == []
    cancel.close()


def test_no_guard_is_left_as_a_zombie() -> None:
    for _ in range(3):
        ending_of(["/bin/true"])
    assert psutil.Process().children() == []
