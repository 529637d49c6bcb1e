"""Records what an import is made of, in an interpreter of the environment: CPython 3.9 and newer, stdlib only.

    python -s [-P] recorder.py CLOCK NONCE NAME…    imports NAME… by that clock (exact, timed) and answers with one line

The nonce is in the mark of the answer: whatever is imported may print.

``-X importtime`` knows neither the line of an import nor anything of ``importlib.import_module``. Both go through
``_frozen_importlib._find_and_load``, and that is what is wrapped here. The clock is read at each of its borders and
what lies between two of them is charged to the module whose body runs there, and the recorder's own work to none.
"""

import os
import sys
import time
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any, Callable

EXACT, TIMED = "exact", "timed"
WORK = "bytecodes"
TOOL = 4  # of sys.monitoring: 0, 1, 2 and 5 are those of debuggers, coverage, profilers and optimizers
monitoring: "Any" = getattr(sys, "monitoring", None)
QUICK_NS, TRIES = 100_000, 9  # a reading takes about 15 us; one that takes longer was interrupted
_OURS = (lambda: 0).__code__.co_filename
_IMPORTLIB = "<frozen importlib._bootstrap>"


def record(clock: str, nonce: str, modules: "list[str]") -> None:
    """Import the modules, answer with what was recorded, and end at once, as ``timing.py`` does and for its reasons."""
    answer_to = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # our own folder, before 3.11 has -P for that
    sys.argv[:] = [""]
    recorder = Recorder(Counter() if clock == EXACT else TimedClock())
    try:
        recorder.run(modules)
        answer = recorder.as_json(in_full=clock == EXACT)
    except BaseException as problem:  # a module may raise anything, SystemExit included
        answer = {"error": "{}: {}".format(type(problem).__name__, problem)[:400].strip().rstrip(":")}
    import json  # not before the recording, it may be a part of it

    data = b"tox-prodsim " + nonce.encode() + b": " + json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(answer_to, data) :]
    os._exit(0)


class Import:
    """One import: ``own`` are the readings of the clock less those of the imports inside of it."""

    __slots__ = ("at", "importer", "loaded", "name", "own", "through")

    def __init__(self, name: str, importer: str) -> None:
        self.name = name
        self.importer = importer
        self.own = (0, 0)
        self.loaded = False
        self.at = ("", 0)
        self.through = ("", 0)

    def as_json(self) -> "list[Any]":
        """Return the import for JSON, with the file and the bytes of bytecode of the module as it is now."""
        return [self.name, self.importer, self.loaded, self.own, self.at, self.through, *_origin(self.name)]


class Thread:
    """What one thread imports, innermost last, the last reading of its clock, and whether the recorder is at work."""

    __slots__ = ("busy", "last", "stack")

    def __init__(self) -> None:
        self.busy = False
        self.stack: "list[Import]" = []
        self.last = (0, 0)


