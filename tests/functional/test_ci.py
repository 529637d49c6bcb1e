"""What is reported by itself in a job of GitHub and of GitLab, and that nothing foreign is obeyed there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support import sources
from support.project import UV, Project, Result
from support.workflow_log import obeyed, outputs

EVIL = "::error::owned\n  ::add-mask::owned\r::set-env name=owned::1\n##[error]owned\n%0A::error::owned\n"
PRINTS = f"import sys; print({EVIL!r}, flush=True); print({EVIL!r}, file=sys.stderr, flush=True)\n"
CONFIG = f"""\
[env.prodsim]
ignore = ["PRF", "WHL"]
measure_startup = false
commands_pre = [["python", "-c", {json.dumps(PRINTS)}, {json.dumps(EVIL)}]]
deploy = ["python", "-c", {json.dumps(PRINTS + "raise SystemExit(3)")}]
"""
"""The package, its build, a command and its line, and the deployment print workflow commands."""
BUILD = f"""
_build = build_wheel
def build_wheel(*args, **more):
    {PRINTS}    return _build(*args, **more)
"""


def job(folder: Path, *names: str) -> dict[str, str]:
    """Return the variables of a job of these systems, of which both may be set."""
    (folder / "output").touch()
    (folder / "summary").write_text("of another command\n")
    github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    gitlab = {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(folder)}
    return {"CI": "true"} | (github if "github" in names else {}) | (gitlab if "gitlab" in names else {})


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A run of a hostile project in a sub-folder of the repository, as both systems see it."""
    folder = tmp_path_factory.mktemp("job")
    project = Project(folder / "libs" / "acme", installer=UV)
    sources.source(project, broken=PRINTS + "import nothing_of_this_name\n")
    project.write("backend.py", sources.BACKEND + BUILD)
    project.write("tox.toml", CONFIG)
    (project.folder / "tox.ini").unlink()
    return folder, project.prodsim("-vv", env=job(folder, "github", "gitlab")).failed()


def test_nothing_foreign_is_obeyed_and_the_findings_are_annotations(shown: tuple[Path, Result]) -> None:
    _, result = shown
    assert len(re.findall(r"(?m)^\s*:\\:error::owned$", result.out)) == 2  # of commands_pre, on both streams
    commands = obeyed(result.out)
    assert {name for name, _ in commands} <= {"error", "warning", "notice"}
    assert all(data.strip() != "owned" for _, data in commands)
    lines = [line for line in result.out.splitlines() if re.match("::(error|warning|notice) ", line)]
    assert len(lines) == len(commands)
    assert any(line.startswith("::notice file=libs/acme/acme/broken.py,line=2,title=IMP504 ") for line in lines)
    assert any("title=RUN609 " in line and "file=libs/acme/pyproject.toml,line=1," in line for line in lines)


def test_the_summary_and_the_outputs_are_appended(shown: tuple[Path, Result]) -> None:
    folder, _ = shown
    summary = (folder / "summary").read_text("utf-8")
    assert summary.startswith("of another command\n")
    assert "prodsim: FAILED" in summary
    assert obeyed(summary) == []
    found = outputs((folder / "output").read_text("utf-8"))
    assert (found["verdict"], found["wheel"], found["sdist"]) == (
        "failed",
        "acme-1.0-py3-none-any.whl",
        "acme-1.0.tar.gz",
    )
    assert Path(found["report"]) == folder / "libs" / "acme" / ".tox" / "prodsim" / "prodsim" / "report.json"
    assert re.fullmatch("[0-9a-f]{64}", found["sha256"])


def test_gitlab_folds_all_but_the_findings_and_the_summary(shown: tuple[Path, Result]) -> None:
    _, result = shown
    parts = re.fullmatch(
        r"(.*)\x1b\[0Ksection_start:\d+:(prodsim_prodsim_\w{16})\[collapsed=true\]\r\x1b\[0Kprodsim: [^\n]+\n(.*)"
        r"\x1b\[0Ksection_end:\d+:\2\r\x1b\[0K\n(.*)",
        result.out,
        re.DOTALL,
    )
    assert parts is not None
    before, _, folded, after = parts.groups()
    assert "  import " not in before
    assert "  import " in folded
    assert "FAIL RUN609" not in folded
    assert "FAIL RUN609" in after


def hostile_build(project: Project, config: str) -> None:
    """Write a project whose build prints workflow commands and fails."""
    sources.source(project)
    fails = f"\ndef build_wheel(*_, **__):\n    {PRINTS}    raise RuntimeError({EVIL!r})\n"
    project.write("backend.py", sources.BACKEND + fails)
    project.write("tox.ini", config)


def test_none_reports_nothing_by_itself_and_a_build_that_fails_is_not_obeyed(tmp_path: Path) -> None:
    project = Project(tmp_path, installer=UV)
    hostile_build(project, "[testenv:prodsim]\nreports = none\n")
    result = project.prodsim(env=job(tmp_path, "github", "gitlab")).failed()
    assert "owned" in result.out
    assert obeyed(result.out) == []
    assert "section_start" not in result.out
    assert (tmp_path / "output").read_text() == ""
    assert (tmp_path / "summary").read_text() == "of another command\n"


def test_environments_that_run_in_parallel_are_one_report_when_tox_ends(tmp_path: Path) -> None:
    project = Project(tmp_path, installer=UV)
    hostile_build(project, "[tox]\nenv_list = a-prodsim, b-prodsim\n")
    result = project.tox("p", "-e", "a-prodsim,b-prodsim", env=job(tmp_path, "github")).failed()
    assert result.out.count("owned") > 2
    assert [name for name, _ in obeyed(result.out)] == ["error", "error"]
    assert len(re.findall("^::error .*title=BLD", result.out, re.MULTILINE)) == 2
    assert re.search(r"^prodsim: FAILED, 0 of 2 environments passed, 2 errors", result.out, re.MULTILINE)
    assert (tmp_path / "summary").read_text("utf-8").count("0 of 2 environments passed") == 1
    found = outputs((tmp_path / "output").read_text("utf-8"))
    assert len(found["report"].splitlines()) == 2
    printed = [line for line in result.out.splitlines() if re.match("[ab]-prodsim: FAILED", line)]
    assert len(printed) == 2
