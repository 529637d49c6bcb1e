"""The step ``contents``: whether the wheel still holds what the accepted release held; losing something is an error.

What is new is reported in the detail. A removal on purpose is accepted with ``--prodsim-update-baseline``: in that run
each loss is a note.
"""

from __future__ import annotations

import functools
import itertools
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tox_prodsim.checks import artifact
from tox_prodsim.model import formatting
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck, error
from tox_prodsim.model.printable import without_controls
from tox_prodsim.timing import baseline
from tox_prodsim.timing.baseline import contents
from tox_prodsim.timing.baseline.contents import Contents, CountDecrease, LostContents

CODES = ("WHL132", "WHL134", "EXT404", "ENT515")
_MOST_NAMES = 4
_ACCEPT = "when that is meant, accept it with --prodsim-update-baseline"
_ACCEPTED = "this run accepts that"
_NO_CONTENTS = "the baseline has no contents: accept it with --prodsim-update-baseline=contents"


def contents_of(wheel: artifact.Wheel, created: str) -> Contents:
    """Return what the wheel holds; ``created`` is the date of today, ISO."""
    points = {f"[{point.group}] {point.name}" for point in wheel.entry_points}
    return Contents(
        version=wheel.version,
        created=created,
        modules=_clean(artifact.stable_modules(wheel.modules)),
        extensions=_clean(artifact.stable_modules(wheel.extensions)),
        entry_points=_clean(points | {f"[scripts] {name}" for name in artifact.script_files(wheel)}),
        data=_clean(artifact.data_files(wheel)),
    )


def _clean(names: Iterable[str]) -> frozenset[str]:
    """Return the names as a baseline can hold them: the wheel decides what they are."""
    return frozenset(map(without_controls, names))


def check_contents(stored: baseline.Baseline | None, now: baseline.Baseline, *, accepting: bool) -> CheckResult:
    """Return what the release has lost since the baseline, which is to be replaced when ``accepting``."""
    then, held = stored.contents if stored is not None else None, now.contents
    if stored is None or then is None or held is None:
        reason = "no baseline yet" if stored is None else _NO_CONTENTS
        return CheckResult(detail=reason, codes=(), not_checked=tuple((code, reason) for code in CODES))
    gone = contents.lost(then, held)
    since = f"{then.version} ({then.created})"
    findings = tuple(_findings(then, held, gone))
    if accepting:
        findings = tuple(replace(finding, level=Level.NOTE, hint=_ACCEPTED) for finding in findings)
    codes, not_checked = _checked_codes(then)
    return CheckResult(
        detail=_detail(then, held, since, len(findings)),
        codes=codes,
        findings=findings,
        not_checked=not_checked,
    )


def _findings(then: Contents, now: Contents, gone: LostContents) -> Iterator[Finding]:
    ship = functools.partial(error, hint=f"have the build ship it; {_ACCEPT}")
    for module, below in _trees(gone.modules):
        more = f", with {formatting.counted(below, 'module')} below it" if below else ""
        yield ship("WHL134", module, f"was in {then.version}{more}, and is no longer in the wheel")
    yield from (_decrease(ship, "WHL134", each, "modules", then.version) for each in gone.packages)
    for name in gone.extensions:
        what = "is not compiled any more" if name in now.modules else "is no longer in the wheel"
        hint = f"see in the log of the build why it was not compiled; {_ACCEPT}"
        yield error("EXT404", name, f"was an extension of {then.version}, and {what}", hint)
    for folder, number in _folders(gone.data, then.data):
        what = "was in" if number == 1 else f"had {number} data files in"
        left = "it is no longer" if number == 1 else "none of them is"
        yield ship("WHL132", folder, f"{what} {then.version}, and {left} in the wheel")
    yield from (_decrease(ship, "WHL132", each, "files", then.version) for each in gone.folders)
    for point in gone.entry_points:
        what = "a command" if contents.is_command(point) else "an entry point"
        hint = f"announce it in pyproject.toml as before; {_ACCEPT}"
        yield error("ENT515", point, f"was {what} of {then.version}, and the wheel announces it no longer", hint)


def _decrease(ship: Callable[..., Finding], code: str, decrease: CountDecrease, what: str, version: str) -> Finding:
    """Return the finding for names that are too many to be remembered: only their number is known."""
    return ship(code, decrease.pattern, f"{decrease.now} {what} are left of the {decrease.then} that {version} had")


def _trees(modules: Collection[str]) -> Iterator[tuple[str, int]]:
    """Yield the topmost of the modules, each with how many of the others are below it."""
    known = set(modules)
    tops = Counter(next((top for top in _above(name, ".") if top in known), name) for name in modules)
    yield from ((top, number - 1) for top, number in sorted(tops.items()))


def _folders(gone: Sequence[str], then: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield the data files that are gone, with their number: as one those of which a whole folder is gone."""
    missing, had = _below(gone), _below(then)
    whole = {folder for folder, number in missing.items() if number == had[folder] > 1}
    tops = {file: next((top for top in _above(file, "/") if top in whole), "") for file in gone}
    for top, group in itertools.groupby(gone, tops.__getitem__):  # sorted, so those below one folder are in a row
        files = tuple(group)
        yield from [(f"{posixpath.commonpath(files)}/", len(files))] if top else ((file, 1) for file in files)


def _below(files: Iterable[str]) -> Mapping[str, int]:
    """Return how many of the files are anywhere below each folder."""
    return Counter(folder for file in files for folder in _above(file, "/"))


def _above(name: str, separator: str) -> list[str]:
    """Return what the name is below, the topmost first."""
    parts = name.split(separator)
    return [separator.join(parts[:depth]) for depth in range(1, len(parts))]


def _checked_codes(then: Contents) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the codes of which something was there to lose, and the others with the reason."""
    had = {
        "WHL132": (then.data_count, "data files"),
        "WHL134": (then.module_count, "modules"),
        "EXT404": (len(then.extensions), "extensions"),
        "ENT515": (len(then.entry_points), "entry points"),
    }
    codes = tuple(code for code, (number, _) in had.items() if number)
    return codes, tuple(
        (code, NothingToCheck(f"{then.version} had no {what}")) for code, (number, what) in had.items() if not number
    )


def _detail(then: Contents, now: Contents, since: str, gone: int) -> str:
    new = contents.gained(then, now)
    facts = [
        f"{gone or 'nothing'} lost since {since}: {counted(now)}",
        f"new: {formatting.listed(new, _MOST_NAMES)}" if new else "",
        f"descriptors left open: {then.descriptors} -> {now.descriptors}" if _other_descriptors(then, now) else "",
    ]
    return formatting.joined(facts, "; ")


def _other_descriptors(then: Contents, now: Contents) -> bool:
    return None not in {then.descriptors, now.descriptors} and then.descriptors != now.descriptors


def counted(held: Contents) -> str:
    """Return for example ``41 modules, 1 extension, 3 scripts``, without what there is none of."""
    scripts = sum(map(contents.is_command, held.entry_points))
    numbers = {
        "module": held.module_count,
        "extension": len(held.extensions),
        "script": scripts,
        "other entry point": len(held.entry_points) - scripts,
        "data file": held.data_count,
    }
    return ", ".join(formatting.counted(number, what) for what, number in numbers.items() if number) or "nothing"
