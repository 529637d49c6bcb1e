"""The names that any project may have in its repository: what a wheel installs under them is not its project's own."""

from __future__ import annotations

from collections.abc import Collection

COLLIDING = frozenset(
    {"tests", "test", "docs", "doc", "examples", "example", "benchmarks", "benchmark", "scripts", "tools"}
    | {"build", "dist", "src", "setup", "conftest", "noxfile"}
)
"""Names beside a package in its repository; many distributions have installed them by accident."""
GENERAL = frozenset(
    {"bin", "conf", "config", "configs", "constants", "data", "demo", "demos", "etc", "helper", "helpers", "images"}
    | {"include", "lib", "libs", "licences", "licenses", "logs", "notebooks", "resources", "sample", "samples"}
    | {"scratch", "settings", "share", "static", "templates", "util", "utils", "__init__"}
)
"""Names that say nothing about the project; it may be named so itself."""
_AFFIXES = ("python-", "py-")


def is_stray(top: str, project: str, modules: Collection[str]) -> bool:
    """Return whether a top-level has such a name, and is neither the project's nor a part of its namespace.

    ``project`` is its canonical name, ``modules`` are the importable names of the wheel.
    """
    if top not in COLLIDING | GENERAL:
        return False
    names = {project, *(project.removeprefix(affix) for affix in _AFFIXES), project.removesuffix("-python")}
    return top not in names and (top in modules or not project.startswith(f"{top}-"))
