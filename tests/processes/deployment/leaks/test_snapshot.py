"""What real programs leave: each row of the table of leaks, by the kind and the grade with which it is found."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.pythons import python, site_packages

from tox_prodsim import supervision
from tox_prodsim.deployment import leaks
from tox_prodsim.deployment.environ import with_resource_warnings
from tox_prodsim.deployment.leaks import findings
from tox_prodsim.deployment.output import read_lines
from tox_prodsim.model.leaks import Leak, LeakKind, LeakReport

CLEAN_RUNS = int(os.environ.get("PRODSIM_CLEAN_RUNS", "20"))
"""For the figure of the documentation: PRODSIM_CLEAN_RUNS=1000."""
LOAD = 2 * (os.cpu_count() or 1)
ALARM = "import signal; signal.alarm(60)\n"
SHARED = Path("/dev/shm")


on_each_python = pytest.mark.parametrize("version", ["3.11", "3.13"])


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFolders:
    """The folders of a run; its shared memory is the machine's, or an empty folder of its own."""

    folder: Path
    shared: Path
    hook: supervision.Hook | None = None

    @property
    def log(self) -> Path:
        return self.folder / "deploy.log"

    def start(self, argv: list[str]) -> tuple[leaks.Snapshot, supervision.Process]:
        for name in ("tmp", "scratch"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        env = {**os.environ, "TMPDIR": str(self.folder / "tmp"), **(self.hook.variables if self.hook else {})}
        snapshot = leaks.take_snapshot(
            temporary=self.folder / "tmp", scratch=self.folder / "scratch", shared=self.shared
        )
        with self.log.open("wb") as file:
            fd = file.fileno()
            process = supervision.start(
                argv, cwd=self.folder / "scratch", env=with_resource_warnings(env), stdout=fd, stderr=fd
            )
        return snapshot, process

    def run(self, program: str, interpreter: Path = Path(sys.executable)) -> LeakReport:
        snapshot, process = self.start([str(interpreter), "-c", ALARM + textwrap.dedent(program)])
        try:
            ending = process.wait(40)
        finally:
            process.close()
        assert ending is not None, self.log.read_text()
        hook_folder = self.hook.folder if self.hook else None
        return findings.report_leaks(
            snapshot, ending, leaks.LeakEvidence(lines=read_lines(self.log), hook_folder=hook_folder)
        )


@pytest.fixture
def run_folders(tmp_path: Path) -> RunFolders:
    (tmp_path / "shm").mkdir()
    return RunFolders(folder=tmp_path, shared=tmp_path / "shm")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[RunFolders]:
    """The folders of a run with the machine's shared memory, for one test at a time."""
    with (Path(tempfile.gettempdir()) / "tox-prodsim-test-shared-memory").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield RunFolders(folder=tmp_path, shared=SHARED)


def graded(report: LeakReport) -> set[tuple[str, str]]:
    return {(leak.kind.value, leak.grade.value) for leak in report.leaks}


FORKED = "import os, time\nif os.fork() == 0:\n    {}\n    time.sleep(30)\ntime.sleep(0.3)\n"
ASYNC = "import asyncio, gc\nasync def wait(): await asyncio.get_running_loop().create_future()\n"

ROWS = [
    pytest.param(FORKED.format("os.close(1); os.close(2)"), {("processes", "certain")}, id="a process"),
    pytest.param(
        FORKED.format("pass"), {("processes", "certain"), ("output", "certain")}, id="a process with the output"
    ),
    pytest.param(
        "import socket\n" + FORKED.format("s = socket.create_server(('127.0.0.1', 0)); os.close(1); os.close(2)"),
        {("processes", "certain"), ("ports", "certain")},
        id="a process that listens",
    ),
    pytest.param("import tempfile; tempfile.mkdtemp()", {("files", "certain")}, id="a temporary folder"),
    pytest.param("import tempfile; tempfile.mkstemp()", {("files", "certain")}, id="a temporary file"),
    pytest.param("from pathlib import Path; Path('app.pid').write_text('1')", {("files", "certain")}, id="a pid file"),
    pytest.param(
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind('app.sock'); s.close()",
        {("files", "certain")},
        id="a socket in the working folder",
    ),
    pytest.param(
        "from pathlib import Path; Path('app.lock').write_text('')", {("files", "hint")}, id="an empty lock file"
    ),
    pytest.param("import socket; s = socket.socket(); del s", {("warnings", "firm")}, id="a socket"),
    pytest.param("f = open('/dev/null')", {("warnings", "firm")}, id="a file in a global"),
    pytest.param("f = open('/dev/null'); c = [f]; c.append(c); del f, c", {("warnings", "firm")}, id="a cycle"),
    pytest.param("import asyncio; asyncio.new_event_loop()", {("warnings", "firm")}, id="an event loop"),
    pytest.param(
        "import tempfile; t = tempfile.TemporaryDirectory()", {("warnings", "firm")}, id="a TemporaryDirectory"
    ),
    pytest.param(
        "import subprocess; p = subprocess.Popen(['sleep', '0.4']); del p", {("warnings", "firm")}, id="a running Popen"
    ),
    pytest.param(
        "async def work(): pass\nasync def main(): work()\nimport asyncio; asyncio.run(main())",
        {("warnings", "firm")},
        id="a coroutine that is never awaited",
    ),
    pytest.param(
        ASYNC + "loop = asyncio.new_event_loop(); task = loop.create_task(wait())\n"
        "loop.run_until_complete(asyncio.sleep(0)); del task; loop.close(); del loop; gc.collect()",
        {("tasks", "firm")},
        id="a task that is destroyed while pending",
    ),
    pytest.param(
        """
        import asyncio
        async def bad(): raise ValueError("boom")
        async def main():
            task = asyncio.create_task(bad())
            await asyncio.sleep(0.01)
        asyncio.run(main())
        """,
        {("tasks", "firm")},
        id="an exception that is never retrieved",
    ),
    pytest.param(
        "import threading; threading.Thread(target=lambda: 1 / 0).start()",
        {("exceptions", "firm")},
        id="an exception in a thread",
    ),
    pytest.param(
        "class D:\n    def __del__(self): raise KeyError('gone')\nD()", {("exceptions", "firm")}, id="one in __del__"
    ),
]


@on_each_python
@pytest.mark.parametrize(("program", "kinds"), ROWS)
def test_a_leak_is_found_by_its_kind_and_grade(
    run_folders: RunFolders, program: str, kinds: set[tuple[str, str]], version: str
) -> None:
    assert graded(run_folders.run(program, python(version))) == kinds, run_folders.log.read_text()


SHARED_MEMORY = [
    pytest.param(
        """
        from multiprocessing import resource_tracker, shared_memory
        made = shared_memory.SharedMemory(create=True, size=10)
        resource_tracker.unregister(made._name, "shared_memory")
        made.close()
        print(made.name)
        """,
        "shared memory, 10 bytes, made by this user during the run",
        id="memory that the tracker was told to forget",
    ),
    pytest.param(
        """
        import ctypes, os
        libc = ctypes.CDLL(None)
        libc.sem_open.restype = ctypes.c_void_p
        assert libc.sem_open(b"/prodsim-%d" % os.getpid(), os.O_CREAT | os.O_EXCL, 0o600, 1)
        print(f"sem.prodsim-{os.getpid()}")
        """,
        "semaphore, 32 bytes, made by this user during the run",
        id="a semaphore",
    ),
]


@on_each_python
@pytest.mark.parametrize(("program", "detail"), SHARED_MEMORY)
def test_shared_memory_that_is_left_is_found_by_its_name(
    machine: RunFolders, program: str, detail: str, version: str
) -> None:
    report = machine.run(program, python(version))
    name = machine.log.read_text().strip()
    (SHARED / name).unlink()
    assert [(leak.grade, leak.detail) for leak in report.leaks if leak.subject == name] == [("firm", detail)]


def test_a_segment_of_system_v_is_found_by_its_id_and_its_creator(machine: RunFolders) -> None:
    libc = "import ctypes, os; libc = ctypes.CDLL(None)"
    report = machine.run(f"{libc}; print(libc.shmget(0, 10, 0o1600), os.getpid())")
    number, pid = machine.log.read_text().split()
    assert ctypes.CDLL(None).shmctl(int(number), 0, None) == 0
    detail = f"System V segment, 10 bytes, made during the run by pid {pid}, which has ended"
    assert [leak.detail for leak in report.leaks if leak.subject == f"shmid {number}"] == [detail]


@on_each_python
def test_what_the_resource_tracker_removes_is_reported_by_it_alone(machine: RunFolders, version: str) -> None:
    report = machine.run(
        "from multiprocessing import shared_memory as s; m = s.SharedMemory(create=True, size=9)", python(version)
    )
    tracked = [leak for leak in report.leaks if leak.kind is LeakKind.SHARED_MEMORY and "tracker" in leak.detail]
    assert [leak.grade for leak in tracked] == ["firm"]
    assert not any((SHARED / leak.subject).exists() for leak in tracked)


def test_memory_that_somebody_else_still_holds_is_not_called_left(machine: RunFolders) -> None:
    snapshot, process = machine.start([sys.executable, "-I", "-S", "-c", "import time; time.sleep(0.2)"])
    with tempfile.NamedTemporaryFile(dir=SHARED, prefix="prodsim-held-") as held:
        ending = process.wait(20)
        process.close()
        assert ending is not None
        report = findings.report_leaks(snapshot, ending, leaks.LeakEvidence())
        assert Path(held.name).name not in {leak.subject for leak in report.leaks}


def test_the_places_are_those_in_the_source(run_folders: RunFolders) -> None:
    (run_folders.folder / "program.py").write_text(
        "import threading\n\nf = open('/dev/null')\ndel f\n"
        "threading.Thread(target=lambda: 1 / 0, name='worker').start()\n"
    )
    report = run_folders.run(f"import runpy; runpy.run_path({str(run_folders.folder / 'program.py')!r})")
    places = {(leak.subject.partition(" ")[0], leak.detail, Path(leak.file).name, leak.line) for leak in report.leaks}
    assert places == {
        ("ResourceWarning:", "", "program.py", 4),
        ("ZeroDivisionError:", "in thread worker", "program.py", 5),
    }


# with the hook


@dataclass(frozen=True, kw_only=True, slots=True)
class RunWithHook:
    """The folders of a run whose interpreter has the hook."""

    run_folders: RunFolders
    interpreter: Path

    def run(self, program: str) -> LeakReport:
        return self.run_folders.run(program, self.interpreter)


@pytest.fixture(params=["3.11", "3.13"])
def run_with_hook(
    request: pytest.FixtureRequest, run_folders: RunFolders, environments: Callable[[str], Path], tmp_path: Path
) -> Iterator[RunWithHook]:
    folder = environments(request.param)
    hook = supervision.Hook(site_packages(folder), tmp_path / "hook")
    hook.install()
    yield RunWithHook(run_folders=replace(run_folders, hook=hook), interpreter=folder / "bin" / "python")
    hook.remove()


def test_with_the_hook_nothing_counts_twice_and_nothing_is_unseen(run_with_hook: RunWithHook) -> None:
    report = run_with_hook.run(
        """
        import asyncio, gc, threading
        class Broken:
            def __del__(self): raise KeyError("gone")
        Broken()
        f = open("/dev/null"); del f
        thread = threading.Thread(target=lambda: 1 / 0, name="worker"); thread.start(); thread.join()
        async def wait(): await asyncio.get_running_loop().create_future()
        async def main(): asyncio.create_task(wait(), name="stuck"); await asyncio.sleep(0)
        loop = asyncio.new_event_loop(); loop.run_until_complete(main()); loop.close(); del loop; gc.collect()
        """
    )
    subjects = [
        "KeyError: 'gone'",
        "ResourceWarning: unclosed file",
        "ZeroDivisionError: division by zero",
        "task stuck",
    ]
    assert sorted(leak.subject.partition(" <")[0] for leak in report.leaks) == subjects
    assert report.not_observable == ()


def test_with_the_hook_a_closed_stderr_hides_nothing(run_with_hook: RunWithHook) -> None:
    report = run_with_hook.run("import os; os.close(2); f = open('/dev/null'); del f")
    assert graded(report) == {("warnings", "firm")}
    assert report.not_observable == ()


@pytest.mark.parametrize("end", ["os._exit(0)", "os.execv('/bin/true', ['true'])"])
def test_with_the_hook_an_end_without_an_exit_is_not_called_clean(run_with_hook: RunWithHook, end: str) -> None:
    report = run_with_hook.run(f"import os; f = open('/dev/null'); {end}")
    assert report.leaks == ()
    assert report.not_observable == (
        "what an interpreter finds at its exit is not observable: none reached it (os._exit or exec)",
    )


# what is clean


CLEAN = [
    pytest.param("pass", id="nothing"),
    pytest.param("import tempfile\nwith tempfile.TemporaryDirectory(): pass", id="a temporary folder"),
    pytest.param(
        "from pathlib import Path\nfor name in ('app.db', 'uv.lock', 'out/report.txt'):\n"
        "    Path(name).parent.mkdir(exist_ok=True); Path(name).write_text('x')",
        id="output in the working folder",
    ),
    pytest.param(
        "import multiprocessing\nif __name__ == '__main__':\n"
        "    with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1]) == [1]\n    pool.join()",
        id="a pool",
    ),
    pytest.param(
        "from multiprocessing import shared_memory as s; m = s.SharedMemory(create=True, size=9)\n"
        "m.close(); m.unlink()",
        id="shared memory",
    ),
    pytest.param("import asyncio; asyncio.run(asyncio.sleep(0))", id="asyncio"),
    pytest.param("import threading; threading.Thread(target=print).start()", id="a thread"),
    pytest.param("import subprocess; subprocess.run(['sleep', '0.01'], check=True)", id="a child"),
    pytest.param(
        "import os\nif os.fork() == 0:\n    import time; time.sleep(0.1)", id="a child that ends in the grace"
    ),
    pytest.param("print('ResourceWarning: is a class; Exception in thread pools, was never awaited')", id="prose"),
]


@on_each_python
@pytest.mark.parametrize("program", CLEAN)
def test_a_clean_program_leaves_nothing(machine: RunFolders, program: str, version: str) -> None:
    assert machine.run(program, python(version)).leaks == (), machine.log.read_text()


@pytest.fixture
def load() -> Iterator[None]:
    """Twice as many busy processes as there are processors."""
    busy = "import signal, os\nsignal.alarm(600)\nparent = os.getppid()\nwhile os.getppid() == parent: pass"
    processes = [subprocess.Popen([sys.executable, "-I", "-S", "-c", busy]) for _ in range(LOAD)]
    yield
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("load")
def test_clean_runs_under_load_give_no_false_leak(machine: RunFolders) -> None:
    wrong: list[Leak] = []
    for _ in range(CLEAN_RUNS):
        snapshot, process = machine.start([sys.executable, "-I", "-S", "-c", "print('done')"])
        ending = process.wait(60)
        process.close()
        assert ending is not None
        evidence = leaks.LeakEvidence(lines=read_lines(machine.log))
        wrong += findings.report_leaks(snapshot, ending, evidence).leaks
    assert wrong == []


# what cannot be seen is said


def test_a_stderr_that_goes_elsewhere_is_said(run_folders: RunFolders) -> None:
    _, process = run_folders.start(["/bin/sh", "-c", "exec 2>/dev/null; echo; exec sleep 20"])
    wait_for_output(run_folders)
    reason = leaks.unlogged_stderr(process.pid, run_folders.log)
    process.stop(signal.SIGTERM, 1)
    assert reason == "its stderr goes to /dev/null"


def test_a_stderr_that_is_closed_is_said(run_folders: RunFolders) -> None:
    _, process = run_folders.start(["/bin/sh", "-c", "exec 2>&-; echo; exec sleep 20"])
    wait_for_output(run_folders)
    reason = leaks.unlogged_stderr(process.pid, run_folders.log)
    process.stop(signal.SIGTERM, 1)
    assert reason == "its stderr is closed"


def test_a_stderr_that_is_the_log_is_no_reason(run_folders: RunFolders) -> None:
    _, process = run_folders.start(["/bin/sh", "-c", "echo; exec sleep 20"])
    wait_for_output(run_folders)
    reason = leaks.unlogged_stderr(process.pid, run_folders.log)
    process.stop(signal.SIGTERM, 1)
    assert (reason, leaks.unlogged_stderr(process.pid, run_folders.log)) == ("", "")


def test_a_death_by_signal_is_no_exit_and_that_is_said(run_folders: RunFolders) -> None:
    report = run_folders.run("import os; f = open('/dev/null'); os.kill(os.getpid(), 15)")
    assert report.leaks == ()
    assert report.not_observable[-1] == (
        "what an interpreter finds at its exit is not observable: SIGTERM ended it before that"
    )


def wait_for_output(run_folders: RunFolders) -> None:
    until = time.monotonic() + 20
    while not run_folders.log.read_bytes():
        assert time.monotonic() < until
        time.sleep(0.01)
