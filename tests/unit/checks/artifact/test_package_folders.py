from __future__ import annotations

from pathlib import Path

from support.wheels import wheel

from tox_prodsim.checks.artifact import Wheel, open_wheel
from tox_prodsim.checks.artifact.package_folders import all_folders, package_folders


def built(folder: Path, *files: str) -> Wheel:
    return open_wheel(wheel(folder, files=dict.fromkeys(files, "")))


def test_a_package_is_found_wherever_its_modules_are(tmp_path: Path) -> None:
    opened = built(tmp_path, "acme/__init__.py", "acme/a.py")
    sources = ["lib/acme/__init__.py", "lib/acme/a.py", "tests/acme/__init__.py"]
    assert package_folders(sources, opened) == {"acme": "lib/acme"}
    assert package_folders(["tests/acme/__init__.py"], opened) == {}


def test_modules_of_a_namespace_have_a_folder_as_well(tmp_path: Path) -> None:
    opened = built(tmp_path, "ns/a.py", "ns/part/__init__.py")
    sources = ["src/ns/a.py", "src/ns/part/__init__.py"]
    assert package_folders(sources, opened) == {"ns/part": "src/ns/part"}
    assert all_folders(sources, opened) == {"ns": "src/ns", "ns/part": "src/ns/part"}


def test_a_module_alone_has_no_folder(tmp_path: Path) -> None:
    assert all_folders(["src/acme.py"], built(tmp_path, "acme.py")) == {}
