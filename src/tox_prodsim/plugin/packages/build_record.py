"""What the programs of a build wrote, whole: it is kept in ``build.log``, beside the report."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from tox_prodsim.checks import artifact
from tox_prodsim.model import files
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.runner import Completed, LeftProcess

_LOGGER = logging.getLogger(__name__)
BUILD_LOG = "build.log"
"""Name of the file in the folder of the environment."""


class BuildRecord:
    """Collects what the programs of one build wrote, in their order."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._of_hooks: list[str] = []
        self.failed_install = ""
        """The output of an installer of build requirements that failed; empty: none did."""
        self.left: list[tuple[str, tuple[LeftProcess, ...]]] = []
        """What programs have left running: what they did, and the processes."""
        self.duration_s = 0.0
        """How long the build took."""

    def hook(self, title: str, *streams: str) -> None:
        """Add the output of one build hook."""
        self._of_hooks.append(self._add(title, *streams))

    def ran(self, argv: Sequence[str], completed: Completed) -> None:
        """Add the output of what the plugin ran to build."""
        streams = (completed.stdout.decode(errors="replace"), completed.stderr.decode(errors="replace"))
        is_hook = any(word.endswith("_in_process.py") for word in argv)
        if completed.left:
            self.left.append((argv[-2] if is_hook else "install", completed.left))
        if is_hook:
            self.hook(argv[-2], *streams, "".join(_hook_warnings(Path(argv[-1]) / "output.json")))
        else:
            self.installed("install", *streams, succeeded=completed.returncode == 0)

    def installed(self, title: str, stdout: str, stderr: str, *, succeeded: bool) -> None:
        """Add the output of an installer of build requirements."""
        self._add(title, stdout, stderr)
        self.failed_install = "" if succeeded else f"{stdout}\n{stderr}"

    @property
    def text(self) -> str:
        """Return all of it; nothing when no program was run."""
        return "\n".join(self._parts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what the build back end warns of."""
        return artifact.build_warnings("\n".join(self._of_hooks))

    def _add(self, title: str, *streams: str) -> str:
        output = joined((artifact.readable(each).strip("\n") for each in streams), "\n")
        self._parts.append(joined((f"==> {title}", output, ""), "\n") + "\n")
        return output


def _hook_warnings(answer: Path) -> Iterator[str]:
    """Yield the warnings in the answer of a hook that pyproject_hooks has run: newer versions do not print them."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        for each in json.loads(answer.read_text("utf-8")).get("warnings", []):
            yield f"{each['filename']}:{each['lineno']}: UserWarning: {each['message']}\n"


def save(text: str, folder: Path) -> Path | None:
    """Write the log of a build in place of the last one; None: there is nothing to keep, or it cannot be written."""
    path = folder / BUILD_LOG
    try:
        files.remove(path)
        if text:
            files.write(path, text)
            return path
    except OSError as problem:
        _log_unwritable(path, problem)
    return None


def _log_unwritable(path: Path, problem: OSError) -> None:
    _LOGGER.error("the build log cannot be written: %s: %s", path, problem.strerror)
