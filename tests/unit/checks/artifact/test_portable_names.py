from __future__ import annotations

import pytest

from tox_prodsim.checks.artifact.portable_names import differing_in_case, refused_by_windows


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("acme/CON", "the name CON is reserved there"),
        ("acme/aux.py", "the name aux.py is reserved there"),
        ("lpt1.d/a.py", "the name lpt1.d is reserved there"),
        ("acme/a.", "a name cannot end with a dot or a space there"),
        ("acme/a /b.txt", "a name cannot end with a dot or a space there"),
        ("acme/12:30.txt", "a name cannot hold ':' there"),
        ("acme/what?.txt", "a name cannot hold '?' there"),
    ],
)
def test_what_windows_cannot_hold_is_found_with_the_reason(file: str, reason: str) -> None:
    (finding,) = refused_by_windows("WHL136", [file, "acme/__init__.py"])
    assert (finding.level, finding.subject) == ("warning", file)
    assert finding.message == f"cannot be unpacked on Windows: {reason}"


@pytest.mark.parametrize("file", ["acme/console.py", "acme/.gitignore", "acme/com10.txt", "acme/nul_.py", "a b/c.txt"])
def test_these_names_are_fine(file: str) -> None:
    assert list(refused_by_windows("WHL136", [file])) == []


def test_names_that_differ_in_case_are_found() -> None:
    (finding,) = differing_in_case("WHL136", ["acme/Data.json", "acme/data.json", "acme/x.json"])
    assert finding.subject == "acme/Data.json, acme/data.json"


def test_packages_that_differ_in_case_are_found_once() -> None:
    files = ["acme/Db/__init__.py", "acme/Db/a.py", "acme/db/__init__.py", "acme/db/a.py"]
    (finding,) = differing_in_case("WHL136", files)
    assert finding.subject == "acme/Db, acme/db"


def test_folders_without_modules_may_be_joined() -> None:
    assert list(differing_in_case("WHL136", ["acme/Img/a.png", "acme/img/b.png"])) == []
    (finding,) = differing_in_case("WHL136", ["acme/Img/a.png", "acme/img/a.png"])
    assert finding.subject == "acme/Img/a.png, acme/img/a.png"
