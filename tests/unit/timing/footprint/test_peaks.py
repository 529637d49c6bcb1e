"""The peaks of imports are read from the answers of the script that times them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from support.wheels import Ended

from tox_prodsim.model.footprint import Quantity, QuantityKind
from tox_prodsim.model.runner import CHILD_SCRIPTS, NO_VARIABLES
from tox_prodsim.timing.footprint import PeakRunner, Weighed

REQUEST = {
    "nonce": "n0",
    "jobs": {"control": ["json", "asyncio"], "target": ["acme"], "base": ["acme"]},
    "pythons": {"base": "/other/python"},
}
ACME = Quantity(QuantityKind.IMPORT_MEMORY, "acme")


def answered(*answers: Mapping[str, Any], cut: bool = False) -> PeakRunner:
    """Return a runner that has seen these answers to the request."""
    lines = [b"tox-prodsim n0: " + json.dumps(answer).encode() for answer in answers]

    def run(_argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Ended:
        assert timeout_s
        assert not variables
        return Ended(0, False, b"\n".join([b"printed", *lines]) + (b"" if cut else b"\n"), b"")

    peaks = PeakRunner(run)  # type: ignore[arg-type] # as a Completed
    argv = ["python", "-I", str(CHILD_SCRIPTS / "timing.py"), "drive", json.dumps(REQUEST)]
    assert peaks(argv, timeout_s=1).stdout.startswith(b"printed")
    return peaks


def sample(peak: int | None, *, job: str = "target", base: int = 9000) -> dict[str, Any]:
    return {"job": job, "peak_kb": peak, "base_kb": base}


def test_it_is_the_median_of_the_samples_of_this_interpreter() -> None:
    others = [sample(70_000, job="control"), sample(80_000, job="base")]
    peaks = answered(sample(30_000), sample(31_000), sample(90_000, base=9010), *others)
    assert peaks.weighed == {ACME: Weighed(value=31_000 * 1024, parts={"base": 9000 * 1024}, samples=3)}


def test_where_the_kernel_does_not_say_it_there_is_none() -> None:
    assert answered(sample(None)).weighed == {}


def test_an_answer_that_is_not_valid_is_left_to_whoever_has_asked() -> None:
    assert answered(sample(1), cut=True).weighed == {}
    assert answered({"job": ["target"]}, {"error": "x"}).weighed == {}


def test_other_programs_are_only_run() -> None:
    peaks = answered()
    assert peaks(["python", "--version"], timeout_s=1).returncode == 0
    assert peaks.weighed == {}
