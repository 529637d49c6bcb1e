"""The hook: tells from inside of a process under test where it hangs, and what it leaves behind; started by a ``.pth``.

Two real-time signals, because programs own SIGUSR1 and SIGUSR2: STACKS has a handler in C that writes even while the
GIL is held, and while the interpreter ends (Python takes back at its end what it set itself, and this it did not set);
LOOK has a handler in Python that also knows names, tasks and limits of time. All goes to files of this process's own:
``PID.stacks``, ``PID.tasks.json``, ``PID.witness.jsonl``. The program must not notice: nothing is printed, no error
leaves this file, what is wrapped is called with all that it was called with, and nothing holds a lock.
"""

import os
import sys

STACKS, LOOK = 59, 58  # far from both ends of the real-time signals, which threading libraries and runtimes prefer
HIGH_NUMBERS = (900, 400, 150)  # of the open file: not what select(), a shell or a loop over "all" files uses
WITNESSED = 200  # lines for each process: a program that warns in a loop must not fill the disk
FRAMES, THREADS, TASKS = 100, 200, 200
LIMITED = ("threading.py", "queue.py", "selectors.py", "subprocess.py")


def begin(folder):
    """Observe this process, when it runs in the main interpreter and nobody has taken the two signals."""
    import _signal

    if any(_signal.getsignal(number) is not _signal.SIG_DFL for number in (STACKS, LOOK)):
        return
    look = Look(folder)
    _signal.signal(LOOK, look)  # ValueError: a subinterpreter, or a thread
    stacks = Stacks(folder)
    stacks.open()
    keep_open_for_ours(_signal, stacks)
    os.register_at_fork(after_in_child=stacks.open)
    witness = Witness(folder)
    witness.warnings()
    witness.exceptions()
    witness.threads()
    sys.meta_path.insert(0, WhenImported("asyncio.log", witness.tasks))


class Stacks:
    """The file of the stacks, open as long as the process lives: a signal handler in C cannot open one."""

    def __init__(self, folder):
        self.folder = folder
        self.fd = -1

    def open(self):
        """Open the file of this process, which a fork has made another one; never raises."""
        try:
            import _thread
            import faulthandler
            import fcntl

            before = self.fd
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            low = os.open(self.path(), flags, 0o600)
            self.fd = self.high(fcntl, low)
            os.write(self.fd, b"main 0x%016x start %s\n" % (_thread.get_ident(), start_time()))
            faulthandler.register(STACKS, file=self.fd, all_threads=True, chain=False)
            if before >= 0 and before != self.fd:
                self.close_inherited(before)
        except Exception:  # noqa: BLE001 - the program goes first
            pass

    def high(self, fcntl, low):
        """Return the same file with a high number, or as it is when such numbers are not to be had."""
        for number in HIGH_NUMBERS:
            try:
                high = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, number)
            except (OSError, ValueError):
                continue
            os.close(low)
            return high
        return low

    def close_inherited(self, fd):
        """Close the parent's file, if the number is still that file."""
        if os.readlink("/proc/self/fd/%d" % fd).startswith(self.folder):
            os.close(fd)

    def path(self):
        return "%s/%d.stacks" % (self.folder, os.getpid())

    def disown(self):
        """Say that the signals are no longer ours: without this file none is sent."""
        try:
            os.unlink(self.path())
        except OSError:
            pass


