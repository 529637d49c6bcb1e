"""The codes that the end of a deployment says were checked."""

from __future__ import annotations

from dataclasses import replace

from tox_prodsim.model.events import Outcome, Step, StepFinished, StepStarted
from tox_prodsim.run.run import _with_codes

CODES = frozenset({"RUN602", "RUN622", "RUN623", "RUN625", "RUN626"})
ENDED = StepFinished(step=Step.DEPLOY, outcome=Outcome.OK, detail="", duration_s=1.0)


def codes(ended: StepFinished) -> set[str]:
    event = _with_codes(ended, CODES)
    assert isinstance(event, StepFinished)
    return set(event.checked)


def test_a_deployment_that_passed_names_its_codes() -> None:
    assert codes(ENDED) == CODES


def test_what_could_not_be_observed_was_not_checked() -> None:
    for text, lost in (
        ("what an interpreter finds at its exit is not observable: SIGTERM ended it", {"RUN623", "RUN626"}),
        ("db: warnings, tasks and exceptions are not observable: 2>/dev/null", {"RUN623", "RUN626"}),
        ("files left in the scratch folder are not observable: too many", {"RUN622"}),
        ("shared memory is not observable: there is no /dev/shm", {"RUN625"}),
    ):
        assert codes(ENDED) - codes(replace(ENDED, not_checked=(text,))) == lost


def test_one_that_failed_did_not_come_to_all_of_them() -> None:
    assert codes(replace(ENDED, outcome=Outcome.FAILED)) == set()


def test_any_other_event_is_passed_on() -> None:
    started = StepStarted(step=Step.DEPLOY)
    assert _with_codes(started, CODES) is started
