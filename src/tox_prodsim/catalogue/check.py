"""One entry of the catalogue."""

from __future__ import annotations

from importlib.resources import files

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Level


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """The meaning of one code."""

    code: str
    level: Level
    """The usual level."""
    title: str
    """It completes "the finding says that …"."""
    why: str
    """Why it matters."""
    example: str
    """A line as it is printed."""
    causes: tuple[str, ...]
    solution: tuple[str, ...]
    exception: str = ""
    """When the level is another one, clauses with a semicolon between them; empty when it never is."""
    no_project: str = ""
    """Why no short project shows it, in one sentence; empty when ``projects/CODE.txt`` does."""

    @property
    def project(self) -> str:
        """Return a project of some ten lines of which a run reports it, from ``projects/CODE.txt``.

        ``# FILE`` stands above the lines of each file, ``$ COMMAND`` is a command that is typed at that point.
        """
        path = files(__package__) / "projects" / f"{self.code}.txt"
        return path.read_text("utf-8").rstrip("\n") if path.is_file() else ""
