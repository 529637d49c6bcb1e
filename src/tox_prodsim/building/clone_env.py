"""A second environment like the one under test, with another wheel of the project in it: only the wheel may differ.

The other distributions are not installed again: what is installed is taken over file by file, as hard links. That needs
no index and no cache, cannot resolve to anything else, and keeps the same page cache; what no RECORD lists comes along.
Scripts get the shebang of the new place. Bytecode holds paths, so it is not taken over: what is timed writes its own in
the warm-up, unless it must not, or the first environment has a kind of bytecode that only a compiler makes.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.model.errors import CloneError
from tox_prodsim.model.runner import Runner

_CREATE_LIMIT_S = 120.0
_COMPILE_LIMIT_S = 300.0
_SHEBANG_LIMIT = 127
"""Bytes of a first line that every kernel reads; pip and uv write another form beyond it."""
_VIRTUALENV = "import sys, json; sys.path += json.loads(sys.argv.pop(1)); from virtualenv import cli_run as run; {run}"
_RUN = "run(sys.argv[1:], setup_logging=False)"
_MODES = {0: "timestamp", 1: "unchecked-hash", 3: "checked-hash"}
"""PEP 552: the flags of a bytecode file, and compileall's words for them; a checked hash costs time at every import."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """One environment: its folder, its Python, where packages and scripts are, and the Python it was made from."""

    prefix: Path
    python: Path
    site_packages: Path
    scripts: Path
    base_python: Path

    def at(self, prefix: Path) -> Site:
        """Return the same environment in another folder."""
        moved = {
            name: prefix / getattr(self, name).relative_to(self.prefix)
            for name in ("python", "site_packages", "scripts")
        }
        return Site(prefix=prefix, base_python=self.base_python, **moved)


def make(site: Site, prefix: Path, *, name: str, wheel: Path, runner: Runner, writes_bytecode: bool = True) -> Site:
    """Return a second environment in ``prefix``: that of ``site``, with this wheel in place of the distribution.

    What is in the folder is removed first. Unless what is timed ``writes_bytecode``, all that had some is compiled:
    10 ms a module. Raises Unclonable.
    """
    if os.name == "nt":
        msg = "the scripts of an environment cannot be taken over on Windows"
        raise CloneError(msg)
    own = _own_files(site, name)
    shutil.rmtree(prefix, ignore_errors=True)
    second = site.at(prefix)
    _create(second, runner)
    for path in _others(site, own):
        _take_over(path, second.prefix / path.relative_to(site.prefix), site, second)
    _unpack(wheel, site, second)
    _compile(site, second, own, runner, left_out={"timestamp"} if writes_bytecode else set())
    return second


def _create(second: Site, runner: Runner) -> None:
    """Make an environment with nothing in it, with the virtualenv that tox itself uses."""
    # Below the guard like everything else; -I would hide a virtualenv that is installed for the user only.
    code = _VIRTUALENV.format(run=_RUN)
    options = ["--python", str(second.base_python), "--no-seed", "--no-periodic-update", "--no-vcs-ignore"]
    argv = [sys.executable, "-I", "-c", code, json.dumps(sys.path), str(second.prefix), *options]
    ran = runner(argv, timeout_s=_CREATE_LIMIT_S)
    if ran.returncode != 0 or not second.site_packages.is_dir():
        last = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
        msg = f"virtualenv made no second environment: {''.join(last) or 'its layout is another'}"
        raise CloneError(msg)


def _own_files(site: Site, name: str) -> frozenset[Path]:
    """Return the files of the distribution under test, by its RECORD."""
    records = [found for found in distributions(path=[str(site.site_packages)]) if _is(found, name)]
    if not records or any(found.read_text("RECORD") is None for found in records):
        msg = f"what {name} has installed is not recorded"
        raise CloneError(msg)
    return frozenset(path for found in records for path in _recorded(site, found))


def _is(found: Distribution, name: str) -> bool:
    # A broken distribution, for example half of an uninstallation, has no name.
    return bool(found.metadata["Name"]) and canonicalize_name(found.metadata["Name"]) == canonicalize_name(name)


def _recorded(site: Site, found: Distribution) -> Iterator[Path]:
    for row in csv.reader((found.read_text("RECORD") or "").splitlines()):
        if row:
            yield Path(os.path.normpath(site.site_packages / row[0]))


def _others(site: Site, own: frozenset[Path]) -> Iterator[Path]:
    """Yield what belongs to the other distributions: all of site-packages and of the scripts, and what RECORDs name."""
    yield from (path for path in _walk(site.site_packages) if path not in own)
    for path in _walk(site.scripts):
        if path not in own and not _of_the_environment(path):
            yield path
    for found in distributions(path=[str(site.site_packages)]):
        for path in _recorded(site, found):
            inside = path.is_relative_to(site.site_packages) or path.parent == site.scripts
            if not inside and path.is_relative_to(site.prefix) and path not in own and path.is_file():
                yield path


def _walk(folder: Path) -> Iterator[Path]:
    """Yield files and links to folders; no bytecode."""
    for top, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(top, name))]  # noqa: PTH114, PTH118 - many files
        folders[:] = [name for name in folders if name != "__pycache__" and name not in links]
        yield from (Path(top, name) for name in [*files, *links] if not name.endswith(".pyc"))


def _of_the_environment(script: Path) -> bool:
    return script.name.lower().startswith(("python", "pypy", "activate", "deactivate", "pydoc"))


