"""What the machine, its limits and an unusual command can do to the supervision."""

from __future__ import annotations

import atexit
import functools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.adversaries import Adversaries

import tox_prodsim
from tox_prodsim.supervision import Cause, Ending, run

NOBODY = 200_000 + os.getpid() % 100_000
"""A user who has no processes but those of this test run: the limit of processes counts them all."""
PYTHON = [sys.executable, "-I", "-S", "-c"]
PACKAGES = [Path(module.__file__).parent for module in (tox_prodsim, psutil)]
HOST = """if True:
    import json, os, resource, signal, sys, time
    from dataclasses import asdict
    from pathlib import Path
    from tox_prodsim import supervision

    def start(command, **options):
        given = dict(cwd=Path("/"), env=dict(os.environ), stdout=None, stderr=None)
        return supervision.start(command, **{**given, **options})

    def told(ending):
        print(json.dumps(asdict(ending)), flush=True)
"""


def hosted(script: str, *arguments: str, as_nobody: bool = False) -> dict[str, Any]:
    """Run a script as a host of its own, perhaps as a user with no rights, and return what it printed."""
    options: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_nobody else {}
    python = open_to_all() if as_nobody else sys.executable
    code = HOST + script.replace("\n        ", "\n    ")
    ran = subprocess.run(
        [python, "-c", code, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": packages()},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return said


@functools.cache
def packages() -> str:
    """A folder with what a host imports, that any user may read: an environment may be in a folder of one user."""
    folder = Path(tempfile.mkdtemp(prefix="packages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    for package in PACKAGES:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return str(folder)


def open_to_all() -> str:
    """An interpreter that any user may run, and that has the version of this one."""
    version = "{}.{}".format(*sys.version_info)
    for python in (sys.executable, shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin")):
        with suppress(OSError):
            if python and not subprocess.run([python, "-c", ""], user=NOBODY, check=False).returncode:
                return python
    pytest.skip("no interpreter that other users may run")


is_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can make processes of other users")


@pytest.fixture
def setuid_sleeper(tmp_path: Path) -> Path:
    """A program that becomes root for good, whoever starts it, and sleeps."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    source, program = tmp_path / "sleeper.c", tmp_path / "sleeper"
    source.write_text("#include <unistd.h>\nint main(void) { setgid(0); setuid(0); alarm(30); for (;;) pause(); }\n")
    subprocess.run(["cc", "-o", program, source], check=True)
    program.chmod(0o4755)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder != Path("/") and folder.stat().st_mode & 0o777 == 0o700:
            folder.chmod(0o711)
    return program


@is_root
def test_what_another_user_runs_is_named_as_unkillable_within_the_limit(setuid_sleeper: Path) -> None:
    script = """
        process = start(["sh", "-c", sys.argv[1] + " > /dev/null 2>&1 & wait"])
        time.sleep(0.5)
        begin = time.monotonic()
        ending = process.stop(signal.SIGTERM, 0.2)
        print(json.dumps({**asdict(ending), "seconds": time.monotonic() - begin}))
    """
    said = hosted(script, str(setuid_sleeper), as_nobody=True)
    (left,) = said["unkillable"]
    try:
        assert psutil.Process(left["pid"]).name() == "sleeper"
        assert (left["uid"], left["state"], left["command"]) == (0, "sleeping", str(setuid_sleeper))
        assert (said["cause"], said["forced"]) == ("stopped", True)
        assert 5 <= said["seconds"] < 6.5
    finally:
        psutil.Process(left["pid"]).kill()


@is_root
def test_a_user_that_is_not_root_has_a_pid_namespace_of_its_own() -> None:
    if subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here, as in a chroot")
    script = """
        output = os.memfd_create("output")
        process = start(["sh", "-c", "id -u; echo $$"], containment="pidns", stdout=output)
        ending = process.wait(20)
        print(json.dumps([ending.code, os.pread(output, 99, 0).decode().split()]))
    """
    assert hosted(script, as_nobody=True) == [0, [str(NOBODY), "2"]]


@is_root
def test_a_cgroup_that_may_not_be_made_is_refused_with_the_reason() -> None:
    script = """
        try:
            start(["true"], containment="cgroup")
        except Exception as problem:
            print(json.dumps([type(problem).__name__, str(problem)]))
    """
    name, message = hosted(script, as_nobody=True)
    assert (name, message) == ("ProdsimError", "containment: cgroup is not available here: Permission denied")


@is_root
@pytest.mark.parametrize("spare", range(4))
def test_a_user_that_has_too_many_processes_is_told_so(spare: int) -> None:
    """The guard, the warden and the command need three; the limit counts all processes of the user."""
    script = """
        pids = [name for name in os.listdir("/proc") if name.isdigit()]
        threads = 0
        for pid in pids:
            try:
                mine = os.stat("/proc/" + pid).st_uid == os.getuid()
                threads += len(os.listdir(f"/proc/{pid}/task")) if mine else 0
            except OSError:  # it has ended meanwhile
                pass
        limit = threads + int(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
        process = start(["true"])
        ending = process.wait(20)
        told(ending)
    """
    said = hosted(script, str(spare), as_nobody=True)
    if spare == 3:
        assert (said["cause"], said["code"]) == ("exited", 0)
    else:
        assert (said["cause"], said["code"]) == ("not started", None)
        assert said["error"].endswith(": Resource temporarily unavailable")


def test_thirty_two_files_are_enough() -> None:
    script = """
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
        process = start(["sh", "-c", "sleep 60 & (setsid sleep 61 &); wait"])
        while len(process.tree()) < 3:
            time.sleep(0.01)
        told(process.stop(signal.SIGTERM, 5))
    """
    said = hosted(script)
    assert (said["cause"], said["signal"], said["forced"], said["unkillable"]) == ("stopped", 15, False, [])


def test_a_thousand_orphans_are_reaped_and_the_exit_code_is_the_main_processs() -> None:
    code = """if True:
        import os
        for _ in range(1000):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os._exit(3)
                os._exit(4)
            os.wait()
        os._exit(5)
    """
    ending = run([*PYTHON, code], cwd=Path("/"), env=os.environ, timeout_s=60).ending
    assert (ending.cause, ending.code, ending.survivors) == (Cause.EXITED, 5, ())


def ended(script: str) -> Ending:
    return run(["/bin/sh", "-c", script], cwd=Path("/"), env=os.environ, timeout_s=60).ending


def test_all_exit_codes_are_kept() -> None:
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda code: ended(f"exit {code}").code, range(256)))
    assert codes == list(range(256))


def test_all_deaths_by_signal_are_told() -> None:
    harmless = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    stopping = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
    deadly = [number for number in range(1, 32) if number not in harmless | stopping]
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda number: ended(f"kill -{number} $$"), deadly))
    assert [(end.cause, end.code, end.signal) for end in ends] == [(Cause.SIGNALLED, None, each) for each in deadly]


def test_a_core_is_told_as_the_kernel_tells_it(tmp_path: Path) -> None:
    script = "ulimit -c unlimited; kill -SEGV $$"
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("no cores here")
    plain = subprocess.Popen(["/bin/sh", "-c", script], cwd=tmp_path)
    _, status = os.waitpid(plain.pid, 0)
    plain.returncode = 0
    ending = run(["/bin/sh", "-c", script], cwd=tmp_path, env=os.environ, timeout_s=20).ending
    assert ending.core_dumped is os.WCOREDUMP(status)
    assert ended("ulimit -c 0; kill -SEGV $$").core_dumped is False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_main_process_that_is_killed_while_it_is_stopped(adversaries: Adversaries, number: int) -> None:
    process = adversaries.start("stopped_main")
    adversaries.wait_ready()
    assert adversaries.wait_for(lambda: adversaries.states() == ["T"])
    os.kill(process.pid, number)
    with suppress(ProcessLookupError):  # SIGKILL ends a stopped process, too
        os.kill(process.pid, signal.SIGCONT)
    ending = process.wait(10)
    assert ending
    assert (ending.cause, ending.signal, adversaries.states()) == (Cause.SIGNALLED, number, [])


@pytest.mark.parametrize("containment", ["subreaper", "pidns", "group"])
def test_a_signal_without_grace_is_a_kill(adversaries: Adversaries, containment: str) -> None:
    if containment == "pidns" and os.getuid():
        pytest.skip("needs root")
    process = adversaries.run(["sleep", "60"], containment=containment)
    ending = process.stop(signal.SIGTERM, 0)
    assert ([sent.name for sent in ending.signals], ending.signal, ending.forced) == (["SIGKILL"], 9, False)


UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]
BE_SUBREAPER = """if True:
    import ctypes, os, sys
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    os.spawnvp(os.P_WAIT, sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize(
    "wrapper",
    [
        pytest.param(UNSHARE, id="a pid namespace"),
        pytest.param([*UNSHARE, "--user", "--map-root-user"], id="and one of users"),
        pytest.param([*PYTHON, BE_SUBREAPER], id="a subreaper"),
    ],
)
def test_a_command_with_an_enclosure_of_its_own_is_taken_down(adversaries: Adversaries, wrapper: list[str]) -> None:
    if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip("not to be had here")
    process = adversaries.run([*wrapper, *adversaries.command("zoo")])
    assert adversaries.wait_for((adversaries.folder / "ready").exists)
    processes = process.tree()
    ending = process.stop(signal.SIGTERM, 0.3)
    assert len(processes) >= 7
    assert ending.unkillable == ()
    assert not [each for each in processes if each.is_running()]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_servants_of_multiprocessing_go_with_a_main_process_that_is_killed(
    adversaries: Adversaries, method: str
) -> None:
    script = adversaries.output.with_name("pool.py")
    script.write_text(
        f"""if True:
        import multiprocessing, os, signal, time
        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            workers = [context.Process(target=time.sleep, args=(60,)) for _ in range(2)]
            for worker in workers:
                worker.start()
            print("ready", flush=True)
            time.sleep(60)
        """
    )
    process = adversaries.run([sys.executable, str(script)])
    assert adversaries.wait_for(lambda: adversaries.output.read_text() == "ready\n" and len(process.tree()) >= 4)
    processes = process.tree()
    os.kill(process.pid, signal.SIGKILL)
    ending = process.wait(10)
    assert ending
    assert ending.signal == signal.SIGKILL
    assert not [each for each in processes if each.is_running()]
