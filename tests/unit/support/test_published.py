"""The lists of the corpus: enough of each kind, pinned, with a reason, and with codes that exist."""

from __future__ import annotations

import re

import pytest
from support.published import Release, broken, good

from tox_prodsim.catalogue import CATALOGUE


def test_there_are_enough_of_each() -> None:
    wheels = [each for each in good() if not each.sdist]
    assert len(wheels) >= 40
    assert len(good()) - len(wheels) >= 8
    assert len(broken()) >= 16
    assert {each.kind for each in wheels} >= {"pure", "binary", "service", "plugin", "namespace", "stubs", "extras"}


@pytest.mark.parametrize("releases", [good(), broken()], ids=["good", "broken"])
def test_no_release_is_listed_twice(releases: list[Release]) -> None:
    names = [str(each) for each in releases]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("release", [*good(), *broken()], ids=str)
def test_a_release_is_pinned_and_says_why_it_is_here(release: Release) -> None:
    assert re.fullmatch(r"[\w.-]+==[\w.]+", release.requirement)
    assert len(release.why) >= 5


@pytest.mark.parametrize("release", broken(), ids=str)
def test_a_broken_release_is_caught_by_a_code_that_exists(release: Release) -> None:
    assert release.codes
    assert set(release.codes) <= set(CATALOGUE)
