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
    """An answer of a listener that does not belong to the deployment."""

    address: str
    pid: int | None
    """None: not known."""
    command: str
    """Empty: not known."""
    since: str
    """When it was started; empty: not known."""


Answer = Ready | NotReady | WrongProcess
