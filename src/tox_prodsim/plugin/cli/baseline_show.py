"""``tox prodsim baseline show``: what the baselines of the selected environments hold."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator

from tox.session.state import State

from tox_prodsim.model.formatting import counted
from tox_prodsim.plugin.cli.environments import baseline_paths
from tox_prodsim.plugin.cli.output import NO_BASELINE, write
from tox_prodsim.run import contents
from tox_prodsim.timing import baseline


def add_arguments(_parser: ArgumentParser) -> None:
    """Add nothing: there are no arguments."""


def run(state: State) -> int:
    """Write every baseline; raises ProdsimError for a file that is not usable."""
    paths = baseline_paths(state)
    for path in paths:
        if stored := baseline.load(path):
            write(f"{path}\n" + "".join(f"  {line}\n" for line in _lines(stored)))
    if not paths:
        write(NO_BASELINE)
    return 0


def _lines(stored: baseline.Baseline) -> Iterator[str]:
    yield f"Python {stored.python}, version {stored.built.version}, stored {stored.built.created}"
    if (held := stored.contents) is not None:
        yield f"{contents.counted(held)} in {held.version} ({held.created})"
        if held.failed or held.notes:
            failed, notes = counted(len(held.failed), "module"), counted(len(held.notes), "note")
            yield f"known: {failed} that {'fails' if len(held.failed) == 1 else 'fail'}, {notes}"
    for name, metric in sorted(stored.metrics.items()):
        times = f"{metric.value_ms:>9.1f} ms, {metric.ratio:.4f} of {stored.control}, {metric.rounds} rounds"
        yield f"{name!s:<32} {times}"
    if stored.footprint is not None:
        for quantity, weighed in sorted(stored.footprint.quantities.items()):
            yield f"{quantity!s:<32} {quantity.display(weighed.value):>12}"
    if (work := stored.work) is not None:
        yield f"{len(work.modules)} modules, {work.amount:,} {work.unit}"
