from __future__ import annotations

import importlib.util
import itertools
import json
import os
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import tox_prodsim
from tox_prodsim import supervision
from tox_prodsim.model.activity import Activity
from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.events import Change, Compared, UnknownReason, from_record, to_record
from tox_prodsim.model.findings import Level
from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.timing import CauseKind, Link, RegressionCause, SourceLocation, finding_for, measure, sampling
from tox_prodsim.timing.measure import Plan
from tox_prodsim.timing.stats import EFFECTIVE, FALLBACK, Rounds, StoredRatio

IMPORT_ACME, IMPORT_CLI = Metric.of_import("acme"), Metric.of_import("acme.cli")
STORED = StoredRatio(ratio=2.0, rel_error=0.01, control=sampling.CONTROL, clock=EFFECTIVE)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Machine:
    """A sampler without processes: each call to ``factors`` says how slow the target is from there on."""

    factors: Iterator[float]
    noise: float = 0.01
    round_s: float = 0.25
    first_s: float | None = None
    clock: Clock = field(default_factory=Clock)
    asked: list[int] = field(default_factory=list)
    name: str = EFFECTIVE
    uncompiled: int = 0

    def __call__(self, rounds: int) -> Rounds:
        rng = random.Random(len(self.asked))
        factor = next(self.factors)
        self.clock.now_s += self.first_s if self.first_s and not self.asked else rounds * self.round_s
        self.asked.append(rounds)
        return Rounds(
            target_s=tuple(0.2 * factor * rng.gauss(1, self.noise) for _ in range(rounds)),
            control_s=tuple(0.1 * rng.gauss(1, self.noise) for _ in range(rounds)),
            clock=self.name,
            queued=0.2,
            uncompiled=self.uncompiled,
        )


def always(factor: float) -> Iterator[float]:
    while True:
        yield factor


def then(*factors: float) -> Iterator[float]:
    yield from factors
    yield from always(factors[-1])


def run(machine: Machine, stored: StoredRatio | None = STORED, plan: Plan | None = None) -> Compared:
    measured, compared = measure.measure(IMPORT_ACME, machine, stored, tolerance=0.1, plan=plan, clock=machine.clock)
    assert (measured is None) == (machine.asked == [])
    return compared


def code(compared: Compared) -> str | None:
    finding = finding_for(compared)
    return None if finding is None else finding.code


# --- the order of looks


def test_unchanged_is_decided_by_the_first_look_after_a_discarded_warm_up() -> None:
    machine = Machine(then(9.0, 1.0))
    measured, compared = measure.measure(IMPORT_ACME, machine, STORED, tolerance=0.1, clock=machine.clock)
    assert machine.asked == [1, 8]
    assert measured is not None
    assert (measured.rounds, measured.clock, measured.control) == (8, EFFECTIVE, "stdlib-1")
    assert max(measured.samples_s) < 0.3, "the warm-up is not among the samples"
    assert measured.ratio == pytest.approx(2.0, rel=0.03)
    assert compared.change is Change.SAME
    assert compared.detail == "+20 % is excluded (p 0.004, 8 rounds)"
    assert compared.expected_s == pytest.approx(0.2, rel=0.03)
    assert code(compared) is None


def test_a_suspicion_that_repeats_on_fresh_rounds_is_slower() -> None:
    machine = Machine(always(1.3))
    compared = run(machine)
    assert machine.asked == [1, 8, 8]
    assert compared.change is Change.SLOWER
    assert compared.detail.startswith("first +")
    assert compared.detail.endswith(" in 8 rounds, again in 8 fresh ones")
    assert code(compared) == "PRF701"


def test_a_suspicion_that_does_not_repeat_is_not_slower() -> None:
    machine = Machine(then(1.0, 1.3, 1.0))
    compared = run(machine)
    assert machine.asked == [1, 8, 8]
    assert compared.change is Change.SAME
    assert compared.detail.endswith("which did not repeat in 8 fresh ones") or "excluded" in compared.detail


