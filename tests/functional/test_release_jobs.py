"""The jobs of docs/howto/release-jobs.md and action.yml: parsed, and their steps played in order."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import sources
from support.documents import ROOT
from support.project import Project
from support.workflow_log import obeyed
from support.workflows import Failed, Machine, play_github, play_gitlab

PAGE = (ROOT / "docs" / "howto" / "release-jobs.md").read_text("utf-8")
ACTION = (ROOT / "action.yml").read_text("utf-8")
GITHUB, GITLAB = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
RE = re.MULTILINE | re.DOTALL
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
OURS = "uses: OWNER/tox-prodsim@v"
CONFIG = "[testenv:prodsim]\nignore = PRF, WHL\nmeasure_startup = false\n"


def machine(folder: Path) -> Machine:
    """Return a machine with a small project."""
    project = Project(folder / "project")
    sources.source(project)
    project.write("tox.ini", CONFIG)
    return Machine(folder, project.folder)


def steps() -> list[dict[str, Any]]:
    jobs = yaml.safe_load(GITHUB)["jobs"].values()
    return [*(step for job in jobs for step in job["steps"]), *yaml.safe_load(ACTION)["runs"]["steps"]]


def test_each_action_is_pinned_to_a_commit_and_names_its_version() -> None:
    everywhere = GITHUB + ACTION + (ROOT / "docs" / "howto" / "github.md").read_text("utf-8")
    used = [line.strip(" -") for line in everywhere.splitlines() if "uses:" in line and line.strip()[0] != "#"]
    assert len(used) == 13
    assert [line for line in used if not PINNED.fullmatch(line) and not line.startswith(OURS)] == []


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_the_short_pages_are_valid_yaml(name: str) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs" / "howto" / f"{name}.md").read_text("utf-8"), RE)
    assert isinstance(yaml.safe_load(block), dict)


def test_nothing_is_put_into_a_script_and_no_job_can_do_more_than_it_must() -> None:
    assert [step["run"] for step in steps() if "${{" in step.get("run", "")] == []
    workflow = yaml.safe_load(GITHUB)
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "build": {"contents": "read"},
        "verify": {"contents": "read"},
        "publish": {"id-token": "write"},
    }
    (python,) = (step for step in yaml.safe_load(ACTION)["runs"]["steps"] if "uses" in step)
    assert python["with"]["update-environment"] is False


def test_the_jobs_of_github_publish_what_they_have_verified(tmp_path: Path) -> None:
    jobs = machine(tmp_path)
    play_github(yaml.safe_load(GITHUB), jobs)
    built = {path.name: path.read_bytes() for path in (jobs.artifacts / "dist").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "published").iterdir()} == built
    assert sorted(built) == ["acme-1.0-py3-none-any.whl", "acme-1.0.tar.gz"]
    report = json.loads((jobs.artifacts / "prodsim-3.13" / "report.json").read_text())
    assert report["summary"]["verdict"] == "passed"
    assert "prodsim: passed" in (tmp_path / "summary").read_text()
    assert ["-m", "pip", "install", "--quiet", str(ROOT)] in jobs.asked
    assert all(obeyed(text) == [] or "::warning" in text or "::notice" in text for text in jobs.log)


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_a_file_that_is_not_the_verified_one_is_not_published(tmp_path: Path, change: str) -> None:
    jobs = machine(tmp_path)
    dist = jobs.artifacts / "dist"
    dist.mkdir(parents=True)
    for name in ("a.whl", "a.tar.gz"):
        (dist / name).write_text(name)
    sums = "".join(f"{_sha256(path)}  {path.name}\n" for path in sorted(dist.iterdir())).rstrip("\n")
    publish = {**yaml.safe_load(GITHUB)["jobs"]["publish"]}
    workflow = {"jobs": {"verify": {"steps": [], "outputs": {"sums": sums}}, "publish": publish}}
    if change == "removed":
        (dist / "a.whl").unlink()
    else:
        (dist / ("b.whl" if change == "added" else "a.whl")).write_text("other")
    with pytest.raises(Failed):
        play_github(workflow, jobs)
    assert not (tmp_path / "published").exists()


def test_the_jobs_of_gitlab_publish_what_they_have_verified(tmp_path: Path) -> None:
    jobs = machine(tmp_path)
    play_gitlab(yaml.safe_load(GITLAB), jobs)
    assert ["-m", "twine", "upload", "dist/acme-1.0-py3-none-any.whl", "dist/acme-1.0.tar.gz"] in jobs.asked
    verified = jobs.artifacts / "verify"
    assert json.loads((verified / "prodsim.gitlab.json").read_text()) is not None
    assert (verified / "prodsim.junit.xml").read_text().startswith("<?xml")
    assert any("section_start:" in text for text in jobs.log)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
