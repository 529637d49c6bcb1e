"""Ask a Python process for its stacks: by the hook that it loaded when it started (``_child/hook.py``)."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tox_prodsim.model import files
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import CHILD_SCRIPTS
from tox_prodsim.supervision import procfs
from tox_prodsim.supervision.diagnosis.processes import catches
from tox_prodsim.supervision.diagnosis.values import Frame, Task, ThreadStack
from tox_prodsim.supervision.diagnosis.waiting import waits_on

VARIABLE = "TOX_PRODSIM_HOOK"
STACKS_SIGNAL, TASKS_SIGNAL = 59, 58  # the same in _child/hook.py
_SCRIPT = CHILD_SCRIPTS / "hook.py"
_MODULE = "_tox_prodsim_hook"
_LINE = (
    f"import os; os.environ.get({VARIABLE!r}) and exec({{}})  # of tox-prodsim, for the time of a run; safe to remove\n"
)
_IMPORT = f"""\
import sys
kept = sys.dont_write_bytecode
sys.dont_write_bytecode = False
sys.path.append(os.environ[{VARIABLE!r}])
try:
    import {_MODULE}
except Exception:
    pass
finally:
    sys.path.remove(os.environ[{VARIABLE!r}])
    sys.dont_write_bytecode = kept
"""
"""Its bytecode goes to our own folder, and to compile it for each process would take most of the time."""
_MOST_BYTES = 1 << 24
"""More of a file of the hook is not read."""
_PAUSE_S = 0.01
_PATIENCE_S = 0.12  # for an answer, before the next signal
_SETTLED_POLLS = 2  # of a file that does not grow any more: it is written in many small pieces

_THREAD = lazy_regex(r"^(?:Current thread|Thread) 0x([0-9a-f]+)(?: \[(.*)\])? \(most recent call first\):")
_FRAME = lazy_regex(r'^  File "(.*)", line (\d+|\?\?\?) in (.*)$')
_HEAD = lazy_regex(r"^main 0x([0-9a-f]+) start (\d+)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class StackReport:
    """The stacks of a process, and where they come from: its interpreter (hook), its handler in C (faulthandler)."""

    source: str
    stacks: tuple[ThreadStack, ...]
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook in the site-packages folder of an environment, which writes to a folder of the run."""

    site_packages: Path
    folder: Path

    @property
    def pth(self) -> Path:
        """Return the file whose one line loads the hook, in processes that have the variables."""
        return self.site_packages / "_tox_prodsim_hook.pth"

    @property
    def variables(self) -> dict[str, str]:
        """Return what the environment of a process to be observed must have."""
        return {VARIABLE: str(self.folder.absolute())}

    def with_folder(self, name: str) -> Hook:
        """Return the same hook with a folder of its own below this one, for one of several services."""
        hook = Hook(self.site_packages, self.folder / name)
        hook._make_folder()
        return hook

    def _make_folder(self) -> None:
        files.folder(self.folder)
        # A deployment of another user (simulate = non_root) has to read it, and the line that loads it.
        files.write(self.folder / f"{_MODULE}.py", _SCRIPT.read_bytes(), mode=files.SHARED)

    def install(self) -> None:
        """Write the one line, and make the folder, which also holds the script."""
        self._make_folder()
        files.write(self.pth, _LINE.format(repr(_IMPORT)), mode=files.SHARED)

    def remove(self) -> None:
        """Remove the line; what was written stays."""
        self.pth.unlink(missing_ok=True)

    def read_stacks(self, pids: Iterable[int], is_over: Callable[[], bool]) -> dict[int, StackReport]:
        """Return the stacks of the processes that answer; ``is_over`` ends the wait for the others."""
        requests = [
            _HookRequest(pid, self._stacks_file(pid), self._tasks_file(pid)) for pid in pids if self._observes(pid)
        ]
        pending = requests
        while (pending := [each for each in pending if each.is_pending()]) and not is_over():
            time.sleep(_PAUSE_S)
        answers = {each.pid: self._report(each.pid, each.offset) for each in requests}
        return {pid: answer for pid, answer in answers.items() if answer is not None}

    def why_unread(self, pid: int) -> str:
        """Return why a Python process has not answered."""
        if self._stacks_file(pid).exists():
            return "its hook did not answer"
        with suppress(OSError):
            command = (procfs.living_folder(pid) / "cmdline").read_bytes().decode(errors="replace")
            if _is_without_site(command.split("\0")):
                return "it was started with -S, so it loads no hook"
        return "it has not loaded the hook"

    def _observes(self, pid: int) -> bool:
        """Return whether the hook is at work in this very process, and not in one that had its pid before."""
        with suppress(OSError, ValueError, IndexError):
            heads = _HEAD.findall(_text(self._stacks_file(pid)).partition("\n")[0])
            start = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()[19]
            is_python = (procfs.living_folder(pid) / "exe").readlink().name.startswith(("python", "pypy"))
            return bool(heads) and heads[0][1] == start and (is_python or _has_open(pid, self._stacks_file(pid)))
        return False

    def _report(self, pid: int, offset: int) -> StackReport | None:
        by_signal = tuple(self._faulthandler_stacks(pid, offset))
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            dump = json.loads(_text(self._tasks_file(pid)))
            main = self._main(pid)
            stacks = tuple(_stack(pid, thread, main) for thread in dump["threads"])
            return StackReport(source="hook", stacks=stacks, tasks=tuple(_task(task) for task in dump["tasks"]))
        return StackReport(source="faulthandler", stacks=by_signal) if by_signal else None

    def _faulthandler_stacks(self, pid: int, offset: int) -> Iterator[ThreadStack]:
        """Yield the stacks that faulthandler wrote from ``offset`` on."""
        with suppress(OSError):
            with files.open_regular(self._stacks_file(pid)) as file:
                file.seek(offset)
                text = file.read(_MOST_BYTES).decode("utf-8", errors="replace")
            yield from parse_stacks(text, self._main(pid), waits_on(pid, pid))

    def _main(self, pid: int) -> int:
        """Return the ident of the main thread."""
        lines = _text(self._stacks_file(pid)).splitlines()
        return next((int(head[1], 16) for head in map(_HEAD.match, reversed(lines)) if head), 0)

    def _stacks_file(self, pid: int) -> Path:
        return self.folder / f"{_own_pid(pid)}.stacks"

    def _tasks_file(self, pid: int) -> Path:
        return self.folder / f"{_own_pid(pid)}.tasks.json"


