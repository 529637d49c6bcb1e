"""The growth of a log, by which a deployment is found idle or printing too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.deployment.watchdog import LogGrowth
from tox_prodsim.supervision import clock


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: its last item is the time."""
    times = [100.0]
    monkeypatch.setattr(clock, "now", lambda: times[-1])
    return times


def test_a_log_that_grows_is_not_idle(tmp_path: Path, times: list[float]) -> None:
    growth = LogGrowth(tmp_path / "deploy.log")
    growth.log.write_text("one\n")
    times.append(105.0)
    growth.update()
    times.append(107.0)
    assert (growth.size_bytes, growth.idle_s) == (4, 2.0)


def test_a_log_that_does_not_grow_is_idle_since_it_grew(tmp_path: Path, times: list[float]) -> None:
    growth = LogGrowth(tmp_path / "deploy.log")
    growth.log.write_text("")
    times.append(105.0)
    growth.update()
    assert growth.idle_s == 5.0


def test_a_log_that_was_removed_keeps_its_size(tmp_path: Path, times: list[float]) -> None:
    growth = LogGrowth(tmp_path / "deploy.log")
    growth.log.write_text("one\n")
    growth.update()
    growth.log.unlink()
    times.append(103.0)
    growth.update()
    assert (growth.size_bytes, growth.idle_s) == (4, 3.0)