class Recorder:
    """Collects the imports in their order: a package before its modules, though it is their import that asks for it."""

    def __init__(self, clock: "Counter | TimedClock") -> None:
        self.imports: "list[Import]" = []
        self._clock = clock
        self._threads: "dict[int, Thread]" = {}
        self.collecting = (0, 0)
        """What garbage collections took: when they come depends on everything before, so no module is charged."""

    def run(self, modules: "list[str]") -> None:
        """Import the modules and record it."""
        bootstrap: "Any" = sys.modules["_frozen_importlib"]
        original = bootstrap._find_and_load  # nothing public sees all imports
        wrapper = self._wrapper(original)
        self._clock.start(wrapper.__code__, self._collect)
        bootstrap._find_and_load = wrapper
        try:
            for name in modules:
                __import__(name)
        finally:
            bootstrap._find_and_load = original
            self._clock.stop()

    def as_json(self, *, in_full: bool) -> "dict[str, Any]":
        """Return the answer for JSON, with the imports in full or with their names and readings only."""
        imports = [each.as_json() if in_full else [each.name, each.own] for each in self.imports]
        return {"clock": self._clock.name, "imports": imports, "collecting": self.collecting}

    def _wrapper(self, original: "Callable[..., Any]") -> "Any":
        loaded, enter, leave = sys.modules, self._enter, self._leave

        def find_and_load(name: str, import_: "Any") -> "Any":
            if name in loaded:  # import_module asks for what is there already
                return original(name, import_)
            begun = enter(name)
            try:
                return original(name, import_)
            finally:
                leave(begun)

        # The frame that stays on the stack: warnings.warn and tracebacks pass over those of importlib.
        find_and_load.__code__ = find_and_load.__code__.replace(co_filename=_IMPORTLIB)
        return find_and_load

    def _enter(self, name: str) -> Import:
        thread = self._halt_clock()
        outer = thread.stack[-1] if thread.stack else None
        if outer is not None and outer.name.startswith(name + "."):
            # The import of a.b imports a first: in the source, both are imported by the same line.
            begun = Import(name, outer.importer)
            begun.at, begun.through = outer.at, outer.through
            self.imports.insert(self.imports.index(outer), begun)
        else:
            frame = _first_frame_outside(sys._getframe(2))
            begun = Import(name, outer.name if outer is not None else self._in_thread(frame))
            _place(begun, frame)
            self.imports.append(begun)
        thread.stack.append(begun)
        self._resume_clock(thread)
        return begun

    def _in_thread(self, frame: "FrameType | None") -> str:
        """Return the importer of what a thread imports in no other import: the module of the statement."""
        name = frame.f_globals.get("__name__") if frame is not None else ""
        return next((each.name for each in self.imports if each.name == name), "")

    def _leave(self, done: Import) -> None:
        thread = self._halt_clock()
        thread.stack.remove(done)  # not always the last: greenlets of one thread import in turns
        done.loaded = sys.modules.get(done.name) is not None
        self._resume_clock(thread)

    def _halt_clock(self) -> Thread:
        """Charge the time since the last border to the import in which it passed."""
        thread = self._threads.get(get_ident())
        if thread is None:
            thread = self._threads[get_ident()] = Thread()
        thread.busy = True
        now = self._clock.read_before()
        if thread.stack:
            top = thread.stack[-1]
            top.own = _add(top.own, now, thread.last)
        return thread

    def _resume_clock(self, thread: Thread) -> None:
        self._clock.join(len(thread.stack))
        thread.last = self._clock.read_after()
        thread.busy = False

    def _collect(self, phase: str, _: object) -> None:
        """Count what a collection takes (a callback of ``gc``) on its own, unless the recorder is at work."""
        thread = self._threads.get(get_ident())
        if thread is None or thread.busy:
            return
        now = self._clock.read_before()
        if phase == "stop":
            self.collecting = _add(self.collecting, now, thread.last)
        elif thread.stack:
            top = thread.stack[-1]
            top.own = _add(top.own, now, thread.last)
        thread.last = self._clock.read_after()


def _add(own: "tuple[int, int]", now: "tuple[int, int]", last: "tuple[int, int]") -> "tuple[int, int]":
    return own[0] + now[0] - last[0], own[1] + now[1] - last[1]


class TimedClock:
    """Reads effective wall time (wall less run-queue delay) and CPU time of this thread, in ns."""

    name = TIMED

    def start(self, _: "CodeType", collect: "Callable[[str, object], None]") -> None:
        """Have garbage collections reported from now on; a clock always runs."""
        known = set(sys.modules)
        import gc  # a module that imports it is to be seen

        for name in set(sys.modules) - known:
            del sys.modules[name]
        self._callbacks, self._collect = gc.callbacks, collect
        gc.callbacks.append(collect)

    def stop(self) -> None:
        """Have them reported no more."""
        self._callbacks.remove(self._collect)

    def join(self, depth: int) -> None:
        """Do nothing: it runs in all threads."""

    def read_before(self) -> "tuple[int, int]":
        """Return the reading at the end of a stretch, with the wall time from before we read anything."""
        before, _, queued = _read_together()
        return before - queued, time.thread_time_ns()

    def read_after(self) -> "tuple[int, int]":
        """Return the reading at the begin of a stretch, with the wall time from after we read everything."""
        cpu = time.thread_time_ns()
        _, after, queued = _read_together()
        return after - queued, cpu


def _read_together() -> "tuple[int, int, int]":
    """Return wall times around a reading of the run-queue delay, which must not grow between them: it may by ms."""
    before = after = queued = 0
    for _ in range(TRIES):
        before = time.perf_counter_ns()
        queued = run_delay()
        after = time.perf_counter_ns()
        if after - before < QUICK_NS:
            break
    return before, after, queued


