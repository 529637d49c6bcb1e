"""The project on the page of a code, played as a user copies it: files are written, commands are typed, in order."""

from __future__ import annotations

import re
import shutil
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from support.project import UV, Project, Result

_FILE = re.compile(r"# (\S+)")
_NEEDS = "# needs: "
_TIMED = ("PRF", "IMP515")
"""Codes for which something must be timed; what all other projects are timed for is left out."""
_READER = {f"GIT_{who}_{what}": "reader" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@dataclass
class File:
    """A file to write; a later one of the same name replaces it."""

    name: str
    text: str


@dataclass
class Command:
    """A command to type."""

    line: str


def needs(text: str) -> list[str]:
    """Return what the first line of a project asks for: programs, distributions, and the header of Python."""
    head = text.split("\n", 1)[0]
    return head.removeprefix(_NEEDS).split(", ") if head.startswith(_NEEDS) else []


def steps(text: str) -> list[File | Command]:
    """Return what a project tells its reader to do: ``# FILE`` is above the lines of a file, ``$`` before a command."""
    return list(_steps(text.removeprefix(f"{_NEEDS}{', '.join(needs(text))}\n")))


def _steps(text: str) -> Iterator[File | Command]:
    file: File | None = None
    for line in re.sub(r"(?m)^(\$ .*)\\\n *", r"\1", text).splitlines(keepends=True):
        begins = _FILE.fullmatch(line.rstrip("\n"))
        if file and (begins or line.startswith("$ ")):
            yield file
            file = None
        if begins:
            file = File(begins[1], "")
        elif line.startswith("$ "):
            yield Command(line[2:].rstrip("\n"))
        else:
            assert file, f"neither of a file nor a command: {line}"
            file.text += line
    assert file is None, "the last line is a command"


def play(code: str, text: str, project: Project) -> list[dict[str, Any]]:
    """Do what the text says; return the findings of the last run. All commands but the last must succeed."""
    if absent := [each for each in needs(text) if not _is_here(each)]:
        pytest.skip(f"not on this machine: {', '.join(absent)}")
    project.installer = UV
    override = {} if code.startswith(_TIMED) else {"TOX_OVERRIDE": "testenv:prodsim.ignore+=PRF"}
    results: list[Result] = []
    for step in steps(text):
        if isinstance(step, File):
            project.write(step.name, step.text)
            continue
        for result in results:
            result.passed()
        results.append(project.shell(step.line, env={**_READER, **override}))
    last = results[-1]
    assert not re.search("internal error|^Traceback", last.out, re.MULTILINE), last.out
    return _findings(project.folder, project, of_the_machine=code == "RUN625")


def _is_here(name: str) -> bool:
    installed = {distribution.name for distribution in metadata.distributions()}
    return name in installed or shutil.which(name) is not None or Path(sysconfig.get_path("include"), name).exists()


def _findings(folder: Path, project: Project, *, of_the_machine: bool) -> list[dict[str, Any]]:
    newest = max(folder.glob(".tox/*/prodsim/report.json"), key=lambda path: path.stat().st_mtime_ns)
    return project.findings(newest.parents[1].name, of_the_machine=of_the_machine)
