"""A clone of the environment under test with another wheel of the project: only the wheel may differ.

The other distributions are not installed again: their files are hard links to those of the environment. That needs no
index and no cache, cannot resolve to other versions, shares the page cache, and includes files that no RECORD lists.
Scripts get the shebang of the clone. Bytecode contains paths, so it is not linked: the warm-up writes it, unless it
must not, or the environment has a kind of bytecode that only a compiler writes.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.errors import CloneError, LimitExceededError
from tox_prodsim.model.installed_metadata import named_distributions, read_text
from tox_prodsim.model.runner import BoundedCall, P, Runner, T, unbounded

_CREATE_LIMIT_S = 120.0
_COMPILE_LIMIT_S = 300.0
_SHEBANG_LIMIT = 127
"""Bytes of a first line that every kernel reads; for a longer one pip and uv write another form."""
_VIRTUALENV = (
    "import sys, json; sys.path += json.loads(sys.argv.pop(1)); from virtualenv import cli_run; "
    "cli_run(sys.argv[1:], setup_logging=False)"
)
"""Runs virtualenv with the import path of this process, which is the first argument."""
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
)
"""What a wheel, and what is installed, can raise."""
_MODES = {0: "timestamp", 1: "unchecked-hash", 3: "checked-hash"}
"""PEP 552: the flags of a bytecode file, and the names that compileall has for them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """The paths of one environment."""

    prefix: Path
    """Its folder."""
    python: Path
    site_packages: Path
    scripts: Path
    base_python: Path
    """The Python from which it was made."""

    def at(self, prefix: Path) -> Site:
        """Return the same environment in another folder."""
        moved = {
            name: prefix / getattr(self, name).relative_to(self.prefix)
            for name in ("python", "site_packages", "scripts")
        }
        return Site(prefix=prefix, base_python=self.base_python, **moved)


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherWheel:
    """The wheel that is installed in the clone, which has been read within the limits of a wheel."""

    path: Path
    commands: tuple[EntryPoint, ...] = ()
    """The entry points for which an installer writes a command."""


def clone(
    site: Site,
    prefix: Path,
    *,
    name: str,
    wheel: OtherWheel,
    runner: Runner,
    call: BoundedCall = unbounded,
    writes_bytecode: bool = True,
) -> Site:
    """Return a clone of ``site`` in ``prefix``, with this wheel in place of the distribution ``name``.

    What is in the folder is removed first. Unless the program that is timed ``writes_bytecode``, all modules that have
    bytecode in ``site`` are compiled, which takes 10 ms a module. All files are read by ``call``. Raises CloneError.
    """
    if os.name == "nt":
        msg = "the scripts of an environment cannot be taken over on Windows"
        raise CloneError(msg)
    own = bounded(call, _own_files, site, name)
    shutil.rmtree(prefix, ignore_errors=True)
    target = site.at(prefix)
    _create(target, runner)
    bounded(call, _fill, site, target, own, wheel)
    left_out = {"timestamp"} if writes_bytecode else set()
    for mode, paths in bounded(call, _modes, site, target, own).items():
        if mode not in left_out:
            _compile(target, mode, paths, runner)
    return target


