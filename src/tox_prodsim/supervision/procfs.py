"""What Linux reports about a process, read without a cache; nothing for one that has ended."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tox_prodsim.model.dataclass import dataclass

PROC = Path("/proc")
RUN_TAG = "TOX_PRODSIM_RUN"
"""The variable with the tags of the runs that a process is in, the outermost first, with colons between them."""
_COMMAND_LIMIT = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """One process for as long as the machine is up: its pid, and its start in clock ticks since the boot."""

    pid: int
    started: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessStatus:
    """The status of a process at this moment."""

    identity: Identity
    state: str
    """A letter of proc(5)."""
    parent: int
    """The pid of its parent."""
    session: int
    """The id of its session."""
    name: str = ""
    """The name of its program, 15 characters at most."""
    threads: int = 1
    """How many threads it has; a first one that has ended counts until the others have ended too."""
    wait_status: int = 0
    """How it ended, as wait(2) returns it, when it is a zombie; 0 also where that is not shown to us."""

    @property
    def lives(self) -> bool:
        """Return whether it is more than a zombie: one of which the first thread alone has ended is alive."""
        return self.state not in "ZX" or self.threads > 1

    @property
    def is_zombie(self) -> bool:
        """Return whether it has ended and was not reaped; the first thread of a process may end before the others."""
        return self.state == "Z" and self.threads <= 1


def read_status(pid: int, expected: Identity | None = None) -> ProcessStatus | None:
    """Return what a process is now; None when there is none with this pid, or another one than the expected."""
    now = _parse_status(pid, _read(PROC / str(pid) / "stat"))
    return now if now and expected in {None, now.identity} else None


def _parse_status(pid: int, content: bytes) -> ProcessStatus | None:
    before, _, after = content.rpartition(b")")
    fields = after.split()
    if len(fields) < 20:
        return None
    return ProcessStatus(
        identity=Identity(pid=pid, started=int(fields[19])),
        state=fields[0].decode(),
        parent=int(fields[1]),
        session=int(fields[3]),
        name=before.partition(b"(")[2].decode(errors="replace"),
        threads=int(fields[17]),
        wait_status=int(fields[49]) if len(fields) > 49 else 0,
    )


def lives(identity: Identity) -> bool:
    """Return whether just this process is alive, and not another one that got its pid.

    One of which that cannot be known, as when no file can be opened, counts as alive.
    """
    try:
        now = _parse_status(identity.pid, (PROC / str(identity.pid) / "stat").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:
        return True
    return now is not None and now.identity == identity and now.lives


def living_folder(pid: int) -> Path:
    """Return the folder of a process in /proc, or that of a thread that lives if the first one has ended.

    Command line, environment, open files and namespaces are empty for a thread that has ended.
    """
    folder = PROC / str(pid)
    now = read_status(pid)
    if now and now.threads > 1 and now.state in "ZX":
        with suppress(OSError):
            for task in (folder / "task").iterdir():
                thread = _parse_status(pid, _read(task / "stat"))
                if thread and thread.state not in "ZX":
                    return task
    return folder


def pids() -> Iterator[int]:
    """Yield the pids of all processes, the youngest first: what changes its pid all the time is caught so.

    Raises OSError when that cannot be known, as when no file can be opened.
    """
    with suppress(FileNotFoundError):
        yield from sorted((int(path.name) for path in PROC.iterdir() if path.name.isdecimal()), reverse=True)


def tags(pid: int) -> list[str]:
    """Return the tags that a process carries in its environment."""
    name = RUN_TAG.encode() + b"="
    values = [item[len(name) :] for item in _read(living_folder(pid) / "environ").split(b"\0") if item.startswith(name)]
    return [tag.decode(errors="replace") for value in values for tag in value.split(b":") if tag]


def realtime_limits(pid: int) -> list[int]:
    """Return the soft and the hard limit of RLIMIT_RTTIME in microseconds; one that is unlimited is not in it."""
    lines = _read(PROC / str(pid) / "limits").splitlines()
    found = [line for line in lines if line.startswith(b"Max realtime timeout")]
    return [int(word) for line in found for word in line.split()[3:5] if word.isdigit()]


def command(pid: int) -> str:
    """Return the command line of a process, or its name where it has none."""
    folder = living_folder(pid)
    words = _read(folder / "cmdline").rstrip(b"\0").replace(b"\0", b" ") or _read(folder / "comm").strip()
    return words[:_COMMAND_LIMIT].decode(errors="replace")


def owner(pid: int) -> int | None:
    """Return the user id of a process; None when it is gone."""
    with suppress(OSError):
        return (PROC / str(pid)).stat().st_uid
    return None


@functools.cache
def boot() -> str:
    """Return what names this boot of the machine; nothing where there is no such name."""
    with suppress(OSError):
        return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def namespace() -> str:
    """Return what names the pid namespace: the same pid is another process in another one."""
    with suppress(OSError):
        return str((PROC / "self/ns/pid").readlink())
    return ""


def _read(file: Path) -> bytes:
    with suppress(OSError):
        return file.read_bytes()
    return b""


def effective_since(
    pid: int, started_at: float, *, queued_before_s: float = 0.0, now: Callable[[], float] = time.monotonic
) -> float | None:
    """Return the wall seconds since ``started_at`` less what the main thread of ``pid`` waited for a CPU since then.

    ``queued_before_s`` is what it had waited before. A zombie still has the figure. None where there is none (no
    schedstat, no such process): take the wall time then.
    """
    try:
        on_cpu, queued = Path(f"/proc/{pid}/schedstat").read_bytes().split()[:2]
    except (OSError, ValueError):
        return None
    # Read last: what is queued for after the other reading must not be subtracted.
    wall_s = now() - started_at
    return wall_s - (int(queued) / 1e9 - queued_before_s) if int(on_cpu) else None
