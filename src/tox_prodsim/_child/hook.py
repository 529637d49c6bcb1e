"""The hook: records from inside of a process under test where it hangs and what it leaves open; loaded by a ``.pth``.

Two real-time signals, because programs own SIGUSR1 and SIGUSR2: STACKS has a handler in C that writes even while the
GIL is held, and while the interpreter ends (Python takes back at its end what ``signal.signal`` set, and this it did
not set); LOOK has a handler in Python that also knows names, tasks and limits of time. All goes to files of this
process's own: ``PID.stacks``, ``PID.tasks.json``, ``PID.witness.jsonl``. The program must not notice: nothing is
printed, no error leaves this file, what is wrapped is called with all that it was called with, and nothing is imported
that the program does not import, but for four modules that are built into the interpreter or as good as that.
"""

from __future__ import annotations

import _signal
import _thread
import atexit
import faulthandler
import fcntl
import os
import sys

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType, ModuleType, TracebackType
    from typing import Any

STACKS_SIGNAL, TASKS_SIGNAL = (
    59,
    58,
)  # far from both ends of the real-time signals, which threading libraries and runtimes prefer
HIGH_NUMBERS = (900, 400, 150)  # of the open file: not what select(), a shell or a loop over "all" files uses
MAX_RECORDS = 200  # lines for each process: a program that warns in a loop must not fill the disk
FRAMES, THREADS, TASKS = 100, 200, 200
OWN_FILE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO in its place: an error
APPENDED, REPLACED = OWN_FILE | os.O_APPEND, OWN_FILE | os.O_TRUNC
LIMITED = ("threading.py", "queue.py", "selectors.py", "subprocess.py")


def begin(folder: str) -> None:
    """Observe this process, when it runs in the main interpreter and nobody has taken the two signals."""
    if any(_signal.getsignal(number) is not _signal.SIG_DFL for number in (STACKS_SIGNAL, TASKS_SIGNAL)):
        return
    _signal.signal(TASKS_SIGNAL, StackDump(folder))  # ValueError: a subinterpreter, or a thread
    stacks = Stacks(folder)
    stacks.open()
    protect_signals(stacks)
    os.register_at_fork(after_in_child=stacks.open)
    recorder = LeakRecorder(folder)
    atexit.register(recorder.note_exit)
    sys.unraisablehook = recorder.wrap(sys.unraisablehook, recorder.note_unraisable)
    WhenImported({"warnings": recorder.warnings, "threading": recorder.threads, "asyncio.log": recorder.tasks}).begin()


class IgnoreErrors:
    """Suppresses errors of the hook, which must not reach the program; contextlib would have to be imported."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, problem: object, trace: object) -> bool:
        """Suppress any error, but not what ends a program."""
        return kind is not None and issubclass(kind, Exception)


IGNORE_ERRORS = IgnoreErrors()


class Stacks:
    """The file of the stacks, open as long as the process lives: a signal handler in C cannot open one."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.fd = -1

    def open(self) -> None:
        """Open the file of this process, which a fork has made another one."""
        with IGNORE_ERRORS:
            before = self.fd
            self.fd = with_high_number(os.open(self.path(), APPENDED, 0o600))
            os.write(self.fd, b"main 0x%016x start %s\n" % (_thread.get_ident(), start_time()))
            faulthandler.register(STACKS_SIGNAL, file=self.fd, all_threads=True, chain=False)
            if before >= 0 and os.readlink("/proc/self/fd/%d" % before).startswith(self.folder):
                os.close(before)

    def path(self) -> str:
        """Return the file of this process."""
        return "%s/%d.stacks" % (self.folder, os.getpid())

    def give_up_signals(self) -> None:
        """Mark the signals as no longer ours: without this file none is sent."""
        with IGNORE_ERRORS:
            os.unlink(self.path())


def with_high_number(low: int) -> int:
    """Return the same file with a high number, or as it is when no such number is available."""
    for number in HIGH_NUMBERS:
        with IGNORE_ERRORS:
            fd = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, number)
            os.close(low)
            return fd
    return low


