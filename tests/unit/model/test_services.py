"""Names, placeholders and the order of several services."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

import pytest
from support.refusals import refused

from tox_prodsim.model import services


def test_a_hyphen_is_an_underscore_in_a_placeholder() -> None:
    assert services.check_names("services", ["Web-2", "db"]) == ("Web-2", "db")
    assert services.placeholder("Web-2", "port") == "web_2_port"


@pytest.mark.parametrize(
    "names", [["pid"], ["PORT"], ["db", "db"], ["db", "DB"], ["a-b", "a_b"], ["-a"], ["a.b"], [""]]
)
def test_a_name_that_says_nothing_is_refused(names: list[str]) -> None:
    assert refused(lambda: services.check_names("services", names)).key == "services"


def test_a_service_is_found_by_its_placeholders() -> None:
    texts = ["serve", "{web_2_url}/x", {"http": "{db_port}"}, "{port}", "{dbx_port}"]
    assert services.named_in(texts, ["db", "web-2", "cache"]) == ["db", "web-2"]


@pytest.mark.parametrize(
    ("depends", "circle"),
    [
        pytest.param({"web": ["db"], "db": []}, [], id="none"),
        pytest.param({"web": ["web"]}, ["web", "web"], id="of one"),
        pytest.param({"a": ["b"], "b": ["c"], "c": ["a"]}, ["a", "b", "c", "a"], id="of three"),
    ],
)
def test_a_circle_goes_from_what_depends_to_what_it_depends_on(
    depends: Mapping[str, Collection[str]], circle: list[str]
) -> None:
    found = services.circle(depends)
    assert (len(found), set(found)) == (len(circle), set(circle))
    assert all(other in depends[name] for name, other in itertools.pairwise(found))


def test_what_is_needed_is_needed_through_others_as_well() -> None:
    depends = {"web": ["migrate"], "migrate": ["db"], "db": [], "mail": []}
    assert services.all_needed(depends, "web") == {"migrate", "db"}
    assert services.all_needed(depends, "db") == set()
