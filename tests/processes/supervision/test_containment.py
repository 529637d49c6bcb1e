"""The ladder of containments: each by its name, and what it alone can do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.adversaries import Adversaries
from support.chroots import run_in_chroot

import tox_prodsim
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.supervision import Cause, ContainmentKind, containment

GRACE_S = 0.3
SOURCE = str(Path(tox_prodsim.__file__).parents[1])
HOST = """if True:
    import os, sys, time
    from pathlib import Path
    from tox_prodsim.supervision import start

    kind, leftover, *command = sys.argv[1:]
    given = dict(cwd=Path("/"), env=os.environ, stdout=None, stderr=None, containment=kind)
    process = start(command, remove_if_lost=[Path(leftover)], **given)
    print(process.cgroup or "", flush=True)
    time.sleep(60)
"""


def works(kind: ContainmentKind) -> str:
    """Why a containment is not to be had where the tests run; nothing when it is."""
    try:
        containment(kind)
    except ProdsimError as problem:
        return problem.message
    return ""


def needs(kind: ContainmentKind) -> pytest.MarkDecorator:
    return pytest.mark.skipif(bool(works(kind)), reason=works(kind))


STRONG = [pytest.param(kind, marks=needs(kind)) for kind in ("subreaper", "cgroup", "pidns")]


@pytest.mark.parametrize("kind", STRONG)
@pytest.mark.parametrize(
    ("adversary", "processes"),
    [
        pytest.param("obedient", 1, id="one that obeys"),
        pytest.param("ghost", 3, id="a daemon without environment and files"),
        pytest.param("hydra", 1, id="one that answers SIGTERM with a fork"),
        pytest.param("hopper", 2, id="one that changes its pid every millisecond"),
        pytest.param("zombies", 21, id="twenty zombies"),
        pytest.param("zoo", 8, id="the whole zoo"),
    ],
)
def test_a_stop_leaves_nothing(adversaries: Adversaries, kind: ContainmentKind, adversary: str, processes: int) -> None:
    process = adversaries.start(adversary, containment=kind)
    adversaries.wait_ready(processes)
    assert process.containment == containment(kind)
    assert process.pid in {each.pid for each in process.tree()}, "the pids are those of the host"
    ending = process.stop(signal.SIGTERM, GRACE_S)
    assert (ending.cause, ending.unkillable, process.tree()) == (Cause.STOPPED, (), ())
    assert ending.forced is (adversary not in {"obedient", "zombies"}) or adversary == "hydra"  # it may be too slow
    assert nothing_is_left(adversaries, kind)
    assert process.cgroup is None or not process.cgroup.exists()


def nothing_is_left(adversaries: Adversaries, kind: ContainmentKind) -> bool:
    """In a pid namespace the adversaries write down pids that mean nothing here: ask for their command lines."""
    return not running(adversaries) if kind == "pidns" else adversaries.states() == []


def running(adversaries: Adversaries) -> list[int]:
    """The pids of what has the folder of this test in its command line, supervisors and zombies aside."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if str(adversaries.folder) in words and "adversary.py" in " ".join(words) and "-c" not in words:
            found.append(process.pid)
    return found


@pytest.mark.parametrize("kind", STRONG)
@pytest.mark.parametrize(("code", "number"), [(0, None), (77, None), (None, signal.SIGTERM), (None, signal.SIGKILL)])
def test_an_end_is_told_as_it_was(
    adversaries: Adversaries, kind: ContainmentKind, code: int | None, number: int | None
) -> None:
    script = f"exit {code}" if number is None else f"kill -{int(number)} $$"
    ending = adversaries.run(["sh", "-c", script], containment=kind).wait(20)
    assert ending
    assert (ending.code, ending.signal, ending.core_dumped) == (code, number, False)


@pytest.mark.parametrize("kind", STRONG)
def test_a_survivor_is_named_by_its_pid_on_the_host_and_with_what_it_holds(
    adversaries: Adversaries, kind: ContainmentKind
) -> None:
    process = adversaries.start("listener_exit", containment=kind)
    adversaries.wait_for(lambda: adversaries.output.read_text().strip() != "")
    port = int(adversaries.output.read_text())
    listening = [each.pid for each in process.tree() if port in {c.laddr.port for c in each.net_connections("tcp")}]
    ending = process.wait(15)
    assert ending
    (survivor,) = ending.survivors
    assert [survivor.pid] == listening
    assert (survivor.listens, survivor.holds_output, survivor.uid) == ((f"127.0.0.1:{port}",), True, os.getuid())
    assert (survivor.state, bool(survivor.waits_on)) == ("sleeping", True)


