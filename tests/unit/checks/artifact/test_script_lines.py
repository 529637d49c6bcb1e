"""The first lines of scripts in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_wheel, open_wheel
from tox_prodsim.model.findings import Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE


def found(folder: Path, content: str, name: str = "acme-run") -> list[tuple[str, Level, str]]:
    path = wheel(folder, files={"acme.py": "", f"acme-1.0.data/scripts/{name}": content.encode()})
    return [(each.code, each.level, each.subject) for each in check_wheel(open_wheel(path)).findings]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        pytest.param("#!/home/me/venv/bin/python", E, id="a build machine's"),
        pytest.param("#!/opt/hostedtoolcache/Python/3.11.7/x64/bin/python3.11", E, id="a runner's"),
        pytest.param("#! python", E, id="none that an installer replaces"),
        pytest.param("#!/usr/bin/env python3\r", E, id="a carriage return"),
        pytest.param("#!/bin/sh\r", E, id="a carriage return of a shell"),
        pytest.param("#!/usr/bin/python3 -u", W, id="the system's"),
        pytest.param("#!/nix/store/abc-bash/bin/bash", W, id="a shell that others have not"),
        pytest.param("#!/usr/bin/env python3", N, id="any Python"),
        pytest.param("import sys", W, id="none at all"),
    ],
)
def test_a_line_that_users_cannot_run_is_found(tmp_path: Path, line: str, level: Level) -> None:
    assert found(tmp_path, f"{line}\nimport acme\n") == [("ENT516", level, "[scripts] acme-run")]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        pytest.param("#!python", "acme-run", id="for an installer"),
        pytest.param("#!python3 -E", "acme-run", id="with an argument"),
        pytest.param("#!python\r", "acme-run", id="an installer replaces the carriage return as well"),
        pytest.param("#!/bin/bash", "acme-run", id="a shell"),
        pytest.param("#!/usr/bin/env node", "acme-run", id="another language"),
        pytest.param("# source this file", "acme.sh", id="to be sourced"),
        pytest.param("import os", "acme.bat", id="of another system"),
        pytest.param("\x7fELF\0", "acme-run", id="a program"),
    ],
)
def test_other_lines_pass(tmp_path: Path, line: str, name: str) -> None:
    assert found(tmp_path, f"{line}\n", name) == []
