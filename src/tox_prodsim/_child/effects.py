"""The side effects of an import, on its process and outside of it.

An audit hook sees actions (a connection, a process, a file) while the import runs; what stays (a descriptor, a thread,
a handler) is the difference between the states of the process before and after. ``probe`` imports this file, so it
keeps to CPython 3.8 and to what the interpreter has loaded anyway; nothing here may raise into what is observed.
"""

from __future__ import annotations

import _locale
import gc
import os
import signal
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import Any, ClassVar

    Effect = dict[str, Any]
    Frames = list[tuple[str, int]]

SETTLE_S = 0.3
"""How long threads that an import started may take to end by themselves."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DEVICES = ("/dev/", "/proc/", "/sys/")
_SHARED_MEMORY = "/dev/shm/"  # noqa: S108 - its files are files
_LOOPBACK = ("localhost", "ip6-localhost", "::1", "::", "0.0.0.0", "")  # noqa: S104 - nothing is bound here
_QUERY_MODULES = ("platform.py", "uuid.py", "webbrowser.py", os.path.join("ctypes", "util.py"))
"""Modules of the standard library that start ``uname``, ``ldconfig`` and the like to answer a question."""
_LAUNCH_MODULES = ("subprocess.py", "os.py")
_FD_FOLDER = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
_DESCRIPTORS = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device"}

# bound now, because what is imported may replace or patch them
_listdir, _readlink, _fstat, _exists, _isdir = os.listdir, os.readlink, os.fstat, os.path.exists, os.path.isdir
_getcwd, _umask, _getsignal, _sleep = os.getcwd, os.umask, signal.getsignal, time.sleep
_setlocale, _abspath, _fsdecode, _collect = _locale.setlocale, os.path.abspath, os.fsdecode, gc.collect
_open, _O_ACCMODE = open, os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_recursion_limit, _frame, _stacks = sys.getrecursionlimit, sys._getframe, sys._current_frames


class ImportWatch:
    """Observes one import after the other; ``roots`` are the real paths of the folders of installed packages."""

    def __init__(self, roots: Iterable[str]) -> None:
        known = tuple(roots)
        aliases = [path for path in sys.path if os.path.realpath(path) in known]
        self._prefixes = tuple(root + os.sep for root in dict.fromkeys([*known, *aliases]))
        self._home = os.path.expanduser("~") + os.sep
        self._is_active = False
        self._actions: dict[tuple[str, str], Frames] = {}
        self._paths: dict[str, tuple[bool, Frames]] = {}
        self._before: dict[str, Any] = {}
        sys.addaudithook(self._on_event)

    def begin(self) -> None:
        """Read the state of the process, and handle audit events from now on."""
        self._actions, self._paths = {}, {}
        self._before = self._state()
        self._is_active = True

    def end(self) -> list[Effect] | None:
        """Return the effects since ``begin``; None when the import broke what reads them."""
        self._is_active = False
        try:
            return [*self._action_effects(), *self._file_effects(), *self._state_effects(self._state_after())]
        except BaseException:  # whatever was patched
            return None

    def is_installed(self, name: str) -> bool:
        """Return whether the loaded module comes from one of the folders of installed packages."""
        file = getattr(sys.modules[name], "__dict__", {}).get("__file__")
        return isinstance(file, str) and file.startswith(self._prefixes)

    def _on_event(self, event: str, args: tuple[Any, ...]) -> None:
        handler = self._HANDLERS.get(event) if self._is_active else None
        if handler is None:
            return
        self._is_active = False  # a handler may cause events itself
        try:
            handler(self, args)
        except Exception:  # arguments of a shape that we do not know
            pass
        finally:
            self._is_active = True

    # actions

    def _action_effects(self) -> list[Effect]:
        return [_effect(kind, what, frames) for (kind, what), frames in self._actions.items()]

    def _add_action(self, kind: str, what: str) -> None:
        self._actions.setdefault((kind, what), self._frames())

    def _frames(self) -> Frames:
        """Return where in the installed packages we are, innermost first."""
        found: Frames = []
        frame: FrameType | None = _frame(2)
        while frame is not None and len(found) < 20:
            name = frame.f_code.co_filename
            prefix = next((prefix for prefix in self._prefixes if name.startswith(prefix)), None)
            if prefix is not None:
                found.append((name[len(prefix) :], frame.f_lineno or 0))
            frame = frame.f_back
        return found

    def _on_connect(self, args: tuple[Any, ...]) -> None:
        sock, address = args[0], args[1]
        if not isinstance(address, tuple):
            self._add_action("local", "connects to " + _text(address))
        else:
            sends = getattr(sock, "type", 1) == 1  # a datagram socket that is connected has sent nothing yet
            far = sends and not _is_loopback(address[0])
            self._add_action("network" if far else "local", "connects to %s:%s" % (_text(address[0]), address[1]))

    def _on_sendto(self, args: tuple[Any, ...]) -> None:
        if isinstance(args[1], tuple) and not _is_loopback(args[1][0]):
            self._add_action("network", "sends to %s:%s" % (_text(args[1][0]), args[1][1]))

    def _on_name_lookup(self, args: tuple[Any, ...]) -> None:
        host = _text(args[0])
        if not (args[0] is None or _is_loopback(host) or _is_number(host)):
            self._add_action("local" if host == os.uname().nodename else "network", "looks up the address of " + host)

    def _on_address_lookup(self, args: tuple[Any, ...]) -> None:
        self._add_action("local", "asks for the name of " + _text(args[0]))

    def _on_start(self, args: tuple[Any, ...]) -> None:
        if not _is_system_query():
            command = args[1] if len(args) > 1 and args[1] else args[0]
            words = command if isinstance(command, (list, tuple)) else [command]
            self._add_action("process", "starts " + " ".join(map(_text, words))[:100])

    def _on_spawn(self, args: tuple[Any, ...]) -> None:
        self._on_start(args[1:])

    def _on_fork(self, _args: tuple[Any, ...]) -> None:
        self._add_action("process", "forks")

    # files

    def _on_open(self, args: tuple[Any, ...]) -> None:
        mode = args[1]  # the flags beside a mode are those of CPython only
        if any(each in mode for each in "wax+") if isinstance(mode, str) else args[2] & _WRITING:
            self._add_path(args[0])

    def _add_path(self, path: Any) -> None:
        if isinstance(path, int):
            return
        name = _abspath(_fsdecode(path))
        device = name.startswith(_DEVICES) and not name.startswith(_SHARED_MEMORY)
        if name not in self._paths and not device and "__pycache__" not in name:
            self._paths[name] = (_exists(name), self._frames())

    def _on_mkdir(self, args: tuple[Any, ...]) -> None:
        if not _exists(args[0]):
            self._add_path(args[0])

    def _on_first_path(self, args: tuple[Any, ...]) -> None:
        self._add_path(args[0])

    def _on_second_path(self, args: tuple[Any, ...]) -> None:
        self._add_path(args[1])

    def _on_sqlite(self, args: tuple[Any, ...]) -> None:
        name = _fsdecode(args[0])
        if name and not name.startswith((":", "file:")):
            self._add_path(name)

    _HANDLERS: ClassVar[dict[str, Callable[[ImportWatch, tuple[Any, ...]], None]]] = {
        "open": _on_open,
        "os.mkdir": _on_mkdir,
        "os.remove": _on_first_path,
        "os.rmdir": _on_first_path,
        "os.truncate": _on_first_path,
        "os.rename": _on_second_path,
        "os.link": _on_second_path,
        "os.symlink": _on_second_path,
        "sqlite3.connect": _on_sqlite,
        "socket.connect": _on_connect,
        "socket.sendto": _on_sendto,
        "socket.getaddrinfo": _on_name_lookup,
        "socket.gethostbyname": _on_name_lookup,
        "socket.gethostbyaddr": _on_address_lookup,
        "subprocess.Popen": _on_start,
        "os.system": _on_start,
        "os.posix_spawn": _on_start,
        "os.exec": _on_start,
        "os.spawn": _on_spawn,
        "os.fork": _on_fork,
        "os.forkpty": _on_fork,
    }
    """The handlers of audit events (docs.python.org/3/library/audit_events.html)."""

    def _file_effects(self) -> Iterator[Effect]:
        """Yield what is different on disk; a file that was written and removed again does not count."""
        for name, (existed, frames) in self._paths.items():
            shown = "~" + os.sep + name[len(self._home) :] if name.startswith(self._home) else name
            if not _exists(name):
                if existed:
                    yield _effect("file", "removes " + shown, frames)
            elif not _isdir(name):
                yield _effect("file", "writes " + shown, frames)
            elif not existed:
                kind = "folder" if name.startswith(self._home) else "file"
                yield _effect(kind, "makes the folder " + shown, frames)

    # what stays

    def _state(self) -> dict[str, Any]:
        return {
            "descriptors": _descriptors(),
            "threads": _threads(),
            "signals": _signals(),
            "logging": _logging(),
            "environ": dict(os.environ),
            "rest": _other_state(),
        }

    def _state_after(self) -> dict[str, Any]:
        """Return the state when garbage is collected and short threads have ended."""
        state = self._state()
        if state["descriptors"] != self._before["descriptors"]:
            _collect()
            state["descriptors"] = _without_loaded_code(_descriptors())
        give_up_at = time.monotonic() + SETTLE_S
        while state["threads"].keys() - self._before["threads"].keys() and time.monotonic() < give_up_at:
            _sleep(0.02)
            state["threads"] = _threads()
        return state

    def _state_effects(self, after: dict[str, Any]) -> Iterator[Effect]:
        before = self._before
        for number, (kind, what) in sorted(after["descriptors"].items()):
            if before["descriptors"].get(number) != (kind, what):
                yield _effect(kind, "leaves %s open" % what)
        for ident in after["threads"].keys() - before["threads"].keys():
            name, daemon = after["threads"][ident]
            yield _effect("daemon" if daemon else "thread", "leaves the thread %s running" % name)
        for number, handler in after["signals"].items():
            if before["signals"].get(number) != handler:
                yield _effect("state", "sets what happens on " + number)
        for what in after["logging"]:
            if what not in before["logging"]:
                yield _effect("state", what)
        for name, value in after["rest"].items():
            if before["rest"][name] != value:
                yield _effect("state", "sets the %s to %s" % (name, value))
        yield from _variables(before["environ"], after["environ"])


def _effect(kind: str, what: str, frames: Iterable[tuple[str, int]] = ()) -> Effect:
    return {"kind": kind, "what": what, "frames": list(frames)}


def _text(value: Any) -> str:
    return _fsdecode(value) if isinstance(value, (str, bytes, os.PathLike)) else str(value)


def _is_loopback(host: Any) -> bool:
    text = _text(host)
    return text in _LOOPBACK or text.startswith("127.")


def _is_number(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _is_system_query() -> bool:
    """Return whether a module of the standard library starts the process, to answer a question."""
    frame: FrameType | None = _frame(3)
    while frame is not None and frame.f_code.co_filename.endswith(_LAUNCH_MODULES):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.endswith(tuple(os.sep + name for name in _QUERY_MODULES))


def _descriptors() -> dict[int, tuple[str, str]]:
    """Return what the process has open, by number: the kind of its effect, and what it is."""
    found = {}
    for name in _listdir(_FD_FOLDER):
        try:
            number = int(name)
            mode = _fstat(number).st_mode
        except (ValueError, OSError):
            continue  # the folder itself, closed by now
        what = _DESCRIPTORS.get(stat.S_IFMT(mode), "")
        if what != "a device":
            found[number] = _descriptor(number, what)
    return found


def _descriptor(number: int, what: str) -> tuple[str, str]:
    try:
        target = _readlink(os.path.join(_FD_FOLDER, str(number)))
    except OSError:
        target = "a file"
    if what:
        return "descriptor", what
    if target.startswith("anon_inode:"):
        return "descriptor", "an " + target[len("anon_inode:") :].strip("[]")
    return "opened", target


def _without_loaded_code(descriptors: dict[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Leave out libraries that are loaded and open for reading: libffi 3.5 opens itself when ``ctypes`` loads it."""
    if not any(kind == "opened" for kind, _ in descriptors.values()):
        return descriptors
    loaded = _loaded_code()
    return {
        number: (kind, what)
        for number, (kind, what) in descriptors.items()
        if kind != "opened" or what not in loaded or not _is_open_for_reading(number)
    }


