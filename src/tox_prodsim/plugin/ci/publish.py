"""What a job of GitHub is told when tox ends: annotations, the summary of the step, its outputs.

The runs of all environments are one report. Nothing here fails tox: what cannot be written is said in one line.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.events import Event, RunStarted
from tox_prodsim.model.findings import Verdict
from tox_prodsim.model.printable import Printable
from tox_prodsim.model.release_files import FileKind, sha256sums
from tox_prodsim.plugin import report_files
from tox_prodsim.plugin.ci import guard
from tox_prodsim.report import FORMATS, RenderOptions, matrix, runs

_LEAST_ROOM = 1024
"""No summary is smaller than this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    """A run that has ended."""

    events: Sequence[Event]
    report: Path
    root: Path


_ended: list[_Ended] = []
_lock = threading.Lock()


def add(events: Sequence[Event], report: Path, root: Path) -> None:
    """Keep a run until tox ends."""
    with _lock:
        _ended.append(_Ended(events=tuple(events), report=report, root=root))
        if len(_ended) == 1:
            atexit.register(publish)


def publish() -> None:
    """Report all runs that are kept, once."""
    with _lock:
        kept = tuple(_ended)
        _ended.clear()
    guard.resume()
    try:
        _publish(kept)
    except Exception as problem:  # noqa: BLE001 - tox has ended; a defect here must not look like one of the release
        _say(f"a defect of tox-prodsim, {type(problem).__name__}: {problem}, please report it")


def _publish(kept: Sequence[_Ended]) -> None:
    events = [event for each in kept for event in each.events]
    options = report_files.options(kept[0].root, encoding=sys.stdout.encoding)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(FORMATS["github"].render(events, options))
        sys.stdout.flush()
    _append_summary(events, replace(options, encoding="utf-8"))
    _append("GITHUB_OUTPUT", "".join(_assigned(name, text) for name, text in _outputs(kept, events).items()))


def _append_summary(events: Sequence[Event], options: RenderOptions) -> None:
    """Append the summary; the file is shared with other commands of the step, and GitHub refuses one that is too large.

    What does not fit any more is left out.
    """
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    with contextlib.suppress(OSError):
        room = options.most_bytes - Path(path).stat().st_size
        if room < _LEAST_ROOM:
            return
        options = replace(options, most_bytes=room - 1)
    _append("GITHUB_STEP_SUMMARY", "\n" + FORMATS["markdown"].render(events, options))


def _outputs(kept: Sequence[_Ended], events: Sequence[Event]) -> Mapping[str, str]:
    """Return the outputs of the step; of several files, or of several runs, a line for each."""
    clean = Printable("utf-8")
    started = [event for event in events if isinstance(event, RunStarted)]
    files = dict.fromkeys(each for begun in started for each in begun.files)
    verdict = matrix.verdict(runs.runs(events))
    wheels = dict.fromkeys((each.wheel_name, each.wheel_sha256) for each in started if each.wheel_name)
    is_one_release = len({each.name for each in files}) == len(files)
    return {
        "verdict": verdict.value,
        "wheel": "\n".join(clean(name) for name, _ in wheels),
        "sdist": "\n".join(dict.fromkeys(clean(each.name) for each in files if each.kind is FileKind.SDIST)),
        "sha256": "\n".join(clean(sha256) for _, sha256 in wheels),
        "sums": sha256sums(files).rstrip("\n") if verdict is Verdict.PASSED and is_one_release else "",
        "report": "\n".join(clean(str(each.report.absolute())) for each in kept),
    }


def _assigned(name: str, text: str) -> str:
    """Return an output with a delimiter that no text can have."""
    delimiter = f"prodsim_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{text}\n{delimiter}\n"


def _append(variable: str, text: str) -> None:
    """Append to the file that a variable names; without it this is not a step of GitHub."""
    path = os.environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
    except (OSError, ValueError) as problem:
        _say(f"{variable}: {path} cannot be written: {problem}")


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"prodsim: {Printable(sys.stderr.encoding)(text)}\n")
