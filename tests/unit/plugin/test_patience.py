from __future__ import annotations

import threading

from tox_prodsim.plugin.patience import Patience

LONG_S = 3600.0


def test_it_runs_out_when_nothing_ends_it() -> None:
    called = threading.Event()
    Patience(called.set).begin(0.0)
    assert called.wait(30)


def test_what_has_ended_does_not_run_out() -> None:
    before = set(threading.enumerate())
    patience = Patience(lambda: None)
    patience.begin(LONG_S)
    patience.begin(LONG_S)
    (*first, last) = set(threading.enumerate()) - before
    patience.end()
    patience.end()
    for timer in (*first, last):
        timer.join(30)
        assert not timer.is_alive()
