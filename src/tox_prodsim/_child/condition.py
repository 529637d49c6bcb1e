"""Put this process under a condition of the key ``simulate``, and then become the command: the pid stays the same.

usage: PYTHON -I condition.py '{"condition": "no_network", "give_away": [], "cwd": ""}' [COMMAND ARGUMENT ...]

``give_away`` are folders for the user that the command will be, ``cwd`` is where it works (empty: here). Without a
command it only tries. A condition that is not available here is exit code 70 and one line on stdout with the reason.
The changes concern this process and its children only. Runs on CPython 3.9 and newer.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys
import sysconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

REFUSED = 70
NOBODY = 65534  # the kernel's overflow uid: no file and no right of its own
LOW_FDS = 256  # the soft limit of a macOS shell; on Linux it is 1024 or more

PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
MS_REC, MS_PRIVATE, MS_RELATIME = 1 << 14, 1 << 18, 1 << 21
ST_KEPT, ST_RELATIME = 2 | 4 | 8 | 1024 | 2048, 4096  # statvfs(3): nosuid, nodev, noexec and no(dir)atime as MS_ has
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # netdevice(7)


class RefusedError(Exception):
    """The condition is not available here."""


def main() -> None:
    """Change this process as the request in ``argv[1]`` says, and become the command."""
    request, command = json.loads(sys.argv[1]), sys.argv[2:]
    parent, death = os.getppid(), death_signal()
    try:
        if request["cwd"]:
            os.chdir(request["cwd"])
        if os.geteuid() == 0:
            for folder in request["give_away"]:
                give_away(folder)
        CONDITIONS[request["condition"]]()
    except RefusedError as refusal:
        refuse(str(refusal))
    except OSError as problem:
        refuse(str(problem.strerror))
    if death:  # the kernel forgets it when a process gets other rights
        libc().prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(death), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(127)
    if command:
        os.execvp(command[0], command)  # no shell is the point


def refuse(reason: str) -> None:
    """End with the reason."""
    print(reason, flush=True)
    os._exit(REFUSED)


# the conditions


def read_only_home() -> None:
    """Let HOME be read only; who is not root is kept from writing by its mode where there are no namespaces."""
    home = os.environ["HOME"]
    try:
        be_read_only(home)
    except OSError:
        if os.geteuid() == 0:
            raise
        os.chmod(home, 0o500)


def read_only_site() -> None:
    """Let what is installed be read only."""
    be_read_only(*{sysconfig.get_path(name) for name in ("purelib", "platlib")})


def no_network() -> None:
    """Have no network but a loopback interface of its own."""
    import fcntl  # not on Windows
    import socket  # costs 5 ms
    import struct

    enter(CLONE_NEWNET, "a network namespace")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def closed_stdin() -> None:
    """Have no standard input at all."""
    os.close(0)


def umask_077() -> None:
    """Let new files be inaccessible to other users."""
    os.umask(0o077)


def low_fds() -> None:
    """Lower the soft limit of open files; a program may raise it again up to the hard one, which stays."""
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft > LOW_FDS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (LOW_FDS, hard))


def non_root() -> None:
    """Be a user without rights, to whom only the folders are open that it needs."""
    if os.geteuid() != 0:
        raise RefusedError("tox does not run as root")
    paths = needed_folders()
    make_reachable(paths)
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError as problem:
        raise RefusedError("becoming another user is refused here: %s" % problem.strerror) from problem
    for path in paths:
        closed = closed_part(path)
        if closed:
            raise RefusedError("another user has no access to %s" % closed)


CONDITIONS: Dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (read_only_home, read_only_site, no_network, closed_stdin, umask_077, low_fds, non_root)
}


# helpers


def be_read_only(*folders: str) -> None:
    """Mount the folders on themselves, read only also for root, in a mount namespace of this process."""
    have_own_mounts()
    for folder in folders:
        mount(folder, folder, MS_BIND)
        has = os.statvfs(folder).f_flag  # what the mount has may not be taken off by who is root in here only
        kept = has & ST_KEPT | (MS_RELATIME if has & ST_RELATIME else 0)
        mount("none", folder, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def enter(namespace: int, what: str) -> None:
    """Enter a namespace of this process's own: as root, or as root of a user namespace of its own."""
    if sys.platform != "linux":
        raise RefusedError("it needs Linux")
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0 and libc().unshare(namespace) == 0:
        return
    check_call(libc().unshare(namespace | CLONE_NEWUSER), what)
    for name, line in (("uid_map", "%d %d 1" % (uid, uid)), ("setgroups", "deny"), ("gid_map", "%d %d 1" % (gid, gid))):
        with open("/proc/self/" + name, "w") as file:
            file.write(line)