def start_time():
    """Return the start of this process in clock ticks, as the kernel tells it."""
    with open("/proc/self/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[19]


def keep_open_for_ours(_signal, stacks):
    """Let ``signal`` block every signal but our two, and see when the program takes one of them for itself.

    ``signal.py`` looks both functions up here at each call, so it need not be imported for this.
    """
    block, handle, ours = _signal.pthread_sigmask, _signal.signal, frozenset((STACKS, LOOK))
    block(_signal.SIG_UNBLOCK, ours)  # a parent's mask is inherited

    def pthread_sigmask(how, mask):
        if how != _signal.SIG_UNBLOCK:
            try:
                mask = set(mask) - ours
            except TypeError:
                pass
        return block(how, mask)

    def signal(number, handler):
        if number in ours:
            stacks.disown()
        return handle(number, handler)

    pthread_sigmask.__doc__, signal.__doc__ = block.__doc__, handle.__doc__
    _signal.pthread_sigmask, _signal.signal = pthread_sigmask, signal


class Look:
    """The handler in Python: it imports nothing, because the program may hang in an import."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, number, frame):
        try:
            path = "%s/%d.tasks.json" % (self.folder, os.getpid())
            content = as_json({"threads": list(self.threads(frame)), "tasks": list(self.tasks(frame))})
            fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, content)
            finally:
                os.close(fd)
            os.rename(path + ".new", path)
        except Exception:  # noqa: BLE001 - the program goes first
            pass

    def frames(self, frame):
        """Return the top frame of each thread; that of this one is where the signal came in."""
        frames = sys._current_frames()
        for ident, top in frames.items():
            while top is not None and top is not frame:
                top = top.f_back
            if top is frame:
                frames[ident] = frame
                break
        return frames

    def threads(self, frame):
        module = sys.modules.get("threading")
        known = getattr(module, "_active", {}).copy()
        for ident, top in list(self.frames(frame).items())[:THREADS]:
            thread = known.get(ident)
            yield {
                "ident": ident,
                "name": thread and str(thread.name),
                "daemon": thread and bool(thread.daemon),
                "native": getattr(thread, "native_id", None),
                "frames": list(self.stack(top)),
            }

    def stack(self, top):
        for _ in range(FRAMES):
            if top is None:
                return
            entry = position(top)
            if entry["file"].endswith(LIMITED):
                entry.update(limits(top.f_locals))
            yield entry
            top = top.f_back

    def tasks(self, frame):
        asyncio = sys.modules.get("asyncio")
        if not hasattr(asyncio, "all_tasks"):
            return
        seen = []
        for loop in self.loops(asyncio, frame):
            for task in asyncio.all_tasks(loop):
                if task not in seen and len(seen) < TASKS:
                    seen.append(task)
                    yield described(asyncio, task)

    def loops(self, asyncio, frame):
        """Return the loops that run: they are in the variables of the frames that run them."""
        found = []
        for top in self.frames(frame).values():
            while top is not None:
                if "asyncio" in top.f_code.co_filename:
                    mine = top.f_locals.get("self")
                    for loop in (mine, getattr(mine, "_loop", None), top.f_locals.get("loop")):
                        if isinstance(loop, asyncio.AbstractEventLoop) and loop not in found:
                            found.append(loop)
                top = top.f_back
        return found


def position(frame):
    return {"file": frame.f_code.co_filename, "line": frame.f_lineno or 0, "function": frame.f_code.co_name}


def limits(variables):
    """Yield what the standard library's own waits say about themselves in their variables."""
    if "timeout" in variables and isinstance(variables["timeout"], (int, float, type(None))):
        yield "timeout", variables["timeout"] if variables["timeout"] is None else float(variables["timeout"])
    me = getattr(variables.get("self"), "__dict__", {})
    if isinstance(me.get("_name"), str):
        yield "thread", me["_name"]
    if isinstance(me.get("pid"), int):
        yield "child", me["pid"]


def described(asyncio, task):
    """Return the name of a task, the frames of its coroutines from the outside in, and what it waits for."""
    frames, coro = [], task.get_coro()
    name = getattr(coro, "__qualname__", None) or type(coro).__name__
    while coro is not None and len(frames) < FRAMES:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(coro, kind + "_frame", None)
            if frame is not None:
                frames.append(position(frame))
                coro = getattr(coro, "gi_yieldfrom" if kind == "gi" else kind + "_await", None)
                break
        else:
            coro = None
    waiter = getattr(task, "_fut_waiter", None)
    return {"name": task.get_name(), "coroutine": name, "frames": frames, "waits_for": awaited(asyncio, waiter)}


def awaited(asyncio, waiter):
    """Return in words what a task waits for; None: it is ready to run, or runs."""
    if waiter is None:
        return None
    if isinstance(waiter, asyncio.Task):
        return "task %s" % waiter.get_name()
    children = getattr(waiter, "_children", None)
    if children:
        pending = [awaited(asyncio, child) for child in children if not child.done()]
        return "%d of %d: %s" % (len(pending), len(children), ", ".join(pending[:5]))
    return "a future"


def as_json(value):
    """Return JSON; json itself would have to be imported."""
    return written(value).encode("ascii")


def written(value):
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (written(key), written(each)) for key, each in value.items())
    if isinstance(value, list):
        return "[%s]" % ",".join(map(written, value))
    if isinstance(value, float):
        return repr(value) if value - value == 0 else "null"
    return repr(value) if isinstance(value, int) else quoted(str(value))


def quoted(text):
    plain = [each if " " <= each <= "~" and each not in '"\\' else escaped(ord(each)) for each in text]
    return '"%s"' % "".join(plain)


def escaped(point):
    if point < 0x10000:
        return "\\u%04x" % point
    return "\\u%04x\\u%04x" % (0xD800 + (point - 0x10000 >> 10), 0xDC00 + (point - 0x10000 & 0x3FF))