def test_slower_then_faster_is_no_change_at_all() -> None:
    compared = run(Machine(then(1.0, 1.3, 0.7)))
    assert compared.change is Change.SAME
    assert compared.detail.endswith(" in 8 rounds, which did not repeat in 8 fresh ones")


def test_a_suspicion_that_fresh_rounds_cannot_decide_is_inconclusive() -> None:
    machine = Machine(then(1.0, 1.3, 1.12))
    compared = run(machine, replace(STORED, rel_error=0.04))
    assert compared.change is Change.UNKNOWN
    assert compared.detail.startswith("inconclusive: +1")
    assert "; first +" in compared.detail
    assert machine.asked == [1, 8, 8, 4, 4, 8, 8, 8, 8, 8, 8]


@pytest.mark.parametrize("factor", [pytest.param(1.3, id="slower"), pytest.param(0.7, id="faster")])
def test_a_baseline_of_few_rounds_is_too_uncertain_for_a_change(factor: float) -> None:
    machine = Machine(always(factor))
    compared = run(machine, replace(STORED, rounds=4))
    assert machine.asked == [1, 8], "no fresh rounds, which would share the error of the baseline"
    assert (compared.change, compared.reason) == (Change.UNKNOWN, UnknownReason.INCONCLUSIVE)
    assert "the baseline is of 4 rounds, too few for that" in compared.detail
    assert measure.replayed(compared.series) is Change.UNKNOWN


def test_faster_has_to_repeat_as_well() -> None:
    assert code(run(Machine(always(0.7)))) == "PRF704"
    assert code(run(Machine(then(1.0, 0.7, 1.0)))) is None


def test_a_loud_machine_is_inconclusive_and_says_what_was_loud() -> None:
    machine = Machine(always(1.04), noise=0.35)
    compared = run(machine)
    assert machine.asked == [1, 8, 4, 4, 8, 8, 8, 8, 8, 8]
    assert compared.change is Change.UNKNOWN
    assert compared.detail.startswith("inconclusive: ")
    assert "64 rounds spread by " in compared.detail
    assert compared.detail.endswith("20 % of the time was waiting for a CPU")
    assert code(compared) == "PRF703"


# --- what it was decided by


@pytest.mark.parametrize(
    ("factors", "noise", "changes"),
    [
        pytest.param((1.0,), 0.01, ["same"], id="the same"),
        pytest.param((1.3,), 0.01, ["slower", "slower"], id="slower"),
        pytest.param((1.0, 1.3, 1.0), 0.01, ["slower", "same"], id="did not repeat"),
        pytest.param((1.0, 1.3, 0.7), 0.01, ["slower", "faster"], id="the contrary"),
        pytest.param((0.7,), 0.01, ["faster", "faster"], id="faster"),
        pytest.param((1.04,), 0.35, ["unknown"], id="loud"),
    ],
)
def test_a_verdict_can_be_replayed_from_the_saved_report(
    factors: tuple[float, ...], noise: float, changes: list[str]
) -> None:
    saved = json.loads(json.dumps(to_record(run(Machine(then(*factors), noise=noise)))))
    compared = from_record(saved)
    assert isinstance(compared, Compared)
    assert [each.change for each in compared.series] == changes
    assert measure.replayed(compared.series) is compared.change


def test_a_suspicion_alone_is_no_verdict() -> None:
    (first, _) = run(Machine(always(1.3))).series
    assert measure.replayed([first]) is Change.UNKNOWN


def test_whoever_confirms_a_suspicion_has_the_last_word() -> None:
    machine, summaries = Machine(always(1.3)), []

    def confirm(suspected: measure.CandidateChange) -> tuple[None, Compared]:
        summaries.append(suspected.summary)
        return None, compared_as(Change.FASTER)

    _, compared = measure.measure(IMPORT_ACME, machine, STORED, tolerance=0.1, clock=machine.clock, confirm=confirm)
    assert compared.change is Change.FASTER
    assert summaries[0].endswith(" in 8 rounds")
    assert machine.asked == [1, 8], "no fresh rounds beside the control"


