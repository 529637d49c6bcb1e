"""The variables of production."""

from __future__ import annotations

from tox_prodsim.deployment.environ import with_resource_warnings


def test_the_filter_of_warnings_comes_before_those_of_the_user() -> None:
    assert with_resource_warnings({"A": "1"}) == {"A": "1", "PYTHONWARNINGS": "default::ResourceWarning"}
    assert with_resource_warnings({"PYTHONWARNINGS": "ignore"}) == {"PYTHONWARNINGS": "default::ResourceWarning,ignore"}
    assert with_resource_warnings({"PYTHONWARNINGS": ""})["PYTHONWARNINGS"] == "default::ResourceWarning"