class Witness:
    """Writes down what the interpreter says about leaks, beside saying it where it always does."""

    def __init__(self, folder):
        self.folder = folder
        self.written = 0

    def tell(self, **facts):
        """Append one line; files are opened for each, none stays open."""
        if self.written < WITNESSED:
            self.written += 1
            path = "%s/%d.witness.jsonl" % (self.folder, os.getpid())
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, as_json(facts) + b"\n")
            finally:
                os.close(fd)

    def wrap(self, call, note):
        """Return ``call`` with ``note`` before it; both keep working while the interpreter is taken apart."""

        def wrapper(*args, **kwargs):
            try:
                note(*args, **kwargs)
            except Exception:  # noqa: BLE001, S110 - the program goes first
                pass
            return call(*args, **kwargs)

        return wrapper

    def warnings(self):
        """Wrap what both C and Python call to show a warning: ``showwarning`` would lose where it was allocated."""
        import warnings

        genuine = getattr(warnings, "_showwarnmsg_impl", None)

        def note(message):
            context = getattr(warnings, "_get_context", None)  # 3.14
            recorded = context is not None and getattr(context(), "log", None) is not None
            if warnings._showwarnmsg_impl is not genuine or recorded:
                return  # a catch_warnings of the program's own has it
            text, category = str(message.message), message.category.__name__
            if category == "ResourceWarning" or "was never awaited" in text:
                self.tell(kind="warning", category=category, message=text, file=message.filename, line=message.lineno)

        if genuine and hasattr(warnings, "_showwarnmsg"):
            warnings._showwarnmsg = self.wrap(warnings._showwarnmsg, note)

    def exceptions(self):
        import threading

        def in_thread(args):
            if args.exc_type is not SystemExit:
                self.exception("thread %s" % (args.thread and args.thread.name), args)

        def unraisable(args):
            where = getattr(args.object, "__qualname__", None) or type(args.object).__name__
            self.exception(where if "__del__" in where else "%s %s" % (args.err_msg or "ignored in", where), args)

        threading.excepthook = self.wrap(threading.excepthook, in_thread)
        sys.unraisablehook = self.wrap(sys.unraisablehook, unraisable)

    def exception(self, where, args):
        trace = args.exc_traceback
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        frame = trace and position(trace.tb_frame)
        file, line = (frame["file"], trace.tb_lineno) if frame else ("", 0)
        name, message = args.exc_type.__name__, str(args.exc_value)
        self.tell(kind="exception", where=where, type=name, message=message, file=file, line=line)

    def threads(self):
        """Note the threads that live when the main thread has ended; those of pools were joined before."""
        import threading

        def note():
            try:
                for thread in threading.enumerate():
                    if thread is not threading.main_thread():
                        self.tell(kind="thread", name=thread.name, daemon=thread.daemon)
            except Exception:  # noqa: BLE001, S110 - the program goes first
                pass

        try:
            threading._register_atexit(note)
        except Exception:  # noqa: BLE001 - another Python
            import atexit

            atexit.register(note)

    def tasks(self, module):
        """Read along what asyncio logs; a filter, because a handler would silence logging's last resort."""

        def note(record):
            try:
                text = record.getMessage()
                first, _, rest = text.partition("\n")
                if "was destroyed but it is pending" in first or "exception was never retrieved" in first:
                    self.tell(kind="task", name=task_name(rest), message=first)
            except Exception:  # noqa: BLE001, S110 - the program goes first
                pass
            return True

        module.logger.addFilter(note)


def task_name(text):
    """Return what follows ``name='``, as in the repr of a task, "" when it is none."""
    return text.partition("name='")[2].partition("'")[0]


class WhenImported:
    """Calls back when one module has been imported; the importing itself is left to those who do it."""

    def __init__(self, name, then):
        self.name = name
        self.then = then

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                self.follow(spec.loader)
                return spec
        return None

    def follow(self, loader):
        """Call back after the loader has done its work this once."""
        try:
            load = loader.exec_module

            def exec_module(module):
                del loader.exec_module
                load(module)
                try:
                    self.then(module)
                except Exception:  # noqa: BLE001, S110 - the program goes first
                    pass

            loader.exec_module = exec_module
        except Exception:  # noqa: BLE001, S110 - the program goes first
            pass


if os.environ.get("TOX_PRODSIM_HOOK"):
    try:
        begin(os.environ["TOX_PRODSIM_HOOK"])
    except Exception:  # noqa: BLE001, S110 - the program goes first
        pass
