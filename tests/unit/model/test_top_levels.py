from __future__ import annotations

import pytest

from tox_prodsim.model.top_levels import is_stray


@pytest.mark.parametrize("top", ["tests", "docs", "src", "utils", "config", "data", "licenses", "__init__"])
def test_a_name_of_any_repository_is_not_the_projects(top: str) -> None:
    assert is_stray(top, "acme", {"acme", top})


@pytest.mark.parametrize(
    ("top", "project", "modules"),
    [
        pytest.param("acme", "acme-web", {"acme"}, id="a name of its own"),
        pytest.param("tools", "tools", {"tools"}, id="the project"),
        pytest.param("config", "python-config", {"config"}, id="the project without python"),
        pytest.param("tools", "tools-acme", {"tools.acme"}, id="a part of a namespace"),
    ],
)
def test_these_are_the_projects(top: str, project: str, modules: set[str]) -> None:
    assert not is_stray(top, project, modules)


def test_a_package_is_no_namespace() -> None:
    assert is_stray("tools", "tools-acme", {"tools"})
