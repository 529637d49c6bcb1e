"""What the accepted run had found already, and what of a run can be accepted."""

from __future__ import annotations

from typing import Any

from support.project import Project

FILES = {
    "plum/__init__.py": "",
    "plum/win.py": "import no_such_registry\n",
    "plum/pit.py": "",
    "plum/cli.py": "def main():\n    pass\n",
}
POINTS = "[console_scripts]\nplum = plum.cli:main\n[plum.kinds]\nwin = plum.win\n"
UPDATE = "--prodsim-update-baseline"


def step(project: Project, name: str) -> dict[str, Any]:
    (found,) = [each for each in project.report()["steps"] if each["step"] == name]
    assert isinstance(found, dict)
    return found


def test_what_was_known_is_silent_until_it_changes(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nselect = IMP, ENT511, ENT515, WHL13\n")
    wheel = quick_project.wheel(files=FILES, entry_points=POINTS)
    quick_project.prodsim("--installpkg", wheel, UPDATE).passed()
    assert quick_project.codes() == ["ENT511", "IMP504"]
    assert {each["cause"] for each in quick_project.findings()} == {"", "IMP504 plum.win"}

    result = quick_project.prodsim("--installpkg", wheel).passed()
    assert quick_project.codes() == []
    assert step(quick_project, "import")["known"] == ["IMP504 plum.win: lacks no_such_registry"]
    assert step(quick_project, "scripts")["detail"].endswith("; 1 known since 1.0")
    assert "3 of 4 modules import" in result.out

    files = {**FILES, "plum/nt.py": "import no_such_registry\n", "plum/os2.py": "import no_such_registry\n"}
    quick_project.write("tox.ini", "[testenv:prodsim]\nselect = IMP, ENT511, ENT515, WHL13\nignore = IMP504:plum.os*\n")
    quick_project.prodsim("--installpkg", quick_project.wheel(files=files, entry_points=POINTS, version="1.1")).passed()
    assert [(each["code"], each["subject"]) for each in quick_project.findings()] == [("IMP504", "plum.nt")]


def test_a_loss_does_not_hide_the_times_and_either_can_be_accepted_alone(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nselect = WHL134, PRF\nmeasure_imports = plum\n")
    wheel = quick_project.wheel(files=FILES, entry_points=POINTS)
    result = quick_project.prodsim("--installpkg", wheel, f"{UPDATE}=times").passed()
    assert "baseline stored (times only): " in " ".join(result.out.split())
    assert step(quick_project, "contents")["detail"] == "no baseline yet"
    result = quick_project.prodsim("--installpkg", wheel, f"{UPDATE}=contents").passed()
    assert "baseline stored (contents only): " in " ".join(result.out.split())

    less = {name: text for name, text in FILES.items() if "pit" not in name}
    wheel = quick_project.wheel(files=less, entry_points=POINTS, version="1.1")
    result = quick_project.prodsim("--installpkg", wheel)
    assert result.code == 1
    assert quick_project.codes() == ["WHL134"]
    assert [each["metric"] for each in quick_project.report()["comparisons"]] == ["import plum"]
