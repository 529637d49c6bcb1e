"""Stray files, which are in an archive only because they were in the folder of the build: their names and kinds.

``wheel_strays`` (WHL131) and ``sdist_strays`` (SDI204) decide on the level of each.
"""

from __future__ import annotations

from collections.abc import Mapping

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex

KEY_FILES = frozenset({"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
"""The names of the private keys of ssh."""
SECRET_FILES = KEY_FILES | {".env", ".pypirc", ".netrc", ".git-credentials"}

REPOSITORY = "is the history of a repository"
VENV = "is a virtual environment"
_WRITTEN_BY_BUILDS = r"(pyproject\.toml|Cargo\.toml|package\.json)\.orig$"
"""Build back ends, cargo and the builder of Jupyter's extensions keep under these names what they have rewritten."""
_ANYWHERE = {
    REPOSITORY: r"\.(git|hg|svn)/",
    "was left by an editor": r"([^/]+~|\.[^/]+\.sw[op]|#[^/]+#)$",
    "is a copy that a file manager or a browser has made": (
        r"[^/]* (- [Cc]opy( \(\d+\))?|\((copy|\d)\))(\.[^/]*)?(/|$)|[^/]+ copy( \d)?\.py$"
    ),
    "is a backup": r"[^/]+\.bak$",
    "was left by a merge or a patch": rf"(?!{_WRITTEN_BY_BUILDS})[^/]+\.(orig|rej)$",
    "is a log": r"(?![^/]*(?i:change|history))[^/]+\.log$",
    "is packages of Node.js": r"node_modules/",
    VENV: r"\.venv/",
    "was left by a file manager": r"(\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]+)$",
    "is a cache": r"(__pycache__|\.(mypy|pytest|ruff)_cache|\.ipynb_checkpoints|\.hypothesis)/",
    "is an environment of tox or nox": r"\.(tox|nox)/",
    "is data of a coverage run": r"(\.coverage(\.[^/]+)?$|htmlcov/)",
}


_NODE = lazy_regex(r"(^|/)lib/node_modules/")
"""Node.js itself brings packages."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A stray file or folder: ``what`` it is completes a sentence with its ``path``."""

    what: str
    path: str


class StrayPatterns:
    """Recognizes stray files by their paths: those of any archive, and ``more`` of one kind of archive."""

    def __init__(self, more: Mapping[str, str]) -> None:
        patterns = {**_ANYWHERE, **more}
        self._patterns = {what: lazy_regex(f"(?:^|/)(?:{each})") for what, each in patterns.items()}
        self._any = lazy_regex("(?:^|/)(?:pyvenv\\.cfg$|" + "|".join(f"(?:{each})" for each in patterns.values()) + ")")

    def find(self, path: str) -> Stray | None:
        """Return the outermost stray file or folder that the file is or is in; None when there is none."""
        if not self._any.search(path):
            return None
        if path.endswith("/pyvenv.cfg") or path == "pyvenv.cfg":
            return Stray(VENV, path.removesuffix("pyvenv.cfg"))
        if _NODE.search(path):
            return None
        matches = [(found, what) for what, each in self._patterns.items() if (found := each.search(path))]
        if not matches:
            return None
        found, what = min(matches, key=lambda match: match[0].end())
        return Stray(what, path[: found.end()])