def _loaded_code() -> set[str]:
    """Return the files of which code is mapped; none where the system does not tell."""
    try:
        with _open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            fields = [line.rstrip("\n").split(maxsplit=5) for line in maps]
    except OSError:
        return set()
    return {parts[5] for parts in fields if len(parts) == 6 and "x" in parts[1]}


def _is_open_for_reading(number: int) -> bool:
    """Return whether a descriptor of this process can only be read."""
    try:
        with _open("/proc/self/fdinfo/%d" % number, encoding="ascii") as info:
            flags = [line.split()[1] for line in info if line.startswith("flags:")]
    except OSError:
        return False
    return bool(flags) and int(flags[0], 8) & _O_ACCMODE == os.O_RDONLY


def _threads() -> dict[int, tuple[str, bool]]:
    """Return the threads of Python by their number: the name, and whether it is a daemon.

    What ``threading`` lists under other numbers is not a thread of the system: a library that replaces it has its own.
    """
    found = {ident: ("%d" % ident, True) for ident in _stacks()}
    threading = sys.modules.get("threading")
    if threading is not None:
        listed = {thread.ident: (thread.name, thread.daemon) for thread in threading.enumerate()}
        found.update({ident: listed[ident] for ident in found if ident in listed})
    return found


def _signals() -> dict[str, Any]:
    return {number.name: _getsignal(number) for number in signal.Signals}


