"""A change beside the baseline's own wheel: whose fault it is, and that nothing else is called a regression."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tox_prodsim.building import clone_env
from tox_prodsim.building.reference_wheel import ReferenceSpec, ReferenceWheel
from tox_prodsim.deployment import LaunchContext
from tox_prodsim.model.errors import CloneError, MeasurementError, ReleaseRefusedError, WheelUnavailableError
from tox_prodsim.model.events import Change, Compared, Measured
from tox_prodsim.model.metrics import Metric
from tox_prodsim.run import confirmation
from tox_prodsim.run.confirmation import Attribution, BaseInstall, Confirmation
from tox_prodsim.run.context import ReferenceInputs
from tox_prodsim.timing import measure, paired, sampling, stats
from tox_prodsim.timing.baseline import EnvironmentChanges
from tox_prodsim.timing.paired import PairedSampler
from tox_prodsim.timing.stats import EFFECTIVE, Judgement, Sample, StoredRatio

IMPORT_ACME = Metric.of_import("acme")
STORED = StoredRatio(ratio=2.0, rel_error=0.005, control=sampling.CONTROL, clock=EFFECTIVE)
"""The control takes 50 ms here, so the baseline amounts to 100 ms."""
CLICK = ("click 8.4.2 -> 8.5.1",)
CPU = ("cpu this -> that",)


def site(name: str) -> clone_env.Site:
    prefix = Path("/project") / name
    return clone_env.Site(
        prefix=prefix,
        python=prefix / "bin/python",
        site_packages=prefix / "lib",
        scripts=prefix / "bin",
        base_python=Path("/usr/bin/python"),
    )


BASE = BaseInstall(
    artefact=ReferenceWheel(wheel=Path("acme.whl"), origin="wheel 1.0, kept since then"), site=site("base")
)


def reference(
    folder: Path = Path("/project/private"), *, dists: tuple[str, ...] = (), machine: tuple[str, ...] = ()
) -> ReferenceInputs:
    return ReferenceInputs(
        spec=ReferenceSpec(name="acme"),
        site=site("env"),
        folder=folder,
        sources=cast("Any", None),
        runner=cast("Any", None),
        changes=EnvironmentChanges(dists=dists, machine=machine),
    )


def drawn(base_ms: float, candidate_ms: float, *, noise: float = 0.01, control_ms: float = 50) -> PairedSampler:
    """Return rounds that take so long, without processes."""
    rng = random.Random(1)

    def draw(rounds: int) -> dict[str, list[Sample]]:
        taken = {paired.BASE: base_ms, paired.CANDIDATE: candidate_ms, paired.CONTROL: control_ms}
        return {name: [sample(ms * abs(rng.gauss(1, noise))) for _ in range(rounds)] for name, ms in taken.items()}

    return PairedSampler(draw)


def sample(ms: float) -> Sample:
    return Sample(wall_s=ms / 1000, queued_s=0.0, cpu_s=ms / 1000, uncompiled=0)


def suspected(answer: measure.Confirm) -> Compared:
    """Return what a suspected change of an import of 120 ms, which was 100 ms, comes to."""

    def sampler(rounds: int) -> stats.Rounds:
        return stats.Rounds(target_s=(0.12,) * rounds, control_s=(0.05,) * rounds, clock=EFFECTIVE)

    return measure.measure(IMPORT_ACME, sampler, STORED, tolerance=0.1, confirm=answer)[1]


def confirmed_by(confirming: Confirmation, pair: PairedSampler) -> Compared:
    return suspected(lambda suspected: confirming.confirm(suspected, lambda _: pair, tolerance=0.1))


def confirm(pair: PairedSampler, **more: Any) -> Compared:
    compared = confirmed_by(Confirmation(reference(**more), lambda _: BASE), pair)
    assert measure.replayed(compared.series) is compared.change
    return compared


# what it comes down to


def test_a_slower_candidate_beside_a_base_that_is_as_it_was_is_your_change() -> None:
    compared = confirm(drawn(100, 120), dists=CLICK, machine=CPU)
    assert compared.change is Change.SLOWER
    assert compared.ratio == pytest.approx(1.2, abs=0.02)
    assert compared.value_s == pytest.approx(0.12, abs=0.003)
    assert compared.expected_s == pytest.approx(0.10, abs=0.003)
    assert compared.detail.startswith("your change; beside wheel 1.0, kept since then, same dependencies: +")
    assert compared.detail.endswith("; first +20 % in 8 rounds")


def test_a_base_that_is_as_slow_with_the_dependencies_of_today_blames_those_that_changed() -> None:
    compared = confirm(drawn(120, 120), dists=CLICK)
    assert compared.change is Change.SLOWER
    assert compared.ratio == pytest.approx(1.2, abs=0.02)
    assert compared.detail.startswith("a dependency got slower: click 8.4.2 -> 8.5.1; the baseline's own wheel is +")


def test_a_base_that_is_as_slow_with_the_same_dependencies_is_this_machine_and_no_regression() -> None:
    compared = confirm(drawn(120, 120), machine=CPU)
    assert compared.change is Change.SAME
    assert compared.detail.startswith("this machine differs (cpu this -> that); the baseline's own wheel is +")
    assert "nothing that is recorded changed" in confirm(drawn(120, 120)).detail


def test_where_both_changed_neither_is_blamed() -> None:
    compared = confirm(drawn(120, 120), dists=CLICK, machine=CPU)
    assert compared.change is Change.UNKNOWN
    assert compared.detail.startswith(
        "inconclusive: not your change, but a dependency or this machine (click 8.4.2 -> 8.5.1, cpu this -> that)"
    )


def test_a_suspicion_that_fresh_rounds_do_not_repeat_is_no_change() -> None:
    compared = confirm(drawn(100, 100), dists=CLICK, machine=CPU)
    assert compared.change is Change.SAME
    assert compared.detail.startswith("it did not repeat; beside wheel 1.0")


def test_what_a_first_look_side_by_side_shows_must_repeat_too() -> None:
    looks = iter([120, 120])  # the warm-up and the first look of eight rounds

    def draw(rounds: int) -> dict[str, list[Sample]]:
        return drawn(100, next(looks, 100))._take(rounds)

    compared = confirm(PairedSampler(draw), machine=CPU)
    assert compared.change is Change.SAME
    assert compared.detail.startswith("it did not repeat; ")


def test_a_change_and_a_slower_dependency_are_both_told() -> None:
    compared = confirm(drawn(120, 150), dists=CLICK)
    assert compared.change is Change.SLOWER
    assert compared.detail.startswith("your change; the baseline's own wheel is +")
    assert "which is not yours (click 8.4.2 -> 8.5.1)" in compared.detail


def test_rounds_that_cannot_tell_are_inconclusive_with_the_reason() -> None:
    compared = confirm(drawn(100, 112, noise=0.4))
    assert compared.change is Change.UNKNOWN
    assert compared.detail.startswith("inconclusive: ")


def opened(answer: measure.Confirm, *, now_ms: float) -> Compared:
    """Return what an import comes to whose rounds are too loud to tell, against a baseline of 100 ms."""
    rng = random.Random(7)

    def sampler(rounds: int) -> stats.Rounds:
        target = tuple(now_ms / 1000 * rng.paretovariate(3) for _ in range(rounds))
        return stats.Rounds(target_s=target, control_s=(0.05,) * rounds, clock=EFFECTIVE)

    plan = measure.Plan(looks=(8, 12))
    return measure.measure(IMPORT_ACME, sampler, STORED, tolerance=0.05, plan=plan, confirm=answer)[1]


@pytest.mark.parametrize(
    ("pair", "change"),
    [
        pytest.param(drawn(100, 110), Change.SLOWER, id="+10 % beside the base"),
        pytest.param(drawn(100, 100), Change.SAME, id="nothing beside the base"),
        pytest.param(drawn(100, 108, noise=0.4), Change.UNKNOWN, id="loud there too"),
    ],
)
def test_rounds_that_cannot_tell_and_look_slower_are_settled_beside_the_base(
    pair: PairedSampler, change: Change
) -> None:
    confirming = Confirmation(reference(dists=CLICK), lambda _: BASE)
    compared = opened(lambda each: confirming.confirm(each, lambda _: pair, tolerance=0.05), now_ms=96)
    assert compared.change is change, compared.detail
    assert measure.replayed(compared.series) is change
    assert compared.series[0].change is Change.UNKNOWN


@pytest.mark.parametrize(
    ("pair", "change", "detail"),
    [
        pytest.param(drawn(100, 110), Change.SLOWER, "your change; ", id="+10 % beside the base"),
        pytest.param(drawn(100, 100), Change.SAME, "it did not repeat; ", id="nothing beside the base"),
        pytest.param(drawn(100, 108, noise=0.4), Change.SAME, "+14 % is excluded", id="loud there"),
    ],
)
def test_what_counts_as_the_same_and_looks_slower_is_settled_beside_the_base(
    pair: PairedSampler, change: Change, detail: str
) -> None:
    def sampler(rounds: int) -> stats.Rounds:
        return stats.Rounds(target_s=(0.105,) * rounds, control_s=(0.05,) * rounds, clock=EFFECTIVE)

    confirming = Confirmation(reference(), lambda _: BASE)
    compared = measure.measure(
        IMPORT_ACME,
        sampler,
        STORED,
        tolerance=0.05,
        confirm=lambda each: confirming.confirm(each, lambda _: pair, tolerance=0.05),
    )[1]
    assert compared.change is change, compared.detail
    assert compared.detail.startswith(detail)
    assert measure.replayed(compared.series) is change
    assert compared.series[0].change is Change.SAME


def test_rounds_that_cannot_tell_stay_open_without_a_base() -> None:
    confirming = Confirmation(reference(), Maker(WheelUnavailableError("no network")))
    compared = opened(lambda each: confirming.confirm(each, lambda _: drawn(1, 1), tolerance=0.05), now_ms=96)
    assert compared.change is Change.UNKNOWN
    assert compared.detail.startswith("inconclusive: +")
    assert compared.detail.endswith("; not beside the baseline's own wheel: no network")


def test_rounds_that_cannot_tell_and_look_no_slower_need_no_base() -> None:
    maker = Maker()
    confirming = Confirmation(reference(), maker)
    compared = opened(lambda each: confirming.confirm(each, lambda _: drawn(1, 1), tolerance=0.05), now_ms=90)
    assert (compared.change, maker.made) == (Change.UNKNOWN, 0)


SLOWER, SAME, FASTER, UNKNOWN = Change.SLOWER, Change.SAME, Change.FASTER, Change.UNKNOWN


@pytest.mark.parametrize(
    ("pair", "base", "dists", "machine", "cause"),
    [
        pytest.param(SLOWER, None, CLICK, CPU, Attribution.CHANGE, id="slower, when it was not clear before"),
        pytest.param(SAME, None, CLICK, CPU, Attribution.CHANCE, id="the same, when it was not clear before"),
        pytest.param(UNKNOWN, None, CLICK, CPU, Attribution.OPEN, id="not clear at all"),
        pytest.param(SLOWER, SAME, (), (), Attribution.CHANGE, id="slower beside its base"),
        pytest.param(SLOWER, UNKNOWN, CLICK, CPU, Attribution.CHANGE, id="slower, whatever the base does"),
        pytest.param(UNKNOWN, SLOWER, CLICK, (), Attribution.OPEN, id="the pair does not tell"),
        pytest.param(SAME, SLOWER, CLICK, (), Attribution.DEPENDENCY, id="both slow, dependencies changed"),
        pytest.param(FASTER, SLOWER, CLICK, (), Attribution.DEPENDENCY, id="faster than a base that is slow"),
        pytest.param(SAME, SLOWER, (), CPU, Attribution.MACHINE, id="both slow, another machine"),
        pytest.param(SAME, SLOWER, (), (), Attribution.MACHINE, id="both slow, nothing changed"),
        pytest.param(SAME, SLOWER, CLICK, CPU, Attribution.EITHER, id="both slow, both changed"),
        pytest.param(SAME, SAME, CLICK, CPU, Attribution.CHANCE, id="both as they were"),
        pytest.param(SAME, FASTER, CLICK, CPU, Attribution.CHANCE, id="both faster than they were"),
        pytest.param(SAME, UNKNOWN, (), CPU, Attribution.CHANCE, id="the same, and nothing else to blame"),
        pytest.param(SAME, UNKNOWN, CLICK, (), Attribution.OPEN, id="the same, a dependency may be slower"),
    ],
)
def test_what_did_not_change_is_not_blamed(
    pair: Change, base: Change | None, dists: tuple[str, ...], machine: tuple[str, ...], cause: Attribution
) -> None:
    def judged(outcome: Change) -> Judgement:
        return Judgement(outcome=outcome, ratio=1.0, value_s=1.0, expected_s=1.0, tolerance=0.1, p=0.01, rounds=8)

    then = None if base is None else judged(base)
    assert confirmation.attribute_cause(judged(pair), then, EnvironmentChanges(dists=dists, machine=machine)) is cause


@pytest.mark.parametrize("seed", range(40))
def test_a_wheel_beside_itself_is_never_a_regression_however_loud_the_machine(seed: int) -> None:
    rng = random.Random(seed)

    def draw(rounds: int) -> dict[str, list[Sample]]:
        """Pareto noise and a neighbour that makes whole rounds half as fast again."""
        slow = [rng.choice((1.0, 1.45)) for _ in range(rounds)]
        names = (paired.BASE, paired.CANDIDATE, paired.CONTROL)
        return {name: [sample(100 * each * rng.paretovariate(8)) for each in slow] for name in names}

    compared = confirmation.side_by_side(IMPORT_ACME, PairedSampler(draw), tolerance=0.05)
    assert compared.change in {Change.SAME, Change.UNKNOWN}


def test_on_demand_a_change_is_one_that_fresh_rounds_repeat() -> None:
    assert confirmation.side_by_side(IMPORT_ACME, drawn(100, 120), tolerance=0.1).change is Change.SLOWER
    assert confirmation.side_by_side(IMPORT_ACME, drawn(120, 100), tolerance=0.1).change is Change.FASTER
    assert confirmation.side_by_side(IMPORT_ACME, drawn(100, 101), tolerance=0.1).change is Change.SAME


def test_the_machine_cannot_be_between_the_two() -> None:
    compared = confirmation.side_by_side(IMPORT_ACME, drawn(100, 100, control_ms=10), tolerance=0.1)
    assert compared.change is Change.SAME


# the second environment


class Maker:
    """Stands for ``install``: counts, and fails for a reason when there is one."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.made = 0

    def __call__(self, _: ReferenceInputs) -> BaseInstall:
        self.made += 1
        if self.problem is not None:
            raise self.problem
        return BASE