def have_own_mounts() -> None:
    """Enter a mount namespace; ``kernel.make_mounts_private`` says what is different in a chroot."""
    enter(CLONE_NEWNS, "a mount namespace")
    try:
        mount("none", "/", MS_REC | MS_PRIVATE)
    except OSError as problem:
        if problem.errno != errno.EINVAL:
            raise
        root, cwd = (os.open(path, os.O_PATH | os.O_CLOEXEC) for path in ("/", "."))
        namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        check_call(libc().setns(namespace, CLONE_NEWNS), "leaving the chroot")
        mount("none", "/", MS_REC | MS_PRIVATE)
        os.fchdir(root)
        os.chroot(".")
        os.fchdir(cwd)
        for fd in (root, cwd, namespace):
            os.close(fd)


def mount(source: str, target: str, flags: int, kind: str = "", options: str = "") -> None:
    """Change the mounts of this namespace."""
    texts = [os.fsencode(text) or None for text in (source, target, kind, options)]
    check_call(libc().mount(*texts[:3], ctypes.c_ulong(flags), texts[3]), "mounting " + target)


def check_call(answer: int, what: str) -> None:
    """Raise OSError that names the call when the kernel refused it."""
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s is refused here: %s" % (what, os.strerror(number)))


def death_signal() -> int:
    """Return the signal that this process gets when its parent dies; 0: none."""
    number = ctypes.c_int(0)
    if sys.platform == "linux":
        libc().prctl(PR_GET_PDEATHSIG, ctypes.byref(number), 0, 0, 0)
    return number.value


def libc() -> Any:
    """Return the functions of the C library."""
    return ctypes.CDLL(None, use_errno=True)


def give_away(folder: str) -> None:
    """Make a folder and all in it the property of the user without rights; links are not followed."""
    os.chown(folder, NOBODY, NOBODY)
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            os.lchown(os.path.join(parent, name), NOBODY, NOBODY)


def needed_folders() -> list[str]:
    """Return the folders without which no command of the environment can be run, by all names that lead to them."""
    paths = [sys.prefix, sys.base_prefix, os.path.dirname(os.path.abspath(__file__))]
    paths += [os.getcwd(), os.environ["HOME"], os.environ["TMPDIR"]]
    python = sys.executable
    while os.path.islink(python):
        python = os.path.join(os.path.dirname(python), os.readlink(python))
        paths.append(os.path.dirname(os.path.dirname(os.path.normpath(python))))
    return sorted({name for path in paths for name in (os.path.abspath(path), os.path.realpath(path))})


def make_reachable(paths: list[str]) -> None:
    """Make the paths reachable for every user, in a mount namespace of this process.

    A folder on the way that is closed to others, as tox makes its own, is covered by one with nothing but these paths.
    """
    below_closed: Dict[str, list[str]] = {}
    for path in paths:
        closed = next((folder for folder in ancestors(path) if not os.stat(folder).st_mode & 1), "")
        if closed:
            below_closed.setdefault(closed, []).append(path)
    if not below_closed:
        return
    have_own_mounts()
    mask = os.umask(0o022)
    for folder, inside in below_closed.items():
        cover(folder, [path for path in inside if not any(path.startswith(other + os.sep) for other in inside)])
    os.umask(mask)


def cover(folder: str, inside: list[str]) -> None:
    """Mount an empty folder over one, and what is needed of it where it was."""
    kept = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in inside]
    mount("none", folder, MS_NOSUID | MS_NODEV, kind="tmpfs", options="mode=0755")
    for path, fd in kept:
        os.makedirs(path)
        mount("/proc/self/fd/%d" % fd, path, MS_BIND | MS_REC)


def ancestors(path: str) -> list[str]:
    """Return the folders that lead to a path, the outermost first."""
    parts = path.split(os.sep)
    return [os.sep.join(parts[:count]) or os.sep for count in range(1, len(parts))]


def closed_part(path: str) -> str:
    """Return the outermost part of a path that this user may not enter, or the path that it may not read."""
    closed = (part for part in [*ancestors(path), path] if not os.access(part, os.X_OK))
    return next(closed, "" if os.access(path, os.R_OK) else path)


if __name__ == "__main__":
    main()