def start_time() -> bytes:
    """Return the start of this process in clock ticks, as the kernel counts it."""
    with open("/proc/self/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[19]


def protect_signals(stacks: Stacks) -> None:
    """Let ``signal`` block every signal but our two, and see when the program takes one of them for itself.

    ``signal.py`` looks both functions up here at each call, so it need not be imported for this.
    """
    block, handle, own_signals = _signal.pthread_sigmask, _signal.signal, frozenset((STACKS_SIGNAL, TASKS_SIGNAL))
    block(_signal.SIG_UNBLOCK, own_signals)  # a parent's mask is inherited

    def pthread_sigmask(how: int, mask: Iterable[int]) -> set[int]:
        if how != _signal.SIG_UNBLOCK:
            mask = list(mask)  # a TypeError is the program's, and the same
            mask = [each for each in mask if each not in own_signals]
        blocked: set[int] = block(how, mask)
        return blocked

    def signal(number: int, handler: object) -> object:
        if number in own_signals:
            stacks.give_up_signals()
        return handle(number, handler)

    pthread_sigmask.__doc__, signal.__doc__ = block.__doc__, handle.__doc__
    _signal.pthread_sigmask, _signal.signal = pthread_sigmask, signal


class StackDump:
    """The handler in Python: it imports nothing, because the program may hang in an import."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.is_busy = False

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        """Dump, unless the signal came during a dump: then it interrupted this handler."""
        if not self.is_busy:
            self.is_busy = True
            try:
                self.dump(frame)
            finally:
                self.is_busy = False

    def dump(self, frame: FrameType | None) -> None:
        """Write down all threads and tasks, in one step, so that no reader gets half of it."""
        with IGNORE_ERRORS:
            path = "%s/%d.tasks.json" % (self.folder, os.getpid())
            content = as_json({"threads": list(self.threads(frame)), "tasks": list(self.tasks(frame))})
            fd = os.open(path + ".new", REPLACED, 0o600)
            try:
                os.write(fd, content)
            finally:
                os.close(fd)
            os.rename(path + ".new", path)

    def tops(self, frame: FrameType | None) -> dict[int, FrameType | None]:
        """Return the innermost frame of each thread; that of this one is where the signal came in."""
        return {**sys._current_frames(), _thread.get_ident(): frame}  # the documented way

    def threads(self, frame: FrameType | None) -> Iterator[dict[str, Any]]:
        """Yield what each thread does, innermost frame first."""
        known = getattr(sys.modules.get("threading"), "_active", {}).copy()
        for ident, top in list(self.tops(frame).items())[:THREADS]:
            thread = known.get(ident)
            yield {
                "ident": ident,
                "name": thread and str(thread.name),
                "daemon": thread and bool(thread.daemon),
                "native": getattr(thread, "native_id", None),
                "frames": [frame_entry(each) for each in callers(top, FRAMES)],
            }

    def tasks(self, frame: FrameType | None) -> Iterator[dict[str, Any]]:
        """Yield what each asyncio task waits for."""
        asyncio: Any = sys.modules.get("asyncio")
        if hasattr(asyncio, "all_tasks"):
            for loop in self.loops(asyncio, frame):
                for task in list(asyncio.all_tasks(loop))[:TASKS]:
                    yield task_entry(asyncio, task)

    def loops(self, asyncio: Any, frame: FrameType | None) -> list[object]:
        """Return the loops that run: they are in the variables of the frames that run them."""
        found: list[object] = []
        for top in self.tops(frame).values():
            for each in callers(top, 1000):
                if "asyncio" in each.f_code.co_filename:
                    running_self = each.f_locals.get("self")
                    for loop in (running_self, getattr(running_self, "_loop", None), each.f_locals.get("loop")):
                        if isinstance(loop, asyncio.AbstractEventLoop) and loop not in found:
                            found.append(loop)
        return found


def callers(frame: FrameType | None, limit: int) -> Iterator[FrameType]:
    """Yield a frame and those that called it."""
    while frame is not None and limit > 0:
        yield frame
        frame, limit = frame.f_back, limit - 1


def frame_entry(frame: FrameType) -> dict[str, Any]:
    """Return where a frame is, and its time limit where it is a wait of the standard library."""
    where = position(frame)
    if where["file"].endswith(LIMITED):
        where.update(limits(frame.f_locals))
    return where


def position(frame: FrameType) -> dict[str, Any]:
    """Return where a frame is."""
    return {"file": frame.f_code.co_filename, "line": frame.f_lineno or 0, "function": frame.f_code.co_name}


def limits(variables: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what the variables of a wait contain: its limit (None: for ever), and its thread or child."""
    if "timeout" in variables and isinstance(variables["timeout"], (int, float, type(None))):
        timeout = variables["timeout"]
        yield "timeout", None if timeout is None or timeout < 0 else float(timeout)
    me = getattr(variables.get("self"), "__dict__", {})
    if isinstance(me.get("_name"), str):
        yield "thread", me["_name"]
    if isinstance(me.get("pid"), int):
        yield "child", me["pid"]


def task_entry(asyncio: Any, task: Any) -> dict[str, Any]:
    """Return the name of a task, the frames of its coroutines from the outside in, and what it waits for."""
    frames: list[dict[str, Any]] = []
    inner = task.get_coro()
    name = getattr(inner, "__qualname__", None) or type(inner).__name__
    while inner is not None and len(frames) < FRAMES:
        frame, inner = innermost_step(inner)
        frames += [position(frame)] if frame is not None else []
    waiter = getattr(task, "_fut_waiter", None)
    return {"name": task.get_name(), "coroutine": name, "frames": frames, "waits_for": awaited(asyncio, waiter)}


def innermost_step(coroutine: Any) -> tuple[FrameType | None, Any]:
    """Return the frame of a coroutine, a generator or an asynchronous generator, and what it awaits."""
    for kind, inner in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
        frame = getattr(coroutine, kind + "_frame", None)
        if frame is not None:
            return frame, getattr(coroutine, inner, None)
    return None, None


def awaited(asyncio: Any, waiter: Any) -> str | None:
    """Return what a task waits for; None: it is ready to run, or runs."""
    if waiter is None:
        return None
    if isinstance(waiter, asyncio.Task):
        return "task %s" % waiter.get_name()
    children = getattr(waiter, "_children", None)
    if not children:
        return "a future"
    pending = [awaited(asyncio, child) or "" for child in children if not child.done()]
    more = ", ..." if len(pending) > 5 else ""
    return "%s%s (%d of the %d that it gathers)" % (", ".join(pending[:5]), more, len(pending), len(children))


def as_json(value: object) -> bytes:
    """Return JSON; json itself would have to be imported."""
    return to_json(value).encode("ascii")


def to_json(value: object) -> str:
    """Return one value as JSON."""
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (to_json(key), to_json(each)) for key, each in value.items())
    if isinstance(value, list):
        return "[%s]" % ",".join(map(to_json, value))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return repr(value) if value - value == 0 else "null"
    return repr(value) if isinstance(value, int) else quote(str(value))


