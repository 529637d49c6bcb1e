"""Which answers are a loss of readiness, and how often a probe is asked."""

from __future__ import annotations

import pytest

from tox_prodsim.deployment.monitoring.lost_readiness import ProbeHistory, can_be_asked_again
from tox_prodsim.model.probes import DelayProbe, ExecProbe, HttpProbe, ListenProbe, LogProbe, NotifyProbe, Probe
from tox_prodsim.supervision import NotReady, Ready, WrongProcess

UP, DOWN = Ready(detail="http / 200"), NotReady(reason="http 503")


def history(answers: str, took_s: float = 0.01) -> ProbeHistory:
    """Ask once a second: ``.`` is a right answer, ``x`` a wrong one."""
    made = ProbeHistory(HttpProbe(url="http://127.0.0.1/"))
    for at, answer in enumerate(answers):
        made.add(UP if answer == "." else DOWN, began_at=float(at), ended_at=at + took_s)
    return made


@pytest.mark.parametrize("answers", ["", "...", "x", "xx", ".xx.xx.", "x.x.x.x"])
def test_fewer_than_three_wrong_answers_in_a_row_are_no_loss(answers: str) -> None:
    made = history(answers)
    assert made.losses == []
    assert made.open_loss() is None


def test_three_wrong_answers_in_a_row_are_a_loss_from_the_first_to_the_next_right_one() -> None:
    (loss,) = history("..xxxx..").losses
    assert (loss.began_at, loss.ended_at, loss.asked, loss.answer) == (2.0, 6.01, 4, "http 503")


def test_a_loss_that_is_not_over_has_no_end() -> None:
    made = history(".xxx")
    assert made.losses == []
    loss = made.open_loss()
    assert loss is not None
    assert (loss.began_at, loss.ended_at) == (1.0, None)


def test_each_loss_counts() -> None:
    assert len(history("xxx.xx.xxx.").losses) == 2


@pytest.mark.parametrize(("took_s", "is_lost"), [(9.9, False), (10.1, True)])
def test_no_answer_for_ten_seconds_is_a_loss_by_itself(took_s: float, is_lost: bool) -> None:
    assert history("x", took_s).is_lost is is_lost


def test_an_answer_that_is_right_and_late_is_no_loss() -> None:
    assert not history(".", 9.0).losses


def test_an_answer_of_another_process_is_wrong() -> None:
    made = ProbeHistory(ListenProbe())
    for at in range(3):
        foreign = WrongProcess(address="127.0.0.1:1", pid=7, command="nc", since="")
        made.add(foreign, began_at=float(at), ended_at=float(at))
    loss = made.open_loss()
    assert loss is not None
    assert loss.answer == "another process answered: pid 7"


def test_the_pace_falls_to_ten_seconds_and_starts_anew_after_a_wrong_answer() -> None:
    made = history("")
    pauses = [made.pause_s()]
    for _ in range(20):
        made.add(UP, began_at=0.0, ended_at=0.0)
        pauses.append(made.pause_s())
    assert pauses[0] == 1.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 10.0
    made.add(DOWN, began_at=0.0, ended_at=0.0)
    assert made.pause_s() == 1.0


@pytest.mark.parametrize(
    ("probe", "again"),
    [
        (HttpProbe(url="http://h/"), True),
        (ListenProbe(), True),
        (ExecProbe(argv=("true",)), True),
        (LogProbe(pattern="up"), False),
        (DelayProbe(delay_s=1.0), False),
        (NotifyProbe(), False),
    ],
)
def test_what_cannot_change_any_more_is_not_asked_again(probe: Probe, again: bool) -> None:
    assert can_be_asked_again(probe) is again
