"""Who finds a regression of an import and who cries wolf: this project beside the tools in use, on the same variants.

A scratch environment gets one app, its variants (a copy, +5, +10, +20 %, a sleep, native code, a new import, a plugin)
and the tools, from the index. A trial is one variant in one condition (quiet: nothing but what the machine does anyway;
loaded: a neighbour on each core that works; bursty: one that rests up to 3 s at a time): every tool compares it with
the base, in random order, with its documented defaults. After the trials come sessions, rounds of base, copy and
control, from which our rule is replayed thousands of times.

``--json FILE`` keeps every raw sample, one JSON object a line; ``--replay FILE`` makes the tables again from that,
measuring nothing: our verdicts are judged anew by the rule of this tree, those of the others are as they were told.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import contenders
import injected
import replays
from contenders import SIDE_BY_SIDE, STORED, ToolVerdict
from injected import BURSTY, CONDITIONS, COPY, FIFTH, LOADED, QUIET, TENTH, VARIANTS, InjectedApp, Variant
from replays import Outcome
from tox_prodsim.timing import sampling

SESSION_ROUNDS = 48
UNCHANGED_S = 5.0
"""Seconds for an import of 100 ms that has not changed."""
_FOUND = {QUIET: 0.99, LOADED: 0.95, BURSTY: 0.90}
"""The share of +10 % that is to be found."""
OK, MISSED, FEW = "ok", "MISSED", "too few to tell"
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What is promised of one tool, variant and condition: at least this share (of so many) is called slower."""

    subject: str
    of: int
    hits: int
    least: float | None
    """None: none of them may be, of at least ``enough``."""
    enough: int

    def word(self) -> str:
        """Return what the figures mean: what could be bad luck is not missed, and what could be luck is not met."""
        if self.least is None:
            return MISSED if self.hits else OK if self.of >= self.enough else FEW
        if self.of and self.hits >= self.least * self.of:
            return OK if self.of >= self.enough else FEW
        return MISSED if self.of and _best(self.hits, self.of) < self.least else FEW


def main() -> int:
    """Measure or replay, print the tables; with ``--check`` a target that is not met is exit code 1."""
    options = _options()
    if options.replay is None:
        records = list(_kept(_measured(options), options.json))
    else:
        records = [json.loads(line) for line in options.replay.read_text("utf-8").splitlines()]
    live = list(_live(records))
    sessions = [replays.Session.of(record) for record in records if record["kind"] == "session"]
    replayed = replays.replay(sessions, options.replays) if sessions else []
    base_s = _base_s(sessions)
    _print(records, live, replayed)
    words = [_print_target(target) for target in _targets(live, replayed)] + [_print_cost(live, replayed, base_s)]
    return 1 if options.check and any(word != OK for word in words) else 0


def _options() -> argparse.Namespace:
    names = [variant.name for variant in VARIANTS]
    parser = argparse.ArgumentParser(description="Compare who finds a regression of an import, and who cries wolf.")
    parser.add_argument("--trials", type=int, default=1, help="of each variant in each condition (default: 1)")
    parser.add_argument("--sessions", type=int, default=1, help="in each condition, for the replays (default: 1)")
    parser.add_argument(
        "--replays", type=int, default=300, help="of each variant and way, in each condition (default: 300)"
    )
    parser.add_argument(
        "--variant", action="append", choices=names, help=f"again for more (default: {COPY.name}, {TENTH.name})"
    )
    parser.add_argument(
        "--condition", action="append", choices=CONDITIONS, help="again for more (default: quiet, bursty)"
    )
    parser.add_argument("--tool", action="append", help="how a tool's name begins, again for more (default: all)")
    parser.add_argument("--json", type=Path, help="keep all raw samples in this file, one JSON object a line")
    parser.add_argument("--replay", type=Path, help="make the tables from such a file, measuring nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every target is met")
    return parser.parse_args()


# measuring


def _measured(options: argparse.Namespace) -> Iterator[Record]:
    """Yield a record of the run, one of each comparison, and one of each session."""
    variants = [each for each in VARIANTS if each.name in (options.variant or (COPY.name, TENTH.name))]
    conditions = options.condition or [QUIET, BURSTY]
    with tempfile.TemporaryDirectory(prefix="prodsim-regression-") as name:
        place = injected.make(Path(name))
        stored = contenders.stored_ratio(place)
        tools = _chosen(contenders.tools(stored), options.tool)
        yield {"kind": "run", "about": _about(), "tools": list(tools), "stored": asdict(stored)}
        for _ in range(options.trials):
            for condition, variant in random.sample([(c, v) for c in conditions for v in variants], _count(options)):
                yield from _trial(place, tools, condition, variant)
        for _ in range(options.sessions):
            for condition in conditions:
                yield _session(place, condition)


