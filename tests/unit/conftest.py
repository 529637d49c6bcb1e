"""Unit tests start no process: whatever tries to makes the test fail."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings
from support.no_processes import ProcessRefusal, message

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # how fast examples are made says how busy the machine is, nothing of the code

_REFUSAL = ProcessRefusal()


@pytest.hookimpl(wrapper=True)
def _without_processes() -> Generator[None, object, object]:
    """Fail a phase of a test that tries to start a process, although the code under test may swallow the refusal.

    A fixture would come too late: those of the module are set up before it.
    """
    try:
        with _REFUSAL:
            return (yield)
    finally:
        if attempts := _REFUSAL.taken():
            pytest.fail(message(attempts))


pytest_runtest_setup = pytest_runtest_call = pytest_runtest_teardown = _without_processes


@pytest.fixture
def refusal() -> ProcessRefusal:
    return _REFUSAL
