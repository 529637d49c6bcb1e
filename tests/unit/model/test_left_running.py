from __future__ import annotations

import pytest

from tox_prodsim.model.left_running import Unreported, describe, is_build_server
from tox_prodsim.model.runner import LeftProcess


def process(command: str, pid: int = 7, *, withstands: bool = False) -> LeftProcess:
    return LeftProcess(pid=pid, command=command, withstands=withstands)


def test_what_was_left_is_named_with_its_pid() -> None:
    assert describe([process("sleep 9")]) == "leaves 1 process running, which was ended: pid 7 sleep 9"


def test_what_could_not_be_ended_is_counted() -> None:
    left = [process("sleep 9"), process("sudo x", 8, withstands=True)]
    assert describe(left) == ("leaves 2 processes running, of which 1 could not be ended: pid 7 sleep 9; pid 8 sudo x")


def test_many_are_counted() -> None:
    text = describe([process(f"worker {number}", number) for number in range(1, 6)])
    assert text.startswith("leaves 5 processes running, which were ended: pid 1 worker 1; pid 2 worker 2; ")
    assert "worker 5" not in text


def test_the_same_command_is_reported_once() -> None:
    unreported = Unreported()
    assert [*unreported.pick([process("serve --port 8000", 1)])] == [process("serve --port 8000", 1)]
    assert [*unreported.pick([process("serve --port 8001", 2)])] == []
    assert [*unreported.pick([process("watch", 3)])] == [process("watch", 3)]


def test_the_resource_tracker_is_not_reported() -> None:
    command = "/usr/bin/python3 -c from multiprocessing.resource_tracker import main;main(5)"
    assert [*Unreported().pick([process(command)])] == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/usr/bin/sccache", True),
        ("sccache --start-server", True),
        ("bazel(acme) --max_idle_secs=10800 -jar A-server.jar", True),
        ("java -cp gradle-launcher.jar org.gradle.launcher.daemon.bootstrap.GradleDaemon 8.5", True),
        ("java org.jetbrains.kotlin.daemon.KotlinCompileDaemon", True),
        ("dotnet exec /usr/share/dotnet/sdk/8.0/Roslyn/bincore/VBCSCompiler.dll -pipename:x", True),
        ("dotnet MSBuild.dll /nologo /nodemode:1 /nodeReuse:true", True),
        ("buck2d[acme] --isolation-dir v2", True),
        ("/usr/bin/distccd --daemon", True),
        ("watchman --foreground", True),
        ("node watch.js", False),
        ("python -m acme.sccache_helper", False),
        ("java -jar server.jar", False),
        ("sleep 60", False),
    ],
)
def test_servers_of_build_tools_are_known(command: str, expected: bool) -> None:
    assert is_build_server(process(command)) is expected
