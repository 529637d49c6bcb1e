"""The ledger: which runs are going on, one file each, so that a later run can end what a lost one left behind.

It is for the one case in which no process is left to clean up: host, guard and warden are killed at once. A record
names processes by pid and start time, and that only ever *spares* them; what is killed is proved to be ours by what
the processes themselves carry (see ``ownership``), so that a stale, recycled or forged record does no harm.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tox_prodsim.model import files
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.secrets import redact_argv
from tox_prodsim.supervision import ownership, procfs, waking
from tox_prodsim.supervision.containment import kill_cgroup
from tox_prodsim.supervision.procfs import Identity

SCHEMA = 1
_SIZE_LIMIT = 1 << 20
_MOST = (1 << 63) - 1
"""No pid, and no time of a start, is larger."""
LOST = "its supervising processes and their host were killed together"
STOPPED = "its host was killed while its supervising processes were stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One run in the ledger."""

    tag: str
    """Marks the environment of its processes."""
    boot: str
    """The id of the boot."""
    namespace: str
    """The pid namespace."""
    host: Identity
    """The process that started the run."""
    mark: int = 0
    """The RLIMIT_RTTIME of the guard; 0: there is none."""
    guard: Identity | None = None
    """None: not known yet, or there is none."""
    warden: Identity | None = None
    """None: not known yet, or there is none."""
    adopter: Identity | None = None
    """The subreaper that orphans of the run go to; None: not known."""
    cgroup: str | None = None
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResult:
    """A record that a sweep acted on, or did not touch."""

    tag: str
    command: str
    killed: tuple[tuple[int, str], ...]
    """Pids with their command lines."""
    reason: str
    """What was done, or why nothing was."""


class RunRecord:
    """The record of one run of this host while it lives; not on Linux there is no boot id, and nothing is written."""

    def __init__(self, folder: Path | None, *, tag: str, argv: Sequence[str]) -> None:
        self._path = folder / f"{tag}.json" if folder and procfs.boot() else None
        if self._path:
            self._record = Record(
                tag=tag,
                boot=procfs.boot(),
                namespace=procfs.namespace(),
                host=ownership.own_identity(),
                adopter=ownership.adopter(),
                argv=redact_argv(argv),
            )

    def begin(self) -> None:
        """Write the record, before anything is started; raises ProdsimError when that cannot be done."""
        try:
            self._write()
        except OSError as problem:
            raise ProdsimError("ledger", f"cannot write {self._path}: {problem.strerror}") from problem

    def guarded(self, guard: int, mark: int) -> None:
        """Add the guard and the mark that it got, before the command is started."""
        self._add(guard=_identity(guard), mark=mark)

    def started(self, warden: int, cgroup: Path | None = None) -> None:
        """Add the warden, and the cgroup where the run has one of its own."""
        self._add(warden=_identity(warden), cgroup=cgroup and str(cgroup))

    def remove(self) -> None:
        """Remove the record: how the run ended is known; idempotent."""
        if self._path:
            _unlink(self._path)
            self._path = None

    def _add(self, **changes: Any) -> None:
        """Add to the record; if the disk is full by now, the record stays as it was."""
        if self._path:
            self._record = replace(self._record, **changes)
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        if self._path:
            write(self._path, self._record)


def write(path: Path, record: Record) -> None:
    """Write a record so that it is there as a whole or not at all, readable only by this user."""
    files.folder(path.parent, mode=0o700)
    with files.atomic_write(path) as file:
        file.write(json.dumps({"schema": SCHEMA, **asdict(record)}).encode("ascii"))


def sweep(folder: Path) -> tuple[SweepResult, ...]:
    """Kill what lost runs left behind and forget them; return what was killed, and the records not to be trusted.

    A run that is going on is left alone, so is one of which any supervising process is at work: that one cleans up.
    Without a host, supervising processes that are stopped are woken; those that then do not end are killed with the
    rest. A record of an earlier boot is removed. Safe while others start, end and sweep.
    """
    try:
        files.refuse_foreign(folder, is_folder=True)
    except NotADirectoryError:  # a file is where a folder above it should be: the next run says that it cannot write
        return ()
    except OSError as problem:
        return (SweepResult(tag="", command="", killed=(), reason=f"the records cannot be read: {problem}"),)
    files.remove_leftovers(folder)  # of a host that was killed while it wrote
    found = [_sweep_record(path) for path in sorted(folder.glob("*.json"))] if procfs.boot() else []
    return tuple(swept for swept in found if swept)


def runs_ending(folder: Path) -> tuple[str, ...]:
    """Return the commands of runs whose host is gone while their supervising processes still end what is left."""
    found = [_ending_run(path) for path in sorted(folder.glob("*.json"))] if procfs.boot() else []
    return tuple(command for command in found if command)


def _ending_run(path: Path) -> str:
    """Return the command of a run that is being ended without its host; nothing for any other record."""
    try:
        record = read(path)
    except (FileNotFoundError, ValueError):
        return ""
    if (record.boot, record.namespace) != (procfs.boot(), procfs.namespace()) or procfs.lives(record.host):
        return ""
    is_ending = any(each and procfs.lives(each) for each in (record.guard, record.warden))
    return " ".join(record.argv) if is_ending else ""


