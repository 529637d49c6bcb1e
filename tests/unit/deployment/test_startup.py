"""The copy of the scratch folder in which a deployment is started again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tox_prodsim.deployment import LaunchContext, copy_scratch, measure_start
from tox_prodsim.deployment.startup import in_scratch_copy
from tox_prodsim.model.errors import MeasurementError, RestartError

Context = Callable[..., LaunchContext]
ELSEWHERE = "change_dir is not the scratch folder, so that a second start would meet what the first one left"
NO_COPY = "the scratch folder could not be copied for a second start"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "scratch").mkdir()

    def make(cwd: str = "scratch") -> LaunchContext:
        unused = cast("Any", None)
        return LaunchContext(
            scratch=tmp_path / "scratch",
            cwd=tmp_path / cwd,
            temporary=tmp_path / "tmp",
            scratch_copy=tmp_path / "copy",
            log=tmp_path / "deploy.log",
            environ=unused,
            resolve=unused,
            cancel=unused,
            hook=unused,
            ledger=tmp_path / "ledger",
        )

    return make


def test_a_second_start_finds_the_folder_as_it_was_before_the_first(context: Context) -> None:
    made = context()
    (made.scratch / "settings").write_text("as it was")
    copy_scratch(made)
    (made.scratch / "settings").write_text("changed")
    second = in_scratch_copy(made, "timed")
    assert second.scratch == second.cwd == made.scratch.with_name("scratch-timed")
    assert (second.scratch / "settings").read_text() == "as it was"


def test_what_an_earlier_start_left_in_the_copy_is_removed(context: Context) -> None:
    made = context()
    copy_scratch(made)
    (in_scratch_copy(made, "timed").scratch / "app.pid").write_text("1")
    assert list(in_scratch_copy(made, "timed").scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("cwd", "reason"),
    [pytest.param("other", ELSEWHERE, id="another folder"), pytest.param("scratch", NO_COPY, id="no copy")],
)
def test_without_a_copy_there_is_no_second_start_and_no_time(context: Context, cwd: str, reason: str) -> None:
    with pytest.raises(RestartError) as refused:
        in_scratch_copy(context(cwd), "simulated")
    assert str(refused.value) == reason
    with pytest.raises(MeasurementError) as not_measured:
        measure_start(cast("Any", None), context(cwd))
    assert str(not_measured.value) == reason
