"""A package index in a folder, served as pip and uv expect it, and these two asked by it alone."""

from __future__ import annotations

import html
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.wheels import Ended, wheel
from tox_prodsim.checks.resolution import Pip, Uv, pip_of_virtualenv

BACKEND = """\
import zipfile
METADATA = "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    file, info = "{name}-{version}-py3-none-any.whl", "{name}-{version}.dist-info/"
    with zipfile.ZipFile(wheel_directory + "/" + file, "w") as archive:
        archive.writestr(info + "METADATA", METADATA)
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "")
    return file
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


class Index:
    """The projects of one folder; ``url`` is where they are served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self._yanked: dict[str, str] = {}

    def add(
        self, name: str, *versions: str, requires: Sequence[str] = (), tag: str = "py3-none-any", yanked: str = ""
    ) -> None:
        """Release wheels of these versions, each with a module named like the project."""
        for version in versions:
            place = self._place(name)
            files = {f"{name}/__init__.py": f"VERSION = {version!r}\n"}
            made = wheel(place, name=name, version=version, files=files, requires=requires, tag=tag)
            if yanked:
                self._yanked[made.name] = yanked
            self._list(place)

    def add_sdist(self, name: str, version: str, *, more: str = "") -> None:
        """Release an sdist that needs nothing to be built; ``more`` is for its build."""
        place = self._place(name)
        metadata = f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n"
        backend = BACKEND.format(name=name, version=version) + more
        with tarfile.open(place / f"{name}-{version}.tar.gz", "w:gz") as archive:
            for file, text in {"PKG-INFO": metadata, "pyproject.toml": PYPROJECT, "backend.py": backend}.items():
                path = self.folder / "file"
                path.write_text(text)
                archive.add(path, f"{name}-{version}/{file}")
        self._list(place)

    @property
    def variables(self) -> dict[str, str]:
        """Return what makes pip and uv ask this index and no other."""
        return {
            "PIP_INDEX_URL": f"{self.url}/simple/",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": "",
            "PIP_NO_CACHE_DIR": "1",
            "UV_DEFAULT_INDEX": f"{self.url}/simple/",
            "UV_NO_CONFIG": "1",
            "UV_CACHE_DIR": str(self.folder / "cache"),
        }

    def _place(self, name: str) -> Path:
        place = self.folder / "simple" / name
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _list(self, place: Path) -> None:
        links = [
            f"<a href='{path.name}'{self._mark(path.name)}>{path.name}</a>"
            for path in sorted(place.iterdir())
            if path.name != "index.html"
        ]
        (place / "index.html").write_text(f"<!DOCTYPE html><html><body>{' '.join(links)}</body></html>")

    def _mark(self, file: str) -> str:
        reason = self._yanked.get(file)
        return f" data-yanked='{html.escape(reason)}'" if reason else ""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing: the output of the tests is theirs."""


@contextmanager
def served(folder: Path) -> Iterator[Index]:
    """Have an empty index; what is added is there at once."""
    index = Index(folder)
    (folder / "simple").mkdir(parents=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        index.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()


def runner(variables: Mapping[str, str]) -> Callable[..., Ended]:
    """Return what runs an installer with these variables."""

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = variables) -> Ended:
        env = {**os.environ, **given, **variables}
        ran = subprocess.run(argv, env=env, capture_output=True, timeout=timeout_s, check=False)
        return Ended(ran.returncode, False, ran.stdout, ran.stderr)

    given = variables
    return run


def pip() -> Pip:
    return pip_of_virtualenv(Path(sys.executable), f"{sys.version_info.major}.{sys.version_info.minor}")


def unpacked(pip: Pip, folder: Path) -> Pip:
    """Return the same pip out of its wheel, where Python keeps its bytecode: it starts in a third of the time."""
    with zipfile.ZipFile(pip.program.parent) as archive:
        archive.extractall(folder)
    return Pip(python=pip.python, program=folder / "pip")


def uv() -> Uv:
    return Uv(python=Path(sys.executable), program=Path(sys.executable).with_name("uv"))
