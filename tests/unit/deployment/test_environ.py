"""The variables of production."""

from __future__ import annotations

from tox_prodsim.deployment.environ import showing_leaks


def test_the_filter_of_warnings_comes_before_those_of_the_user() -> None:
    assert showing_leaks({"A": "1"}) == {"A": "1", "PYTHONWARNINGS": "default::ResourceWarning"}
    assert showing_leaks({"PYTHONWARNINGS": "ignore"}) == {"PYTHONWARNINGS": "default::ResourceWarning,ignore"}
    assert showing_leaks({"PYTHONWARNINGS": ""})["PYTHONWARNINGS"] == "default::ResourceWarning"
