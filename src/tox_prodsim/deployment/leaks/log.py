"""What an interpreter says by itself about things that were not closed, awaited or caught, read from a log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tox_prodsim.model.formatting import plural
from tox_prodsim.model.leaks import Grade, Leak, LeakKind

LIMIT = 1000
"""Different leaks that are kept: a program can print without end, and they are named by the first three."""
_LONGEST = 1000
"""Characters of a text that are kept."""
_LONGEST_BLOCK = 1000
"""Lines after which what began as a traceback is taken for something else."""

MARKS = re.compile(
    rb"(?:Resource|Runtime)Warning|Exception (?:in|ignored) |Task was destroyed|exception was never|resource_tracker"
)
"""What a log has at least one of, if there is anything to read in it."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_WARNING = re.compile(r"(?P<file>[^:]*[^:\s]):(?P<line>\d+): (?P<said>(?P<category>(?:Resource|Runtime)Warning): .*)")
_LISTENS = re.compile(r"unclosed <\S+ fd=\d+,(?!.* raddr=).* laddr=(?!\('(?:0\.0\.0\.0|::)', 0)")
_RAISED = re.compile(r"Exception (?P<where>in thread .+?|ignored (?:in|while|on)\b.*?):?$")
_FRAME = re.compile(r'\s+(?:\| )?File "(?P<file>[^"]+)", line (?P<line>\d+)')
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_TASK = re.compile(r"Task was destroyed but it is pending!|(?:Task|[Ff]uture) exception was never retrieved")
_NAME = re.compile(r"<Task \w+ name='([^']*)'")
_CORO = re.compile(r"(?:defined|running) at (?P<file>[^>]+?):(?P<line>\d+)>")
_ERROR = re.compile(r" exception=(.*?)(?: created at .*)?>$")
_TRACKER = re.compile(
    r"resource_tracker: There appear to be (?P<count>\d+) leaked (?P<what>\w+) objects? to clean up at shutdown"
    r"(?:: \{(?P<names>.*)\})?"
)


def read(lines: Iterable[bytes]) -> Iterator[Leak]:
    """Yield what the lines of a log tell, each different leak once, LIMIT of them at most."""
    seen: set[Leak] = set()
    for leak in _all(lines):
        if leak not in seen:
            seen.add(leak)
            yield leak
        if len(seen) >= LIMIT:
            return


def warning(said: str, file: str = "", line: int | None = None) -> Leak | None:
    """Return the leak that a warning tells of (``Category: message``), None when it tells of none.

    A bound socket without a peer that is found only while the interpreter is taken down is none: a server that keeps
    what it listens on to its very end does no harm (gunicorn, uvicorn with workers, waitress).
    """
    if not said.startswith("ResourceWarning: ") and "was never awaited" not in said:
        return None
    leak = _leak(LeakKind.WARNING, said, "", file, line)
    return None if not leak.file and _LISTENS.search(said) else leak


def raised(said: str, where: str, file: str = "", line: int | None = None) -> Leak:
    """Return the leak that an exception nobody caught is; a warning that was made an exception stays a warning."""
    first, _, _ = said.partition("\n")
    return warning(first, file, line) or _leak(LeakKind.EXCEPTION, first, where, file, line)


def task(name: str, detail: str, file: str = "", line: int | None = None) -> Leak:
    """Return the leak that a task (without a name: a future) is which nobody waited for."""
    return _leak(LeakKind.TASK, f"task {name}" if name else "a future", detail, file, line)


def _leak(kind: LeakKind, subject: str, detail: str, file: str, line: int | None) -> Leak:
    """Return a leak without the addresses of objects, and without a place that is none (``sys:1``)."""
    known = file not in {"", "sys", "<sys>"} and line is not None and line > 0
    return Leak(
        kind=kind,
        grade=Grade.FIRM,
        subject=_ADDRESS.sub("", subject)[:_LONGEST],
        detail=_ADDRESS.sub("", detail)[:_LONGEST],
        file=file if known else "",
        line=line if known else None,
    )


def _all(lines: Iterable[bytes]) -> Iterator[Leak]:
    block: _Raised | _Task | None = None
    for raw in lines:
        text = raw.decode("utf-8", "replace").rstrip()
        if block is not None:
            if block.takes(text):
                continue
            yield block.leak()
        block = _block(text)
        if block is None:
            yield from _of_one_line(text)
    if block is not None:
        yield block.leak()


def _block(text: str) -> _Raised | _Task | None:
    """Return what begins with this line and tells more in those that follow."""
    if found := _RAISED.match(text):
        return _Raised(found["where"].replace("in: ", "in ", 1))
    if found := _TASK.search(text):
        return _Task(found[0])
    return None


def _of_one_line(text: str) -> Iterator[Leak]:
    if "Warning: " not in text:
        return
    if found := _TRACKER.search(text):
        yield from _tracked(int(found["count"]), found["what"], found["names"] or "")
    elif found := _WARNING.search(text):
        file = found["file"][found["file"].rfind(" /") + 1 :]  # what a logger puts before it ends with a blank
        leak = warning(found["said"], file, int(found["line"]))
        if leak is not None:
            yield leak


def _tracked(count: int, what: str, names: str) -> Iterator[Leak]:
    """Yield what the tracker of multiprocessing removed: by name from Python 3.13 on, before that by number."""
    detail = f"{what}, removed by the resource tracker"
    kind = LeakKind.FILE if what in {"file", "folder"} else LeakKind.SHARED_MEMORY
    subjects = [name.strip(" '\"").lstrip("/") for name in names.split(",") if name.strip()]
    for subject in subjects or [f"{count} {what} {plural('object', count)}"]:
        yield Leak(kind=kind, grade=Grade.FIRM, subject=subject, detail=detail)


class _Raised:
    """An exception that the interpreter printed, header first, then its traceback."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._said = self._file = ""
        self._line: int | None = None
        self._lines = 0

    def takes(self, text: str) -> bool:
        """Return whether this line belongs to it, and learn from it."""
        self._lines += 1
        if self._lines > _LONGEST_BLOCK:
            return False
        if found := _FRAME.match(text):
            self._file, self._line = found["file"], int(found["line"])
        elif text.startswith(_CHAINED):
            self._said = ""
        elif text and not text.startswith((" ", "Traceback (most recent call last)")):
            ends, self._said = bool(self._said), self._said or text
            return not ends
        return True

    def leak(self) -> Leak:
        """Return what it came to."""
        return raised(self._said or "an exception", self._where, self._file, self._line)


class _Task:
    """A task or a future that asyncio complains about, header first, then its representation."""

    def __init__(self, header: str) -> None:
        self._destroyed = "destroyed" in header
        self._shown = ""

    def takes(self, text: str) -> bool:
        """Return whether this line belongs to it, and learn from it."""
        if text.startswith(("task: ", "future: ")):
            self._shown = text
            return True
        return not self._shown and text.startswith((" ", "source_traceback: "))

    def leak(self) -> Leak:
        """Return what it came to."""
        name, error, coro = _NAME.search(self._shown), _ERROR.search(self._shown), _CORO.search(self._shown)
        what = "destroyed while pending" if self._destroyed else "its exception was never retrieved"
        detail = f"{what}: {error[1]}" if error and not self._destroyed else what
        return task(name[1] if name else "", detail, coro["file"] if coro else "", int(coro["line"]) if coro else None)
