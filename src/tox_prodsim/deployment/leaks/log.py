"""What an interpreter prints by itself about things that were not closed, awaited or caught, read from a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tox_prodsim.model.formatting import plural
from tox_prodsim.model.leaks import Grade, Leak, LeakKind
from tox_prodsim.model.regex import lazy_regex

LIMIT = 1000
"""Different leaks that are kept: a program can print without end, and a finding names three of them."""
_LONGEST = 1000
"""Characters of a text that are kept."""
_LONGEST_BLOCK = 1000
"""Lines after which a text that began as a traceback is not one."""

LEAK_PATTERN = lazy_regex(
    rb"(?:Resource|Runtime)Warning|Exception (?:in|ignored) |Task was destroyed|exception was never|resource_tracker"
)
"""Matches in every log that reports a leak."""

_ADDRESS = lazy_regex(r" at 0x[0-9a-fA-F]+")
_WARNING = lazy_regex(r"(?P<file>[^:]*[^:\s]):(?P<line>\d+): (?P<warning>(?:Resource|Runtime)Warning: .*)")
_LISTENING = lazy_regex(r"unclosed <\S+ fd=\d+,(?!.* raddr=).* laddr=(?!\('(?:0\.0\.0\.0|::)', 0)")
_EXCEPTION = lazy_regex(r"Exception (?P<where>in thread .+?|ignored (?:in|while|on)\b.*?):?$")
_FRAME = lazy_regex(r'\s+(?:\| )?File "(?P<file>[^"]+)", line (?P<line>\d+)')
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_TASK = lazy_regex(r"Task was destroyed but it is pending!|(?:Task|[Ff]uture) exception was never retrieved")
_TASK_NAME = lazy_regex(r"<Task \w+ name='([^']*)'")
_CORO_PLACE = lazy_regex(r"(?:defined|running) at (?P<file>[^>]+?):(?P<line>\d+)>")
_TASK_EXCEPTION = lazy_regex(r" exception=(.*?)(?: created at .*)?>$")
_TRACKER = lazy_regex(
    r"resource_tracker: There appear to be (?P<count>\d+) leaked (?P<what>\w+) objects? to clean up at shutdown"
    r"(?:: \{(?P<names>.*)\})?"
)


def read(lines: Iterable[bytes]) -> Iterator[Leak]:
    """Yield the leaks that the lines of a log report, each different leak once, LIMIT of them at most."""
    seen: set[Leak] = set()
    for leak in _leaks(lines):
        if leak not in seen:
            seen.add(leak)
            yield leak
        if len(seen) >= LIMIT:
            return


def warning_leak(text: str, file: str = "", line: int | None = None) -> Leak | None:
    """Return the leak that a warning (``Category: message``) reports, None when it reports none.

    A bound socket without a peer that is found only when the interpreter is finalized is not a leak: a server that
    keeps its listening socket to its very end does no harm (gunicorn, uvicorn with workers, waitress).
    """
    if not text.startswith("ResourceWarning: ") and "was never awaited" not in text:
        return None
    leak = _leak(LeakKind.WARNING, text, "", file, line)
    return None if not leak.file and _LISTENING.search(text) else leak


def exception_leak(text: str, where: str, file: str = "", line: int | None = None) -> Leak:
    """Return the leak of an uncaught exception; a warning that was turned into an exception stays a warning."""
    first, _, _ = text.partition("\n")
    return warning_leak(first, file, line) or _leak(LeakKind.EXCEPTION, first, where, file, line)


def task_leak(name: str, detail: str, file: str = "", line: int | None = None) -> Leak:
    """Return the leak of a task (without a name: a future) that was never awaited."""
    return _leak(LeakKind.TASK, f"task {name}" if name else "a future", detail, file, line)


def _leak(kind: LeakKind, subject: str, detail: str, file: str, line: int | None) -> Leak:
    """Return a leak without the addresses of objects, and without a place that is not a file (``sys:1``)."""
    known = file not in {"", "sys", "<sys>"} and line is not None and line > 0
    return Leak(
        kind=kind,
        grade=Grade.FIRM,
        subject=_ADDRESS.sub("", subject)[:_LONGEST],
        detail=_ADDRESS.sub("", detail)[:_LONGEST],
        file=file if known else "",
        line=line if known else None,
    )


def _leaks(lines: Iterable[bytes]) -> Iterator[Leak]:
    report: _PrintedException | _ReportedTask | None = None
    for raw in lines:
        text = raw.decode("utf-8", "replace").rstrip()
        if report is not None:
            if report.accepts(text):
                continue
            yield report.leak()
        report = _begin_report(text)
        if report is None:
            yield from _leaks_of_line(text)
    if report is not None:
        yield report.leak()


def _begin_report(text: str) -> _PrintedException | _ReportedTask | None:
    """Return the report that begins with this line and goes on in the next ones; None: no report begins here."""
    if found := _EXCEPTION.match(text):
        return _PrintedException(found["where"].replace("in: ", "in ", 1))
    if found := _TASK.search(text):
        return _ReportedTask(found[0])
    return None


def _leaks_of_line(text: str) -> Iterator[Leak]:
    if "Warning: " not in text:
        return
    if found := _TRACKER.search(text):
        yield from _tracker_leaks(int(found["count"]), found["what"], found["names"] or "")
    elif found := _WARNING.search(text):
        file = found["file"][found["file"].rfind(" /") + 1 :]  # a logger's prefix ends with a blank
        leak = warning_leak(found["warning"], file, int(found["line"]))
        if leak is not None:
            yield leak


def _tracker_leaks(count: int, what: str, names: str) -> Iterator[Leak]:
    """Yield what the tracker of multiprocessing removed: names from Python 3.13 on, before that a count."""
    detail = f"{what}, removed by the resource tracker"
    kind = LeakKind.FILE if what in {"file", "folder"} else LeakKind.SHARED_MEMORY
    subjects = [name.strip(" '\"").lstrip("/") for name in names.split(",") if name.strip()]
    for subject in subjects or [f"{count} {what} {plural('object', count)}"]:
        yield Leak(kind=kind, grade=Grade.FIRM, subject=subject, detail=detail)


class _PrintedException:
    """An exception that the interpreter printed, header first, then its traceback."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._message = self._file = ""
        self._line: int | None = None
        self._line_count = 0

    def accepts(self, text: str) -> bool:
        """Return whether this line belongs to it, and keep what the line says."""
        self._line_count += 1
        if self._line_count > _LONGEST_BLOCK:
            return False
        if found := _FRAME.match(text):
            self._file, self._line = found["file"], int(found["line"])
        elif text.startswith(_CHAINED):
            self._message = ""
        elif text and not text.startswith((" ", "Traceback (most recent call last)")):
            ends, self._message = bool(self._message), self._message or text
            return not ends
        return True

    def leak(self) -> Leak:
        """Return the leak that it reports."""
        return exception_leak(self._message or "an exception", self._where, self._file, self._line)


class _ReportedTask:
    """A task or a future that asyncio reports, header first, then its representation."""

    def __init__(self, header: str) -> None:
        self._destroyed = "destroyed" in header
        self._representation = ""

    def accepts(self, text: str) -> bool:
        """Return whether this line belongs to it, and keep what the line says."""
        if text.startswith(("task: ", "future: ")):
            self._representation = text
            return True
        return not self._representation and text.startswith((" ", "source_traceback: "))

    def leak(self) -> Leak:
        """Return the leak that it reports."""
        patterns = (_TASK_NAME, _TASK_EXCEPTION, _CORO_PLACE)
        name, error, place = (pattern.search(self._representation) for pattern in patterns)
        what = "destroyed while pending" if self._destroyed else "its exception was never retrieved"
        detail = f"{what}: {error[1]}" if error and not self._destroyed else what
        file, line = (place["file"], int(place["line"])) if place else ("", None)
        return task_leak(name[1] if name else "", detail, file, line)