@pytest.mark.parametrize("kind", STRONG)
def test_the_command_leads_a_session_and_has_a_folder_to_work_in(
    adversaries: Adversaries, kind: ContainmentKind
) -> None:
    code = "import os; assert os.getsid(0) == os.getpid() == os.getpgid(0); print(os.getcwd(), os.getuid())"
    ending = adversaries.run([sys.executable, "-I", "-S", "-c", code], containment=kind).wait(20)
    assert ending
    assert (ending.code, adversaries.output.read_text().split()) == (0, [str(adversaries.folder), str(os.getuid())])


@needs("pidns")
def test_a_pid_namespace_has_a_proc_of_its_own_and_the_host_keeps_its_own(adversaries: Adversaries) -> None:
    code = "import os; print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()), os.getppid())"
    adversaries.run([sys.executable, "-I", "-S", "-c", code], containment="pidns").wait(20)
    assert adversaries.output.read_text().strip() == "[1, 2] 1"
    assert Path("/proc/self").readlink() == Path(str(os.getpid()))


@needs("pidns")
def test_in_a_pid_namespace_nobody_can_turn_against_the_supervisors(adversaries: Adversaries) -> None:
    code = """if True:
        import os, signal, time
        for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
            os.kill(os.getppid(), number)
        print("still here", flush=True)
        time.sleep(60)
    """
    process = adversaries.run([sys.executable, "-I", "-S", "-c", code], containment="pidns")
    assert adversaries.wait_for(lambda: adversaries.output.read_text() == "still here\n")
    ending = process.stop(signal.SIGTERM, 5)
    assert (ending.cause, ending.signal, ending.forced) == (Cause.STOPPED, signal.SIGTERM, False)


def host(adversaries: Adversaries, kind: ContainmentKind, leftover: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOST, kind, str(leftover), *adversaries.command("zoo")]
    env = {**os.environ, "PYTHONPATH": SOURCE}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


@needs("pidns")
def test_a_pid_namespace_dies_with_host_guard_and_warden_killed_at_once(adversaries: Adversaries) -> None:
    with host(adversaries, "pidns", adversaries.folder) as process:
        adversaries.wait_ready(8)
        above = [psutil.Process(process.pid)]
        while "guard.begin" in " ".join((child := above[-1].children()[0]).cmdline()):
            above.append(child)
        alive = len(running(adversaries))
        for each in above:
            each.kill()
        assert alive >= 5
    assert adversaries.wait_for(lambda: not running(adversaries), 1)


@pytest.mark.parametrize("kind", STRONG)
@pytest.mark.parametrize("also", [pytest.param([], id="alone"), pytest.param([1], id="with its guard")])
def test_what_a_killed_host_would_have_removed_is_removed(
    adversaries: Adversaries, kind: ContainmentKind, also: list[int]
) -> None:
    leftover = adversaries.output.with_name("leftover")
    leftover.touch()
    with host(adversaries, kind, leftover) as process:
        adversaries.wait_ready(8)
        assert process.stdout
        cgroup = process.stdout.readline().strip()
        for each in [psutil.Process(process.pid), *(psutil.Process(process.pid).children() if also else [])]:
            each.kill()
    begin = time.monotonic()
    assert adversaries.wait_for(lambda: not running(adversaries), 5)
    assert time.monotonic() - begin < 2.5
    assert adversaries.wait_for(lambda: not (cgroup and Path(cgroup).exists()))
    in_vain = kind == "pidns" and also  # there the kernel kills the warden with the guard: nobody is left to do it
    assert in_vain or adversaries.wait_for(lambda: not leftover.exists())


@pytest.mark.parametrize("kind", STRONG)
def test_what_is_to_be_removed_when_the_host_is_lost_stays_while_it_lives(
    adversaries: Adversaries, kind: ContainmentKind
) -> None:
    kept = adversaries.output.with_name("kept")
    kept.touch()
    adversaries.run(["true"], containment=kind, remove_if_lost=[kept]).wait(20)
    assert kept.exists()


@needs("cgroup")
def test_who_kills_guard_and_warden_is_still_in_its_cgroup(adversaries: Adversaries) -> None:
    process = adversaries.start("kills_both", containment="cgroup")
    ending = process.wait(15)
    assert ending
    assert ending.cause is Cause.LOST
    assert process.cgroup
    assert not process.cgroup.exists()
    assert adversaries.alive() == 0
    assert adversaries.wait_for(lambda: not adversaries.states()), "orphaned zombies are for process 1 to reap"


