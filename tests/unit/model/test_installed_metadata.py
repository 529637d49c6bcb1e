"""What is installed is known, also where its metadata is not UTF-8, or hardly there."""

from __future__ import annotations

from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from tox_prodsim.model.installed_metadata import named_distributions, read_text

LATIN = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nAuthor: Jos\u00e9\n".encode("latin-1")


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        pytest.param("acme-1.0.dist-info", {"METADATA": LATIN}, [("acme", "1.0")], id="not UTF-8"),
        pytest.param("acme-1.0.egg-info", {"PKG-INFO": LATIN}, [("acme", "1.0")], id="an egg, not UTF-8"),
        pytest.param("acme-1.0.dist-info", {"METADATA": b"Name: acme\n"}, [("acme", "")], id="no version"),
        pytest.param("acme-1.0.dist-info", {"RECORD": b""}, [], id="what an interrupted uninstallation left"),
    ],
)
def test_a_distribution_is_named_by_its_metadata(
    tmp_path: Path, name: str, files: dict[str, bytes], expected: list[tuple[str, str]]
) -> None:
    (tmp_path / name).mkdir()
    for file, content in files.items():
        (tmp_path / name / file).write_bytes(content)
    assert [(name, version) for name, version, _ in named_distributions(tmp_path)] == expected


def test_an_egg_of_one_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "acme-1.0.egg-info").write_text("Name: acme\nVersion: 1.0\n")
    assert [(name, version) for name, version, _ in named_distributions(tmp_path)] == [("acme", "1.0")]


def test_what_cannot_be_decoded_is_marked(tmp_path: Path) -> None:
    (tmp_path / "RECORD").write_bytes(b"acme/\xe9.py,,\n")
    found = PathDistribution(tmp_path)
    assert read_text(found, "RECORD") == "acme/\ufffd.py,,\n"
    assert read_text(found, "METADATA") == ""
