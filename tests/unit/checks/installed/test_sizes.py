"""What is installed counts with its requirements, and without what an installer adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tox_prodsim.checks.installed import Distribution, TargetPython, sizes_in

PYTHON = TargetPython(version="3.9.2", implementation="cpython")


class Site:
    """A site-packages into which distributions are put one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "lib" / "site-packages"
        self.scripts = folder / "bin"

    def install(
        self,
        name: str,
        files: Mapping[str, int],
        requires: Sequence[str] = (),
        commands: str = "",
        version: str = "1.0",
    ) -> None:
        """Install files of so many bytes."""
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        own = {f"{info.name}/{each}": 100 for each in ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")}
        for path, size in {**files, **own}.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"x" * size)
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires)]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        (info / "RECORD").write_text("".join(f"{path},,\n" for path in (*files, *own)))
        (info / "entry_points.txt").write_text(f"[console_scripts]\n{commands}" if commands else "")

    def sizes(self, requires: tuple[str, ...] = (), extras: tuple[str, ...] = ()) -> Mapping[str, int]:
        distribution = Distribution(name="Acme", version="1.0", requires=requires, extras=extras)
        return sizes_in(self.folder, self.scripts, distribution, PYTHON).distributions


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_bytecode_notes_of_the_installer_and_commands_do_not_count(site: Site) -> None:
    files = {"acme.py": 3000, "__pycache__/acme.cpython-39.pyc": 5000, "old.pyc": 70, "../../bin/acme": 900}
    site.install("acme", files, commands="acme = acme:main\n")
    assert site.sizes() == {"acme==1.0": 3000}


def test_a_program_in_the_folder_of_the_commands_counts_without_the_line_that_has_a_path(site: Site) -> None:
    site.install("acme", {"../../bin/tool": 40_000, "../../bin/script": 1})
    (site.scripts / "script").write_bytes(b"#!/a/long/path/python\n" + b"x" * 500)
    assert site.sizes() == {"acme==1.0": 40_500}


def test_requirements_count_as_far_as_they_apply_and_nothing_else_of_the_environment(site: Site) -> None:
    site.install("acme", {"acme.py": 1})
    site.install("kit", {"kit.py": 10}, requires=["deep[fast]", "odd; extra == 'slow'"])
    site.install("deep", {"deep.py": 100}, requires=["quick; extra == 'fast'", "kit"])
    site.install("quick", {"quick.py": 1000})
    site.install("tomli", {"tomli.py": 10_000})
    site.install("odd", {"odd.py": 7}, requires=["not a requirement !"])
    site.install("pytest", {"pytest.py": 9})
    needed = {"acme==1.0": 1, "deep==1.0": 100, "kit==1.0": 10, "quick==1.0": 1000}
    assert site.sizes(("kit", "tomli; python_version >= '3.11'", "pytest; extra == 'test'", "absent")) == needed
    assert site.sizes(("kit", "tomli; python_version < '3.11'")) == {**needed, "tomli==1.0": 10_000}
    assert site.sizes(("kit", "pytest; extra == 'test'"), extras=("test",)) == {**needed, "pytest==1.0": 9}


def test_the_largest_files_are_named(site: Site) -> None:
    site.install("acme", {f"acme/m{number:03}.py": 1000 + number for number in range(320)} | {"acme/little.py": 10})
    files = sizes_in(site.folder, site.scripts, Distribution(name="acme", version="1.0"), PYTHON).files
    assert len(files) == 300
    assert min(files.values()) == 1020