def _logging() -> list[str]:
    """Return what is configured for the loggers of the whole process."""
    logging = sys.modules.get("logging")
    if logging is None:
        return []
    handlers = [handler for handler in logging.root.handlers if not isinstance(handler, logging.NullHandler)]
    found = ["adds a %s to the root logger" % type(handler).__name__ for handler in handlers]
    if logging.root.level != logging.WARNING:
        found.append("sets the level of the root logger to " + logging.getLevelName(logging.root.level))
    if logging.root.manager.disable > 0:
        found.append("disables logging up to " + logging.getLevelName(logging.root.manager.disable))
    return found


def _other_state() -> dict[str, str]:
    mask = _umask(0o022)
    _umask(mask)
    try:
        folder = _getcwd()
    except OSError:
        folder = "one that is gone"
    return {
        "working directory": folder,
        "locale": _setlocale(_locale.LC_ALL, None),
        "umask": "0o%03o" % mask,
        "recursion limit": "%d" % _recursion_limit(),
    }


def _variables(before: dict[str, str], after: dict[str, str]) -> Iterator[Effect]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield _effect("variable", "sets the environment variable " + name)
        elif before[name] != after.get(name):
            what = "changes" if name in after else "removes"
            yield _effect("state", "%s the environment variable %s" % (what, name))
