"""Ask from inside of the network namespace of a process: its loopback addresses are not those of this machine."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tox_prodsim.model.errors import NamespaceError
from tox_prodsim.supervision import procfs

_CLONE_NEWNET = 0x40000000
T = TypeVar("T")


class Network:
    """The network of a process, which a thread of its own enters: a namespace belongs to a thread, not to us all.

    Used in a ``with``, at whose end the thread is gone.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._entered = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prodsim-network")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread; idempotent."""
        self._thread.shutdown()

    def call(self, function: Callable[[], T]) -> T | None:
        """Return what the function returns in that network; None while the process has not gone into its own.

        Raises NoEntry, and what the function raises.
        """
        return self._thread.submit(self._inside, function).result()

    def _inside(self, function: Callable[[], T]) -> T | None:
        self._entered = self._entered or self._enter()
        return function() if self._entered else None

    def _enter(self) -> bool:
        place = procfs.living_folder(self._pid) / "ns/net"
        try:
            if place.readlink() == Path("/proc/self/ns/net").readlink():
                return False
            namespace = os.open(place, os.O_RDONLY)
        except PermissionError as problem:
            raise NamespaceError from problem
        except OSError:  # it has ended
            return False
        try:
            if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
                raise NamespaceError
        finally:
            os.close(namespace)
        return True
