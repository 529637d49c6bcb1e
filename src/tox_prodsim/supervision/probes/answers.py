"""What a probe can answer, and what it needs to know of the processes that it asks about."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import psutil

from tox_prodsim.model.dataclass import dataclass, field

Tree = Callable[[], tuple[psutil.Process, ...]]
"""Returns the processes of the deployment that are alive now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """The probe is satisfied; ``detail`` is the evidence, ``url`` where it listens when the probe found that out."""

    detail: str
    url: str = ""


class Refusal(StrEnum):
    """How a probe is not satisfied."""

    OTHER = "other"
    REFUSED = "refused"
    """Nothing listens where it asks."""
    CLOSED = "closed"
    """The connection was closed without an answer."""
    SILENT = "silent"
    """Something listens, and does not answer in time."""
    FOREIGN = "foreign"
    """The answer is not one of HTTP."""
    ANSWERED = "answered"
    """The answer is another one than is wanted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotReady:
    """Not satisfied; ``reason`` is shown when the time runs out."""

    reason: str
    refusal: Refusal = field(default=Refusal.OTHER, compare=False)
    status: int | None = field(default=None, compare=False)
    """The status of an answer over HTTP."""
    got: tuple[str, ...] = field(default=(), compare=False)
    """What was answered, in lines: the status, some headers and the begin of the body."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Undecided:
    """Nobody can say whether it is satisfied: the search for its expression was ended."""

    expression: str
    reason: str


Answer = Ready | NotReady | WrongProcess | Undecided
