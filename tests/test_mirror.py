"""Tests lie beside what they test: in ``tests/unit`` and ``tests/processes`` as ``<package>/test_<module>.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tox_prodsim

TESTS = Path(__file__).parent
PACKAGE = Path(tox_prodsim.__file__).parent
KINDS = ("unit", "processes")


def subjects(folder: Path) -> set[str]:
    """Return what the tests in a folder may be named for: the modules of its package, and the package itself."""
    package = TESTS / folder if folder.parts[:1] == ("support",) else PACKAGE / folder
    return {path.stem for path in package.glob("*.py") if path.stem != "__init__"} | {package.name}


def misplaced(test: Path, names: set[str]) -> bool:
    """Return whether a test is named neither for one of these, nor for one of them and what of it is tested."""
    name = test.stem.removeprefix("test_")
    return not any(name == each or name.startswith(f"{each}_") for each in names)


def files() -> Iterator[tuple[str, Path]]:
    """Yield every file of tests that mirrors a module, by its kind and its path below that."""
    for kind in KINDS:
        yield from ((kind, path.relative_to(TESTS / kind)) for path in sorted((TESTS / kind).rglob("test_*.py")))


def test_every_file_of_tests_is_named_for_a_module_of_its_package() -> None:
    assert [f"{kind}/{test}" for kind, test in files() if misplaced(test, subjects(test.parent))] == []


@pytest.mark.parametrize(
    ("name", "is_misplaced"),
    [
        pytest.param("test_stats.py", False, id="a module"),
        pytest.param("test_stats_noise.py", False, id="a part of a module"),
        pytest.param("test_timing_document.py", False, id="the package itself"),
        pytest.param("test_statistics.py", True, id="no module"),
        pytest.param("test_noise.py", True, id="a part alone"),
    ],
)
def test_a_name_that_fits_no_module_is_seen(name: str, is_misplaced: bool) -> None:
    assert misplaced(Path("timing") / name, {"stats", "timing"}) is is_misplaced
