"""Where the wheel of another version can be had in tests: nowhere, unless a test says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from support.wheels import Ended, wheel
from tox_prodsim.building.reference_wheel import ReferenceSpec, WheelSources


def made(folder: Path, version: str = "1.0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return wheel(folder, version=version)


WANTED = ReferenceSpec(name="acme", version="1.0", sha256="0" * 64, commit="c" * 40)


def never(*_: object, **__: object) -> Path:
    raise AssertionError


def without_git(argv: Sequence[str], *, timeout_s: float) -> Ended:  # noqa: ARG001 - a Runner
    return Ended(128, False, b"", b"fatal: not a git repository")


def sources(tmp_path: Path, **more: object) -> WheelSources:
    offline = WheelSources(
        cache=tmp_path / "cache",
        folder=tmp_path / "private",
        git=without_git,
        build=never,
        fetch=never,
        fetch_or_build=never,
    )
    return replace(offline, **more)  # type: ignore[arg-type]