def quote(text: str) -> str:
    """Return a string as JSON."""
    return '"%s"' % "".join(each if " " <= each <= "~" and each not in '"\\' else escape(ord(each)) for each in text)


def escape(point: int) -> str:
    """Return one character as JSON escapes it, in two halves above U+FFFF."""
    if point < 0x10000:
        return "\\u%04x" % point
    return "\\u%04x\\u%04x" % (0xD800 + (point - 0x10000 >> 10), 0xDC00 + (point - 0x10000 & 0x3FF))


class LeakRecorder:
    """Records what the interpreter reports about leaks, in addition to its usual output."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.lines = 0

    def record(self, **fields: object) -> None:
        """Append one line, unless there are too many."""
        if self.lines < MAX_RECORDS:
            self.lines += 1
            self.append(as_json(fields) + b"\n")

    def append(self, line: bytes) -> None:
        """Append one line; the file is opened for each, none stays open."""
        path = "%s/%d.witness.jsonl" % (self.folder, os.getpid())
        fd = os.open(path, APPENDED, 0o600)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)

    def note_exit(self) -> None:
        """Record that the interpreter came to its end: a leak that is not recorded before was not there."""
        with IGNORE_ERRORS:
            self.append(b'{"kind":"exit"}\n')

    def wrap(
        self, call: Callable[..., Any], note: Callable[..., object], ignore_errors: IgnoreErrors = IGNORE_ERRORS
    ) -> Callable[..., Any]:
        """Return ``call`` with ``note`` before it; both keep working while the interpreter is taken apart."""

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with ignore_errors:
                note(*args, **kwargs)
            return call(*args, **kwargs)

        return wrapper

    def warnings(self, module: Any) -> None:
        """Wrap what both C and Python call to show a warning: ``showwarning`` would lose where it was allocated."""
        genuine = module._showwarnmsg_impl  # catch_warnings replaces it

        def note(message: Any) -> None:
            context = getattr(module, "_get_context", None)  # 3.14
            recorded = context is not None and getattr(context(), "log", None) is not None
            if recorded or module._showwarnmsg_impl is not genuine:
                return
            text, category = str(message.message), message.category.__name__
            if category == "ResourceWarning" or "was never awaited" in text:
                self.record(kind="warning", category=category, message=text, file=message.filename, line=message.lineno)

        module._showwarnmsg = self.wrap(module._showwarnmsg, note)

    def threads(self, module: Any) -> None:
        """See the exceptions of threads."""
        module.excepthook = self.wrap(module.excepthook, self.note_thread_exception)

    def note_thread_exception(self, args: Any) -> None:
        """Note an exception that ended a thread."""
        if args.exc_type is not SystemExit:
            self.record_exception("thread %s" % (args.thread and args.thread.name), args)

    def note_unraisable(self, args: Any) -> None:
        """Note an exception that could not be raised, as in ``__del__``."""
        where = getattr(args.object, "__qualname__", None) or type(args.object).__name__
        self.record_exception(where if "__del__" in where else "%s %s" % (args.err_msg or "ignored in", where), args)

    def record_exception(self, where: str, args: Any) -> None:
        """Note an exception with the line that raised it."""
        trace: TracebackType | None = args.exc_traceback
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        file, line = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace is not None else ("", 0)
        name, message = args.exc_type.__name__, str(args.exc_value)
        self.record(kind="exception", where=where, type=name, message=message, file=file, line=line)

    def tasks(self, module: Any) -> None:
        """Record what asyncio logs; with a filter, because a handler would disable logging's last resort."""

        def note(record: Any) -> bool:
            with IGNORE_ERRORS:
                first, _, rest = record.getMessage().partition("\n")
                if "was destroyed but it is pending" in first or "exception was never retrieved" in first:
                    self.record(kind="task", name=rest.partition("name='")[2].partition("'")[0], message=first)
            return True

        module.logger.addFilter(note)


class WhenImported:
    """Calls back once a module has been imported, if it ever is; it imports nothing itself."""

    def __init__(self, awaited: dict[str, Callable[[ModuleType], None]]) -> None:
        self.awaited = awaited

    def begin(self) -> None:
        """Call back for what is there, and wait for the others."""
        for name in list(self.awaited):
            if name in sys.modules:
                with IGNORE_ERRORS:
                    self.awaited.pop(name)(sys.modules[name])
        if self.awaited:
            sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return what the other finders find."""
        callback = self.awaited.pop(name, None)
        if callback is None:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None:
                self.follow(spec.loader, callback)
                return spec
        return None

    def follow(self, loader: Any, callback: Callable[[ModuleType], None]) -> None:
        """Call back after the loader has done its work this once; frozen modules share theirs, so not there."""
        if isinstance(loader, type):
            return
        with IGNORE_ERRORS:
            load = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                del loader.exec_module
                load(module)
                with IGNORE_ERRORS:
                    callback(module)

            loader.exec_module = exec_module


with IGNORE_ERRORS:
    begin(os.environ["TOX_PRODSIM_HOOK"])
