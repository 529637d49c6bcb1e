"""The wheel of an earlier run is taken from its record only if that names a wheel beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.packages.wheel_under_test import remembered

NAME = "acme-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param("[]", "no wheel was installed here before", id="no object"),
        pytest.param("[" * 100_000, "no wheel was installed here before", id="too deep"),
        pytest.param(json.dumps({"name": NAME}), "no wheel was installed here before", id="no origin"),
        pytest.param(json.dumps({"name": f"../{NAME}", "origin": "x"}), "names no wheel", id="a path"),
        pytest.param(json.dumps({"name": "\x1b[31m.whl", "origin": "x"}), "names no wheel", id="a control character"),
        pytest.param(json.dumps({"name": NAME, "origin": "x"}), "is gone", id="a file that is not there"),
        pytest.param(json.dumps({"name": f"{'a' * 5000}.whl", "origin": "x"}), "is gone", id="a long name"),
    ],
)
def test_a_forged_record_is_refused(tmp_path: Path, record: str, reason: str) -> None:
    (tmp_path / "wheel.json").write_text(record)
    with pytest.raises(ProdsimError, match=reason):
        remembered(tmp_path)
