"""Reports the events of one environment: on the terminal and in the event log at once, in report.json at the end."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path

from tox.tox_env.python.runner import PythonRun

from tox_prodsim.model import files
from tox_prodsim.model.events import Event, Found, RunFinished, RunStarted, unfinished
from tox_prodsim.model.findings import Level, Verdict
from tox_prodsim.model.release_files import sha256sums
from tox_prodsim.model.scenario import ReportFile
from tox_prodsim.model.secrets import Redactor
from tox_prodsim.plugin import report_files
from tox_prodsim.plugin.ci import job
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.plugin.progress import ProgressDisplay
from tox_prodsim.report import FORMATS, RenderOptions, json
from tox_prodsim.report.event_log import EventLog
from tox_prodsim.report.terminal import TerminalReporter

EVENT_LOG, REPORT, SUMS = "events.jsonl", "report.json", "SHA256SUMS"
"""Names of the files in the folder of the environment."""
_LOGGER = logging.getLogger(__name__)


class Reporting:
    """Passes every event to all reporters; ``close`` writes the report."""

    def __init__(
        self,
        tox_env: PythonRun,
        folder: Path,
        redactor: Redactor,
        wanted: Sequence[ReportFile] = (),
        *,
        progress: ProgressDisplay,
    ) -> None:
        self._env = tox_env
        self._wanted = wanted
        self._redactor = redactor
        self._stream = tox_env.log_handler.stdout
        self._report_path = folder / REPORT
        self._sums_path = folder / SUMS
        with contextlib.suppress(OSError):  # ``close`` says why
            files.remove(self._sums_path)  # of an earlier run
        self._log = _OptionalLog(folder / EVENT_LOG)
        self._terminal = TerminalReporter(self._write, _options(tox_env, self._report_path))
        self._events: list[Event] = []
        self._closed = False
        self._progress = progress

    def handle(self, event: Event) -> None:
        """Pass the event on without its secrets, to the log first: it is complete even if the terminal blocks."""
        event = self._redactor.all(event)
        self._events.append(event)
        self._log.handle(event)
        if isinstance(event, RunFinished):
            job.before_summary(self._env)
        self._terminal.handle(event)
        self._progress.handle(event)

    def close(self, *, default: Verdict = Verdict.INCOMPLETE) -> tuple[Verdict, str]:
        """Write the report, once, and return the verdict and one line; ``default`` is for an interrupted run."""
        if not self._closed:
            self._closed = True
            if self._verdict is None:
                findings = (event.finding for event in self._events if isinstance(event, Found))
                self.handle(unfinished(findings, default))
            self._log.close()
            self._save()
            job.add(self._env, self._events, self._report_path)
        verdict = self._verdict or default
        return verdict, ", ".join(self._error_codes()) or str(verdict)

    @property
    def _verdict(self) -> Verdict | None:
        return next((event.verdict for event in self._events if isinstance(event, RunFinished)), None)

    def _error_codes(self) -> list[str]:
        findings = (event.finding for event in self._events if isinstance(event, Found))
        return sorted({finding.code for finding in findings if finding.level is Level.ERROR})

    def _save(self) -> None:
        """Write report.json; a full disk must not keep tox from its own teardown."""
        document = json.report(self._events)
        if self._env.journal:
            self._env.journal["prodsim"] = document
        try:
            with files.atomic_write(self._report_path) as file:
                file.write(json.dumps(document).encode())
        except OSError as problem:
            _log_unwritable("the report", self._report_path, problem)
        self._save_sums()
        for each in self._wanted:
            self._save_as(each)

    def _save_sums(self) -> None:
        """Write the list of the files that passed; that of an earlier run says nothing about other files."""
        started = next((event for event in self._events if isinstance(event, RunStarted)), None)
        try:
            files.remove(self._sums_path)
            if started is not None and started.files and self._verdict is Verdict.PASSED:
                files.write(self._sums_path, sha256sums(started.files))
        except OSError as problem:
            _log_unwritable("the list of files", self._sums_path, problem)

    def _save_as(self, wanted: ReportFile) -> None:
        """Write a report that the key ``reports`` asks for; one without a file beside report.json, as private."""
        chosen = FORMATS[wanted.format]
        path = wanted.path or self._report_path.with_suffix(f".{chosen.suffix}")
        text = chosen.render(self._events, report_files.options(Path(self._env.core["tox_root"])))
        try:
            report_files.write(path, text, mode=files.PRIVATE if wanted.path is None else files.SHARED)
        except OSError as problem:
            _log_unwritable(f"the report {wanted.format}", path, problem)

    def _write(self, text: str) -> None:
        """Write to the output of the environment; a closed pipe does not end the run."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


class _OptionalLog:
    """The event log; the run goes on without it if it cannot be written, after one line that says so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log: EventLog | None = None
        self._failed = False

    def handle(self, event: Event) -> None:
        """Write the event, unless an earlier one could not be written."""
        if self._failed:
            return
        try:
            self._log = self._log or EventLog(self._path)
            self._log.handle(event)
        except OSError as problem:
            self._failed = True
            _log_unwritable("the event log", self._path, problem)
            self.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._log is not None:
            with contextlib.suppress(OSError):  # a full disk refuses the same bytes again
                self._log.close()


def _options(tox_env: PythonRun, report_path: Path) -> RenderOptions:
    """Return the options of tox that apply to the report."""
    return RenderOptions(
        color=tox_env.options.is_colored,
        encoding=getattr(tox_env.log_handler.stdout, "encoding", None),
        verbosity=tox_env.options.verbosity,
        report_path=display_path(report_path),
    )


def _log_unwritable(name: str, path: Path, problem: OSError) -> None:
    _LOGGER.error("%s cannot be written: %s: %s", name, display_path(path), problem.strerror)
