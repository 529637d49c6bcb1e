"""A project whose deployment is one script, and what the last run says of it."""

from __future__ import annotations

from typing import Any

from support.project import Project, Result

SLEEPER = "import time; print('up', flush=True); time.sleep(100)\n"
SERVICE = {"deploy": "python app.py {tag}", "ready": "log:/up/"}
JOB = {"deploy": "python app.py {tag}"}


def deploy(project: Project, script: str, **keys: object) -> Result:
    """Run tox on a project whose deployment is the script ``app.py``; nothing of it may be left."""
    result = project.prodsim("--installpkg", prepare(project, script, **keys))
    assert project.left() == []
    return result


def prepare(project: Project, script: str, **keys: object) -> Any:
    """Write the script and the configuration; return the wheel to install."""
    project.write("app.py", script)
    lines = [f"{key} = {value}" for key, value in {"ignore": "PRF", "deploy_files": "app.py", **keys}.items()]
    project.write("tox.ini", "\n".join(["[testenv:prodsim]", *lines]).replace("{tag}", project.tag))
    return project.wheel()


def found(project: Project, code: str) -> list[dict[str, Any]]:
    """Return the findings of one code of the last run."""
    return [finding for finding in project.findings() if finding["code"] == code]


def the(project: Project, code: str) -> str:
    """Return subject and message of the one finding of a code."""
    (finding,) = found(project, code)
    return f"{finding['subject']}: {finding['message']}"


def evidence(project: Project) -> dict[str, list[str]]:
    """Return the evidence of the step, by title."""
    (step,) = [step for step in project.report()["steps"] if step["step"] == "deploy"]
    return {each["title"]: each["lines"] for each in step["evidence"]}
