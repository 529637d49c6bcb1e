"""Wheels with compiled files, and what the checks of those find."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from support.wheels import wheel
from tox_prodsim.checks.artifact import check_native, open_wheel
from tox_prodsim.model.findings import CheckResult, Level

LINUX = "cp311-cp311-manylinux_2_17_x86_64"
NAME = "acme/_speedups.cpython-311-x86_64-linux-gnu.so"


def header(machine: int = 62, kind: int = 3) -> bytes:
    """Return the header of an ELF file that has nothing in it."""
    return b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0)


def check(folder: Path, files: dict[str, str | bytes], tag: str = LINUX, **options: Any) -> CheckResult:
    return check_native(open_wheel(wheel(folder, files={"acme/__init__.py": "", **files}, tag=tag)), **options)


def found(checked: CheckResult, code: str) -> list[tuple[Level, str, str]]:
    return [(each.level, each.subject, each.message) for each in checked.findings if each.code == code]
