"""Little wheels with classifiers for some Pythons."""

from __future__ import annotations

from pathlib import Path

from support.wheels import wheel
from tox_prodsim.checks.artifact import Wheel, open_wheel


def opened(
    folder: Path, *classified: str, requires: str = "", version: str = "1.0", more: str = "", **options: object
) -> Wheel:
    """Return a wheel with classifiers for these Pythons."""
    lines = ["Metadata-Version: 2.1", "Name: acme", f"Version: {version}"]
    lines += [f"Classifier: Programming Language :: Python :: {python}" for python in classified]
    lines += [f"Requires-Python: {requires}"] if requires else []
    text = "\n".join([*lines, more]).rstrip() + "\n"
    return open_wheel(wheel(folder, version=version, metadata=text, **options))  # type: ignore[arg-type]
