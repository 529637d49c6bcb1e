"""What is announced before its step begins."""

from __future__ import annotations

from concurrent.futures import Future

from tox_prodsim.model.activity import Activity
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.run.ahead import AnnouncedAhead


def test_what_goes_on_is_announced_again_when_its_step_begins() -> None:
    said: list[Activity] = []
    announce, result = AnnouncedAhead(said.append), Future[CheckResult]()
    first, second = Activity(text="acme --help"), Activity(text="acme --version")
    announce(first)
    announce(second)
    waiting = Future[CheckResult]()
    waiting.result = lambda _=None: CheckResult(detail="", codes=())  # type: ignore[method-assign] # it does not end
    announce.repeated(waiting)
    assert said == [first, second, second]
    result.set_result(CheckResult(detail="2 of 2", codes=()))
    assert announce.repeated(result).detail == "2 of 2"
    assert said == [first, second, second]
