"""The key ``simulate``: names of conditions."""

from __future__ import annotations

from support.refusals import refused

from tox_prodsim.model import conditions


def test_a_word_that_is_no_condition_is_refused_with_the_nearest_one() -> None:
    known = "no_home, read_only_home, read_only_site, no_network, c_locale, utc, closed_stdin, umask_077, optimize, "
    problem = refused(lambda: conditions.parse("simulate", ["utc", "no-hoem"]))
    assert problem.key == "simulate"
    rest = "buffered_output, non_root, low_fds, pid1"
    assert problem.message == f"'no-hoem' is not a condition, did you mean no_home? there are {known}{rest}"
    problem = refused(lambda: conditions.parse("simulate", ["§"]))
    assert problem.message == f"'§' is not a condition, there are {known}buffered_output, non_root, low_fds, pid1"


def test_a_condition_that_is_named_twice_is_played_once() -> None:
    assert [each.name for each in conditions.parse("simulate", ["utc", "no_home", "utc"])] == ["utc", "no_home"]