def _count(options: argparse.Namespace) -> int:
    return len(set(options.condition or (QUIET, BURSTY))) * len(set(options.variant or (COPY.name, TENTH.name)))


def _chosen(tools: dict[str, contenders.Tool], beginnings: Sequence[str] | None) -> dict[str, contenders.Tool]:
    if beginnings is None:
        return tools
    return {name: tool for name, tool in tools.items() if name.startswith(tuple(beginnings))}


def _trial(place: InjectedApp, tools: dict[str, contenders.Tool], condition: str, variant: Variant) -> Iterator[Record]:
    with injected.neighbour(condition):
        for name in random.sample(list(tools), len(tools)):
            began = time.monotonic()
            told = tools[name](place, variant.module)
            yield {
                "kind": "trial",
                "condition": condition,
                "variant": variant.name,
                "tool": name,
                "seconds": time.monotonic() - began,
                "load": os.getloadavg()[0],
                **asdict(told),
            }


def _session(place: InjectedApp, condition: str) -> Record:
    jobs = {replays.CONTROL: sampling.CONTROL_MODULES, injected.BASE: (injected.BASE,)}
    jobs[COPY.name] = (COPY.module,)
    with injected.neighbour(condition):
        series = injected.draw(place, jobs, SESSION_ROUNDS)
    kept = {name: [contenders.figures_of(each) for each in samples] for name, samples in series.items()}
    return {"kind": "session", "condition": condition, "load": os.getloadavg()[0], "series": kept}


def _kept(records: Iterable[Record], path: Path | None) -> Iterator[Record]:
    """Yield the records, and write each at once: a run of hours may be cut short."""
    for record in records:
        if path is not None:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        if record["kind"] == "trial" and sys.stderr.isatty():
            print(f"{record['condition']} {record['variant']} {record['tool']}", file=sys.stderr)
        yield record


def _about() -> str:
    system = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.release()}"
    return f"{system}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the start"


# what was found


def _live(records: Sequence[Record]) -> Iterator[Outcome]:
    """Yield the outcome of each comparison; those of ours are judged again from their samples."""
    for record in records:
        if record["kind"] == "trial":
            told = replays.again(record) if record["tool"] in {SIDE_BY_SIDE, STORED} else _as_told(record)
            yield Outcome(
                tool=record["tool"],
                condition=record["condition"],
                variant=record["variant"],
                slower=told.slower,
                ratio=told.ratio,
                seconds=record["seconds"],
                words=told.words,
            )


def _as_told(record: Record) -> ToolVerdict:
    return ToolVerdict(**{name: record[name] for name in ("slower", "ratio", "samples", "words")})


def _base_s(sessions: Sequence[replays.Session]) -> float:
    """Return what the base takes at best, 0.1 s when there is no session that tells."""
    times_s = [sample.cpu_s for session in sessions for sample in session.series[injected.BASE]]
    return statistics.quantiles(times_s, n=10)[0] if times_s else 0.1


def _targets(live: Sequence[Outcome], replayed: Sequence[Outcome]) -> Iterator[Target]:
    """Yield the promises for ours, side by side, which is what decides, and for a run as it is configured."""
    for name, outcomes, enough in (("live", live, 60), ("replayed", replayed, 1000)):
        yield _target(f"{name}: a copy is never slower", outcomes, COPY, None, enough)
    for condition, least in _FOUND.items():
        for name, outcomes, enough in (("live", live, 20), ("replayed", replayed, 100)):
            here = [outcome for outcome in outcomes if outcome.condition == condition]
            yield _target(f"{name}: +10 % is found, {condition}", here, TENTH, least, enough)
    yield _target("replayed: +20 % is found", replayed, FIFTH, 0.999, 300)
    configured = [replace(outcome, tool=SIDE_BY_SIDE) for outcome in replayed if outcome.tool == replays.CONFIGURED]
    yield _target("as configured: a copy is never slower", configured, COPY, None, 1000)
    for condition, least in _FOUND.items():
        here = [outcome for outcome in configured if outcome.condition == condition]
        yield _target(f"as configured: +10 % is found, {condition}", here, TENTH, least, 100)


