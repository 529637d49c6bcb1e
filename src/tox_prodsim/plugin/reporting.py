"""Where the events of one environment go: the terminal as they happen, the event log, and the report at the end."""

from __future__ import annotations

import contextlib
import json
import logging
from pathlib import Path

from tox.tox_env.python.runner import PythonRun

from tox_prodsim.model.events import Event, Found, RunFinished
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.report import event_log, json_report
from tox_prodsim.report.terminal import Terminal

_LOGGER = logging.getLogger(__name__)


class Reporting:
    """Tell every event to all reporters; ``close`` writes the report, and says in a line what the run came to."""

    def __init__(self, tox_env: PythonRun, folder: Path) -> None:
        self._env = tox_env
        self._log_path = folder / "events.jsonl"
        self._report_path = folder / "report.json"
        self._log: event_log.EventLog | None = None
        self._log_lost = False
        self._stream = tox_env.log_handler.stdout
        self._terminal = Terminal(
            self._write,
            color=tox_env.options.is_colored,
            encoding=getattr(self._stream, "encoding", None),
            verbosity=tox_env.options.verbosity,
            report_path=shown(self._report_path),
        )
        self._events: list[Event] = []
        self._findings: list[Finding] = []
        self._verdict: Verdict | None = None
        self._closed = False

    def tell(self, event: Event) -> None:
        """Pass the event on; the log comes first, so that it has what the terminal may be too late for."""
        if isinstance(event, Found):
            self._findings.append(event.finding)
        elif isinstance(event, RunFinished):
            self._verdict = event.verdict
        self._events.append(event)
        self._keep(event)
        self._terminal.handle(event)

    def _keep(self, event: Event) -> None:
        """Write the event to the log; where that is impossible, say so once and go on without it."""
        if self._log_lost:
            return
        try:
            self._log = self._log or event_log.EventLog(self._log_path)
            self._log.handle(event)
        except OSError as problem:
            self._log_lost = True
            _complain("the event log", self._log_path, problem)
            self._close_log()

    def _close_log(self) -> None:
        if self._log is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take before, it does not take now
                self._log.close()

    def close(self, *, cut_short: Verdict = Verdict.INCOMPLETE) -> tuple[Verdict, str]:
        """Write the report, once, and return the verdict and one line; a run without an end is ``cut_short``."""
        if not self._closed:
            self._closed = True
            if self._verdict is None:
                self.tell(self._cut_short(cut_short))
            self._close_log()
            self._save()
        verdict = self._verdict or cut_short
        return verdict, self._line(verdict)

    def _cut_short(self, verdict: Verdict) -> RunFinished:
        levels = [finding.level for finding in self._findings]
        errors, warnings, notes = (levels.count(level) for level in Level)
        return RunFinished(verdict=verdict, errors=errors, warnings=warnings, notes=notes, checks=0, duration_s=0.0)

    def _save(self) -> None:
        """Write report.json; a full disk must not keep tox from its own teardown."""
        document = json_report.report(self._events)
        if self._env.journal:
            self._env.journal["prodsim"] = document
        try:
            _write_whole(self._report_path, json.dumps(document, indent=1, sort_keys=True) + "\n")
        except OSError as problem:
            _complain("the report", self._report_path, problem)

    def _line(self, verdict: Verdict) -> str:
        codes = sorted({finding.code for finding in self._findings if finding.level is Level.ERROR})
        return ", ".join(codes) or str(verdict)

    def _write(self, text: str) -> None:
        """Write to tox's stream of this environment; a reader that is gone does not keep the run from its end."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def _write_whole(path: Path, text: str) -> None:
    """Write the file so that whoever reads it, whenever tox is killed, finds all of it or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _complain(what: str, path: Path, problem: OSError) -> None:
    _LOGGER.error("%s cannot be written: %s: %s", what, shown(path), problem.strerror)


def shown(path: Path) -> str:
    """Return the path as the user would type it: relative where it is below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