# --- without something to compare with


def test_a_baseline_without_this_time_is_another_reason() -> None:
    machine, plan = Machine(always(5.0)), measure.Plan(looks=(8,), absent="of it")
    _, compared = measure.measure(IMPORT_ACME, machine, None, tolerance=0.1, plan=plan, clock=machine.clock)
    assert (compared.reason, compared.detail) == (UnknownReason.NO_BASELINE, "no baseline of it")


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        pytest.param(None, "no baseline for this Python and platform", id="nothing stored"),
        pytest.param(
            StoredRatio(ratio=2.0, rel_error=0.01, control="stdlib-0", clock=EFFECTIVE),
            "no baseline that fits: it was measured beside the control stdlib-0, now it is stdlib-1",
            id="another control",
        ),
        pytest.param(
            StoredRatio(ratio=2.0, rel_error=0.01, control="stdlib-1", clock=FALLBACK),
            "no baseline that fits: it was measured by cpu + least waiting, here it is effective wall",
            id="another clock",
        ),
    ],
)
def test_without_a_baseline_it_is_measured_and_said(stored: StoredRatio | None, reason: str) -> None:
    machine = Machine(always(5.0))
    compared = run(machine, stored)
    assert sum(machine.asked) == 17
    assert (compared.change, compared.reason, compared.detail) == (Change.UNKNOWN, UnknownReason.NO_BASELINE, reason)
    assert (compared.ratio, compared.expected_s) == (None, None)
    assert compared.value_s == pytest.approx(1.0, rel=0.03)
    assert code(compared) == "PRF705"


@pytest.mark.parametrize(
    ("factor", "noise", "rounds"),
    [
        pytest.param(1.0, 0.005, 16, id="quiet"),
        pytest.param(1.0, 0.3, 64, id="loud"),
        pytest.param(0.005, 0.3, 16, id="loud, but of 1 ms"),
    ],
)
def test_recording_goes_on_until_the_ratio_is_good_to_store(factor: float, noise: float, rounds: int) -> None:
    machine = Machine(always(factor), noise=noise)
    run(machine, None, Plan(recording=True))
    assert sum(machine.asked) == 1 + rounds


# --- what it may cost


def test_what_is_known_to_be_too_slow_is_not_started() -> None:
    machine = Machine(always(1.0))
    measured, compared = measure.measure(START_UP, machine, STORED, tolerance=0.1, known_s=12)
    assert measured is None
    assert machine.asked == []
    assert compared.value_s == 12
    assert compared.detail == (
        "not compared: one round takes 12 s, 8 would take more than the 20 s left; about 76 s more are needed"
    )
    finding = finding_for(compared)
    assert finding is not None
    assert (finding.code, finding.level) == ("PRF706", Level.NOTE)


def test_too_slow_to_compare_is_measured_as_far_as_the_cap_goes() -> None:
    machine = Machine(always(1.0), round_s=10.0)
    compared = run(machine)
    assert machine.asked == [1, 1, 1]
    assert compared.detail == (
        "not compared: one round takes 10 s, 8 would take more than the 20 s left; about 60 s more are needed"
    )
    assert code(compared) == "PRF706"


def test_a_warm_up_that_compiles_does_not_make_it_too_slow() -> None:
    machine = Machine(always(1.0), first_s=15.0)
    assert run(machine).change is Change.SAME
    assert machine.asked == [1, 1, 7]
    assert machine.clock.now_s < 20


