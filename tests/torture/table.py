"""Print what is left of each adversary after each ending: ``python tests/torture/table.py [--all] [--repeats N]``.

A cell is ``survivors/zombies/seconds``, the worst of its repeats; seconds run from the cause of the end to the moment
when nothing ran any more, as the adversary's own processes have registered. A survivor, a zombie, a late clean-up or a
wrong verdict makes the exit code 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from torture.matrix import ADVERSARIES, GRACE_S, ORPHAN_GRACE_S, SLACK_S, WAYS, Adversary, Way, hopper
from torture.trial import Cell, Setting, play

Played = tuple[tuple[Adversary, Way], Cell]
"""An adversary, how it was ended, and what was left of it."""
BEST_EFFORT = "group"
"""The containment that promises nothing: what survives is shown, and is not a failure."""


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        folder = Path(name)
        setting = Setting(
            containment=options.containment, relax=options.relax, built=hopper(folder), shares=not options.alone
        )
        print(_title(options), flush=True)
        pairs = list(_pairs(options, setting))
        began = time.monotonic()
        with ThreadPoolExecutor(options.jobs) as pool:
            played = pool.map(lambda at: (at[1], _played(at, folder, setting)), enumerate(pairs * options.repeats))
            cells = list(_counted(played, len(pairs) * options.repeats))
        troubles = print_table(cells, [way for way in WAYS if any(way is each for _, each in pairs)])
        load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"{len(cells)} runs in {time.monotonic() - began:.0f} s, load {load}: {len(troubles)} with trouble")
    return 1 if troubles and options.containment != BEST_EFFORT else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Torture the supervision and print what is left of it.")
    parser.add_argument("--all", action="store_true", help="every adversary with every ending (default: the quick set)")
    parser.add_argument("--repeats", type=int, default=1, help="how often (default: 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time (default: one for each CPU)")
    parser.add_argument("--relax", type=float, default=1.0, help="multiply the slack of the bounds (default: 1)")
    parser.add_argument("--containment", default="auto", help="as the key of that name (default: auto)")
    parser.add_argument("--alone", action="store_true", help="start an interpreter for each guard (default: fork it)")
    parser.add_argument("--adversary", action="append", help="only this one; more than once for several")
    parser.add_argument("--ending", action="append", help="only this ending; more than once for several")
    return parser.parse_args()


def _title(options: argparse.Namespace) -> str:
    relaxed = "" if options.relax == 1 else f" x {options.relax:g}, relaxed because it was asked for"
    graces = f"grace {GRACE_S} s ({ORPHAN_GRACE_S:.0f} s when the host is killed), slack {SLACK_S} s{relaxed}"
    return f"containment: {options.containment}; {graces}; cell: survivors/zombies/seconds"


def _pairs(options: argparse.Namespace, setting: Setting) -> Iterator[tuple[Adversary, Way]]:
    chosen = everything() if options.all or options.adversary or options.ending else quick()
    names, endings = options.adversary, options.ending
    for adversary, way in chosen:
        wanted = (not names or adversary.name in names) and (not endings or way.name in endings)
        supervisors = any(whom in {"server", "guard", "warden"} for whom, _ in way.signals)
        if wanted and not missing(adversary, setting) and not (supervisors and options.containment == BEST_EFFORT):
            yield adversary, way


def everything() -> Iterator[tuple[Adversary, Way]]:
    """Yield every adversary with every way in which it can end."""
    for adversary in ADVERSARIES:
        yield from ((adversary, way) for way in WAYS if way.applies_to(adversary))


def quick() -> Iterator[tuple[Adversary, Way]]:
    """Yield every adversary with one ending, the worst of them with every ending, and what never keeps its pid."""
    for adversary, way in everything():
        first = "itself" if adversary.name.endswith("_exit") else "timeout"
        hopping = adversary.name == "hopper_c_1ms" and way.name in {"KILL warden", "KILL host", "STOP both, KILL host"}
        hidden = adversary.name == "traces_warden" and way.name == "KILL warden"
        if way.name == first or adversary.name == "zoo" or hopping or hidden:
            yield adversary, way


def missing(adversary: Adversary, setting: Setting) -> str:
    """Return what keeps a cell from being played here; nothing when it can be."""
    if adversary.pause_us is not None and setting.built is None:
        return "there is no C compiler"
    if adversary.traces and not may_trace():
        return "this user may not trace its supervisors"
    return ""


def may_trace() -> bool:
    """Return whether a process of this user may trace one that is not below it (Yama's ptrace_scope)."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return os.geteuid() == 0 or not scope.exists() or scope.read_text().strip() == "0"


def _played(at: tuple[int, tuple[Adversary, Way]], folder: Path, setting: Setting) -> Cell:
    number, (adversary, way) = at
    place = folder / str(number)
    place.mkdir()
    try:
        return play(adversary, way, place, setting)
    except AssertionError as problem:  # the others are played all the same
        return Cell(survivors=0, zombies=0, seconds=None, bound_s=0.0, supervisors=0, said={}, trouble=(str(problem),))


def _counted(cells: Iterator[Played], whole: int) -> Iterator[Played]:
    """Yield the cells, and print from time to time how many are played, and which are in trouble."""
    for number, (pair, cell) in enumerate(cells, 1):
        if cell.trouble:
            print(f"{pair[0].name}, {pair[1].name}: {', '.join(cell.trouble)}", file=sys.stderr, flush=True)
        if number % 50 == 0:
            print(f"{number} of {whole} runs", file=sys.stderr, flush=True)
        yield pair, cell


def print_table(cells: Sequence[Played], ways: Sequence[Way]) -> list[str]:
    """Print the table and what does not hold, and return the latter."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for (adversary, way), cell in cells:
        found.setdefault((adversary.name, way.name), []).append(cell)
    for at, way in enumerate(ways):
        print(f"  ({at + 1}) {way.name}")
    print(f"{'':<23}" + "".join(f"{f'({at + 1})':>11}" for at in range(len(ways))))
    for name in dict.fromkeys(adversary for adversary, _ in found):
        print(f"{name:<23}" + "".join(f"{_cell_text(found.get((name, way.name), ())):>11}" for way in ways))
    troubles = [f"{name}, {way}: {each}" for (name, way), cells in found.items() for each in _troubles(cells)]
    print("\n".join(troubles))
    return troubles


def _cell_text(cells: Iterable[Cell]) -> str:
    if not cells:
        return ""
    cells = list(cells)
    seconds = [cell.seconds for cell in cells if cell.seconds is not None]
    worst = f"{max(seconds):.2f}" if len(seconds) == len(cells) else "-"
    mark = "!" if any(cell.trouble for cell in cells) else ""
    return f"{mark}{max(cell.survivors for cell in cells)}/{max(cell.zombies for cell in cells)}/{worst}"


def _troubles(cells: Sequence[Cell]) -> Iterator[str]:
    texts = [each for cell in cells for each in cell.trouble]
    for text in dict.fromkeys(texts):
        yield f"{text} ({texts.count(text)} of {len(cells)})"


if __name__ == "__main__":
    sys.exit(main())
