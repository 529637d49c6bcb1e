"""WHL160 to WHL166, SDI220 and BLD107: folders with the files of a release."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from support.sdists import sdist
from support.wheels import wheel
from tox_prodsim.checks.artifact import (
    check_coverage,
    check_folder,
    check_given,
    check_same_metadata,
    open_sdist,
    open_wheel,
    read_folder,
    read_metadata,
)
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.runner import unbounded
from tox_prodsim.run import release

NEW, OLD = "2.1.0", "2.0.0"


def acme(folder: Path, tag: str = "py3-none-any", *, version: str = NEW, requires: Iterable[str] = ()) -> Path:
    return wheel(folder, version=version, tag=tag, requires=tuple(requires))


def of_folder(folder: Path) -> Iterable[Finding]:
    return check_folder(read_folder(folder, "dist")).findings


def old_wheel(folder: Path) -> Iterable[Finding]:
    acme(folder), acme(folder, version=OLD)
    return of_folder(folder)


def old_sdist(folder: Path) -> Iterable[Finding]:
    acme(folder)
    sdist(folder, file_name=f"acme-{OLD}.tar.gz")
    return of_folder(folder)


def other_metadata(folder: Path) -> Iterable[Finding]:
    wheels = [
        acme(folder, "cp310-cp310-win_amd64", requires=["colorama"]),
        acme(folder, "cp311-cp311-win_amd64", requires=["colorama"]),
        acme(folder, "cp312-cp312-win_amd64"),
    ]
    return check_same_metadata([read_metadata(open_wheel(path)) for path in wheels]).findings


def same_tag(folder: Path) -> Iterable[Finding]:
    acme(folder), acme(folder, "py2.py3-none-any")
    return of_folder(folder)


def missing(folder: Path) -> Iterable[Finding]:
    acme(folder, "cp311-cp311-win_amd64"), acme(folder, "cp312-cp312-win_amd64")
    released = read_folder(folder, "dist").released
    claims = ["Programming Language :: Python :: 3.13"]
    return check_coverage(released, ">=3.11", claims, has_sdist=True).findings


def foreign(folder: Path) -> Iterable[Finding]:
    acme(folder)
    (folder / "SHA256SUMS").touch()
    return of_folder(folder)


def changed(folder: Path) -> Iterable[Finding]:
    under_test = open_wheel(acme(folder, "py2-none-any"))
    acme(folder)
    read = release.Release(folder=read_folder(folder, "dist"), digests={f"acme-{NEW}-py3-none-any.whl": "00" * 32})
    return release.check(read, under_test, None, unbounded).findings


def other_than_its_sdist(folder: Path) -> Iterable[Finding]:
    (folder / "built").mkdir()
    given = open_wheel(wheel(folder, files={"acme/__init__.py": "EDITED = True\n"}))
    built = wheel(folder / "built")
    return check_given(open_sdist(sdist(folder)), given, built, rebuild=lambda: built).findings


EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    "BLD107": other_than_its_sdist,
    "SDI220": old_sdist,
    "WHL160": old_wheel,
    "WHL161": other_metadata,
    "WHL162": same_tag,
    "WHL163": missing,
    "WHL164": foreign,
    "WHL166": changed,
}
