"""The page of a code has a project that shows it: a run of that project reports the code."""

from __future__ import annotations

import pytest
from support.project import Project
from support.short_projects import Command, File, needs, play, steps

from tox_prodsim.catalogue import CATALOGUE

PROJECTS = {code: check.project for code, check in CATALOGUE.items() if check.project}
PART = "IMP503"
"""The one that is played with all other tests; ``tox -e howtos`` plays all."""


@pytest.mark.index
@pytest.mark.parametrize(
    "code", [pytest.param(code, marks=[] if code == PART else [pytest.mark.howtos]) for code in PROJECTS]
)
def test_a_run_of_the_project_reports_the_code(code: str, project: Project) -> None:
    levels = {each["level"] for each in play(code, PROJECTS[code], project) if each["code"] == code}
    assert levels
    assert levels == {CATALOGUE[code].level} or CATALOGUE[code].exception


def test_the_files_and_commands_of_a_project_are_in_order() -> None:
    text = "# needs: cc, git\n# a/b.py\n# .env\nA=1\n# two words\n$ tox run\n# a/b.py\nb\n$ tox run -r"
    assert needs(text) == ["cc", "git"]
    assert steps(text) == [
        File("a/b.py", ""),
        File(".env", "A=1\n# two words\n"),
        Command("tox run"),
        File("a/b.py", "b\n"),
        Command("tox run -r"),
    ]
