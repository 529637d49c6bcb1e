from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from support.sdists import sdist
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_package_data, lost_data, open_sdist, open_wheel

ENGINE = "RULES = files('acme').joinpath('rules.json')\n"
SOURCES = {"src/acme/__init__.py": "", "src/acme/engine.py": ENGINE}
SHIPPED = {"acme/__init__.py": "", "acme/engine.py": ENGINE}
HATCHLING = {"pyproject.toml": "[build-system]\nbuild-backend = 'hatchling.build'\n"}


def found(
    folder: Path,
    sources: Mapping[str, str],
    *,
    shipped: Mapping[str, str] = SHIPPED,
    tracked: Collection[str] = (),
) -> list[tuple[str, str, str]]:
    source = open_sdist(sdist(folder, files={**SOURCES, **sources}))
    checked = check_package_data(source, open_wheel(wheel(folder, files=shipped)), tracked)
    assert checked.codes == ("WHL112", "WHL114")
    return [(each.level, each.subject, each.message) for each in checked.findings]


def test_a_file_that_the_code_names_is_found_with_the_module(tmp_path: Path) -> None:
    message = "is in the sdist (src/acme/rules.json) and acme/engine.py names it, but it is not in the wheel"
    assert found(tmp_path, {"src/acme/rules.json": ""}) == [("warning", "acme/rules.json", message)]
    assert found(tmp_path, {"src/acme/rules.json": "", **HATCHLING}) == [("warning", "acme/rules.json", message)]


def test_a_file_that_nobody_names_is_a_note_where_the_back_end_takes_all(tmp_path: Path) -> None:
    message = "is in the sdist (src/acme/web/a.html), but it is not in the wheel"
    pages = {"src/acme/web/a.html": "", "src/acme/web/b.html": ""}
    assert found(tmp_path, pages) == [("warning", "acme/web/a.html, acme/web/b.html", message)]
    assert found(tmp_path, {**pages, **HATCHLING}) == [("note", "acme/web/a.html, acme/web/b.html", message)]


def test_the_files_of_a_folder_are_one_finding_with_the_named_one_first(tmp_path: Path) -> None:
    files = {f"src/acme/{name}.json": "" for name in ("a", "b", "c", "rules")}
    ((level, subject, _),) = found(tmp_path, files)
    assert (level, subject) == ("warning", "acme/rules.json, acme/a.json, acme/b.json and 1 more")


def test_what_only_git_knows_is_found(tmp_path: Path) -> None:
    tracked = {*SOURCES, "src/acme/rules.json"}
    known = "is tracked by git (src/acme/rules.json) and acme/engine.py names it"
    message = f"{known}, but it is neither in the sdist nor in the wheel"
    assert found(tmp_path, {}, tracked=tracked) == [("warning", "acme/rules.json", message)]


def test_a_namespace_without_init_is_looked_at_too(tmp_path: Path) -> None:
    sources = {"acme/parts/a.py": "open('x.csv')", "acme/parts/x.csv": ""}
    shipped = {"acme/parts/a.py": "open('x.csv')"}
    source = open_sdist(sdist(tmp_path, files=sources))
    assert lost_data(source, open_wheel(wheel(tmp_path, files=shipped))) == {"acme/parts/x.csv"}


def test_what_nobody_names_may_be_for_those_who_develop_it(tmp_path: Path) -> None:
    name = "vendor/toml/notes.txt"
    assert found(tmp_path, {f"src/acme/{name}": ""}) == []
    shipped = {**SHIPPED, "acme/engine.py": "# see notes.txt"}
    assert found(tmp_path, {f"src/acme/{name}": ""}, shipped=shipped) == []
    shipped["acme/engine.py"] = f"open(HERE + '/{name}')"
    assert len(found(tmp_path, {f"src/acme/{name}": ""}, shipped=shipped)) == 1


def test_a_text_is_data_if_the_code_names_it(tmp_path: Path) -> None:
    assert found(tmp_path, {"src/acme/prompts/ask.md": ""}) == []
    shipped = {**SHIPPED, "acme/engine.py": "read('ask.md')"}
    ((level, subject, _),) = found(tmp_path, {"src/acme/prompts/ask.md": ""}, shipped=shipped)
    assert (level, subject) == ("warning", "acme/prompts/ask.md")


@pytest.mark.parametrize(
    "file",
    [
        *("tests/data.json", "docs/a.html", "test.cfg", "example_data.txt", "rules_test.json"),
        *("_fast.c", "fast.pyx", "fast.h", "web/app.ts", "web/style.scss", "po/de.po", "version.py.in", "api.proto"),
        *("README.md", "LICENSE.txt", "Makefile", "CMakeLists.txt", "requirements.txt", "package.json", "setup.cfg"),
        *(".gitignore", "source", "PKG-INFO", ".cache/x.json", "a.json.orig", "__pycache__/a.json", "py.typed"),
    ],
)
def test_what_is_no_data_is_not_missed(tmp_path: Path, file: str) -> None:
    assert found(tmp_path, {f"src/acme/{file}": ""}) == []


@pytest.mark.parametrize(
    "sources",
    [
        pytest.param({"src/acme/rules.json": "", "MANIFEST.in": "global-exclude *.json"}, id="excluded"),
        pytest.param({"src/acme/sub/__init__.py": "", "src/acme/sub/rules.json": ""}, id="of a package left out"),
        pytest.param({"src/acme/a.c": "", "src/acme/a.html": ""}, id="a page of Cython"),
        pytest.param({"src/acme/ui/package.json": "", "src/acme/ui/public/a.html": ""}, id="sources of a front end"),
        pytest.param({"data/rules.json": "", "rules.json": ""}, id="beside the package"),
    ],
)
def test_what_is_left_out_with_a_reason_is_not_missed(tmp_path: Path, sources: dict[str, str]) -> None:
    assert found(tmp_path, sources) == []


def test_what_is_there_or_installed_elsewhere_is_not_missed(tmp_path: Path) -> None:
    sources = {"src/acme/rules.json": "", "src/acme/web/a.html": ""}
    sources["src/acme/conf/b.json"] = ""
    elsewhere = {"acme-1.0.data/data/share/acme/web/a.html": "", "acme/_conf/b.json": ""}
    shipped = {**SHIPPED, "acme/rules.json": "", **elsewhere}
    assert found(tmp_path, sources, shipped=shipped) == []


# the licence


@pytest.mark.parametrize("name", ["LICENSE", "LICENCE.md", "COPYING", "UNLICENSE"])
def test_a_licence_that_the_wheel_lacks_is_found(tmp_path: Path, name: str) -> None:
    ((level, subject, message),) = found(tmp_path, {name: ""})
    assert (level, subject) == ("warning", name)
    assert message == "is in the sdist, but the wheel has no licence, which has to go with most copies"


@pytest.mark.parametrize(
    "place",
    [
        "acme-1.0.dist-info/licenses/LICENSE",
        "acme-1.0.dist-info/LICENSE",
        "acme/COPYING",
        "LICENSE.txt",
        "acme-1.0.dist-info/MIT.txt",
    ],
)
def test_a_licence_may_be_anywhere_in_the_wheel(tmp_path: Path, place: str) -> None:
    assert found(tmp_path, {"LICENSE": ""}, shipped={**SHIPPED, place: ""}) == []
    assert found(tmp_path, {"src/acme/license.py": ""}) == []
