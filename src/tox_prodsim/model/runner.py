"""How a helper program is run and how it ended, without knowledge of who supervises it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ParamSpec, Protocol, TypeVar

from tox_prodsim.model.dataclass import dataclass

P = ParamSpec("P")
T = TypeVar("T")

CHILD_SCRIPTS = Path(__file__).parents[1] / "_child"
"""The folder of the scripts that run in other processes; they are started by their path."""
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftProcess:
    """A process that a program has left running, half a second after its own end; it was ended then."""

    pid: int
    command: str
    withstands: bool = False
    """It could not be ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """How a program ended."""

    returncode: int | None
    """Negative for a death by signal, None when it did not end by itself."""
    timed_out: bool
    stdout: bytes
    stderr: bytes
    left: tuple[LeftProcess, ...] = ()


def succeeded(completed: Completed) -> bool:
    """Return whether the program ended by itself, with exit code 0."""
    return completed.returncode == 0 and not completed.timed_out


def output_of(completed: Completed) -> str:
    """Return the text on stdout and then that on stderr."""
    return (completed.stdout + b"\n" + completed.stderr).decode("utf-8", "replace")


class Runner(Protocol):
    """Runs a program to its end, supervised, as production would run it, in an empty scratch directory."""

    def __call__(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        """Return how it ended; ``variables`` come on top of those of production."""


class BoundedCall(Protocol):
    """Calls a function of ours where it can be ended: within limits of time and memory, and at a cancel at once."""

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what it returns, or raise what it raises; raises LimitExceededError, and Cancelled.

        Function, arguments and result are sent to another process and back, as pickles.
        """

    def with_room(self, largest_bytes: int) -> BoundedCall:
        """Return the same with as much memory more, for what is read as a whole."""


class _Unbounded:
    """Calls a function here, without any limit."""

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what it returns."""
        return function(*args, **kwargs)

    def with_room(self, _largest_bytes: int) -> BoundedCall:
        """Return the same."""
        return self


unbounded: BoundedCall = _Unbounded()
