"""The variables of a build in an environment of its own."""

from __future__ import annotations

import os
from pathlib import Path

from tox_prodsim.building import frontend


def test_the_programs_of_the_build_environment_come_first() -> None:
    found = frontend.with_own_programs({"VIRTUAL_ENV": "/build/env", "PATH": "/usr/bin", "HOME": "/home/me"})
    first, *rest = found["PATH"].split(os.pathsep)
    assert (Path(first).parent, rest) == (Path("/build/env"), ["/usr/bin"])
    assert found["HOME"] == "/home/me"


def test_without_an_environment_of_its_own_nothing_changes() -> None:
    assert frontend.with_own_programs({"PATH": "/usr/bin"}) == {"PATH": "/usr/bin"}
