"""The conditions of the key ``simulate``: each breaks what relies on its contrary, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chroots import run_in_chroot
from support.wheels import Env, subject_of, wheel

from tox_prodsim.checks import installed
from tox_prodsim.model.conditions import CONDITIONS, ConditionRun
from tox_prodsim.model.findings import CheckResult, Level
from tox_prodsim.model.runner import CHILD_SCRIPTS

WRAPPER = CHILD_SCRIPTS / "condition.py"
MAKES_HOME = "import os; os.makedirs(os.path.expanduser('~/.acme'), exist_ok=True)\n"
CONNECTS = "import os, socket; socket.create_connection(('127.0.0.1', int(os.environ['SERVER']))).close()\n"
MANY = "from contextlib import *\nwith ExitStack() as all:\n  for _ in range(300): all.enter_context(open(__file__))\n"
SHARES = "import os, tempfile; x = tempfile.mkdtemp() + '/x'; os.mkdir(x); assert os.stat(x).st_mode & 4, 'closed'\n"
BREAKS = {
    "no_home": (MAKES_HOME, "NotADirectoryError: [Errno 20] Not a directory: '/dev/null/.acme'"),
    "read_only_home": (MAKES_HOME, "[Errno"),
    "read_only_site": ("open(__file__ + '.cache', 'w').close()\n", "[Errno 30] Read-only file system"),
    "no_network": (CONNECTS, "ConnectionRefusedError: [Errno 111] Connection refused"),
    "c_locale": ("print('\\u2014')\n", "UnicodeEncodeError: 'ascii' codec can't encode character '\\u2014'"),
    "utc": ("import time; assert time.timezone, 'no offset'\n", "AssertionError: no offset"),
    "closed_stdin": ("import sys; sys.stdin.isatty()\n", "AttributeError: 'NoneType' object has no attribute 'isatty'"),
    "umask_077": (SHARES, "AssertionError: closed"),
    "optimize": ("'''The words.'''\n__doc__.split()\n", "AttributeError: 'NoneType' object has no attribute 'split'"),
    "non_root": ("import os; os.setuid(0)\n", "PermissionError: [Errno 1] Operation not permitted"),
    "low_fds": (MANY, "OSError: [Errno 24] Too many open files"),
}
"""For each condition what fails under it and not without it, and how; an import never sees ``buffered_output``."""
GENTLE = """
import os, pathlib, sys, tempfile
try:
    (pathlib.Path.home() / ".acme").mkdir(exist_ok=True)
except OSError:
    pass
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x")
print("words", "café".encode().decode("utf-8").isalpha(), sys.stdin is None or sys.stdin.readline())
files = [open(os.devnull) for _ in range(100)]
for file in files:
    file.close()
def main():
    import argparse, socket
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        argparse.ArgumentParser(description=__doc__).parse_args()
"""
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Env:
    return Env.create(tmp_path_factory.mktemp("simulate") / "env")


@pytest.fixture(autouse=True)
def developer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine as developers have it: a home, a time zone, UTF-8, a server, and files enough."""
    (tmp_path / "home").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = {"HOME": str(tmp_path / "home"), "TZ": "XYZ-2", "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"}
        tox = {"PYTHONIOENCODING": "utf-8"}  # as tox sets it
        for name, value in {**ours, **tox, "SERVER": str(server.getsockname()[1])}.items():
            monkeypatch.setenv(name, value)
        yield


def scene_of(name: str, env: Env, folder: Path) -> ConditionRun:
    scene = ConditionRun(condition=CONDITIONS[name], python=env.python, folder=folder / "scene")
    for path in (scene.home, scene.temporary, scene.folder / "work"):
        path.mkdir(parents=True)
    return scene


def played(name: str, env: Env, tmp_path: Path, source: str, *, entry_points: str = "") -> CheckResult:
    """Return what a package with this source comes to, or skip where the condition is not to be had."""
    package = f"acme_{name}_{abs(hash(source))}"
    scene = scene_of(name, env, tmp_path)
    if reason := installed.unavailable_reason(scene, env.run):
        pytest.skip(f"{name}: {reason}")
    opened = env.install(
        wheel(
            tmp_path, name=package, files={f"{package}/__init__.py": source}, entry_points=entry_points.format(package)
        )
    )
    for point in opened.scripts:  # as pip and uv write them: they heed the variables of Python
        script = env.scripts_dir / point.name
        script.write_text(script.read_text().replace(" -I\n", "\n", 1))
    return installed.check_condition(scene, subject_of(opened), env.run, env.scripts_dir, help_limit_s=20)


# the top-levels


def test_every_condition_that_an_import_can_see_is_tried() -> None:
    assert CONDITIONS.keys() - BREAKS.keys() == {"buffered_output", "pid1"}


