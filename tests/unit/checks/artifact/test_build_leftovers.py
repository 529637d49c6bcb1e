from __future__ import annotations

from tox_prodsim.checks.artifact import left_by_builds
from tox_prodsim.model.findings import Level
from tox_prodsim.model.runner import LeftProcess

WATCHER = LeftProcess(pid=4711, command="node watch.js")
SERVER = LeftProcess(pid=4712, command="/usr/bin/sccache")


def test_what_a_hook_has_left_running_is_a_warning() -> None:
    (finding,) = left_by_builds([("build_wheel", (WATCHER, SERVER))])
    assert (finding.code, finding.level, finding.subject) == ("BLD106", Level.WARNING, "build_wheel")
    assert finding.message == "leaves 1 process running, which was ended: pid 4711 node watch.js"


def test_a_server_of_a_build_tool_is_not_reported() -> None:
    assert [*left_by_builds([("build_wheel", (SERVER,))])] == []


def test_the_second_hook_that_leaves_the_same_is_not_reported() -> None:
    (finding,) = left_by_builds([("build_sdist", (WATCHER,)), ("build_wheel", (WATCHER,))])
    assert finding.subject == "build_sdist"
