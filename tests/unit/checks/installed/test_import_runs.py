"""How many modules are imported by how many processes."""

from __future__ import annotations

import pytest

from tox_prodsim.checks.installed.import_runs import processes_for
from tox_prodsim.checks.installed.probe import folded, unfolded


@pytest.mark.parametrize(
    ("count", "shared", "cores", "processes"),
    [
        pytest.param(10_000, 0, 4, 4, id="many that share nothing"),
        pytest.param(3_000, 0, 8, 3, id="a process has a thousand at least"),
        pytest.param(1_500, 0, 8, 1, id="few"),
        pytest.param(10_000, 0, 1, 1, id="one core"),
        pytest.param(12_000, 2_500, 4, 1, id="the top-level imports a fifth of them"),
        pytest.param(12_000, 800, 4, 3, id="the top-level imports some of them"),
        pytest.param(100, 3_000, 4, 1, id="the top-level imports more than is left"),
    ],
)
def test_a_process_more_is_worth_it_where_little_is_imported_twice(
    count: int, shared: int, cores: int, processes: int
) -> None:
    assert processes_for(count, shared, cores) == processes


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["acme"], id="one"),
        pytest.param(["acme", "acme.a", "acme.a.b", "acme.ab", "zoo.a"], id="a tree"),
        pytest.param(["acme.a.b", "acme", "acme"], id="backwards, and twice"),
        pytest.param(["größe", "größe.ß"], id="not ASCII"),
        pytest.param([], id="none"),
    ],
)
def test_folded_names_are_the_same_when_they_are_unfolded(names: list[str]) -> None:
    assert unfolded(folded(names)) == names