@needs("cgroup")
def test_cgroups_that_the_command_makes_go_with_it(adversaries: Adversaries) -> None:
    code = """if True:
        import os, sys, time
        below = sys.argv[1] + "/" + next(n for n in os.listdir(sys.argv[1]) if n.startswith("tox-prodsim-")) + "/below"
        os.mkdir(below)
        open(below + "/cgroup.procs", "w").write("0")
        print("in", flush=True)
        time.sleep(60)
    """
    probe = adversaries.run(["true"], containment="cgroup")
    probe.wait(20)
    assert probe.cgroup
    process = adversaries.run([sys.executable, "-I", "-S", "-c", code, str(probe.cgroup.parent)], containment="cgroup")
    assert adversaries.wait_for(lambda: adversaries.output.read_text() == "in\n")
    process.close()
    assert process.cgroup
    assert not process.cgroup.exists()


def test_a_containment_that_nobody_knows_is_refused(adversaries: Adversaries) -> None:
    with pytest.raises(ProdsimError, match="containment: 'jail' is not one of auto, subreaper, cgroup, pidns, group"):
        adversaries.start("obedient", containment="jail")


def limited(script: str) -> str:
    """Run something in a user namespace in which root has no pid namespace to spare; what it prints."""
    limit = 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh", sys.executable, "-c", script]
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": SOURCE}, capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr[-200:]


@needs("pidns")
def test_a_containment_asked_for_by_name_is_never_replaced_by_a_weaker_one() -> None:
    script = """if True:
        import os
        from pathlib import Path
        from tox_prodsim.model.errors import ProdsimError
        from tox_prodsim.supervision import containment, start
        for ask in (lambda: containment("pidns"), lambda: start(["echo", "started"], containment="pidns", **given)):
            given = dict(cwd=Path("/"), env=os.environ, stdout=None, stderr=None)
            try:
                ask()
            except ProdsimError as problem:
                print(problem)
        print(containment().name)
    """
    reason = "containment: pidns is not available here: a new pid namespace: No space left on device"
    assert limited(script).splitlines() == [reason, reason, "nested subreaper"]


def test_a_proc_of_another_pid_namespace_is_no_ground_to_signal_anybody() -> None:
    script = "from tox_prodsim.supervision import containment; containment('group')"
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", script]
    if subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no new pid namespace here")
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": SOURCE}, capture_output=True, text=True, check=False)
    assert ran.stderr.splitlines()[-1].endswith(
        "containment: /proc is that of another pid namespace: mount one of this namespace first"
    )


def test_a_host_that_is_process_1_leaves_nothing_and_no_zombies(adversaries: Adversaries) -> None:
    script = """if True:
        import json, os, signal, sys, time
        from pathlib import Path
        from tox_prodsim.supervision import start
        process = start(sys.argv[1:], cwd=Path("/"), env=os.environ, stdout=None, stderr=None)
        while not Path(sys.argv[-1], "ready").exists():
            time.sleep(0.01)
        ending = process.stop(signal.SIGTERM, 0.3)
        left = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        print(json.dumps([os.getpid(), ending.cause, ending.forced, left]))
    """
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script, *adversaries.command("zoo")]
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": SOURCE}, capture_output=True, text=True, check=False)
    if ran.stderr.startswith("unshare: "):
        pytest.skip(ran.stderr)
    assert json.loads(ran.stdout) == [1, "stopped", True, [1]]


def test_in_a_chroot_there_are_pid_namespaces_and_nobody_else_gets_their_mounts(tmp_path: Path) -> None:
    script = """if True:
        import os, sys
        from pathlib import Path
        from tox_prodsim.supervision import start
        shows = "import os; print(os.getpid() == 1, '1' in os.listdir('/proc'), os.getcwd(), os.stat('/').st_ino)"
        given = dict(cwd=Path("/usr"), env=os.environ, stdout=None, stderr=None)
        for options in dict(containment="pidns"), dict(as_pid1=True):
            process = start([sys.executable, "-c", shows], **given, **options)
            process.wait(20)
            process.close()
    """
    ran = run_in_chroot(tmp_path, [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": SOURCE})
    root = (tmp_path / "root").stat().st_ino
    assert ran.out.splitlines() == [f"False True /usr {root}", f"True True /usr {root}"]
    assert (ran.code, ran.mounts) == (0, 0)