def _take_over(path: Path, to: Path, site: Site, second: Site) -> None:
    """Put one file at its place in the second environment, as a hard link where that can be."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)
    if path.is_symlink():
        to.symlink_to(path.readlink())
    elif path.parent == site.scripts and (moved := _moved_script(path, site, second)) is not None:
        to.write_bytes(moved)
        shutil.copymode(path, to)
    else:
        try:
            to.hardlink_to(path)
        except OSError:  # another file system, too many links
            shutil.copy2(path, to)


def _moved_script(path: Path, site: Site, second: Site) -> bytes | None:
    """Return a script with the Python of the second environment in its first two lines, None when it names none."""
    content = path.read_bytes()
    head, rest = _two_lines(content)
    ours = os.fsencode(f"{site.scripts}{os.sep}")
    if not content.startswith(b"#!") or ours not in head:
        return None
    head = head.replace(ours, os.fsencode(f"{second.scripts}{os.sep}"))
    first, _, more = head.partition(b"\n")
    if len(first) > _SHEBANG_LIMIT and first.startswith(b"#!/"):
        program, _, options = first[2:].partition(b" ")
        first = b"#!/bin/sh\n'''exec' \"%b\" %b \"$0\" \"$@\"\n' '''" % (program, options)
    return first + b"\n" + more + rest


def _two_lines(content: bytes) -> tuple[bytes, bytes]:
    end = content.find(b"\n", content.find(b"\n") + 1) + 1
    return content[:end], content[end:]


# the wheel


def _unpack(wheel: Path, site: Site, second: Site) -> None:
    """Install the wheel as an installer does (binary distribution format): its files, its scripts, its commands."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                _extract(archive, member, _place(member.filename, second), second)
        points = [name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")]
        text = archive.read(points[0]).decode() if points else ""
    for name, target in _commands(text):
        _write_command(name, target, site, second)


def _place(name: str, second: Site) -> Path | None:
    """Return where a member of a wheel belongs, None for what nobody reads at run time."""
    top, _, inner = name.partition("/")
    kind, _, rest = inner.partition("/")
    if not top.endswith(".data"):
        return second.site_packages / name
    schemes = {
        "purelib": second.site_packages,
        "platlib": second.site_packages,
        "scripts": second.scripts,
        "data": second.prefix,
    }
    return schemes[kind] / rest if kind in schemes else None


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, to: Path | None, second: Site) -> None:
    if to is None or not Path(os.path.normpath(to)).is_relative_to(second.prefix):
        return
    content = archive.read(member)
    is_script = to.parent == second.scripts
    if is_script and content.startswith(b"#!python"):
        content = b"#!" + os.fsencode(second.python) + content[content.index(b"\n") :]
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)  # never write into a file that is linked
    to.write_bytes(content)
    to.chmod(0o755 if is_script or member.external_attr >> 16 & 0o111 else 0o644)


def _commands(text: str) -> list[tuple[str, str]]:
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # the documented way to keep upper case
    parser.read_string(text)
    return [
        item for kind in ("console_scripts", "gui_scripts") if parser.has_section(kind) for item in parser.items(kind)
    ]


def _write_command(name: str, target: str, site: Site, second: Site) -> None:
    """Write a command; the text that the installer wrote for the same target serves again, so that both start alike."""
    module, _, attr = target.partition("[")[0].strip().partition(":")
    there, to = site.scripts / name, second.scripts / name
    to.unlink(missing_ok=True)
    with suppress(OSError):
        moved = _moved_script(there, site, second)
        if moved is not None and f"from {module.strip()} import {attr.split('.')[0].strip()}".encode() in moved:
            to.write_bytes(moved)
    if not to.exists():
        first = attr.strip().split(".")[0]
        body = f"import sys\nfrom {module.strip()} import {first}\nsys.exit({attr.strip()}())\n"
        to.write_text(f"#!{second.python}\n{body}", encoding="utf-8")
    to.chmod(0o755)


# bytecode


def _compile(site: Site, second: Site, own: frozenset[Path], runner: Runner, *, left_out: set[str]) -> None:
    """Compile what has bytecode in the first environment, the way it was compiled there; the wheel as its sibling."""
    wanted: dict[str, list[Path]] = {}
    usual = _usual_mode(own)
    for path in _walk(second.site_packages):
        if path.suffix == ".py":
            there = site.prefix / path.relative_to(second.prefix)
            mode = _mode(there) if there.exists() and there not in own else usual
            if mode and mode not in left_out:
                wanted.setdefault(mode, []).append(path)
    for mode, paths in wanted.items():
        listed = second.prefix / f"compile-{mode}.txt"
        listed.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
        options = ["-q", "-q", "--invalidation-mode", mode, "-i", str(listed)]
        # What cannot be compiled, such as a template, has no bytecode in the first environment either.
        runner([str(second.python), "-I", "-m", "compileall", *options], timeout_s=_COMPILE_LIMIT_S)
        listed.unlink()


def _usual_mode(own: frozenset[Path]) -> str | None:
    """Return how the distribution under test was compiled, None when it was not."""
    modes = [mode for path in own if path.suffix == ".py" and (mode := _mode(path)) is not None]
    return max(set(modes), key=modes.count) if modes else None


def _mode(source: Path) -> str | None:
    """Return how the bytecode beside a source file is validated, None when there is none."""
    for cached in source.parent.glob(f"__pycache__/{source.stem}.*.pyc"):
        if ".opt-" not in cached.name:
            with cached.open("rb") as file:
                return _MODES.get(int.from_bytes(file.read(8)[4:], "little"))
    return None