def test_the_cap_ends_the_looks() -> None:
    machine = Machine(always(1.04), noise=0.35, round_s=1.75)
    compared = run(machine)
    assert machine.asked == [1, 8, 3]
    assert compared.change is Change.UNKNOWN
    assert "11 rounds spread by" in compared.detail
    assert re.search(r"; about \d+ s more are needed$", compared.detail)


def test_the_rounds_are_announced_with_the_cap_and_their_seconds_count_on() -> None:
    told: list[Activity] = []
    machine = Machine(then(1.0, 1.0, 1.5))
    measure.measure(IMPORT_ACME, machine, STORED, tolerance=0.1, clock=machine.clock, announce=told.append)
    texts = [each.text for each in told]
    assert texts[0] == "import acme: warm-up"
    assert re.fullmatch(r"import acme: round 1 of at most 64", texts[1])
    rounds = [int(text.split()[3]) for text in texts[1:]]
    assert rounds == [1, *(1 + taken for taken in itertools.accumulate(machine.asked[1:-1]))]
    assert {each.limit_s for each in told[1:]} == {20.0}
    assert [each.goes_on for each in told] == [False, False, *[True] * (len(rounds) - 1)]


def test_a_sampler_that_gives_too_little_is_our_bug() -> None:
    machine = Machine(always(1.0))
    with pytest.raises(ValueError, match="gave 1 rounds, asked for 8"):
        measure.measure(IMPORT_ACME, lambda _: machine(1), STORED, tolerance=0.1)


# --- endings that are not verdicts


def test_what_fails_while_it_is_measured_is_not_slower() -> None:
    def fails(_: int) -> Rounds:
        raise MeasurementError("import acme: ImportError: no module named 'click'")

    measured, compared = measure.measure(IMPORT_ACME, fails, STORED, tolerance=0.1)
    assert measured is None
    assert compared.change is Change.UNKNOWN
    finding = finding_for(compared)
    assert finding is not None
    assert (finding.code, finding.level) == ("PRF706", Level.WARNING)
    assert finding.message == "import acme: not measured: import acme: ImportError: no module named 'click'"


def test_a_stored_ratio_cannot_hold_less_than_seven_percent() -> None:
    compared = measure.measure(IMPORT_ACME, Machine(always(1.0)), STORED, tolerance=0.01)[1]
    assert compared.tolerance == 0.07


def test_missing_bytecode_is_said() -> None:
    detail = run(Machine(always(1.0), uncompiled=12)).detail
    assert detail.endswith("; 12 modules have no bytecode, their folder may be read-only")


def compared_as(change: Change, metric: Metric = IMPORT_CLI, **more: Any) -> Compared:
    plain = Compared(
        metric=metric, change=change, value_s=0.148, expected_s=0.092, ratio=1.61, tolerance=0.1, detail=""
    )
    return replace(plain, **more)


@pytest.mark.parametrize(
    ("compared", "expected"),
    [
        pytest.param(
            compared_as(Change.SLOWER),
            "PRF701 error import acme.cli is slower than its baseline: 148 ms, baseline 92 ms scaled to this machine "
            "(+61 %, limit +10 %)"
            " | look at what it imports: python -X importtime -c 'import acme.cli'; if it is meant to be, "
            "accept it with --prodsim-update-baseline",
            id="import slower",
        ),
        pytest.param(
            compared_as(Change.SLOWER, START_UP),
            "PRF702 error start-up is slower than its baseline: 148 ms, baseline 92 ms scaled to this machine "
            "(+61 %, limit +10 %)"
            " | if it is meant to be, accept it with --prodsim-update-baseline",
            id="start-up slower",
        ),
        pytest.param(
            compared_as(
                Change.UNKNOWN, reason=UnknownReason.NO_BASELINE, detail="no baseline for this Python and platform"
            ),
            "PRF705 note import acme.cli: 148 ms, no baseline for this Python and platform"
            " | accept this run with --prodsim-update-baseline",
            id="no baseline",
        ),
        pytest.param(
            compared_as(Change.UNKNOWN, reason=UnknownReason.INCONCLUSIVE, detail="inconclusive: +9 % may be chance"),
            "PRF703 note import acme.cli: inconclusive: +9 % may be chance | run it again when the machine is quieter",
            id="inconclusive",
        ),
    ],
)
def test_findings_say_what_and_what_now(compared: Compared, expected: str) -> None:
    finding = finding_for(compared)
    assert finding is not None
    assert f"{finding.code} {finding.level} {finding.message} | {finding.hint}" == expected


