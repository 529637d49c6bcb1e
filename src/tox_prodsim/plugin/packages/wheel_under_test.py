"""The wheel under test: which file, where it came from, and everything that cannot be tested this way."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tox.tox_env.python.package import EditableLegacyPackage, EditablePackage, SdistPackage, WheelPackage
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import frontend, reference_wheel
from tox_prodsim.checks import artifact
from tox_prodsim.model.errors import BuildError, ProdsimError
from tox_prodsim.plugin.config.defaults import builds_no_wheel
from tox_prodsim.plugin.context import runners
from tox_prodsim.plugin.context.runners import BUILD_LIMIT_S
from tox_prodsim.plugin.paths import ledger_of, wheels_of
from tox_prodsim.run.context import WheelUnderTest

_PROJECT_FILES = ("pyproject.toml", "setup.py")
_SUITABLE = {"wheel", "sdist-wheel", "sdist", "external"}


def refuse_unusable(tox_env: PythonRun) -> None:
    """Raise ProdsimError when this environment cannot install a wheel that could be uploaded."""
    conf, options = tox_env.conf, tox_env.options
    if reason := builds_no_wheel(conf):
        raise ProdsimError("runner", reason)
    if tox_env.core["no_package"]:
        msg = "true means that there is no wheel to test, remove it or give a file with --installpkg"
        raise ProdsimError("no_package", msg)
    if conf["skip_install"]:
        msg = "true means that the wheel is not installed, remove it from this environment"
        raise ProdsimError("skip_install", msg)
    package = str(conf["package"])
    if package not in _SUITABLE:
        msg = f"{package} is not what will be uploaded, use sdist-wheel (the default here) or wheel"
        raise ProdsimError("package", msg)
    _refuse_missing_project(tox_env, Path(tox_env.core["package_root"]), getattr(options, "install_pkg", None))


def _refuse_missing_project(tox_env: PythonRun, root: Path, given: Path | None) -> None:
    if given is not None:
        if not Path(given).is_file():
            msg = f"{given} does not exist, give the path of a wheel or an sdist"
            raise ProdsimError("--installpkg", msg)
        if not str(given).endswith((".whl", ".tar.gz")):
            msg = f"{given} is neither a wheel (.whl) nor an sdist (.tar.gz)"
            raise ProdsimError("--installpkg", msg)
        _refuse_broken(Path(given))
    elif not (_installs_nothing(tox_env) or any((root / name).is_file() for name in _PROJECT_FILES)):
        msg = f"no pyproject.toml in {root}, so there is nothing to build; give a file with --installpkg"
        raise ProdsimError("pyproject.toml", msg)


def _refuse_broken(given: Path) -> None:
    if given.suffix != ".whl":
        frontend.top_folder(given)
        return
    try:
        artifact.open_wheel(given)
    except ProdsimError as problem:
        raise ProdsimError("--installpkg", problem.message) from problem


def _installs_nothing(tox_env: PythonRun) -> bool:
    options = tox_env.options
    return bool(getattr(options, "skip_pkg_install", False) or getattr(options, "skip_env_install", False))


def adopt(tox_env: PythonRun, packages: Any, folder: Path, cancel: supervision.Cancel) -> WheelUnderTest:
    """Keep the wheel that is about to be installed; an sdist in ``packages`` is built and replaced first."""
    for at, package in enumerate(packages):
        match package:
            case EditablePackage() | EditableLegacyPackage():
                msg = "an editable install runs from the source tree, use sdist-wheel (the default here)"
                raise ProdsimError("package", msg)
            case WheelPackage():
                return _kept(tox_env, package.path, _origin(tox_env), folder)
            case SdistPackage():
                wheel = _built(tox_env, package.path, folder, cancel)
                packages[at] = WheelPackage(wheel, list(package.deps))
                kept = _kept(tox_env, wheel, f"built from {package.path.name}", folder)
                return replace(kept, sdist=package.path, builder=frontend.interpreter(folder / "build"))
    msg = "tox installs nothing that is a wheel or an sdist"
    raise ProdsimError("package", msg)


def remembered(folder: Path) -> WheelUnderTest:
    """Return the wheel that an earlier run (``--notest``) installed; raises ProdsimError when there was none."""
    note = folder / "wheel.json"
    try:
        record = json.loads(note.read_text(encoding="utf-8"))
        under_test = WheelUnderTest(
            path=folder / "wheel" / record["name"], origin=f"{record['origin']}, installed earlier"
        )
    except (OSError, ValueError, KeyError) as problem:
        msg = "no wheel was installed here before, run once without it (or with --notest)"
        raise ProdsimError("--skip-pkg-install", msg) from problem
    if not under_test.path.is_file():
        msg = f"{under_test.path} is gone, run once without it (or with --notest)"
        raise ProdsimError("--skip-pkg-install", msg)
    return under_test


def _origin(tox_env: PythonRun) -> str:
    if getattr(tox_env.options, "install_pkg", None) is not None:
        return "given with --installpkg"
    return {"sdist-wheel": "built from the sdist"}.get(str(tox_env.conf["package"]), "built from the source tree")


def _kept(tox_env: PythonRun, path: Path, origin: str, folder: Path) -> WheelUnderTest:
    kept = folder / "wheel" / path.name
    shutil.rmtree(kept.parent, ignore_errors=True)
    kept.parent.mkdir(parents=True)
    shutil.copyfile(path, kept)
    with contextlib.suppress(OSError):  # a later confirmation builds it again
        reference_wheel.keep(kept, wheels_of(tox_env))
    (folder / "wheel.json").write_text(json.dumps({"name": path.name, "origin": origin}), encoding="utf-8")
    return WheelUnderTest(path=kept, origin=origin)


def _built(tox_env: PythonRun, sdist: Path, folder: Path, cancel: supervision.Cancel) -> Path:
    """Build the wheel of an sdist, below the same guard as everything else."""

    def execute(argv: Sequence[str], cwd: Path, extra: Mapping[str, str]) -> None:
        environ = {
            **runners.installer_variables(os.environ),
            **tox_env.environment_variables,
            "GIT_CEILING_DIRECTORIES": str(folder),
            **extra,
        }
        ran = supervision.run(
            argv, cwd=cwd, env=environ, timeout_s=BUILD_LIMIT_S, cancel=cancel, ledger=ledger_of(tox_env)
        )
        if ran.ending.returncode != 0:
            output = (ran.stderr or ran.stdout).decode(errors="replace")
            last = "".join(output.strip().splitlines()[-1:])
            raise BuildError("package", f"building a wheel from {sdist.name} failed: {last}", output)

    work = folder / "build"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return frontend.wheel_from_sdist(
        sdist, python=Path(os.path.realpath(tox_env.env_python())), folder=work, execute=execute
    )
