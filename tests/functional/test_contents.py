"""What the accepted release held: losing some of it fails until that is accepted, and gaining some is said."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from support.project import Project, Result

CONFIG = "[testenv:prodsim]\nselect = WHL13, ENT, EXT404, IMP\nignore = PRF, EXT\n"
FILES = {"acme/__init__.py": "", "acme/cli.py": "def main():\n    pass\n"}
MORE = {
    "acme/export.py": "",
    "acme/_speed.cpython-311-x86_64-linux-gnu.so": "",
    "acme/py.typed": "",
}
POINTS = "[console_scripts]\nacme = acme.cli:main\n"
METRIC = {
    "clock": "effective wall",
    "control_ms": 75.1,
    "history": [1.964],
    "ratio": 1.964,
    "rel_error": 0.011,
    "rounds": 16,
    "value_ms": 146.2,
}
UPDATE = "--prodsim-update-baseline"


def stored(project: Project) -> Path:
    (path,) = (project.folder / ".prodsim").rglob("*.json")
    return path


def held(path: Path) -> dict[str, Any]:
    contents: dict[str, Any] = json.loads(path.read_text())["contents"]
    return contents


def memory(project: Project) -> dict[str, Any]:
    """Return the step in the report of the last run."""
    steps: list[dict[str, Any]] = project.report()["steps"]
    (step,) = [each for each in steps if each["step"] == "contents"]
    return step


def said(result: Result) -> str:
    """Return the output without what the width of the terminal has made of it."""
    return " ".join(result.out.split())


def full(project: Project) -> Path:
    return project.wheel(files={**FILES, **MORE}, entry_points=f"{POINTS}acme-sync = acme.cli:main\n", version="1.0")


def test_a_loss_fails_until_it_is_accepted(quick_project: Project) -> None:
    quick_project.write("tox.ini", CONFIG)
    wheel = full(quick_project)
    result = quick_project.prodsim("--installpkg", wheel, UPDATE).passed()
    assert "  contents not checked: no baseline yet" in result.out
    assert "not checked: PRF is ignored; baseline stored: .prodsim/baselines/" in said(result)
    path = stored(quick_project)
    before = path.read_bytes()
    assert {**held(path), "created": ""} == {
        "created": "",
        "data": ["acme/py.typed"],
        "entry_points": ["[console_scripts] acme", "[console_scripts] acme-sync"],
        "extensions": ["acme._speed"],
        "descriptors": 0,
        "imported": ["acme", "acme.cli", "acme.export"],
        "not_imported": ["acme._speed"],
        "version": "1.0",
    }
    shown = quick_project.tox("prodsim", "baseline", "show").passed().out
    assert "  4 modules, 1 extension, 2 scripts, 1 data file in 1.0 (" in shown

    less = quick_project.wheel(files={**FILES, "acme/rules.json": "{}"}, entry_points=POINTS, version="1.1")
    result = quick_project.prodsim("--installpkg", less)
    assert result.code == 1, result.out
    assert quick_project.codes() == ["ENT515", "EXT404", "WHL132", "WHL134"]
    assert {finding["level"] for finding in quick_project.findings()} == {"error"}
    detail = memory(quick_project)["detail"]
    assert detail.startswith("4 lost since 1.0 (")
    assert detail.endswith("): 2 modules, 1 script, 1 data file; new: acme/rules.json")
    assert "accept it with --prodsim-update-baseline" in said(result)
    assert path.read_bytes() == before
    candidate = quick_project.folder / ".tox/prodsim/prodsim/candidate.json"
    assert held(candidate)["data"] == ["acme/rules.json"], "what CI has seen can be accepted although it failed"

    quick_project.prodsim("--installpkg", less, UPDATE).passed()
    assert {finding["level"] for finding in quick_project.findings()} == {"note"}
    assert held(path)["version"] == "1.1"
    accepted = path.read_bytes()

    result = quick_project.prodsim("--installpkg", less, UPDATE).passed()
    assert quick_project.codes() == []
    assert "baseline unchanged: " in said(result)
    assert path.read_bytes() == accepted
    detail = memory(quick_project)["detail"]
    assert detail.startswith("nothing lost since 1.1 (")
    assert detail.endswith("): 2 modules, 1 script, 1 data file")

    path.write_bytes(before)
    quick_project.tox("prodsim", "baseline", "accept", candidate.parent).passed()
    assert path.read_bytes() == accepted


def test_the_accepted_times_stay_when_only_the_contents_are_accepted(quick_project: Project) -> None:
    quick_project.write("tox.ini", CONFIG)
    quick_project.prodsim("--installpkg", full(quick_project), UPDATE).passed()
    path = stored(quick_project)
    timed = {**json.loads(path.read_text()), "control": "stdlib-0", "metrics": {"import acme": METRIC}}
    path.write_text(json.dumps(timed))

    less = quick_project.wheel(files=FILES, entry_points=POINTS, version="1.1")
    quick_project.prodsim("--installpkg", less, UPDATE).passed()
    after = json.loads(path.read_text())
    assert after["contents"]["version"] == "1.1"
    assert {**after, "contents": ""} == {**timed, "contents": ""}, "what was timed is still 1.0"


def test_a_project_without_anything_to_import_is_remembered_too(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nselect = WHL13\n")
    quick_project.prodsim("--installpkg", quick_project.wheel(files={"acme/a.json": "", "acme/b.json": ""}), UPDATE)
    assert held(stored(quick_project))["data"] == ["acme/a.json", "acme/b.json"]
    for command in ("init -q", "add .prodsim", "-c user.name=a -c user.email=a@example.org commit -q -m held"):
        subprocess.run(["git", *command.split()], cwd=quick_project.folder, check=True)
    history = quick_project.tox("prodsim", "history").passed().out
    assert "wheel size" in history
    assert "import" not in history
    quick_project.prodsim("--installpkg", quick_project.wheel(files={"acme/a.json": ""}, version="1.1")).failed()
    [finding] = quick_project.findings()
    assert (finding["code"], finding["subject"], finding["step"]) == ("WHL132", "acme/b.json", "contents")