def bounded(call: BoundedCall, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function makes of what is installed, and of the other wheel; raises CloneError, and Cancelled."""
    try:
        return call(function, *args, **kwargs)
    except LimitExceededError as problem:
        msg = f"making a second environment was ended: {problem}"
        raise CloneError(msg) from problem
    except _UNREADABLE as problem:
        msg = f"a second environment cannot be made: {problem}"
        raise CloneError(msg) from problem


def _create(target: Site, runner: Runner) -> None:
    """Make an empty environment, with the virtualenv that tox itself uses."""
    # -I would hide a virtualenv that is installed for the user only, so the import path is passed on.
    options = ["--python", str(target.base_python), "--no-seed", "--no-periodic-update", "--no-vcs-ignore"]
    argv = [sys.executable, "-I", "-c", _VIRTUALENV, json.dumps(sys.path), str(target.prefix), *options]
    completed = runner(argv, timeout_s=_CREATE_LIMIT_S)
    if completed.returncode != 0 or not target.site_packages.is_dir():
        last = completed.stderr.decode(errors="replace").strip().splitlines()[-1:]
        msg = f"virtualenv made no second environment: {''.join(last) or 'its layout is another'}"
        raise CloneError(msg)


def _own_files(site: Site, name: str) -> frozenset[Path]:
    """Return the files of the distribution under test, by its RECORD."""
    found = named_distributions(site.site_packages)
    own = [each for own_name, _, each in found if canonicalize_name(own_name) == canonicalize_name(name)]
    if not own or not all(read_text(each, "RECORD") for each in own):
        msg = f"what {name} has installed is not recorded"
        raise CloneError(msg)
    return frozenset(path for each in own for path in _recorded_files(site, each))


def _recorded_files(site: Site, distribution: Distribution) -> Iterator[Path]:
    for row in csv.reader(read_text(distribution, "RECORD").splitlines()):
        if row:
            yield Path(os.path.normpath(site.site_packages / row[0]))


def _shared_files(site: Site, own: frozenset[Path]) -> Iterator[Path]:
    """Yield the files of the other distributions: those of site-packages, the scripts, and what RECORDs list."""
    yield from (path for path in _walk(site.site_packages) if path not in own)
    for path in _walk(site.scripts):
        if path not in own and not _belongs_to_env(path):
            yield path
    for distribution in distributions(path=[str(site.site_packages)]):
        for path in _recorded_files(site, distribution):
            inside = path.is_relative_to(site.site_packages) or path.parent == site.scripts
            if not inside and path.is_relative_to(site.prefix) and path not in own and path.is_file():
                yield path


def _walk(folder: Path) -> Iterator[Path]:
    """Yield files, and links to folders, without bytecode."""
    for top, folders, files in os.walk(folder):
        links = [name for name in folders if Path(top, name).is_symlink()]
        folders[:] = [name for name in folders if name != "__pycache__" and name not in links]
        yield from (Path(top, name) for name in [*files, *links] if not name.endswith(".pyc"))


def _belongs_to_env(script: Path) -> bool:
    return script.name.lower().startswith(("python", "pypy", "activate", "deactivate", "pydoc"))


def _link(path: Path, to: Path, site: Site, target: Site) -> None:
    """Put one file into the clone, as a hard link where possible."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)
    if path.is_symlink():
        to.symlink_to(path.readlink())
    elif path.parent == site.scripts and (script := _adapt_script(path, site, target)) is not None:
        to.write_bytes(script)
        shutil.copymode(path, to)
    else:
        try:
            to.hardlink_to(path)
        except OSError:  # another file system, too many links
            shutil.copy2(path, to)


def _adapt_script(path: Path, site: Site, target: Site) -> bytes | None:
    """Return a script with the Python of the clone in its first two lines; None: they name no Python of ``site``."""
    content = path.read_bytes()
    head, rest = _split_two_lines(content)
    folder = os.fsencode(f"{site.scripts}{os.sep}")
    if not content.startswith(b"#!") or folder not in head:
        return None
    head = head.replace(folder, os.fsencode(f"{target.scripts}{os.sep}"))
    first, _, more = head.partition(b"\n")
    if len(first) > _SHEBANG_LIMIT and first.startswith(b"#!/"):
        program, _, options = first[2:].partition(b" ")
        first = b"#!/bin/sh\n'''exec' \"%b\" %b \"$0\" \"$@\"\n' '''" % (program, options)
    return first + b"\n" + more + rest


def _split_two_lines(content: bytes) -> tuple[bytes, bytes]:
    end = content.find(b"\n", content.find(b"\n") + 1) + 1
    return content[:end], content[end:]


def _fill(site: Site, target: Site, own: frozenset[Path], wheel: OtherWheel) -> None:
    """Put the other distributions into the clone, and then the wheel."""
    for path in _shared_files(site, own):
        _link(path, target.prefix / path.relative_to(site.prefix), site, target)
    _unpack(wheel.path, target)
    for command in wheel.commands:
        _write_script(command, site, target)


def _unpack(wheel: Path, target: Site) -> None:
    """Install the files of the wheel as an installer does (binary distribution format)."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                _extract(archive, member, _destination(member.filename, target), target)


def _destination(name: str, target: Site) -> Path | None:
    """Return where a member of a wheel belongs; None: it is not used at run time."""
    top, _, inner = name.partition("/")
    kind, _, rest = inner.partition("/")
    if not top.endswith(".data"):
        return target.site_packages / name
    schemes = {
        "purelib": target.site_packages,
        "platlib": target.site_packages,
        "scripts": target.scripts,
        "data": target.prefix,
    }
    return schemes[kind] / rest if kind in schemes else None


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, to: Path | None, target: Site) -> None:
    if to is None or not Path(os.path.normpath(to)).is_relative_to(target.prefix):
        return
    is_script = to.parent == target.scripts
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)  # it may be a link to a file of the environment under test
    with archive.open(member) as content, to.open("wb") as file:
        first = content.readline(4096) if is_script else b""
        file.write(b"#!" + os.fsencode(target.python) + b"\n" if first.startswith(b"#!python") else first)
        shutil.copyfileobj(content, file)
    to.chmod(0o755 if is_script or member.external_attr >> 16 & 0o111 else 0o644)


def _write_script(command: EntryPoint, site: Site, target: Site) -> None:
    """Write the script of an entry point; that of the installer for the same one is used, so that both start alike."""
    first, to = command.attr.partition(".")[0], target.scripts / command.name
    if not first or to.parent != target.scripts:
        return
    to.unlink(missing_ok=True)
    start = f"from {command.module} import {first}"
    with suppress(OSError):
        script = _adapt_script(site.scripts / command.name, site, target)
        if script is not None and start.encode() in script:
            to.write_bytes(script)
    if not to.exists():
        to.write_text(f"#!{target.python}\nimport sys\n{start}\nsys.exit({command.attr}())\n", encoding="utf-8")
    to.chmod(0o755)


def _compile(target: Site, mode: str, paths: Iterable[Path], runner: Runner) -> None:
    """Compile modules of the clone."""
    listed = target.prefix / f"compile-{mode}.txt"
    listed.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    options = ["-q", "-q", "--invalidation-mode", mode, "-i", str(listed)]
    # What cannot be compiled, such as a template, has no bytecode in the environment under test either.
    runner([str(target.python), "-I", "-m", "compileall", *options], timeout_s=_COMPILE_LIMIT_S)
    listed.unlink()


def _modes(site: Site, target: Site, own: frozenset[Path]) -> dict[str, list[Path]]:
    """Return the modules of the clone that have bytecode in ``site``, by its mode; the wheel's in that of the other."""
    found: dict[str, list[Path]] = {}
    usual = _usual_mode(own)
    for path in _walk(target.site_packages):
        if path.suffix == ".py":
            original = site.prefix / path.relative_to(target.prefix)
            mode = _mode(original) if original.exists() and original not in own else usual
            if mode:
                found.setdefault(mode, []).append(path)
    return found


def _usual_mode(own: frozenset[Path]) -> str | None:
    """Return how the distribution under test was compiled; None: it was not."""
    modes = [mode for path in own if path.suffix == ".py" and (mode := _mode(path)) is not None]
    return max(set(modes), key=modes.count) if modes else None


def _mode(source: Path) -> str | None:
    """Return how the bytecode of a source file is validated; None: there is no bytecode."""
    for cached in source.parent.glob(f"__pycache__/{source.stem}.*.pyc"):
        if ".opt-" not in cached.name:
            with cached.open("rb") as file:
                return _MODES.get(int.from_bytes(file.read(8)[4:], "little"))
    return None