@pytest.mark.parametrize("name", BREAKS)
def test_an_import_that_relies_on_its_contrary_fails_under_a_condition(name: str, env: Env, tmp_path: Path) -> None:
    source, problem = BREAKS[name]
    checked = played(name, env, tmp_path, source)
    (found,) = checked.findings
    assert (found.code, found.level, found.hint) == ("SIM801", Level.ERROR, CONDITIONS[name].hint)
    assert found.message.startswith(f"import fails with {name}: ")
    assert problem in found.message
    assert found.file == f"{found.subject}/__init__.py"
    assert checked.codes == ("SIM801",)


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_package_that_relies_on_nothing_passes_under_every_condition(name: str, env: Env, tmp_path: Path) -> None:
    script = f"[console_scripts]\nacme-{name} = {{}}:main\n"
    checked = played(name, env, tmp_path, GENTLE, entry_points=script)
    assert checked == CheckResult(detail="", codes=("SIM801", "SIM802"))


def test_what_fails_without_the_condition_as_well_is_not_its_fault(env: Env, tmp_path: Path) -> None:
    assert played("utc", env, tmp_path, "import nothing_of_the_kind\n").findings == ()


# --help


def helped(name: str, env: Env, tmp_path: Path, body: str) -> list[tuple[str, Level, str, str]]:
    script = f"[console_scripts]\nask-{name} = {{}}:main\n"
    checked = played(name, env, tmp_path, f"import os, sys\ndef main():\n    {body}\n", entry_points=script)
    return [(found.code, found.level, found.subject.partition(" =")[0], found.message) for found in checked.findings]


def test_a_help_that_ends_in_a_traceback_is_an_error(env: Env, tmp_path: Path) -> None:
    (found,) = helped("c_locale", env, tmp_path, "print('usage: caf\\xe9')")
    problem = "UnicodeEncodeError: 'ascii' codec can't encode character '\\xe9' in position 10"
    message = f"--help fails with c_locale: it exited with 1: {problem}: ordinal not in range(128)"
    assert found == ("SIM802", Level.ERROR, "[console_scripts] ask-c_locale", message)


def test_a_help_that_says_why_it_ends_only_warns(env: Env, tmp_path: Path) -> None:
    body = "os.path.isdir(os.path.expanduser('~')) or sys.exit('acme: there is no home')"
    (found,) = helped("no_home", env, tmp_path, body)
    message = "--help fails with no_home: it exited with 1: acme: there is no home"
    assert found == ("SIM802", Level.WARNING, "[console_scripts] ask-no_home", message)


def test_a_help_that_dies_of_a_signal_is_an_error(env: Env, tmp_path: Path) -> None:
    (found,) = helped("optimize", env, tmp_path, "os.environ.get('PYTHONOPTIMIZE') and os.kill(os.getpid(), 9)")
    assert found[1:] == (
        Level.ERROR,
        "[console_scripts] ask-optimize",
        "--help fails with optimize: it died with SIGKILL",
    )


def test_a_help_that_fails_without_the_condition_as_well_is_not_its_fault(env: Env, tmp_path: Path) -> None:
    assert helped("utc", env, tmp_path, "sys.exit(3)") == []


# the wrapper


def command(name: str, env: Env, tmp_path: Path, code: str, *arguments: str) -> list[str]:
    scene = scene_of(name, env, tmp_path)
    scratch = scene.folder / "work" if scene.condition.own_folders else None
    return scene.command([str(env.python), "-I", "-c", code, *arguments], scratch=scratch)


def environ(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(tmp_path / "scene/home"), "TMPDIR": str(tmp_path / "scene/tmp")}