class _HookRequest:
    """One process that is being asked: its Python first, which answers between two steps of the program.

    The handler in C is for those that cannot: it reads the frames of threads that may run meanwhile. LOOK is sent
    twice, because the first may come between the interpreter's check for signals and the wait that it interrupts.
    """

    def __init__(self, pid: int, stacks: Path, tasks: Path) -> None:
        self.pid = pid
        self._stacks, self._tasks = stacks, tasks
        self._tasks.unlink(missing_ok=True)
        self.offset = self._size = _size(stacks)
        self._signals_left = [TASKS_SIGNAL, STACKS_SIGNAL, TASKS_SIGNAL]
        self._next_signal_at = 0.0
        self._unchanged_polls = 0
        self._expects_stacks = False

    def is_pending(self) -> bool:
        """Send the next signal when the last has had its time; return whether there is an answer to wait for."""
        if self._tasks.exists():
            return False
        self._poll_stacks()
        now = time.monotonic()
        while now >= self._next_signal_at and self._signals_left:
            if self._signal(self._signals_left.pop(0)):
                self._next_signal_at = now + _PATIENCE_S
        if self._unchanged_polls >= _SETTLED_POLLS and not catches(self.pid, TASKS_SIGNAL):
            return False
        return now < self._next_signal_at or (self._expects_stacks and self._unchanged_polls < _SETTLED_POLLS)

    def _signal(self, number: int) -> bool:
        if number == STACKS_SIGNAL and not _has_open(self.pid, self._stacks):
            return False
        was_sent = _send(self.pid, number)
        self._expects_stacks = self._expects_stacks or (was_sent and number == STACKS_SIGNAL)
        return was_sent

    def _poll_stacks(self) -> None:
        size = _size(self._stacks)
        self._unchanged_polls = self._unchanged_polls + 1 if size == self._size > self.offset else 0
        self._size = size


