"""Ask a probe once, as a deployment does while it waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from support.expressions import Here
from tox_prodsim.model.probes import (
    Probe,
)
from tox_prodsim.supervision import (
    Answer,
    LogWatch,
    ProbeContext,
    evaluate_probe,
)

Tree = Callable[[], tuple[psutil.Process, ...]]


def ours() -> tuple[psutil.Process, ...]:
    return (psutil.Process(),)


def nobody() -> tuple[psutil.Process, ...]:
    return ()


def asked(probe: Probe, tree: Tree = ours) -> Answer:
    return evaluate_probe(probe, around(tree))


def around(
    tree: Callable[[], tuple[psutil.Process, ...]] = nobody, folder: str | Path = "/nonexistent"
) -> ProbeContext:
    return ProbeContext(tree=tree, log=LogWatch(Path(folder, "log")), scratch=Path(folder), expressions=Here())
