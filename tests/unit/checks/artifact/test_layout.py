"""What a wheel would put into site-packages, read from the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_wheel, open_wheel
from tox_prodsim.model.findings import Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
TYPED = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nClassifier: Typing :: Typed\n"
INIT = "acme/__init__.py"


def found(folder: Path, files: Sequence[str], **options: object) -> list[tuple[str, Level, str]]:
    """Return code, level and subject of what is found in a wheel of empty files."""
    path = wheel(folder, files=dict.fromkeys(files, ""), **options)  # type: ignore[arg-type]
    return [(each.code, each.level, each.subject) for each in check_wheel(open_wheel(path)).findings]


# types


def test_a_wheel_that_says_it_is_typed_has_a_marker(tmp_path: Path) -> None:
    assert found(tmp_path, [INIT], metadata=TYPED) == [("WHL120", E, "acme-1.0-py3-none-any.whl")]
    assert found(tmp_path, [INIT, "acme/py.typed"], metadata=TYPED) == []


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([INIT, "_acme/__init__.py", "_acme/py.typed"], id="one package of two is marked"),
        pytest.param([INIT, "acme-stubs/__init__.pyi"], id="stubs are beside the package"),
        pytest.param(["acme.py"], id="a single module cannot be marked"),
        pytest.param(["ns/acme/__init__.py", "ns/acme/py.typed"], id="below a namespace"),
    ],
)
def test_these_are_typed(tmp_path: Path, files: list[str]) -> None:
    assert found(tmp_path, files, metadata=TYPED) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param([INIT, "acme/__init__.pyi"], [("WHL121", W, "acme/__init__.pyi")], id="of the package"),
        pytest.param([INIT, "acme/stubs/__init__.pyi"], [("WHL121", N, "acme/stubs/__init__.pyi")], id="of others"),
        pytest.param([INIT, "acme/_fast.pyi"], [("WHL121", N, "acme/_fast.pyi")], id="of a compiled module"),
        pytest.param([INIT, "acme/__init__.pyi", "acme/py.typed"], [], id="with a marker"),
        pytest.param(["ns/acme/__init__.pyi", "ns/acme/py.typed"], [], id="with a marker below a namespace"),
        pytest.param(["acme-stubs/__init__.pyi"], [], id="a package of stubs"),
        pytest.param(["acme.py", "acme.pyi"], [], id="of a single module"),
    ],
)
def test_stubs_need_a_marker(tmp_path: Path, files: list[str], expected: list[object]) -> None:
    assert found(tmp_path, files) == expected


# names


def test_a_module_that_a_package_hides_is_found(tmp_path: Path) -> None:
    assert found(tmp_path, [INIT, "acme/util.py", "acme/util/__init__.py"]) == [("WHL130", W, "acme/util.py")]


def test_a_folder_without_init_hides_no_module(tmp_path: Path) -> None:
    assert found(tmp_path, [INIT, "acme/util.py", "acme/util/rules.json"]) == []


@pytest.mark.parametrize("name", ["tests", "docs", "examples", "src", "build"])
def test_code_that_is_no_part_of_the_package_is_found(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, [INIT, f"{name}/__init__.py", f"{name}/a.py"]) == [("WHL133", E, f"{name}/")]
    assert found(tmp_path, [INIT, f"{name}/a.py"]) == [("WHL133", E, f"{name}/")]


def test_what_harms_less_at_the_top_is_a_warning(tmp_path: Path) -> None:
    assert found(tmp_path, [INIT, "docs/index.md"]) == [("WHL133", W, "docs/")]
    assert found(tmp_path, [INIT, "setup.py"]) == [("WHL133", W, "setup.py")]
    script = "[console_scripts]\nacme = scripts.cli:main\n"
    assert found(tmp_path, [INIT, "scripts/cli.py"], entry_points=script) == [("WHL133", W, "scripts/")]


@pytest.mark.parametrize("top", ["utils/__init__.py", "config.py", "data/x.json", "licenses/MIT.txt", "__init__.py"])
def test_a_general_name_at_the_top_is_a_warning(tmp_path: Path, top: str) -> None:
    subject = f"{top.partition('/')[0]}/" if "/" in top else top
    assert found(tmp_path, [INIT, top]) == [("WHL133", W, subject)]


def test_a_project_may_be_named_so(tmp_path: Path) -> None:
    assert found(tmp_path, ["tools/__init__.py"], name="tools") == []
    assert found(tmp_path, ["tools/acme/__init__.py"], name="tools_acme") == []
    assert found(tmp_path, ["config/__init__.py"], name="python_config") == []
    assert found(tmp_path, [INIT, "acme/tests/__init__.py"]) == []


# strays


@pytest.mark.parametrize(
    "stray",
    [
        *(
            "acme/__init__.py.orig",
            "acme/__init__.py.rej",
            "acme/a.py.bak",
            "acme/debug.log",
            "acme/a - Copy.py",
            "acme/a - Copy (2).py",
            "acme/a (1).json",
            "acme/a copy.py",
            "acme - Copy/a.py",
            "acme/.venv/bin/python",
            "acme/env/pyvenv.cfg",
            "acme/static/node_modules/x/index.js",
            "acme/a.py~",
            "acme/.a.py.swp",
            "acme/.DS_Store",
            "acme/._a.py",
        ),
        *("acme/__pycache__/a.cpython-312.pyc", "acme/.mypy_cache/x.json", ".coverage", "htmlcov/index.html"),
        *("acme/.idea/acme.xml", "acme.egg-info/PKG-INFO"),
    ],
)
def test_litter_is_a_warning(tmp_path: Path, stray: str) -> None:
    assert found(tmp_path, [INIT, stray]) == [("WHL131", W, stray)]


@pytest.mark.parametrize("stray", ["acme/.env", "acme/id_rsa", ".pypirc", "acme/.git/config"])
def test_what_gives_secrets_away_is_an_error(tmp_path: Path, stray: str) -> None:
    assert found(tmp_path, [INIT, stray]) == [("WHL131", E, stray)]


def test_litter_of_one_kind_is_one_finding(tmp_path: Path) -> None:
    assert found(tmp_path, [INIT, "acme/a~", "acme/b~", "acme/.c.swp"]) == [("WHL131", W, "acme/a~ and 2 more")]


@pytest.mark.parametrize(
    "file",
    [
        *("acme/.gitignore", "acme/.env.example", "acme/tests/data/.env", "acme/project_template/.git/config"),
        *("acme/b.pyc", "acme/package.json.orig", "acme/environment.env"),
        *("acme/Copy.py", "acme/copy (of).txt", "acme/changes.log", "acme/templates/a.log"),
        *("acme/lib/node_modules/npm/node_modules/x/a.js",),
    ],
)
def test_these_are_no_strays(tmp_path: Path, file: str) -> None:
    assert found(tmp_path, [INIT, file]) == []


def test_bytecode_beside_its_source_is_found(tmp_path: Path) -> None:
    assert found(tmp_path, [INIT, "acme/__init__.pyc"]) == [("WHL131", W, "acme/__init__.pyc")]


def test_a_private_key_is_known_by_its_content(tmp_path: Path) -> None:
    files = {INIT: "", "acme/cert.pem": "-----BEGIN CERTIFICATE-----", "acme/a.key": "-----BEGIN PRIVATE KEY-----"}
    (finding,) = check_wheel(open_wheel(wheel(tmp_path, files=files))).findings
    assert (finding.code, finding.level, finding.subject) == ("WHL131", W, "acme/a.key")
    assert finding.message == "holds a private key"
