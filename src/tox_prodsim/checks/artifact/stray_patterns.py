"""What gets into an archive because it lay about where it was built: how it is named, and what it is.

How much that weighs is for others to say: ``strays`` for a wheel (WHL131), ``leavings`` for an sdist (SDI204).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

KEY_FILES = frozenset({"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
"""The names of the private keys of ssh."""
SECRET_FILES = KEY_FILES | {".env", ".pypirc", ".netrc", ".git-credentials"}

REPOSITORY = "is the history of a repository"
_ANYWHERE = {
    REPOSITORY: r"\.(git|hg|svn)/",
    "was left by an editor": r"([^/]+~|\.[^/]+\.sw[op]|#[^/]+#)$",
    "was left by a file manager": r"(\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]+)$",
    "is a cache": r"(__pycache__|\.(mypy|pytest|ruff)_cache|\.ipynb_checkpoints|\.hypothesis)/",
    "is an environment of tox or nox": r"\.(tox|nox)/",
    "is data of a coverage run": r"(\.coverage(\.[^/]+)?$|htmlcov/)",
}


@dataclass(frozen=True, slots=True)
class Litter:
    """What a file is, to go behind the path of what is to be left out: the folder when that is the litter."""

    what: str
    path: str


class Known:
    """Knows litter by its path: what is litter anywhere, and ``more`` that is so in one kind of archive."""

    def __init__(self, more: Mapping[str, str]) -> None:
        self._patterns = {what: re.compile(f"(?:^|/)(?:{each})") for what, each in {**_ANYWHERE, **more}.items()}

    def find(self, path: str) -> Litter | None:
        """Return the outermost litter that the file is or is in; None when it is none."""
        matches = [(found, what) for what, each in self._patterns.items() if (found := each.search(path))]
        if not matches:
            return None
        found, what = min(matches, key=lambda match: match[0].end())
        return Litter(what, path[: found.end()])
