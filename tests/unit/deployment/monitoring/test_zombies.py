"""When zombies are a pile: many, or several that become more; not those of a parent that waits from time to time."""

from __future__ import annotations

import pytest

from tox_prodsim.deployment.monitoring.zombies import find_piles, may_pile_up
from tox_prodsim.supervision import Identity, Zombie

PARENT, OTHER = Identity(pid=10, started=1), Identity(pid=11, started=1)
NOW = 100.0


def zombies(*ages_s: float, parent: Identity = PARENT) -> list[Zombie]:
    return [
        Zombie(pid=at, command="sh", parent=parent, parent_command="python app.py", since=NOW - age_s)
        for at, age_s in enumerate(ages_s)
    ]


@pytest.mark.parametrize(
    ("ages_s", "pile"),
    [
        pytest.param((), 0, id="none"),
        pytest.param((9, 9), 0, id="two"),
        pytest.param((9, 9, 9, 9), 0, id="four, which ended together"),
        pytest.param((9, 9, 9, 9, 9), 5, id="five"),
        pytest.param((3, 5, 9), 3, id="three, one after another"),
        pytest.param((1, 1, 1, 1, 1, 1), 0, id="they are young"),
        pytest.param((9, 5, 1), 0, id="one is young"),
    ],
)
def test_a_pile(ages_s: tuple[float, ...], pile: int) -> None:
    assert sum(len(each.zombies) for each in find_piles(zombies(*ages_s), NOW)) == pile


def test_each_parent_has_its_own() -> None:
    assert list(find_piles([*zombies(9, 9, 9), *zombies(9, 9, 9, parent=OTHER)], NOW)) == []
    assert len(list(find_piles([*zombies(3, 6, 9), *zombies(3, 6, 9, parent=OTHER)], NOW))) == 2


def test_a_parent_that_waits_from_time_to_time_is_not_accused() -> None:
    assert list(find_piles(zombies(3, 6, 9), NOW, {PARENT})) == []
    assert len(list(find_piles(zombies(3, 6, 9), NOW, {OTHER}))) == 1


def test_it_takes_another_moment_while_several_are_young() -> None:
    assert may_pile_up(zombies(9, 1, 1), NOW)
    assert not may_pile_up(zombies(1, 1), NOW)
    assert not may_pile_up(zombies(9, 9, 9), NOW)