def _has_open(pid: int, file: Path) -> bool:
    """Return whether a process still has a file open: it may have closed it, or become another program."""
    with suppress(OSError):
        own_code = os.path.realpath(file)
        return any(str(each.readlink()) == own_code for each in (procfs.living_folder(pid) / "fd").iterdir())
    return False


def _text(file: Path) -> str:
    """Return what the hook wrote in a file: the process can put anything in its place."""
    return files.read(file, limit_bytes=_MOST_BYTES).decode("utf-8", errors="replace")


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0


def _own_pid(pid: int) -> str:
    """Return the pid that a process has for itself: another one in a pid namespace of its own."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return line.split()[-1]
    return str(pid)


def _is_without_site(command: Iterable[str]) -> bool:
    """Return whether a command line of Python has -S among its options."""
    options = itertools.takewhile(lambda word: word.startswith("-"), itertools.islice(command, 1, None))
    short = (word for word in options if not word.startswith(("--", "-W", "-X", "-c", "-m")))
    return any("S" in word for word in short)


def _send(pid: int, number: int) -> bool:
    """Send a signal, but to no process that it would end; return whether it was sent."""
    with suppress(OSError):
        if catches(pid, number):
            os.kill(pid, number)
            return True
    return False


def is_hook_frame(frame: Frame) -> bool:
    """Return whether a frame is the hook's, which is not part of the program."""
    return frame.file.endswith(f"/{_MODULE}.py")


def parse_stacks(text: str, main: int, main_waits_on: str) -> Iterator[ThreadStack]:
    """Yield the stacks in what faulthandler wrote; the names of threads are not in it before 3.14."""
    ident, name, frames = 0, "", list[Frame]()
    for line in [*text.splitlines(), "Thread 0x0 (most recent call first):"]:
        if head := _THREAD.match(line):
            if frames:
                is_main = ident == main
                yield ThreadStack(
                    thread="MainThread" if is_main else name or f"thread 0x{ident:x}",
                    is_main=is_main,
                    daemon=False if is_main else None,
                    frames=tuple(reversed(frames)),
                    waits_on=main_waits_on if is_main else "",
                )
            ident, name, frames = int(head[1], 16), head[2] or "", []
        elif found := _FRAME.match(line):
            frames.append(Frame(file=found[1], line=int(found[2]) if found[2].isdigit() else 0, function=found[3]))


def _stack(pid: int, thread: dict[str, Any], main: int) -> ThreadStack:
    is_main = thread["ident"] == main
    native = pid if is_main else thread["native"]
    return ThreadStack(
        thread=thread["name"] or ("MainThread" if is_main else f"thread 0x{thread['ident']:x}"),
        is_main=is_main,
        daemon=thread["daemon"],
        frames=tuple(_frame(each) for each in reversed(thread["frames"])),
        waits_on=waits_on(pid, native) if native else "",
    )


def _frame(entry: dict[str, Any]) -> Frame:
    return Frame(
        file=entry["file"],
        line=entry["line"],
        function=entry["function"],
        limited=entry["timeout"] is not None if "timeout" in entry else None,
        thread=entry.get("thread", ""),
        child=entry.get("child"),
    )


def _task(entry: dict[str, Any]) -> Task:
    frames = tuple(_frame(each) for each in entry["frames"])
    return Task(name=entry["name"], coroutine=entry["coroutine"], frames=frames, waits_for=entry["waits_for"] or "")
