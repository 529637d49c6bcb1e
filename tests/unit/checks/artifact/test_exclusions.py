from __future__ import annotations

import tomllib

import pytest

from tox_prodsim.checks.artifact.exclusions import excluded, is_excluded

FILE = "src/acme/notes/a.json"


def patterns(pyproject: str = "", **texts: str) -> tuple[str, ...]:
    files = {name.replace("_", "."): text.encode() for name, text in texts.items()}
    return excluded(files, tomllib.loads(pyproject))


@pytest.mark.parametrize(
    "pyproject",
    [
        pytest.param("[tool.hatch.build]\nexclude = ['/src/acme/notes']", id="hatchling"),
        pytest.param("[tool.hatch.build.targets.wheel]\nexclude = ['*.json']", id="hatchling, the wheel"),
        pytest.param("[tool.poetry]\nexclude = ['src/acme/notes/*.json']", id="poetry"),
        pytest.param("[tool.poetry]\nexclude = [{path = '**/a.json'}]", id="poetry, a table"),
        pytest.param("[tool.setuptools.exclude-package-data]\nacme = ['notes/*']", id="setuptools"),
        pytest.param("[tool.uv.build-backend]\nwheel-exclude = ['notes/**']", id="uv"),
        pytest.param("[tool.pdm.build]\nexcludes = ['src/acme/notes']", id="pdm"),
        pytest.param("[tool.scikit-build]\nwheel.exclude = ['**.json']", id="scikit-build-core"),
    ],
)
def test_the_configuration_excludes_it(pyproject: str) -> None:
    assert is_excluded(FILE, patterns(pyproject))
    assert not is_excluded("src/acme/rules.txt", patterns(pyproject))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup_cfg", "[options.exclude_package_data]\nacme =\n    notes/*.json\n"),
        ("MANIFEST_in", "include README\nrecursive-exclude src *.json\n"),
        ("MANIFEST_in", "prune src/acme/notes\n"),
        ("MANIFEST_in", "global-exclude *.json *.tmp\n"),
    ],
)
def test_files_of_setuptools_exclude_it(name: str, text: str) -> None:
    assert is_excluded(FILE, patterns(**{name: text}))
    assert not is_excluded("src/acme/rules.txt", patterns(**{name: text}))


def test_other_tools_and_broken_files_exclude_nothing() -> None:
    assert patterns("[tool.ruff]\nexclude = ['*.json']") == ()
    assert patterns(setup_cfg="no section") == ()
    assert patterns("[tool.hatch.build]\nexclude = ['*']") == ()
