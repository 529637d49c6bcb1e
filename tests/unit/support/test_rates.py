"""Both rates of the corpus, and which releases were judged wrongly."""

from __future__ import annotations

from support.rates import FOUND, Judged, judged, rates

TESTS = "tests/functional/test_corpus.py::"


def play(release: str, *, good: bool, found: bool | None, right: bool) -> Judged:
    return Judged(release=release, good=good, found=found, right=right)


def test_a_test_of_the_corpus_is_known_by_its_name() -> None:
    node = f"{TESTS}test_a_good_release_is_not_accused[six==1.17.0 sdist]"
    said = judged(node, [(FOUND, True)], passed=False)
    assert said == play("six==1.17.0 sdist", good=True, found=True, right=False)
    node = f"{TESTS}test_a_broken_release_is_caught[flask==2.2.2]"
    assert judged(node, [(FOUND, True)], passed=True) == play("flask==2.2.2", good=False, found=True, right=True)
    assert judged("tests/functional/test_wheel.py::test_something[six]", [], passed=True) is None


def test_a_test_that_broke_off_has_judged_nothing() -> None:
    said = judged(f"{TESTS}test_a_broken_release_is_caught[flask==2.2.2]", [], passed=False)
    assert said == play("flask==2.2.2", good=False, found=None, right=False)


def test_the_rates_are_two_lines() -> None:
    played = [
        play("six==1", good=True, found=False, right=True),
        play("idna==2", good=True, found=True, right=False),
        play("flask==3", good=False, found=True, right=True),
    ]
    assert rates(played) == ["good: accused 1 of 2; judged wrongly: idna==2", "broken: found 1 of 1"]


def test_what_was_not_found_or_not_played_to_the_end_is_named() -> None:
    played = [
        play("b==1", good=False, found=False, right=False),
        play("a==1", good=False, found=False, right=False),
        play("c==1", good=False, found=None, right=False),
        play("d==1", good=True, found=False, right=False),
    ]
    assert rates(played) == [
        "good: accused 0 of 1; judged wrongly: d==1",
        "broken: found 0 of 2; judged wrongly: a==1, b==1; not judged: c==1",
    ]
