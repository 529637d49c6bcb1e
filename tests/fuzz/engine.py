"""What a target of the fuzzer is, and what holds of every input: documented refusals, no control character, no hang."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.printable import Printable, has_controls

EXAMPLES = int(os.environ.get("PRODSIM_FUZZ_EXAMPLES", "25"))
"""Inputs of each target in a run of the tests, which are the same each time."""
LIMIT_S = 20.0
"""Of CPU time for one input: a hundred times what the slowest takes, and the same on a busy machine."""
FOUND = Path(__file__).parent / "found"
"""Inputs that failed once, in a folder for each target."""
_PRINTERS = (Printable("utf-8"), Printable("ascii"), Printable(None))


class Hang(BaseException):
    """An input takes longer than any may; no code under test swallows it."""


@dataclass(frozen=True)
class Target:
    """One reader, and what it reads."""

    name: str
    play: Callable[[bytes, Path], Iterable[str]]
    """Lets the code read an input; returns the texts that a user would see. The folder is for its files."""
    inputs: st.SearchStrategy[bytes]
    refusals: tuple[type[Exception], ...] = (ProdsimError,)
    """The documented exceptions: any other is a defect."""


def check(target: Target, data: bytes, folder: Path) -> None:
    """Let a target read an input; raises what no input may lead to."""
    with _limited(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of Python about the sources of others
        try:
            texts = [*target.play(data, folder)]
        except target.refusals as problem:
            texts = [str(problem)]
    for text in texts:
        for printed in (each(text) for each in _PRINTERS):
            assert not has_controls(printed), f"a control character is printed: {printed!r}"


@contextmanager
def _limited() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hang(f"it takes longer than {LIMIT_S:g} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@dataclass
class Played:
    """What came of a round."""

    inputs: int = 0
    seconds: float = 0.0
    last: bytes = b""
    """The last input; where one failed, the smallest that does."""


def play(target: Target, folder: Path, examples: int, *, fixed: bool) -> Played:
    """Play so many inputs, the same each time if they are ``fixed``; raises the failure of the smallest."""
    played = Played()
    rounds = settings(
        max_examples=examples,
        deadline=None,
        derandomize=fixed,
        database=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    @rounds
    @given(target.inputs)
    def each(data: bytes) -> None:
        played.inputs, played.last = played.inputs + 1, data
        check(target, data, folder)

    began = time.monotonic()
    try:
        each()
    except BaseException as problem:
        problem.add_note(f"{target.name}: {played.last!r}")
        problem.smallest, problem.inputs = played.last, played.inputs  # type: ignore[attr-defined]
        raise
    finally:
        played.seconds = time.monotonic() - began
    return played
