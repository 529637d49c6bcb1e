"""Supervise the package environments of a prodsim environment: what they install, and the build back end.

tox shares them between environments. It runs the back end with an executor of its own, which ends one process only, and
it cannot interrupt a build: the lock of the package environment is held until the build is over.
"""

from __future__ import annotations

import atexit
import contextlib
import inspect
import os
import selectors
import signal
import socket
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

from tox.config.sets import EnvConfigSet
from tox.execute.api import ExecuteStatus
from tox.execute.pep517_backend import LocalSubProcessPep517Executor
from tox.execute.request import ExecuteRequest
from tox.tox_env.errors import Fail
from tox.tox_env.package import Package, PackageToxEnv

from tox_prodsim import supervision
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.scenario import Stop
from tox_prodsim.plugin import signals
from tox_prodsim.plugin.boundary import Boundary
from tox_prodsim.plugin.context.runners import BUILD_VARIABLES
from tox_prodsim.plugin.executor import Limits, SupervisedExecutor
from tox_prodsim.plugin.packages.build_record import BuildRecord
from tox_prodsim.plugin.paths import ledger_of
from tox_prodsim.supervision import shim

_STOP = Stop(signal=signal.SIGTERM, grace_s=supervision.CANCEL_GRACE_S)
_supervised_envs: weakref.WeakSet[PackageToxEnv] = weakref.WeakSet()
_listeners: weakref.WeakKeyDictionary[EnvConfigSet, tuple[PackagingListener, Boundary]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_progress = threading.local()
"""What the packaging in a thread has done so far: names of build hooks as ``hooks``, their output as ``record``.

``listener`` is its listener, None: there is none.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Packaging:
    """What the packaging for one environment came to."""

    sdist: Path | None
    """None: none was built."""
    record: BuildRecord


class PackagingListener(Protocol):
    """Is called when packaging for an environment has ended, in the thread of the build and before the next one."""

    def begins(self) -> None:
        """Handle the beginning."""

    def runs(self, run_id: str) -> None:
        """Handle that a build hook or an installer is run, with the name that tox gives it."""

    def packaged(self, packaging: Packaging) -> None:
        """Handle a success."""

    def packaging_failed(self, problem: Fail | None, packaging: Packaging) -> None:
        """Handle a failure; None: what the build requires could not be installed."""


def is_not_unpacked(problem: BaseException | None) -> bool:
    """Return whether tox refused to unpack the sdist: it has a name or a link that leads out of the folder."""
    return isinstance(problem, Fail) and str(problem).startswith("cannot extract tar member")


def supervise(
    package_envs: Iterable[PackageToxEnv], conf: EnvConfigSet, listener: PackagingListener, boundary: Boundary
) -> None:
    """Supervise what these environments run from now on.

    The ``listener`` is called, within the ``boundary``, for the packages of the environment of ``conf``.
    """
    with _lock:
        _listeners[conf] = (listener, boundary)
        for env in package_envs:
            if env not in _supervised_envs:
                _supervised_envs.add(env)
                _SupervisedPackaging(env)


class _SupervisedPackaging:
    """Takes the place of ``execute_async`` and ``perform_packaging`` of one package environment."""

    def __init__(self, env: PackageToxEnv) -> None:
        self._cancel = supervision.Cancel()
        atexit.register(self._cancel.close)
        signals.on_first(self._cancel.set)
        self._executor = SupervisedExecutor(
            colored=env.options.is_colored, prepare=self._prepare, on_end=lambda *_: None, cancel=self._cancel
        )
        self._ledger = ledger_of(env)
        self._execute_async = env.execute_async
        self._signature = inspect.signature(env.execute_async)
        self._env = env
        self._perform_packaging = env.perform_packaging
        vars(env)["execute_async"] = self._supervised  # public, and all commands pass it
        vars(env)["perform_packaging"] = self._package  # tox has no hook for the end of packaging

    def _package(self, for_env: EnvConfigSet) -> list[Package]:
        """Package, then call the listener; tox calls a bound method like this with its lock of the environment held."""
        (listener, boundary), began_s = _listeners.get(for_env, (None, nullcontext())), time.monotonic()
        _progress.hooks, _progress.record, _progress.listener = [], BuildRecord(), listener
        if listener is not None:
            with boundary:
                listener.begins()
        try:
            packages = self._perform_packaging(for_env)
        except (Fail, SystemExit) as problem:
            if listener is not None and not self._cancel.is_set:
                built = "build_sdist" in _progress.hooks[:-1] or is_not_unpacked(problem)
                failed = _packaging(self._sdist(for_env) if built else None, began_s)
                if isinstance(problem, Fail) or failed.record.failed_install:
                    with boundary:
                        listener.packaging_failed(problem if isinstance(problem, Fail) else None, failed)
            raise
        if listener is not None:
            with boundary:
                listener.packaged(_packaging(self._sdist(for_env), began_s))
        return packages

    def _sdist(self, for_env: EnvConfigSet) -> Path | None:
        """Return the sdist that was built for the environment; None: its wheel does not come from an sdist."""
        if for_env["package"] not in {"sdist", "sdist-wheel"}:
            return None
        built = self._env.conf["pkg_dir"].glob("*.tar.gz")
        return max(built, key=lambda path: path.stat().st_mtime_ns, default=None)

    def _prepare(self, request: ExecuteRequest) -> tuple[ExecuteRequest, Limits]:
        return request, Limits(deadline=None, stop=_STOP, ledger=self._ledger)

    @contextlib.contextmanager
    def _supervised(self, *args: Any, **kwargs: Any) -> Iterator[ExecuteStatus]:
        if self._cancel.is_set:
            raise SystemExit(signals.INTERRUPTED)
        call = self._signature.bind(*args, **kwargs)
        executor = call.arguments.get("executor")
        if call.arguments["run_id"] != "_exit" and hasattr(_progress, "hooks"):
            _progress.hooks.append(call.arguments["run_id"])
            if _progress.listener is not None:
                _progress.listener.runs(call.arguments["run_id"])
        if isinstance(executor, LocalSubProcessPep517Executor):
            executor.cmd = shim.command(executor.cmd, self._ledger)
            # tox unpacks the sdist below the user's tree, whose repository is not that of the sdist.
            executor.env["GIT_CEILING_DIRECTORIES"] = str(self._env.core["work_dir"])
            for name in BUILD_VARIABLES & os.environ.keys():  # tox passes none of them on
                executor.env.setdefault(name, os.environ[name])
        elif executor is None:
            call.arguments["executor"] = self._executor
        with self._execute_async(*call.args, **call.kwargs) as status:
            with _interrupted_by(self._cancel, status):
                yield status
            if self._cancel.is_set:
                raise SystemExit(signals.INTERRUPTED)
            if isinstance(executor, LocalSubProcessPep517Executor):
                _record_left(call.arguments["run_id"], status)
        _record(call.arguments["run_id"], status, is_hook=isinstance(executor, LocalSubProcessPep517Executor))


def _packaging(sdist: Path | None, began_s: float) -> Packaging:
    record: BuildRecord = _progress.record
    record.duration_s = time.monotonic() - began_s
    return Packaging(sdist=sdist, record=record)


def _record_left(run_id: str, status: ExecuteStatus) -> None:
    """Keep what a build hook has left running: the back end goes on, and what it started ends with it."""
    record, pid = getattr(_progress, "record", None), status.metadata.get("pid")
    if record is not None and run_id.startswith("build_") and isinstance(pid, int):
        left = shim.left_running(pid)
        record.left += [(run_id, left)] if left else []


def _record(run_id: str, status: ExecuteStatus, *, is_hook: bool) -> None:
    """Keep what a build hook, or an installer of build requirements, has written."""
    outcome, record = status.outcome, getattr(_progress, "record", None)
    if outcome is None or record is None or run_id == "_exit":
        return
    if is_hook:
        record.hook(run_id, *outcome.out_err())
    elif run_id.startswith("install"):
        record.installed(run_id, *outcome.out_err(), succeeded=outcome.exit_code == 0)


@contextlib.contextmanager
def _interrupted_by(cancel: supervision.Cancel, status: ExecuteStatus) -> Iterator[None]:
    """Interrupt the command when ``cancel`` is set: tox's main thread only waits for the lock."""
    ended, at_end = socket.socketpair()

    def watch() -> None:
        with selectors.DefaultSelector() as awaited:
            awaited.register(cancel, selectors.EVENT_READ)
            awaited.register(ended, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in awaited.select()]
        if ended not in ready:
            status.interrupt()

    watcher = threading.Thread(target=watch, name="prodsim-packing")
    watcher.start()
    try:
        yield
    finally:
        at_end.close()
        watcher.join()
        ended.close()
