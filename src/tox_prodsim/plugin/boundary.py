"""The boundary to tox: whatever is raised here becomes one line of tox's, and a defect of ours keeps its traceback."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from tox.report import HandledError
from tox.tox_env.errors import Fail, Recreate, Skip

from tox_prodsim.model import files
from tox_prodsim.model.errors import Cancelled, ProdsimError
from tox_prodsim.model.secrets import Redactor
from tox_prodsim.plugin import signals
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.plugin.redaction import one_line

TRACEBACK = "internal-error.txt"
"""The file of the traceback, in the folder of the environment."""


class Boundary:
    """A context in which everything that is raised becomes tox's own Fail, with one line.

    ``defect`` says whether something was raised that is a mistake of ours, and ``redactor`` masks what is printed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.defect = False
        self.redactor = Redactor()

    def redact(self, text: str) -> str:
        """Return the text with its secrets masked, by what masks them now."""
        return self.redactor(text)

    def __enter__(self) -> None:
        """Enter; any number of times."""

    def __exit__(self, _kind: object, problem: BaseException | None, _traceback: TracebackType | None) -> None:
        """Raise Fail for an exception that tox does not know, and what tox expects for a cancelled run."""
        if isinstance(problem, Cancelled):
            raise SystemExit(signals.INTERRUPTED) from None
        if isinstance(problem, Exception) and not isinstance(problem, Fail | Skip | Recreate | HandledError):
            raise Fail(self.describe(problem)) from problem

    def describe(self, problem: Exception) -> str:
        """Return one line about an exception; the traceback of a defect is in a file that the line names."""
        if isinstance(problem, ProdsimError | OSError):
            return one_line(str(problem), self.redactor)
        self.defect = True
        return keep_traceback(problem, self._folder, self.redactor)


@contextmanager
def as_handled(folder: Path) -> Iterator[None]:
    """Turn what a command of ``tox prodsim`` raises, or the reading of a configuration, into one line of tox's."""
    try:
        yield
    except (Fail, Skip, HandledError):
        raise
    except ProdsimError as problem:
        raise HandledError(one_line(str(problem))) from problem
    except Exception as problem:
        raise HandledError(keep_traceback(problem, folder, Redactor())) from problem


def keep_traceback(problem: Exception, folder: Path, redactor: Redactor) -> str:
    """Write the traceback of a defect to a file, and return one line that names it."""
    path = folder / TRACEBACK
    text = redactor("".join(traceback.format_exception(problem)))
    try:
        files.write(path, text)
        where = f"its traceback is in {display_path(path)}"
    except OSError as refused:
        where = f"its traceback cannot be written: {refused}"
    return one_line(
        f"a defect of tox-prodsim, {type(problem).__name__}: {problem}; {where}, please report it", redactor
    )
