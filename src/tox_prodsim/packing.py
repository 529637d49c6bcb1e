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
from typing import Any

from tox.execute.api import ExecuteStatus
from tox.execute.pep517_backend import LocalSubProcessPep517Executor
from tox.execute.request import ExecuteRequest
from tox.tox_env.package import PackageToxEnv

from tox_prodsim import hosting, signals, supervision
from tox_prodsim.executor import INTERRUPTED, Limits, SupervisedExecutor
from tox_prodsim.scenario import Stop
from tox_prodsim.workdir import ledger_of

_STOP = Stop(signal=signal.SIGTERM, grace_s=supervision.CANCEL_GRACE_S)
_supervised: weakref.WeakSet[PackageToxEnv] = weakref.WeakSet()
_lock = threading.Lock()


def supervise(package_envs: Iterable[PackageToxEnv]) -> None:
    """Supervise whatever these environments run from now on."""
    with _lock:
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
        env.execute_async = self._supervised  # type: ignore[method-assign] # public, and the one place all passes

    def _prepare(self, request: ExecuteRequest) -> tuple[ExecuteRequest, Limits]:
        return request, Limits(deadline=None, stop=_STOP, ledger=self._ledger)

    @contextlib.contextmanager
    def _supervised(self, *args: Any, **kwargs: Any) -> Iterator[ExecuteStatus]:
        if self._cancel.is_set:
            raise SystemExit(INTERRUPTED)
        call = self._signature.bind(*args, **kwargs)
        executor = call.arguments.get("executor")
        if isinstance(executor, LocalSubProcessPep517Executor):
            executor.cmd = hosting.command(executor.cmd, self._ledger)
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
