"""Make little wheels, sound ones and broken ones, and put them into environments."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tox_prodsim.checks.artifact import Wheel, open_wheel, script_files, start_files
from tox_prodsim.checks.installed import Distribution

Lines = list[str]


def wheel(
    folder: Path,
    *,
    name: str = "acme",
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    requires: Sequence[str] = (),
    entry_points: str = "",
    tag: str = "py3-none-any",
    file_name: str = "",
    metadata: str | None = None,
    wheel_file: str | None = None,
    edit_record: Callable[[Lines], Lines | None] = lambda lines: lines,
    unrecorded: Iterable[tuple[str, str]] = (),
    mode: int = 0o100644,
) -> Path:
    """Write the wheel of a distribution; ``metadata`` and ``wheel_file`` are the text of those files.

    An ``edit_record`` that returns None leaves RECORD out; ``unrecorded`` members are added behind its back;
    ``mode`` is that of all members.
    """
    dist_info = f"{name}-{version}.dist-info"
    members: dict[str, str | bytes] = dict({"acme/__init__.py": ""} if files is None else files)
    own = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.8"
    fields = [own, *(f"Requires-Dist: {r}" for r in requires)]
    members[f"{dist_info}/METADATA"] = "\n".join(fields) + "\n" if metadata is None else metadata
    members[f"{dist_info}/WHEEL"] = f"Wheel-Version: 1.0\nTag: {tag}\n" if wheel_file is None else wheel_file
    if entry_points:
        members[f"{dist_info}/entry_points.txt"] = entry_points
    lines = edit_record(
        [
            *(_line(path, text if isinstance(text, bytes) else text.encode()) for path, text in members.items()),
            f"{dist_info}/RECORD,,",
        ]
    )
    recorded = [*members.items(), *([] if lines is None else [(f"{dist_info}/RECORD", "\n".join(lines) + "\n")])]
    path = folder / (file_name or f"{name}-{version}-{tag}.whl")
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about duplicates, which are wanted
        for member, text in [*recorded, *unrecorded]:
            info = zipfile.ZipInfo(member)
            info.external_attr = mode << 16 | 0x20  # a file; with nothing at all, zipfile would store a mode of its own
            archive.writestr(info, text)
    return path


def _line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}"


def subject_of(opened: Wheel, *, extras: tuple[str, ...] = ()) -> Distribution:
    """Return what the checks of the installed distribution are told about a wheel."""
    return Distribution(
        name=opened.name,
        version=opened.version,
        requires=opened.requires,
        requires_python=opened.requires_python,
        extras=extras,
        top_levels=opened.top_levels,
        modules=opened.modules,
        extensions=opened.extensions,
        entry_points=opened.entry_points,
        script_files=tuple(script_files(opened)),
        start_files=tuple(start_files(opened)),
        classifiers=opened.classifiers,
    )


@dataclass(frozen=True)
class Ended:
    """How a program ended, as ``running.Completed`` does."""

    returncode: int | None
    timed_out: bool
    stdout: bytes
    stderr: bytes
    left: tuple[()] = ()


@dataclass
class Env:
    """A virtual environment without pip; ``argvs`` are what was run in it by ``run``, ``endings`` how it ended."""

    folder: Path
    argvs: list[Sequence[str]] = field(default_factory=list)
    endings: list[Ended] = field(default_factory=list)

    @classmethod
    def create(cls, folder: Path) -> Env:
        """Make an empty environment, on the Python that runs the tests."""
        subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)], check=True)
        return cls(folder)

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def scripts_dir(self) -> Path:
        return self.folder / "bin"

    @property
    def site_packages(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"))

    def install(self, path: Path) -> Wheel:
        """Unpack the wheel and write its commands, as an installer would."""
        opened = open_wheel(path)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(self.site_packages)
        for point in opened.scripts:
            script = self.scripts_dir / point.name
            body = f"import sys\nfrom {point.module} import {point.attr}\nsys.exit({point.attr}())\n"
            script.write_text(f"#!{self.python} -I\n{body}")
            script.chmod(0o755)
        for name in script_files(opened):
            self._install_script(self.site_packages / f"{opened.dist_info.removesuffix('.dist-info')}.data", name)
        return opened

    def _install_script(self, data: Path, name: str) -> None:
        """Move a file of the scripts folder beside the commands, as an installer would."""
        text = (data / "scripts" / name).read_bytes()
        script = self.scripts_dir / name
        script.write_bytes(text.replace(b"#!python\n", f"#!{self.python}\n".encode(), 1))
        script.chmod(0o755)

    def run(self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] | None = None) -> Ended:
        """Run a program to its end in an empty folder, with some more variables."""
        self.argvs.append(argv)
        ended = self._run(argv, timeout_s, {**os.environ, **(variables or {})})
        self.endings.append(ended)
        return ended

    def _run(self, argv: Sequence[str], timeout_s: float, environ: Mapping[str, str]) -> Ended:
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        try:
            ran = subprocess.run(
                argv,
                cwd=scratch,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            return Ended(None, True, expired.stdout or b"", expired.stderr or b"")
        return Ended(ran.returncode, False, ran.stdout, ran.stderr)
