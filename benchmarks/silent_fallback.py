"""Builds that lose their compiled part: ``python benchmarks/silent_fallback.py [--check]`` (needs a package index).

Three projects are built from their sdists with a compiler that always fails; each build ends well. What is found in the
wheel is printed, without a key and with ``extensions``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.checks.artifact import check_native, open_wheel
from tox_prodsim.model.findings import CheckResult


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """One to build; ``sources`` are what its sdist has to compile, ``module`` what should come of it."""

    requirement: str
    module: str
    sources: tuple[str, ...]


PROJECTS = (
    Project(requirement="markupsafe==3.0.4", module="markupsafe._speedups", sources=("src/markupsafe/_speedups.c",)),
    Project(requirement="pyyaml==6.0.3", module="yaml._yaml", sources=("yaml/_yaml.pyx",)),
    Project(requirement="tornado==6.6.1", module="tornado.speedups", sources=("tornado/speedups.c",)),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when one of them is not found")
    check = parser.parse_args().check
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        venv.create(f"{folder}/env", with_pip=True)
        for project in PROJECTS:
            began = time.monotonic()
            wheel = open_wheel(built(project.requirement, Path(folder)))
            print(f"{wheel.file_name} (built in {time.monotonic() - began:.0f} s)")
            plain = check_native(wheel, compiled_sources=project.sources)
            required = check_native(wheel, required=(project.module,))
            show("no key", plain)
            show(f"extensions = {project.module}", required)
            missed += not ("EXT403" in codes(plain) and "EXT404" in codes(required))
    return 1 if check and missed else 0


def built(requirement: str, folder: Path) -> Path:
    """Return the wheel that pip makes of the sdist with a compiler that fails."""
    name = requirement.partition("=")[0]
    pip = [f"{folder}/env/bin/python", "-m", "pip", "wheel", "--quiet", "--no-deps", f"--no-binary={name}"]
    environ = {**os.environ, "CC": "/bin/false", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*pip, "--wheel-dir", folder / name, requirement], env=environ, check=True)
    return next((folder / name).glob("*.whl"))


def codes(checked: CheckResult) -> set[str]:
    return {finding.code for finding in checked.findings}


def show(title: str, checked: CheckResult) -> None:
    print(f"  {title}")
    for finding in checked.findings:
        print(f"    {finding.level:<8} {finding.code} {finding.subject}: {finding.message}")


if __name__ == "__main__":
    sys.exit(main())