def _target(subject: str, outcomes: Sequence[Outcome], variant: Variant, least: float | None, enough: int) -> Target:
    """Return the target for what is side by side among the outcomes."""
    mine = [outcome for outcome in outcomes if outcome.tool == SIDE_BY_SIDE and outcome.variant == variant.name]
    hits = sum(outcome.slower for outcome in mine)
    return Target(subject=subject, of=len(mine), hits=hits, least=least, enough=enough)


def _best(hits: int, of: int) -> float:
    """Return the upper end of Wilson's 95 % interval of a share."""
    z, share = 1.96, hits / of
    middle, width = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle + width) / (1 + z * z / of)


# tables


def _print(records: Sequence[Record], live: Sequence[Outcome], replayed: Sequence[Outcome]) -> None:
    for record in records:
        if record["kind"] == "run":
            print(record["about"])
            if not any(name.startswith("hyperfine") for name in record["tools"]):
                print("without hyperfine: it is not installed, or not chosen")
    for condition in CONDITIONS:
        loads = [record["load"] for record in records if record.get("condition") == condition]
        if loads:
            print(f"{condition}: load {min(loads):.1f} to {max(loads):.1f}, median {statistics.median(loads):.1f}")
    for title, outcomes in (("live", live), ("replayed", replayed)):
        if outcomes:
            print(f"\n{title:<28}{'':<8}{'called slower':>24}{'ratio error':>14}{'seconds':>9}")
            for row in _rows(outcomes):
                print(row)


def _rows(outcomes: Sequence[Outcome]) -> Iterator[str]:
    def key(outcome: Outcome) -> tuple[str, str, str]:
        return outcome.tool, outcome.condition, outcome.variant

    for tool, condition, variant in dict.fromkeys(sorted(map(key, outcomes), key=_order)):
        mine = [outcome for outcome in outcomes if key(outcome) == (tool, condition, variant)]
        slower = f"{sum(outcome.slower for outcome in mine)} of {len(mine)}"
        open_ = sum(outcome.words.startswith("UNKNOWN") for outcome in mine)
        more = f" ({open_} open)" if open_ else ""
        seconds = statistics.median(outcome.seconds for outcome in mine)
        error = _error(variant, [outcome.ratio for outcome in mine if outcome.ratio is not None])
        yield f"{tool:<28}{condition:<8}{variant:<11}{slower + more:>18}{error:>9}{seconds:>9.1f}"


def _order(key: tuple[str, str, str]) -> tuple[int, str, str, int]:
    tool, condition, variant = key
    return (not tool.startswith("ours"), tool, condition, [each.name for each in VARIANTS].index(variant))


def _error(variant: str, ratios: Sequence[float]) -> str:
    """Return the root mean square error of the ratios, where it is known what they should be."""
    known = {each.name: 1 + each.share for each in VARIANTS if each.share or each is COPY}
    if variant not in known or not ratios:
        return ""
    return f"{100 * math.sqrt(statistics.fmean((ratio / known[variant] - 1) ** 2 for ratio in ratios)):.1f} %"


def _print_target(target: Target) -> str:
    share = "none" if target.least is None else f"{100 * target.least:.4g} %"
    print(f"{target.subject:<44}{target.hits:>6} of {target.of:<6}{share:<9}{target.word()}")
    return target.word()


def _print_cost(live: Sequence[Outcome], replayed: Sequence[Outcome], base_s: float) -> str:
    """Print what an unchanged import takes in quiet, scaled to one of 100 ms."""

    def quiet(outcomes: Sequence[Outcome]) -> list[float]:
        is_it: Callable[[Outcome], bool] = lambda each: (each.tool, each.condition) == (SIDE_BY_SIDE, QUIET)  # noqa: E731
        return [each.seconds for each in outcomes if is_it(each) and each.variant == COPY.name]

    times_s = quiet(live) or quiet(replayed)
    if not times_s:
        return FEW
    seconds = statistics.median(times_s) * 0.1 / base_s
    word = OK if seconds <= UNCHANGED_S else MISSED
    print(f"{'an unchanged import of 100 ms':<44}{seconds:>6.1f} s        {UNCHANGED_S:<9g}{word}")
    return word


if __name__ == "__main__":
    sys.exit(main())
