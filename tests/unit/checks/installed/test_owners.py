"""Files and commands that two installed distributions write."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tox_prodsim.checks.installed import Distribution, check_owners
from tox_prodsim.model.findings import Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
ACME = Distribution(name="acme", version="1.0")
PKGUTIL = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
PKG_RESOURCES = "__import__('pkg_resources').declare_namespace(__name__)\n"


class Site:
    """A site-packages into which distributions are put one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "lib" / "site-packages"
        self.scripts = folder / "bin"

    def install(self, name: str, files: Mapping[str, str], commands: str = "", recorded: str = "") -> None:
        info = self.folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        lines = [recorded, f"{info.name}/METADATA,,", f"{info.name}/RECORD,,", "share/__pycache__/x.cpython-311.pyc,,"]
        for path, text in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            lines.append(f"{path},sha256={digest},{len(text)}")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "RECORD").write_text("\n".join(filter(None, lines)) + "\n")
        (info / "entry_points.txt").write_text(f"[console_scripts]\n{commands}" if commands else "")

    def found(self) -> list[tuple[Level, str, str]]:
        checked = check_owners(ACME, self.folder, self.scripts)
        assert {each.code for each in checked.findings} <= {"DEP211"} == {*checked.codes}
        return [(each.level, each.subject, each.message) for each in checked.findings]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_module_that_it_overwrites_is_found_with_both_names(site: Site) -> None:
    site.install("other", {"utils.py": "x = 1\n", "other/__init__.py": ""})
    site.install("acme", {"utils.py": "y = 2\n", "acme/__init__.py": ""})
    assert site.found() == [(W, "utils.py", "is a file of acme 1.0 and other 1.0: the last one installed wins")]


def test_a_module_that_was_overwritten_is_an_error(site: Site) -> None:
    site.install("acme", {"utils.py": "y = 2\n"})
    site.install("other", {"utils.py": "x = 1\n"})
    message = "is a file of acme 1.0 and other 1.0, and the one that is installed is not that of acme 1.0"
    assert site.found() == [(E, "utils.py", message)]


def test_a_command_is_found_by_its_entry_points_and_by_record(site: Site) -> None:
    site.install("hub", {}, "acme = hub:main\nac = hub:main\nhub = hub:main\n")
    site.install("acme", {}, "acme = acme:main\nac = acme:main\n", recorded="../../bin/acme,sha256=AAA,1")
    message = "is a command of acme 1.0 and hub 1.0, which run acme:main and hub:main"
    assert site.found() == [(W, "ac, acme", message)]


def test_what_two_others_share_is_a_note(site: Site) -> None:
    for name, text in (("one", "x = 1\n"), ("two", "x = 2\n"), ("acme", "")):
        site.install(name, {"shared.py": text} if text else {})
    assert [level for level, *_ in site.found()] == [N]


def test_the_same_module_in_both_is_a_note_and_many_files_are_one_finding(site: Site) -> None:
    files = {f"vendored/{name}.py": "x = 1\n" for name in "abcde"}
    site.install("other", files)
    site.install("acme", files)
    ((level, subject, message),) = site.found()
    assert (level, subject) == (N, "vendored/a.py, vendored/b.py, vendored/c.py and 2 more")
    assert message == "is a file of acme 1.0 and other 1.0, with the same content"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param({"ns/__init__.py": PKGUTIL}, {"ns/__init__.py": PKG_RESOURCES}, id="two ways to declare it"),
        pytest.param({"ns/__init__.py": ""}, {"ns/__init__.py": ""}, id="empty"),
        pytest.param({"ns/__init__.py": PKGUTIL}, {"ns/__init__.py": "# a part of ns\n"}, id="a comment"),
        pytest.param({"ns/a.py": "x = 1\n"}, {"ns/b.py": "x = 2\n"}, id="a folder"),
        pytest.param({"ns/py.typed": ""}, {"ns/py.typed": ""}, id="a marker"),
    ],
)
def test_a_namespace_package_is_no_collision(site: Site, one: Mapping[str, str], two: Mapping[str, str]) -> None:
    site.install("other", one)
    site.install("acme", two)
    assert site.found() == []


def test_a_package_with_code_is_no_namespace(site: Site) -> None:
    site.install("other", {"pkg/__init__.py": "from pkg.core import run\n"})
    site.install("acme", {"pkg/__init__.py": "VERSION = 1\n"})
    assert [(level, subject) for level, subject, _ in site.found()] == [(W, "pkg/__init__.py")]


def test_a_name_with_a_comma_that_lacks_its_quotes_is_read(site: Site) -> None:
    site.install("other", {"a,b.py": "x = 1\n"})
    site.install("acme", {"a,b.py": "x = 2\n"})
    assert [(level, subject) for level, subject, _ in site.found()] == [(W, "a,b.py")]
