"""The wheel under test: which file it is, where it comes from, and which configurations cannot be tested."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tox.tox_env.python.package import EditableLegacyPackage, EditablePackage, SdistPackage, WheelPackage
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import frontend, reference_wheel, unpacking
from tox_prodsim.checks import artifact
from tox_prodsim.model import files
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import RunStarted
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.release_files import kind_of
from tox_prodsim.model.runner import BoundedCall
from tox_prodsim.plugin.config.defaults import builds_no_wheel
from tox_prodsim.plugin.context import runners
from tox_prodsim.plugin.packages import given
from tox_prodsim.plugin.packages.build_record import BuildRecord
from tox_prodsim.plugin.paths import wheels_of
from tox_prodsim.run.context import WheelUnderTest

_LOGGER = logging.getLogger(__name__)
_RECORD, _RECORD_BYTES = "wheel.json", 1 << 16
"""The file that names the wheel which an earlier run installed, and the size of the largest one that is read."""
_PROJECT_FILES = ("pyproject.toml", "setup.py")
_TESTABLE = {"wheel", "sdist-wheel", "sdist", "external"}


def refuse_unusable(tox_env: PythonRun) -> None:
    """Raise ProdsimError when this environment cannot install a wheel that can be uploaded."""
    conf = tox_env.conf
    if reason := builds_no_wheel(conf):
        raise ProdsimError("runner", reason)
    if tox_env.core["no_package"]:
        msg = "true means that there is no wheel to test, remove it or give a file with --installpkg"
        raise ProdsimError("no_package", msg)
    if conf["skip_install"]:
        msg = "true means that the wheel is not installed, remove it from this environment"
        raise ProdsimError("skip_install", msg)
    package = str(conf["package"])
    if package not in _TESTABLE:
        msg = f"{package} is not what will be uploaded, use sdist-wheel (the default here) or wheel"
        raise ProdsimError("package", msg)
    if (path := given.option(tox_env)) is not None:
        if given.folder(tox_env) is None:
            _refuse_unusable_file(path)
    elif not _skips_install(tox_env):
        _refuse_missing_project(Path(tox_env.core["package_root"]))


def _refuse_missing_project(root: Path) -> None:
    if not any((root / name).is_file() for name in _PROJECT_FILES):
        msg = f"no pyproject.toml in {root}, so there is nothing to build; give a file with --installpkg"
        raise ProdsimError("pyproject.toml", msg)


def _refuse_unusable_file(path: Path) -> None:
    if not path.is_file():
        msg = f"{path} does not exist, give the path of a wheel or an sdist, or their folder"
        raise ProdsimError("--installpkg", msg)
    if kind_of(path.name) is None:
        msg = f"{path} is neither a wheel (.whl) nor an sdist (.tar.gz)"
        raise ProdsimError("--installpkg", msg)


def unreadable(tox_env: PythonRun, call: BoundedCall) -> CheckResult | None:
    """Return why the file of ``--installpkg`` can be read neither as a wheel nor as an sdist; None: it can."""
    path = given.file(tox_env)
    if path is None:
        return None
    try:
        if path.suffix == ".whl":
            artifact.read_bounded(call, artifact.open_wheel, path)
        else:
            artifact.read_bounded(call, unpacking.top_folder, path)
    except ProdsimError as problem:
        return artifact.unreadable_file(path, problem)
    return None


def _skips_install(tox_env: PythonRun) -> bool:
    options = tox_env.options
    return bool(getattr(options, "skip_pkg_install", False) or getattr(options, "skip_env_install", False))


def adopt(
    tox_env: PythonRun,
    packages: Any,
    folder: Path,
    cancel: supervision.Cancel,
    record: BuildRecord,
    *,
    call: BoundedCall,
) -> WheelUnderTest:
    """Keep the wheel that tox is about to install; an sdist in ``packages`` is first replaced by its wheel.

    ``record`` receives what the programs of this build write.
    Raises BuildError when the sdist builds no wheel, and ProdsimError for any other package.
    """
    for at, package in enumerate(packages):
        match package:
            case EditablePackage() | EditableLegacyPackage():
                msg = "an editable install runs from the source tree, use sdist-wheel (the default here)"
                raise ProdsimError("package", msg)
            case WheelPackage():
                return _keep(tox_env, package.path, _origin(tox_env), folder, call)
            case SdistPackage():
                wheel = _build(tox_env, package.path, folder, cancel, record, call=call)
                packages[at] = WheelPackage(wheel, list(package.deps))
                kept = _keep(tox_env, wheel, f"built from {package.path.name}", folder, call)
                return replace(kept, sdist=package.path, builder=frontend.build_python(folder / "build"))
    msg = "tox installs nothing that is a wheel or an sdist"
    raise ProdsimError("package", msg)


def refused_by_tox(tox_env: PythonRun, path: Path, folder: Path, call: BoundedCall) -> WheelUnderTest:
    """Keep the wheel of ``--installpkg`` that tox cannot install."""
    return _keep(tox_env, path, _origin(tox_env), folder, call)


def describe_given(tox_env: PythonRun, started: RunStarted, call: BoundedCall) -> RunStarted:
    """Return the first event of a run with the file of ``--installpkg``, which need not be a wheel."""
    path = given.file(tox_env) or Path()
    return replace(
        started,
        wheel_name=path.name,
        wheel_size_bytes=path.stat().st_size,
        wheel_sha256=call(artifact.file_sha256, path),
        wheel_origin=_origin(tox_env),
    )


def forget(folder: Path) -> None:
    """Let no later run take the kept wheel for an installed one."""
    files.remove(folder / _RECORD)


def remembered(folder: Path) -> WheelUnderTest:
    """Return the wheel that an earlier run (``--notest``) installed; raises ProdsimError when there was none."""
    try:
        record = json.loads(files.read(folder / _RECORD, limit_bytes=_RECORD_BYTES))
        name, origin = str(record["name"]), str(record["origin"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        msg = "no wheel was installed here before, run once without it (or with --notest)"
        raise ProdsimError("--skip-pkg-install", msg) from problem
    if Path(name).name != name or not name.endswith(".whl") or not name.isprintable() or not origin.isprintable():
        msg = f"{folder / _RECORD} names no wheel, run once without it (or with --notest)"
        raise ProdsimError("--skip-pkg-install", msg)
    wheel = WheelUnderTest(path=folder / "wheel" / name, origin=f"{origin}, installed earlier")
    if not _is_kept(wheel.path):
        msg = f"{wheel.path} is gone, run once without it (or with --notest)"
        raise ProdsimError("--skip-pkg-install", msg)
    return wheel


def _is_kept(path: Path) -> bool:
    try:
        return path.is_file() and not path.is_symlink()
    except OSError:  # no file can have such a name
        return False


def _origin(tox_env: PythonRun) -> str:
    """Return where the wheel that tox installs comes from, in a phrase."""
    folder = given.folder(tox_env)
    if folder is not None:
        of_several = f"of {len(folder.released)} wheels the best for this Python, " if len(folder.released) > 1 else ""
        return f"{of_several}given with --installpkg {folder.shown}"
    if given.option(tox_env) is not None:
        return "given with --installpkg"
    return {"sdist-wheel": "built from the sdist"}.get(str(tox_env.conf["package"]), "built from the source tree")


def _keep(tox_env: PythonRun, path: Path, origin: str, folder: Path, call: BoundedCall) -> WheelUnderTest:
    """Copy the wheel to the folder of the environment, with a record for later runs, and to the cache."""
    kept = folder / "wheel" / path.name
    files.empty_folder(kept.parent)
    call(shutil.copyfile, path, kept)  # a cancel ends it
    with contextlib.suppress(OSError):  # without the copy, a confirmation builds it again
        call(reference_wheel.keep, kept, wheels_of(tox_env))
    files.write(folder / _RECORD, json.dumps({"name": path.name, "origin": origin}))
    return WheelUnderTest(path=kept, origin=origin)


def _build(
    tox_env: PythonRun,
    sdist: Path,
    folder: Path,
    cancel: supervision.Cancel,
    record: BuildRecord,
    *,
    call: BoundedCall,
) -> Path:
    """Build the wheel of an sdist, under a guard; raises BuildError."""
    work = folder / "build"
    files.empty_folder(work)
    environ = runners.build_environ(tox_env.environment_variables, ceiling=folder)
    execute = runners.build_execute(tox_env, environ, cancel, key="package", keep=record.ran)
    _LOGGER.warning("building a wheel from %s", sdist.name)
    began_s = time.monotonic()
    wheel = frontend.wheel_from_sdist(
        sdist, python=runners.base_python(tox_env), folder=work, execute=execute, call=call
    )
    record.duration_s += time.monotonic() - began_s
    return wheel
