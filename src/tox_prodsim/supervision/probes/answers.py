"""What a probe can answer, and what it needs to know of the processes that it asks about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psutil

Tree = Callable[[], tuple[psutil.Process, ...]]
"""Returns the processes of the deployment that are alive now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """The probe is satisfied; ``detail`` is the evidence, ``url`` where it listens when the probe found that out."""

    detail: str
    url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotReady:
    """Not satisfied; ``reason`` is shown when the time runs out."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongProcess:
    """It answered, but the listener is no process of ours; ``pid`` is None and the texts empty where not known."""

    address: str
    pid: int | None
    command: str
    since: str


Answer = Ready | NotReady | WrongProcess