def run_delay() -> int:
    """Return the ns that this thread was runnable but waited for a CPU; 0 where there is no such figure."""
    try:
        with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
            return int(file.read(80).split()[1])
    except (OSError, ValueError, IndexError):
        return 0


class Counter:
    """Counts executed bytecodes, each thread its own, and none of ours."""

    name = WORK

    def __init__(self) -> None:
        self._counts: "dict[int, int]" = {}
        self._trace: "Any" = None

    def start(self, wrapper: "CodeType", _: object) -> None:
        """Count from now on, except in this file and in the wrapper."""
        if monitoring is not None:
            monitoring.use_tool_id(TOOL, "prodsim")
            monitoring.register_callback(TOOL, monitoring.events.INSTRUCTION, _monitor(self._counts, wrapper))
            monitoring.set_events(TOOL, monitoring.events.INSTRUCTION)
        else:
            self._main, self._trace = get_ident(), _trace(self._counts, wrapper)
            sys.settrace(self._trace)

    def stop(self) -> None:
        """Count no more."""
        if monitoring is not None:
            monitoring.set_events(TOOL, 0)
            monitoring.free_tool_id(TOOL)
        else:
            sys.settrace(None)

    def join(self, depth: int) -> None:
        """Count in this thread while it imports: a trace function belongs to one thread, monitoring to all."""
        if monitoring is None and get_ident() != self._main:
            sys.settrace(self._trace if depth else None)

    def read_before(self) -> "tuple[int, int]":
        """Return what this thread has done so far."""
        return self._counts.get(get_ident(), 0), 0

    read_after = read_before


def _monitor(counts: "dict[int, int]", wrapper: "CodeType") -> "Callable[..., object]":
    disable, ours, thread = monitoring.DISABLE, _OURS, get_ident

    def tick(code: "CodeType", _: int) -> object:
        if code.co_filename is ours or code is wrapper:
            return disable
        try:
            counts[thread()] += 1
        except KeyError:
            counts[thread()] = 1
        return None

    return tick


def _trace(counts: "dict[int, int]", wrapper: "CodeType") -> "Callable[..., object]":
    """Return the function for ``sys.settrace``, which before 3.12 is the one thing that sees bytecodes."""
    ours, thread = _OURS, get_ident

    def enter(frame: "FrameType", _: str, __: object) -> object:
        code = frame.f_code
        if code.co_filename is ours or code is wrapper:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return tick

    def tick(_: "FrameType", event: str, __: object) -> object:
        if event == "opcode":
            try:
                counts[thread()] += 1
            except KeyError:
                counts[thread()] = 1
        return tick

    return enter


def _place(begun: Import, frame: "FrameType | None") -> None:
    """Note where the import stands, and through which line of the importer's body it came there."""
    if frame is None:
        return
    begun.at = begun.through = (frame.f_code.co_filename, frame.f_lineno or 0)
    while frame is not None and frame.f_code.co_filename is not _OURS:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == begun.importer:
            begun.through = (frame.f_code.co_filename, frame.f_lineno or 0)
            break
        frame = frame.f_back


def _first_frame_outside(frame: "FrameType | None") -> "FrameType | None":
    """Return the first frame from here that is not of importlib, or None when it is ours."""
    while frame is not None and _of_importlib(frame):
        frame = frame.f_back
    return None if frame is None or frame.f_code.co_filename is _OURS else frame


def _of_importlib(frame: "FrameType") -> bool:
    name = frame.f_globals.get("__name__")
    is_named = isinstance(name, str) and name.partition(".")[0] == "importlib"
    return is_named or frame.f_code.co_filename.startswith("<frozen importlib")


def _origin(name: str) -> "tuple[str, int]":
    """Return the file of a loaded module and the bytes of its bytecode, without the path that each file contains."""
    try:
        spec = object.__getattribute__(sys.modules[name], "__dict__")["__spec__"]  # no __getattr__, no lazy loading
        origin, cached = spec.origin, spec.cached
    except (AttributeError, KeyError):
        return "", 0
    file = origin if isinstance(origin, str) and origin not in ("built-in", "frozen") else ""
    try:
        return file, max(0, os.stat(cached).st_size - len(os.fsencode(file)))
    except (OSError, TypeError, ValueError):
        return file, 0


if __name__ == "__main__":
    record(sys.argv[1], sys.argv[2], sys.argv[3:])
