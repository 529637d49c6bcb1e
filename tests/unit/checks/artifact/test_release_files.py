"""What the files of a release have to agree on."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_folder, check_same_metadata, open_wheel, read_folder, read_metadata
from tox_prodsim.model.findings import Level

METADATA = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"


def found(tmp_path: Path, *names: str) -> list[tuple[str, Level, str, str]]:
    for name in names:
        (tmp_path / name).touch()
    findings = check_folder(read_folder(tmp_path, "dist/")).findings
    return [(each.code, each.level, each.subject, each.message) for each in findings]


def metadata(tmp_path: Path, **fields: str) -> list[tuple[Level, str, str]]:
    """Return what is found of wheels with these lines in METADATA, by the Python that they are for."""
    wheels = [
        wheel(tmp_path, tag=f"{python}-{python}-win32", metadata=METADATA + text) for python, text in fields.items()
    ]
    findings = check_same_metadata([read_metadata(open_wheel(path)) for path in wheels]).findings
    return [(each.level, each.subject, each.message) for each in findings]


def test_a_complete_release_has_no_findings(tmp_path: Path) -> None:
    names = ["acme-1-cp311-cp311-win32.whl", "acme-1-cp39-abi3-win32.whl", "acme-1-py3-none-any.whl", "acme-1.tar.gz"]
    assert found(tmp_path, *names) == []


def test_files_of_other_versions_are_named_by_their_version(tmp_path: Path) -> None:
    names = ["acme-1-py3-none-any.whl", "acme-1-cp311-cp311-win32.whl", "acme-1.tar.gz", "acme-2.dev1-py3-none-any.whl"]
    assert found(tmp_path, *names, "acme-2-py3-none-any.whl", "acme-2.tar.gz") == [
        ("WHL160", Level.ERROR, f"{names[1]}, {names[0]}", "are of version 1, the release is 2"),
        ("WHL160", Level.ERROR, names[3], "is of version 2.dev1, the release is 2"),
        ("SDI220", Level.ERROR, names[2], "is of version 1, the release is 2"),
    ]


def test_a_local_version_is_another_version(tmp_path: Path) -> None:
    names = ["acme-1+cu118-py3-none-any.whl", "acme-1-py3-none-any.whl"]
    assert [each[:2] for each in found(tmp_path, *names)] == [("WHL160", Level.ERROR)]


def test_two_spellings_of_one_sdist_are_two(tmp_path: Path) -> None:
    names = ["Acme-1.0.tar.gz", "acme-1.0.tar.gz"]
    message = "are 2 sdists of 1.0, an index takes one"
    assert found(tmp_path, *names) == [("SDI220", Level.ERROR, " and ".join(names), message)]


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        pytest.param("acme-1-py2.py3-none-any", "acme-1-py3-none-any", Level.ERROR, id="a set of tags"),
        pytest.param("Acme-1-py3-none-any", "acme-1-py3-none-any", Level.ERROR, id="two spellings"),
        pytest.param("acme-1.0-py3-none-any", "acme-1-py3-none-any", Level.ERROR, id="two spellings of the version"),
        pytest.param("acme-1-1-py3-none-any", "acme-1-2-py3-none-any", Level.WARNING, id="two builds"),
        pytest.param("acme-1-cp39-abi3-win32", "acme-1-cp311-cp311-win32", None, id="the stable ABI beside a Python"),
        pytest.param(
            "acme-1-py3-none-macosx_11_0_arm64", "acme-1-py3-none-macosx_11_0_universal2", None, id="universal2"
        ),
        pytest.param(
            "acme-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "acme-1-cp311-cp311-manylinux2014_x86_64",
            Level.ERROR,
            id="two names of one platform",
        ),
    ],
)
def test_two_wheels_for_one_tag_are_found(tmp_path: Path, one: str, other: str, level: Level | None) -> None:
    expected = [] if level is None else [("WHL162", level)]
    assert [each[:2] for each in found(tmp_path, f"{one}.whl", f"{other}.whl")] == expected


def test_other_files_are_warned_of_and_many_are_counted(tmp_path: Path) -> None:
    names = [f"log{at}.txt" for at in range(9)]
    assert [each[2:] for each in found(tmp_path, "acme-1.tar.gz", "acme-1.zip", *names)] == [
        ("acme-1.zip", "is neither a wheel nor an sdist: an sdist is a .tar.gz"),
        *((name, "is neither a wheel nor an sdist") for name in names[:5]),
        ("log5.txt, log6.txt, log7.txt and 1 more", "are neither wheels nor sdists"),
    ]


def test_the_same_metadata_in_another_order_are_the_same(tmp_path: Path) -> None:
    one = "Requires-Dist: b>=1\nRequires-Dist: A[x] ; python_version < '3.9'\nClassifier: X\nClassifier: Y\n\ntext\n"
    other = 'Classifier: Y\nClassifier: X\nRequires-Dist: a[x]; python_version<"3.9"\nRequires-Dist: b>=1\n\ntext\r\n'
    assert metadata(tmp_path, cp310=one, cp311=other) == []


def test_other_requirements_are_an_error_and_other_texts_a_warning(tmp_path: Path) -> None:
    one, other = "Summary: first\n", "Summary: second\nRequires-Dist: colorama\n"
    names = [f"acme-1.0-{python}-{python}-win32.whl" for python in ("cp310", "cp311", "cp312")]
    assert metadata(tmp_path, cp310=one, cp311=one, cp312=other) == [
        (
            Level.ERROR,
            "Requires-Dist",
            f"is colorama in {names[2]}, but nothing in {names[0]} and 1 more wheel",
        ),
        (
            Level.WARNING,
            "Summary",
            f"is second in {names[2]}, but first in {names[0]} and 1 more wheel",
        ),
    ]


def test_of_many_values_the_first_other_one_is_shown(tmp_path: Path) -> None:
    texts = {f"cp31{at}": f"Requires-Python: >=3.{at}\n" for at in range(4)}
    [(level, subject, message)] = metadata(tmp_path, **texts)
    assert (level, subject) == (Level.ERROR, "Requires-Python")
    assert message.endswith("; and 2 more values")
