"""The corpus: releases on the index that are good, and some that are broken; and how their files are had."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock

CORPUS = Path(__file__).parents[1] / "corpus"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One file of the index, and the codes that are rightly reported of it; ``why`` it is in the corpus."""

    requirement: str
    why: str
    sdist: bool = False
    beside: bool = False
    """Whether the sdist lies beside the wheel that is given."""
    kind: str = ""
    codes: tuple[str, ...] = ()
    config: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    always: bool = False

    def __str__(self) -> str:
        return f"{self.requirement} sdist" if self.sdist else self.requirement


def good() -> list[Release]:
    """Return the good ones; their codes are findings that are true."""
    return _releases("good.toml", lambda entry: [code for code, _reason in entry.pop("true", [])])


def broken() -> list[Release]:
    """Return the broken ones; their codes are those that must be found."""
    return _releases("broken.toml", lambda entry: entry.pop("codes"))


def _releases(name: str, codes: Callable[[dict[str, Any]], list[str]]) -> list[Release]:
    tables = tomllib.loads((CORPUS / name).read_text("utf-8"))
    return [
        Release(requirement=entry.pop("release"), codes=tuple(codes(entry)), sdist=form == "sdist", **entry)
        for form in ("wheel", "sdist")
        for entry in tables[form]
    ]


class Downloads:
    """Files of the index in a folder: each is fetched once, whoever asks first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, requirement: str, *, sdist: bool = False) -> Path:
        """Return the file of ``name==version``, the wheel for this Python or the sdist."""
        folder = self._folder / (f"{requirement}-sdist" if sdist else requirement)
        with FileLock(self._folder.with_suffix(".lock")):
            if not folder.exists():
                self._fetch(requirement, Path(f"{folder}.part"), sdist=sdist)
                Path(f"{folder}.part").rename(folder)
        (file,) = folder.iterdir()
        return file

    def _fetch(self, requirement: str, folder: Path, *, sdist: bool) -> None:
        """Have pip download it, in the first way that goes."""
        download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
        only = f"--no-binary={requirement.partition('==')[0]}" if sdist else "--only-binary=:all:"
        said = ""
        for python, *options in self._ways(sdist=sdist):
            argv = [python, *download, only, *options, requirement]
            ran = subprocess.run(argv, check=False, capture_output=True, text=True)
            if ran.returncode == 0:
                return
            said = ran.stderr
        raise LookupError(f"{requirement} cannot be downloaded: {said}")

    def _ways(self, *, sdist: bool) -> Iterator[list[str]]:
        """Yield Pythons with options of pip: it refuses metadata that old tools wrote, and sdists that do not build."""
        yield [sys.executable if find_spec("pip") else self._python_with()]
        if sdist:
            yield [self._python_with("setuptools", "wheel"), "--no-build-isolation"]
        else:
            yield [self._python_with("pip<24.1")]

    def _python_with(self, *tools: str) -> str:
        """Return a Python of its own that has pip and these tools: an environment made by uv has none."""
        folder = self._folder.with_name("-".join(["with-pip", *tools]))
        python = str(folder / "bin" / "python")
        if not folder.exists():
            venv.create(folder, with_pip=True)
            if tools:
                subprocess.run([python, "-m", "pip", "install", "--quiet", *tools], check=True)
        return python
