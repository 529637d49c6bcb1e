"""The package environments of a prodsim environment: what they install and build with is supervised like the rest.

tox shares them between environments and runs the build backend with an executor of its own, which knows one process
only; and it cannot interrupt one that builds: the lock of the package environment is held until the build is over.
"""

from __future__ import annotations

import atexit
import contextlib
import inspect
import selectors
import signal
import socket
import threading
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from tox.config.sets import EnvConfigSet
from tox.execute.api import ExecuteStatus
from tox.execute.pep517_backend import LocalSubProcessPep517Executor
from tox.execute.request import ExecuteRequest
from tox.tox_env.errors import Fail
from tox.tox_env.package import Package, PackageToxEnv

from tox_prodsim import supervision
from tox_prodsim.model.scenario import Stop
from tox_prodsim.plugin import signals
from tox_prodsim.plugin.executor import INTERRUPTED, Limits, SupervisedExecutor
from tox_prodsim.plugin.paths import ledger_of
from tox_prodsim.supervision import shim

_STOP = Stop(signal=signal.SIGTERM, grace_s=supervision.CANCEL_GRACE_S)
_supervised: weakref.WeakSet[PackageToxEnv] = weakref.WeakSet()
_listeners: weakref.WeakKeyDictionary[EnvConfigSet, Listener] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_stage = threading.local()
"""What the packaging that goes on in a thread has done so far, as ``names`` of hooks, such as build_sdist."""


class Listener(Protocol):
    """Who is told how packaging for an environment ended, in the thread of the build and before the next one begins."""

    def packed(self, sdist: Path | None) -> None:
        """Hear that it went well; the sdist is None where none was made."""

    def unpacked(self, problem: Fail, sdist: Path | None) -> None:
        """Hear that it failed; the sdist is None where none was made before."""


def supervise(package_envs: Iterable[PackageToxEnv], conf: EnvConfigSet, listener: Listener) -> None:
    """Supervise whatever these environments run from now on, and tell how they package for the one of ``conf``."""
    with _lock:
        _listeners[conf] = listener
        for env in package_envs:
            if env not in _supervised:
                _supervised.add(env)
                _Packing(env)


class _Packing:
    """Stands between one package environment and what it executes."""

    def __init__(self, env: PackageToxEnv) -> None:
        self._cancel = supervision.Cancel()
        atexit.register(self._cancel.close)
        signals.on_first(self._cancel.set)
        self._executor = SupervisedExecutor(
            colored=env.options.is_colored, prepare=self._prepare, ended=lambda *_: None, cancel=self._cancel
        )
        self._ledger = ledger_of(env)
        self._execute_async = env.execute_async
        self._signature = inspect.signature(env.execute_async)
        self._env = env
        self._perform_packaging = env.perform_packaging
        env.execute_async = self._supervised  # type: ignore[method-assign] # public, and the one place all passes
        env.perform_packaging = self._packaged  # type: ignore[method-assign] # tox tells nobody else how it ended

    def _packaged(self, for_env: EnvConfigSet) -> list[Package]:
        """Package, and tell who waits for it; bound like the method it stands for, it is called below tox's lock."""
        listener = _listeners.get(for_env)
        _stage.names = []
        try:
            packages = self._perform_packaging(for_env)
        except Fail as problem:
            if listener is not None and not self._cancel.is_set:
                made = "build_sdist" in _stage.names[:-1]
                listener.unpacked(problem, self._sdist(for_env) if made else None)
            raise
        if listener is not None:
            listener.packed(self._sdist(for_env))
        return packages

    def _sdist(self, for_env: EnvConfigSet) -> Path | None:
        """Return the sdist that was made for the environment; None: its wheel comes from somewhere else."""
        if for_env["package"] not in {"sdist", "sdist-wheel"}:
            return None
        made = self._env.conf["pkg_dir"].glob("*.tar.gz")
        return max(made, key=lambda path: path.stat().st_mtime_ns, default=None)

    def _prepare(self, request: ExecuteRequest) -> tuple[ExecuteRequest, Limits]:
        return request, Limits(deadline=None, stop=_STOP, ledger=self._ledger)

    @contextlib.contextmanager
    def _supervised(self, *args: Any, **kwargs: Any) -> Iterator[ExecuteStatus]:
        if self._cancel.is_set:
            raise SystemExit(INTERRUPTED)
        call = self._signature.bind(*args, **kwargs)
        executor = call.arguments.get("executor")
        if call.arguments["run_id"] != "_exit" and hasattr(_stage, "names"):
            _stage.names.append(call.arguments["run_id"])
        if isinstance(executor, LocalSubProcessPep517Executor):
            executor.cmd = shim.command(executor.cmd, self._ledger)
            # An sdist is unpacked below the user's tree: their repository is not that of the sources in it.
            executor.env["GIT_CEILING_DIRECTORIES"] = str(self._env.core["work_dir"])
        elif executor is None:
            call.arguments["executor"] = self._executor
        with self._execute_async(*call.args, **call.kwargs) as status:
            with _interrupted_by(self._cancel, status):
                yield status
            if self._cancel.is_set:
                raise SystemExit(INTERRUPTED)


@contextlib.contextmanager
def _interrupted_by(cancel: supervision.Cancel, status: ExecuteStatus) -> Iterator[None]:
    """Interrupt the command when that is asked for: tox's main thread comes no further than the lock."""
    ended, end = socket.socketpair()

    def watch() -> None:
        with selectors.DefaultSelector() as awaited:
            awaited.register(cancel, selectors.EVENT_READ)
            awaited.register(ended, selectors.EVENT_READ)
            heard = [key.fileobj for key, _ in awaited.select()]
        if ended not in heard:
            status.interrupt()

    watcher = threading.Thread(target=watch, name="prodsim-packing")
    watcher.start()
    try:
        yield
    finally:
        end.close()
        watcher.join()
        ended.close()
