"""Imports in the same rounds: one control for all, what is decided drops out, what does not fit is left out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tox_prodsim.model.activity import Activity
from tox_prodsim.model.errors import MeasurementError, SampleError
from tox_prodsim.model.events import Change, UnknownReason
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing import sampling, series
from tox_prodsim.timing.series import Plan
from tox_prodsim.timing.stats import EFFECTIVE, Rounds, StoredRatio
from tox_prodsim.timing.together import Candidate, FirstSeries, SeriesLimits

CONTROL_S = 0.1


@dataclass
class Imports:
    """Imports without processes: the seconds of each, by name."""

    seconds: Mapping[str, float]
    noise: Mapping[str, float] = field(default_factory=dict)
    broken: Mapping[str, MeasurementError] = field(default_factory=dict)
    now_s: float = 0.0
    asked: list[tuple[str, int]] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(4))

    def take(self, modules: Sequence[str], rounds: int, _limit_s: float) -> dict[str, Rounds]:
        for module in modules:
            if module in self.broken:
                raise self.broken[module]
        self.asked.append((" ".join(modules), rounds))
        self.now_s += rounds * (CONTROL_S + sum(self.seconds[module] for module in modules))
        return {module: self._rounds(module, rounds) for module in modules}

    def _rounds(self, module: str, count: int) -> Rounds:
        noise = self.noise.get(module, 0.01)
        target = tuple(self.seconds[module] * self.rng.gauss(1, noise) for _ in range(count))
        control = tuple(CONTROL_S * self.rng.gauss(1, 0.01) for _ in range(count))
        return Rounds(target_s=target, control_s=control, clock=EFFECTIVE)


def candidate(module: str, ratio: float | None, plan: Plan | None = None) -> Candidate:
    stored = StoredRatio(ratio=ratio, rel_error=0.01, control=sampling.CONTROL, clock=EFFECTIVE) if ratio else None
    return Candidate(metric=Metric.of_import(module), stored=stored, plan=plan or Plan(), tolerance=0.1)


def run(imports: Imports, *candidates: Candidate, least_s: float = 40.0, looks_s: float = 20.0) -> list[Activity]:
    told: list[Activity] = []
    limits = SeriesLimits(least_s=least_s, looks_s=looks_s)
    FirstSeries(candidates, imports, limits, told.append, lambda: imports.now_s).run()  # type: ignore[arg-type]  # has its take
    return told


def outcome(each: Candidate) -> Change:
    assert each.result is not None
    assert each.result.judgement is not None
    return each.result.judgement.outcome


def test_what_is_decided_drops_out_and_the_others_go_on() -> None:
    imports = Imports({"acme": 0.2, "loud": 0.2}, noise={"loud": 0.35})
    same, loud = candidate("acme", 2.0), candidate("loud", 1.9)
    told = run(imports, same, loud)
    assert outcome(same) is Change.SAME
    assert len(same.rounds) == 8
    assert len(loud.rounds) > 8
    assert imports.asked[:2] == [("acme loud", 1), ("acme loud", 7)]
    assert {modules for modules, _ in imports.asked[2:]} == {"loud"}
    assert told[0].text == "import acme, loud: warm-up"
    assert told[1].text == "import acme, loud: round 2 of at most 64"


def test_the_time_ends_the_looks_and_how_much_longer_is_said() -> None:
    imports = Imports({"loud": 0.9}, noise={"loud": 0.2})
    loud = candidate("loud", 8.0)
    run(imports, loud, looks_s=11.0)
    assert imports.now_s <= 11.0
    assert loud.result is not None
    assert loud.result.longer.startswith("about ")


def test_the_first_look_may_take_longer_than_the_others() -> None:
    imports = Imports({"slow": 2.9})
    slow = candidate("slow", 29.0)
    run(imports, slow, least_s=40.0, looks_s=5.0)
    assert outcome(slow) is Change.SAME
    assert imports.now_s == 8 * 3.0


def test_what_does_not_fit_is_left_out_for_the_sake_of_the_others() -> None:
    imports = Imports({"quick": 0.2, "slow": 9.0, "other": 0.3})
    quick, slow, other = candidate("quick", 2.0), candidate("slow", 90.0), candidate("other", 3.0)
    run(imports, quick, slow, other, least_s=30.0)
    assert [outcome(quick), outcome(other)] == [Change.SAME, Change.SAME]
    assert slow.result is not None
    assert (slow.result.reason, len(slow.rounds)) == (UnknownReason.NOT_COMPARED, 1)
    assert "8 would take more than the 30 s left; about " in slow.result.detail
    assert imports.now_s < 20


def test_one_that_fails_does_not_take_the_others_with_it() -> None:
    imports = Imports({"acme": 0.2, "bad": 0.2}, broken={"bad": SampleError("import bad: OSError", "bad")})
    acme, bad = candidate("acme", 2.0), candidate("bad", 2.0)
    run(imports, acme, bad)
    assert outcome(acme) is Change.SAME
    assert str(bad.failure) == "import bad: OSError"
    assert bad.result is None


def test_a_driver_that_fails_fails_for_all() -> None:
    imports = Imports({"acme": 0.2, "bad": 0.2}, broken={"bad": MeasurementError("the timing process: cut")})
    acme, bad = candidate("acme", 2.0), candidate("bad", 2.0)
    run(imports, acme, bad)
    assert {str(acme.failure), str(bad.failure)} == {"the timing process: cut"}


def test_a_candidate_takes_four_rounds_also_beside_one_that_is_compared() -> None:
    imports = Imports({"new": 0.2, "known": 0.2})
    new, known = candidate("new", None, series.CANDIDATE), candidate("known", 2.0)
    run(imports, new, known)
    assert (len(new.rounds), len(known.rounds)) == (4, 8)
    assert new.result is not None
    assert new.result.reason is UnknownReason.NO_BASELINE
    assert imports.asked == [("new known", 1), ("new known", 3), ("known", 4)]
