"""The files of a release, and the list of their digests."""

from __future__ import annotations

import pytest

from tox_prodsim.model.release_files import FileKind, ReleaseFile, kind_of, sha256sums


def file(name: str, digest: str) -> ReleaseFile:
    return ReleaseFile(name=name, kind=FileKind.WHEEL, size_bytes=1, sha256=digest * 64)


def test_the_list_has_a_line_for_each_file_by_name() -> None:
    assert sha256sums([file("b.whl", "1"), file("a.tar.gz", "2")]) == f"{'2' * 64}  a.tar.gz\n{'1' * 64}  b.whl\n"
    assert not sha256sums([])


def test_a_name_that_would_end_a_line_is_escaped_as_coreutils_do() -> None:
    assert sha256sums([file("a\\b\nc\r.whl", "0")]) == f"\\{'0' * 64}  a\\\\b\\nc\\r.whl\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("acme-1.0-py3-none-any.whl", FileKind.WHEEL),
        ("acme-1.0.tar.gz", FileKind.SDIST),
        ("acme-1.0.zip", None),
        ("SHA256SUMS", None),
        ("acme-1.0-py3-none-any.whl.metadata", None),
    ],
)
def test_the_kind_is_in_the_name(name: str, kind: FileKind | None) -> None:
    assert kind_of(name) is kind