def test_one_environment_serves_all_metrics_and_is_removed_at_the_end(tmp_path: Path) -> None:
    private, maker = tmp_path / "private", Maker()
    confirming = Confirmation(reference(private), maker)
    assert maker.made == 0  # nothing is made before something is suspected
    for _ in range(2):
        assert confirmed_by(confirming, drawn(100, 100)).change is Change.SAME
    assert maker.made == 1
    (private / "env").mkdir(parents=True)
    confirming.close()
    confirming.close()
    assert not private.exists()


@pytest.mark.parametrize("problem", [WheelUnavailableError("no network"), CloneError("no network")])
def test_what_cannot_be_had_is_asked_for_once_and_the_stored_ratio_must_do(problem: Exception) -> None:
    maker = Maker(problem)
    confirming = Confirmation(reference(), maker)
    for _ in range(2):
        compared = confirmed_by(confirming, drawn(100, 100))
        assert compared.change is Change.SLOWER
        assert compared.detail == (
            "first +20 % in 8 rounds, again in 8 fresh ones; not beside the baseline's own wheel: no network"
        )
    assert maker.made == 1


def test_a_base_that_does_not_work_with_the_dependencies_of_today_confirms_nothing() -> None:
    def broken(_: int) -> dict[str, list[Sample]]:
        raise MeasurementError("import acme: ImportError: cannot import name 'old' from 'other'")

    compared = confirm(PairedSampler(broken))
    assert compared.change is Change.SLOWER
    assert "; not beside the baseline's own wheel: beside wheel 1.0, kept since then: import acme: " in compared.detail


