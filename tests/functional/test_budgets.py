"""Budgets: limits on times, modules and work, which hold with a baseline and without one."""

from __future__ import annotations

import random
from typing import Any

from support.project import Project

KEYS = (
    "max_import_time",
    "max_startup_time",
    "max_modules",
    "max_work_increase",
)
SIZES = ("max_wheel_size", "max_installed_size")
MEMORY = ("max_import_memory",)
JOB = "deploy = python -c \"import acme; print('it')\""
CORE = "import importlib\nimportlib.import_module('unittest.mock')\n"
INIT = '"""The package."""\n\nfrom acme import core\n'


def config(project: Project, **budgets: object) -> None:
    lines = [f"{key} = {value}" for key, value in budgets.items()]
    project.write("tox.ini", "\n".join(["[testenv:prodsim]", JOB, "expect_output = it", *lines]))


def finding(project: Project, code: str) -> dict[str, Any]:
    [found] = [each for each in project.findings() if each["code"] == code]
    assert isinstance(found, dict)
    return found


def test_budgets_that_are_kept_say_nothing_and_those_that_are_not_say_where(quick_project: Project) -> None:
    small = quick_project.wheel(files={"acme/__init__.py": INIT, "acme/core.py": ""})
    config(
        quick_project,
        forbid_modules="unittest.mock",
        **dict.fromkeys(KEYS, 1000),
        **dict.fromkeys((*SIZES, *MEMORY), "1 GB"),
    )
    quick_project.prodsim("--installpkg", small, "--prodsim-update-baseline").passed()
    assert quick_project.codes() == []

    quick_project.write("src/acme/core.py", CORE)
    data = random.Random(2).randbytes(80_000)
    large = quick_project.wheel(files={"acme/__init__.py": INIT, "acme/core.py": CORE, "acme/data.bin": data})
    strict = {"max_import_time": 0.001, "max_startup_time": 0.01, "max_modules": 10, "max_work_increase": 2}
    strict |= dict.fromkeys(SIZES, "70 KiB") | dict.fromkeys(MEMORY, "1 MB")
    # The regression is another matter: with a tolerance that large, only the budgets can fail.
    config(quick_project, forbid_modules="pandas unittest", time_tolerance_percent=10_000, **strict)
    result = quick_project.prodsim("--installpkg", large).failed()
    budgets = ["PRF707", "PRF708", "PRF709", "PRF710", "PRF711", "PRF750", "PRF751", "PRF752"]
    assert quick_project.codes() == sorted(["PRF740", "PRF741", "PRF742", "PRF743", *budgets])
    assert "even the fastest quarter of " in finding(quick_project, "PRF707")["message"]
    assert finding(quick_project, "PRF708")["subject"] == "start-up"
    assert finding(quick_project, "PRF709")["message"].endswith(" modules, the limit is 10")
    forbidden = finding(quick_project, "PRF710")
    assert "unittest is forbidden and imported at acme/core.py:2: acme > acme.core > " in forbidden["message"] or (
        "(of unittest) is forbidden and imported at acme/core.py:2: acme > acme.core > " in forbidden["message"]
    )
    assert (forbidden["file"], forbidden["line"]) == ("src/acme/core.py", 2), "the line in the project, not the wheel"
    assert "acme.core imported at acme/__init__.py:3" in result.out, "the chain is shown with its lines"
    assert finding(quick_project, "PRF741")["message"].endswith(
        "acme 1.0 (+80.1 kB); of it acme/data.bin (+80 kB, new)"
    )
    assert "acme/data.bin (+80 kB, new)" in finding(quick_project, "PRF740")["message"]
    assert "; new: unittest" in finding(quick_project, "PRF742")["message"]
    assert "; new: unittest" in finding(quick_project, "PRF743")["message"]
    assert finding(quick_project, "PRF751")["message"].endswith(" kB, the limit is 71.7 kB")
    assert "the limit is 2 %, most of it in " in finding(quick_project, "PRF711")["message"]


def test_a_budget_that_could_not_be_checked_says_so(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nmax_work_increase = 2\n")
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    [step] = [each for each in quick_project.report()["steps"] if each["step"] == "compare"]
    assert step["not_checked"] == ["PRF711: no work is stored yet, accept a run with --prodsim-update-baseline"]