def _sweep_record(path: Path) -> SweepResult | None:
    """Act on one record; None when there is nothing to report."""
    try:
        record = read(path)
    except FileNotFoundError:
        return None
    except ValueError as problem:
        return SweepResult(tag=path.stem, command="", killed=(), reason=f"left alone: {path} {problem}")
    if record.boot != procfs.boot():
        _unlink(path)
        return None
    if record.namespace != procfs.namespace():
        return _to_result(record, (), f"left alone: {path} is of another pid namespace")
    return None if procfs.lives(record.host) else _end_without_host(path, record)


def _end_without_host(path: Path, record: Record) -> SweepResult | None:
    """End what is left of a run whose host is dead, unless its supervising processes do that."""
    supervisors = [each for each in (record.guard, record.warden) if each and procfs.lives(each)]
    try:
        before = waking.marked(_run_of(record), supervisors) if supervisors else {}
        if supervisors and not waking.wake(_run_of(record), supervisors):
            return None
        return _kill_lost_run(path, record, before)
    except OSError as problem:
        return _to_result(record, (), f"left alone: its processes cannot be seen: {problem.strerror}")


def _kill_lost_run(path: Path, record: Record, before: Mapping[int, str]) -> SweepResult | None:
    """End what is left of a lost run, and forget it unless something withstands.

    ``before`` are its processes of before its supervising processes were woken, empty if none had to be.
    """
    result, reason = _kill_processes(record), STOPPED if before else LOST
    killed = tuple(sorted({**before, **dict(result.killed)}.items()))
    if result.left:
        names = ", ".join(f"pid {pid} ({command})" for pid, command in result.left)
        left = dict(result.left)
        killed = tuple((pid, command) for pid, command in killed if pid not in left)
        return _to_result(record, killed, f"{reason}; still alive: {names}")
    _unlink(path)
    return _to_result(record, killed, reason) if killed else None


def _to_result(record: Record, killed: tuple[tuple[int, str], ...], reason: str) -> SweepResult:
    return SweepResult(tag=record.tag, command=" ".join(record.argv), killed=killed, reason=reason)


def _kill_processes(record: Record) -> ownership.KillResult:
    """Kill what is of a lost run, by its cgroup first where it had one."""
    confined = _end_cgroup(Path(record.cgroup), record.tag) if record.cgroup else ()
    result = ownership.kill(_run_of(record))
    return replace(result, killed=confined + result.killed)


def _run_of(record: Record) -> ownership.RunIdentity:
    adopters = (record.adopter,) if record.adopter else ()
    return ownership.RunIdentity(tag=record.tag, mark=record.mark, adopters=adopters, since=record.host.started)


def _end_cgroup(cgroup: Path, tag: str) -> tuple[tuple[int, str], ...]:
    """Kill what is in the cgroup of a run and remove it; only one that is named for the run, and ours."""
    try:
        if not cgroup.is_absolute() or tag not in cgroup.name or cgroup.is_symlink():
            return ()
        if cgroup.stat().st_uid != os.geteuid():
            return ()
        files.refuse_foreign(cgroup / "cgroup.kill")
        pids = [int(pid) for pid in files.read(cgroup / "cgroup.procs", limit_bytes=_SIZE_LIMIT).split()]
        inside = [(pid, procfs.command(pid)) for pid in pids]
    except (OSError, ValueError):
        return ()
    kill_cgroup(cgroup)
    return tuple(inside)


def read(path: Path) -> Record:
    """Return a record; raises ValueError with the reason not to trust it, FileNotFoundError when it is gone."""
    try:
        opened = files.open_regular(path)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise ValueError(f"cannot be read: {problem.strerror}") from problem
    with opened as file:
        about = os.fstat(file.fileno())
        if about.st_size > _SIZE_LIMIT:
            raise ValueError("is not a record")
        if about.st_uid != os.geteuid():
            raise ValueError("belongs to another user")
        if about.st_mode & 0o022:
            raise ValueError("can be written by others")
        content = file.read(_SIZE_LIMIT)
    record = _parse(content)
    if path.stem != record.tag:
        raise ValueError("is not a record")
    return record


def _parse(content: bytes) -> Record:
    """Return the record that a file holds; raises ValueError."""
    try:
        data = json.loads(content)
        schema = data.pop("schema")
        record = _record(data) if schema == SCHEMA else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError("is not a record") from None
    if record is None:
        newer = isinstance(schema, int) and schema > SCHEMA
        raise ValueError("was written by a newer tox-prodsim" if newer else "is not a record")
    return record


def _record(data: dict[str, Any]) -> Record:
    """Return the content of a record, every field of the type that it must have; raises ValueError and the like."""
    texts = [data[name] for name in ("tag", "boot", "namespace")] + [*data["argv"], data["cgroup"] or ""]
    if not all(isinstance(text, str) for text in texts) or not re.fullmatch("[0-9a-f]{32}", data["tag"]):
        raise ValueError
    processes = {name: _process(data[name]) for name in ("host", "guard", "warden", "adopter")}
    if not ownership.may_be_mark(data["mark"]) or not data["host"]:
        raise ValueError
    return Record(**{**data, **processes, "argv": tuple(data["argv"])})


def _process(data: dict[str, Any] | None) -> Identity | None:
    if data is None:
        return None
    if not all(type(number) is int and 0 <= number <= _MOST for number in data.values()):
        raise ValueError
    return Identity(**data)


def _identity(pid: int | None) -> Identity | None:
    now = procfs.read_status(pid) if pid else None
    return now.identity if now else None


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