def test_what_got_faster_needs_no_base() -> None:
    maker = Maker()
    quick = StoredRatio(ratio=4.0, rel_error=0.005, control=sampling.CONTROL, clock=EFFECTIVE)

    def sampler(rounds: int) -> stats.Rounds:
        return stats.Rounds(target_s=(0.12,) * rounds, control_s=(0.05,) * rounds, clock=EFFECTIVE)

    def answer(suspected: measure.CandidateChange) -> tuple[Measured | None, Compared]:
        return Confirmation(reference(), maker).confirm(suspected, lambda _: drawn(1, 1), tolerance=0.1)

    compared = measure.measure(IMPORT_ACME, sampler, quick, tolerance=0.1, confirm=answer)[1]
    assert (compared.change, maker.made) == (Change.FASTER, 0)


# a start of the base


def launch_context(environ: Callable[..., dict[str, str]], resolve: Callable[..., list[str]]) -> LaunchContext:
    nothing = cast("Any", None)
    names = ("scratch", "cwd", "temporary", "scratch_copy", "log", "cancel", "hook", "ledger")
    return LaunchContext(**dict.fromkeys(names, nothing), environ=environ, resolve=resolve)


def test_a_start_of_the_base_finds_its_own_commands_and_python_and_nothing_else_changes() -> None:
    def environ(values: dict[str, str]) -> dict[str, str]:
        return {"PATH": "/project/env/bin:/usr/bin", "VIRTUAL_ENV": "/project/env", "A": "/project/env/tmp", **values}

    def resolve(argv: Sequence[str], _: str) -> list[str]:
        return [f"/project/env/bin/{argv[0]}" if argv[0] == "acme" else f"/usr/bin/{argv[0]}", *argv[1:]]

    moved = confirmation.launch_context_of(launch_context(environ, resolve), site("env"), site("base"))
    assert moved.environ({"X": "1"}) == {
        "PATH": "/project/base/bin:/usr/bin",
        "VIRTUAL_ENV": "/project/base",
        "A": "/project/env/tmp",
        "X": "1",
    }
    assert moved.resolve(["acme", "--now"], "deploy") == ["/project/base/bin/acme", "--now"]
    assert moved.resolve(["sh", "-c", "acme"], "deploy") == ["/usr/bin/sh", "-c", "acme"]


def test_a_refused_release_is_said_once_and_the_change_is_confirmed_without_it() -> None:
    asked = []

    def refuse(_: ReferenceInputs) -> BaseInstall:
        asked.append(1)
        raise ReleaseRefusedError("acme==1.0 of the index has sha256 1, the baseline recorded 2")

    confirming = Confirmation(reference(), refuse)
    for _ in range(2):
        compared = confirmed_by(confirming, drawn(100, 120))
        assert compared.change is Change.SLOWER
        assert compared.detail.endswith(f"not beside the baseline's own wheel: {confirming.refused}")
    assert len(asked) == 1
    assert confirming.refused.startswith("acme==1.0 of the index has sha256 1")


def test_where_no_other_version_may_be_run_none_is_asked_for() -> None:
    def never(_: ReferenceInputs) -> BaseInstall:
        raise AssertionError

    confirming = Confirmation(replace(reference(), off="reference_release is off"), never)
    compared = confirmed_by(confirming, drawn(100, 120))
    assert compared.detail.endswith("; not beside the baseline's own wheel: reference_release is off")
    assert confirming.refused == ""
