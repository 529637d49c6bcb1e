"""Plays the jobs of a workflow of GitHub, and those of GitLab: ``run`` and ``script`` for real, actions as stand-ins.

A command that would change this machine or need the network (``pip install``, ``venv``, ``twine``) is one of a little
program that stands for python on the PATH; what it was asked for is in ``asked``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.documents import ROOT
from support.project import Project
from support.workflow_log import outputs

PYTHON = """\
#!{python}
import json, os, pathlib, shutil, sys
asked = sys.argv[1:]
with open({log!r}, "a") as file:
    file.write(json.dumps(asked) + "\\n")
if asked[:2] == ["-m", "venv"]:
    bin = pathlib.Path(asked[2], "bin")
    bin.mkdir(parents=True)
    shutil.copy(__file__, bin / "python")
elif asked[:3] != ["-m", "pip", "install"] and asked[:2] != ["-m", "twine"]:
    os.execv({python!r}, [{python!r}, *asked])
"""
_EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")


@dataclass
class Failed(Exception):  # noqa: N818 - a step that fails is what some tests are about
    """A step that failed, with all that it printed."""

    out: str


@dataclass
class Machine:
    """What the jobs of a pipeline share: the project, the artifacts, and what was asked of python."""

    folder: Path
    project: Path
    log: list[str] = field(default_factory=list)
    """What each step printed."""

    def __post_init__(self) -> None:
        (self.folder / "bin").mkdir()
        shim = self.folder / "bin" / "python"
        shim.write_text(PYTHON.format(python=sys.executable, log=str(self.folder / "asked")))
        shim.chmod(0o755)

    @property
    def asked(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def run(self, script: str, where: Path, env: Mapping[str, str], shell: tuple[str, ...]) -> None:
        """Run a script as the runner does; raises Failed."""
        project = Project(where)
        environ = {**project._environ(None), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", **env}
        file = self.folder / "script.sh"
        file.write_text(script)
        ran = subprocess.run(
            [*shell, file], cwd=where, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        self.log.append(ran.stdout.decode(errors="replace"))
        if ran.returncode:
            raise Failed(self.log[-1])


@dataclass
class Job:
    """One job of GitHub in a workspace of its own."""

    machine: Machine
    workspace: Path
    context: dict[str, Any]

    def play(self, steps: list[dict[str, Any]]) -> None:
        """Play the steps in order; after one that failed, only those that always run."""
        problem: Failed | None = None
        for step in steps:
            if problem is None or step.get("if") == "always()":
                try:
                    self._play(step)
                except Failed as failed:
                    problem = problem or failed
        if problem is not None:
            raise problem

    def _play(self, step: dict[str, Any]) -> None:
        given = {name: self.value(text) for name, text in step.get("with", {}).items()}
        name = step.get("uses", "").partition("@")[0].partition("/")[2]
        found = getattr(self, f"_{name.replace('-', '_')}")(given) if name else self._run(step)
        if "id" in step:
            self.context["steps"][step["id"]] = {"outputs": found or {}}

    def value(self, text: object) -> str:
        """Return a text with its expressions replaced: names of the context, and a hash of files."""
        return _EXPRESSION.sub(lambda match: str(self._lookup(match[1])), str(text))

    def _lookup(self, name: str) -> object:
        if name.startswith("hashFiles("):
            return "0" * 8
        found: Any = self.context
        for part in name.split("."):
            found = found[part]
        return found

    def _run(self, step: dict[str, Any]) -> dict[str, str]:
        output = self.machine.folder / "output"
        output.write_text("")
        given = {name: self.value(text) for name, text in step.get("env", {}).items()}
        where = self.workspace / self.value(step.get("working-directory", "."))
        env = self._variables(output) | given
        self.machine.run(step["run"], where, env, ("bash", "--noprofile", "--norc", "-eo", "pipefail"))
        return outputs(output.read_text())

    def _variables(self, output: Path) -> dict[str, str]:
        temp = self.workspace.with_name(f"{self.workspace.name}-temp")
        temp.mkdir(exist_ok=True)
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.machine.folder / "summary"),
            "GITHUB_ACTION_PATH": str(ROOT),
            "RUNNER_TEMP": str(temp),
        }

    def _checkout(self, _given: dict[str, str]) -> None:
        shutil.copytree(self.machine.project, self.workspace, dirs_exist_ok=True)

    def _setup_python(self, given: dict[str, str]) -> dict[str, str]:
        assert given["python-version"]
        return {"python-path": str(self.machine.folder / "bin" / "python")}

    def _cache(self, given: dict[str, str]) -> None:
        assert given["path"] == ".tox/.prodsim-wheels"

    def _upload_artifact(self, given: dict[str, str]) -> None:
        source, target = self.workspace / given["path"], self.machine.artifacts / given["name"]
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.mkdir(parents=True)
            shutil.copy(source, target)

    def _download_artifact(self, given: dict[str, str]) -> None:
        shutil.copytree(self.machine.artifacts / given["name"], self.workspace / given["path"])

    def _gh_action_pypi_publish(self, _given: dict[str, str]) -> None:
        shutil.copytree(self.workspace / "dist", self.machine.folder / "published")

    def _tox_prodsim(self, given: dict[str, str]) -> dict[str, str]:
        action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
        assert given.keys() <= action["inputs"].keys()
        inputs = {name: given.get(name, each["default"]) for name, each in action["inputs"].items()}
        inner = Job(self.machine, self.workspace, {"inputs": inputs, "steps": {}})
        inner.play(action["runs"]["steps"])
        return {name: inner.value(each["value"]) for name, each in action["outputs"].items()}


def play_github(workflow: dict[str, Any], machine: Machine, *, before: Mapping[str, Any] | None = None) -> None:
    """Play all jobs in order, of a matrix the last one; ``before`` has functions that are called before a job."""
    needs: dict[str, Any] = {}
    for name, job in workflow["jobs"].items():
        (before or {}).get(name, lambda: None)()
        matrix = {key: values[-1] for key, values in job.get("strategy", {}).get("matrix", {}).items()}
        workspace = machine.folder / f"workspace-{name}"
        workspace.mkdir()
        playing = Job(machine, workspace, {"matrix": matrix, "steps": {}, "needs": needs})
        playing.play(job["steps"])
        needs[name] = {"outputs": {key: playing.value(text) for key, text in job.get("outputs", {}).items()}}


def play_gitlab(pipeline: dict[str, Any], machine: Machine) -> None:
    """Play all jobs in order of their stages, each in a checkout with the artifacts of those that it needs."""
    for stage in pipeline["stages"]:
        for name, job in pipeline.items():
            if isinstance(job, dict) and job.get("stage") == stage:
                _play_gitlab(name, job, machine)


def _play_gitlab(name: str, job: dict[str, Any], machine: Machine) -> None:
    project = machine.folder / "builds" / name / "acme"
    project.mkdir(parents=True)
    if job.get("variables", {}).get("GIT_STRATEGY") != "none":
        shutil.copytree(machine.project, project, dirs_exist_ok=True)
    for each in job.get("needs", []):
        shutil.copytree(machine.artifacts / each, project, dirs_exist_ok=True)
    env = {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(project), "PYTHON": "3.13"}
    for key in ("script", "after_script"):
        if key in job:
            machine.run("\n".join(job[key]), project, env, ("bash", "-eo", "pipefail"))
    kept = job.get("artifacts", {})
    reports = kept.get("reports", {}).values()
    for path in [*kept.get("paths", []), *reports]:
        target = machine.artifacts / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (project / path).is_dir() else shutil.copy)(project / path, target)
