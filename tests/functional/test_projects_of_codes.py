"""The page of a code has a project that shows it: a run of that project reports the code."""

from __future__ import annotations

import re

import pytest
from support.project import Project

from tox_prodsim.catalogue import CATALOGUE, COMMONEST

SHOWN = [code for code, check in CATALOGUE.items() if check.project]
PART = "IMP503"
"""The one that is played with all other tests; ``tox -e howtos`` plays all."""


def files(text: str) -> dict[str, str]:
    """Return the files of a project: ``# FILE`` stands above the lines of each."""
    parts = re.split(r"^# ([\w./-]+\.\w+)\n?", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.index
@pytest.mark.parametrize(
    "code", [pytest.param(code, marks=[] if code == PART else [pytest.mark.howtos]) for code in SHOWN]
)
def test_a_run_of_the_project_reports_the_code(code: str, project: Project) -> None:
    for name, text in files(CATALOGUE[code].project).items():
        project.write(name, text)
    result = project.prodsim("-x", "testenv:prodsim.ignore=PRF")
    assert code in project.codes(), result.out


def test_the_commonest_codes_have_a_project_where_one_run_shows_them() -> None:
    assert set(COMMONEST) - set(SHOWN) == {"PRF701"}, "PRF701 needs a baseline"
    assert all(len(CATALOGUE[code].project.splitlines()) <= 18 for code in SHOWN)


def test_a_file_may_be_empty() -> None:
    assert files("# a/b.py\n# tox.ini\n[tox]\n") == {"a/b.py": "", "tox.ini": "[tox]\n"}
    assert files("# a.py") == {"a.py": ""}