def test_a_cause_is_in_the_finding_and_so_is_its_line() -> None:
    chain = (Link(module="acme", at=None), Link(module="pandas", at=SourceLocation(file="acme/report.py", line=3)))
    cause = RegressionCause(
        kind=CauseKind.NEW, module="pandas", work=9, seconds=0.05, share=0.9, origin="pandas", chain=chain
    )
    compared = replace(compared_as(Change.SLOWER), cause="pandas is new")
    finding = finding_for(compared, cause=cause, source=lambda file: f"src/{file}")
    assert finding is not None
    assert finding.message.endswith(" (+61 %, limit +10 %); pandas is new")
    assert (finding.file, finding.line) == ("src/acme/report.py", 3)
    assert "importtime" not in finding.hint


def test_slower_than_on_another_cpu_is_a_warning() -> None:
    finding = finding_for(compared_as(Change.SLOWER), other_cpu="Xeon, here Epyc")
    assert finding is not None
    assert finding.level is Level.WARNING
    assert finding.message.endswith("; the baseline is of another CPU (Xeon, here Epyc), so this does not fail")


# --- the driver


@dataclass(frozen=True)
class Completed:
    returncode: int | None
    stdout: bytes
    stderr: bytes
    timed_out: bool = False


def test_a_driver_that_breaks_is_named() -> None:
    def broken(_: Sequence[str], **__: float) -> Completed:
        return Completed(127, b"", b"sh: python: not found\n")

    with pytest.raises(MeasurementError, match=r"^the timing process ended with 127: sh: python: not found$"):
        sampling.import_sampler("acme", python=Path("python"), runner=broken)(1)


def test_a_driver_that_hangs_is_named() -> None:
    def hangs(_: Sequence[str], **__: float) -> Completed:
        return Completed(None, b"", b"", timed_out=True)

    with pytest.raises(MeasurementError, match=r"^the timing process took longer than it may$"):
        sampling.import_sampler("acme", python=Path("python"), runner=hangs)(1)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the kernel keeps no run-queue delay")
def test_effective_time_since_the_start_of_a_process() -> None:
    begun = time.monotonic()
    effective_s = supervision.effective_since(os.getpid(), begun - 1000)
    assert effective_s is not None
    assert 0 < effective_s <= time.monotonic() - begun + 1000
    less_before = supervision.effective_since(os.getpid(), begun - 1000, queued_before_s=-500)
    assert less_before == pytest.approx(effective_s - 500, abs=10), "what it waited before its start is not subtracted"


def test_effective_time_of_no_process_is_unknown() -> None:
    assert supervision.effective_since(2**22 + 1, 0.0) is None


def test_a_clock_and_a_run_delay_that_are_far_apart_are_read_again() -> None:
    script = Path(tox_prodsim.__file__).with_name("_child") / "timing.py"
    spec = importlib.util.spec_from_file_location("timing_under_test", script)
    assert spec is not None
    assert spec.loader is not None
    timing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(timing)
    lost_the_cpu, held_it = (0, 45_000_000), (46_000_000, 46_000_100)
    readings = iter([*lost_the_cpu, *held_it])
    assert timing.moment(lambda: next(readings))[0] == 46_000_000
    assert list(readings) == []
    always_apart = iter(range(0, 10**9, 10**6))
    assert timing.moment(lambda: next(always_apart))[0] == 18_000_000, "the tenth is as good as any"
