from __future__ import annotations

import pytest
from torture.matrix import hopper
from torture.trial import Setting

RELAX = 10.0
"""Other tests run on the same cores, so bounds have ten times the slack here; the table holds them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The whole takes minutes: it is run when it is asked for by its name."""
    if "torture" not in config.option.markexpr:
        left = [item for item in items if item.get_closest_marker("torture")]
        items[:] = [item for item in items if not item.get_closest_marker("torture")]
        config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="session")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(relax=RELAX, built=hopper(tmp_path_factory.mktemp("built")))
