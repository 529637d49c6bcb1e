"""What to do about an sdist that does not build, by the error of the build back end."""

from __future__ import annotations

import re
from pathlib import Path

from tox_prodsim.model.regex import lazy_regex

_ABSENT_MODULE = lazy_regex(r"No module named '(?P<name>[\w.]+)'")
_ABSENT_FILE = lazy_regex(r"FileNotFoundError '(?P<name>[^']+)'")
_NO_VERSION = lazy_regex(r"unable to detect version|not find the version|unable to determine version", re.IGNORECASE)


def without_sdist(error: str, source: Path) -> str:
    """Return what to do when the build of the folder ``source`` ended with this error."""
    if _NO_VERSION.search(error):
        return "build where git finds a commit and the tags: 'git fetch --tags' in a clone, fetch-depth: 0 in CI"
    if "Multiple top-level" in error:
        return "name what belongs to the release: [tool.setuptools.packages.find] include = [...], or packages = [...]"
    if found := _ABSENT_MODULE.search(error):
        return _absent_module(found["name"].partition(".")[0], source)
    if found := _ABSENT_FILE.search(error):
        return f"put {found['name']} into the source tree, or have the build do without it"
    return "run 'python -m build --sdist' in the project's folder to see all that the build says"


def _absent_module(name: str, source: Path) -> str:
    if (source / name).is_dir() or (source / f"{name}.py").is_file():
        return f"let the build find {name}: sys.path.insert(0, os.path.dirname(__file__)) at the top of setup.py"
    return f"add the distribution that has {name} to requires of [build-system]: a build sees nothing else"