def ran(argv: list[str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, env=environ(tmp_path), capture_output=True, text=True, timeout=30, check=False)


def state() -> list[object]:
    """What a condition could leave changed on this machine."""
    texts = [Path("/proc/self", name).read_text() for name in ("mountinfo", "uid_map", "limits")]
    mask = os.umask(0o022)
    os.umask(mask)
    return [*texts, Path("/proc/self/ns/net").readlink(), mask]


@pytest.mark.parametrize("name", [name for name, condition in CONDITIONS.items() if condition.wrapped])
def test_the_command_has_the_pid_of_the_wrapper_and_what_was_changed_goes_with_it(
    name: str, env: Env, tmp_path: Path
) -> None:
    scene = scene_of(name, env, tmp_path)
    if reason := installed.unavailable_reason(scene, env.run):
        pytest.skip(f"{name}: {reason}")
    before = state()
    argv = scene.command([str(env.python), "-c", "import os; print(os.getpid())"])
    process = subprocess.Popen(argv, env=environ(tmp_path), stdout=subprocess.PIPE, text=True)
    answer, _ = process.communicate(timeout=30)
    assert int(answer) == process.pid
    assert state() == before


def test_the_soft_limit_of_files_may_be_raised_again(env: Env, tmp_path: Path) -> None:
    code = (
        "import resource as r; soft, hard = r.getrlimit(r.RLIMIT_NOFILE); r.setrlimit(r.RLIMIT_NOFILE, (300, hard)); "
        "print(soft)"
    )
    assert ran(command("low_fds", env, tmp_path, code), tmp_path).stdout == "256\n"


def test_who_is_not_root_cannot_give_root_up(env: Env, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        argv = command("non_root", env, tmp_path, "import os, sys; os.execv(sys.argv[1], sys.argv[1:])")
        argv += [str(env.python), "-I", str(WRAPPER), json.dumps({"condition": "non_root", "give_away": [], "cwd": ""})]
    else:
        argv = command("non_root", env, tmp_path, "")
    told = ran(argv, tmp_path)
    assert (told.returncode, told.stdout) == (70, "tox does not run as root\n")


@is_root
def test_another_user_owns_its_folders_and_comes_to_nothing_else_that_is_closed(env: Env, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    code = (
        "import os, sys; print(os.getresuid(), os.getgroups(), os.access(sys.argv[1], os.F_OK), "
        "[os.stat(each).st_uid for each in ('.', os.environ['HOME'], os.environ['TMPDIR'])])"
    )
    told = ran(command("non_root", env, tmp_path, code, str(closed)), tmp_path)
    assert told.stdout == "(65534, 65534, 65534) [] False [65534, 65534, 65534]\n", told.stderr
    assert closed.exists()


@is_root
def test_another_user_dies_with_the_parent_as_the_guard_wants_it(env: Env, tmp_path: Path) -> None:
    code = "import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n), 0, 0, 0); print(n.value)"
    argv = command("non_root", env, tmp_path, code)
    ask = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
    told = ran([sys.executable, "-I", "-c", ask, *argv], tmp_path)
    assert told.stdout == f"{signal.SIGKILL.value}\n", told.stderr


@is_root
def test_in_a_chroot_what_is_installed_can_be_read_only_and_nobody_else_gets_the_mounts(
    env: Env, tmp_path: Path
) -> None:
    code = (
        "import os, sysconfig; where = sysconfig.get_path('purelib'); "
        "print(os.stat('/').st_ino, os.getcwd(), os.statvfs(where).f_flag & os.ST_RDONLY)"
    )
    ran = run_in_chroot(tmp_path, command("read_only_site", env, tmp_path, code), cwd=tmp_path)
    assert ran.out == f"{(tmp_path / 'root').stat().st_ino} / 1\n"
    assert (ran.code, ran.mounts) == (0, 0)


NO_NAMESPACES = """
import ctypes, os, sys
uid = os.getuid()
assert ctypes.CDLL(None).unshare(0x10000000) == 0, "no user namespaces"
for name, line in (("uid_map", f"{uid} {uid} 1"), ("setgroups", "deny"), ("gid_map", f"{os.getgid()} {os.getgid()} 1")):
    open(f"/proc/self/{name}", "w").write(line)
open("/proc/sys/user/max_user_namespaces", "w").write("0")
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Goes where no user may have a namespace, as on many CI machines, and becomes the command."""


def without_namespaces(name: str, env: Env, tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code under a condition as a user who is not root and may have no namespaces."""
    request = json.dumps({"condition": name, "give_away": [], "cwd": ""})
    inner = [str(env.python), "-I", str(WRAPPER), request, str(env.python), "-I", "-c", code]
    argv = command("non_root", env, tmp_path, NO_NAMESPACES, *inner)
    told = ran(argv, tmp_path)
    if "no user namespaces" in told.stderr:
        pytest.skip("there are no user namespaces here at all")
    return told


@is_root
def test_without_namespaces_the_mode_of_the_home_keeps_a_user_from_writing(env: Env, tmp_path: Path) -> None:
    code = "import os, pathlib; (pathlib.Path.home() / 'x').touch()"
    told = without_namespaces("read_only_home", env, tmp_path, code)
    assert "PermissionError: [Errno 13] Permission denied" in told.stderr
    assert not any((tmp_path / "scene/home").iterdir())


@is_root
@pytest.mark.parametrize(
    ("name", "what"), [("no_network", "a network namespace"), ("read_only_site", "a mount namespace")]
)
def test_without_namespaces_a_condition_says_that_it_is_not_to_be_had(
    name: str, what: str, env: Env, tmp_path: Path
) -> None:
    told = without_namespaces(name, env, tmp_path, "print('ran')")
    assert (told.returncode, told.stdout) == (70, f"{what} is refused here: No space left on device\n"), told.stderr
