"""What a faster import no longer does, from the work that a baseline remembers."""

from __future__ import annotations

import pytest

from tox_prodsim import timing
from tox_prodsim.timing import Module, Recording


def recording(unit: str = "bytecodes", **own: int) -> Recording:
    """Return a recording without times of modules that do so much; ``__`` stands for a dot."""
    modules = tuple(Module(name=name.replace("__", "."), importer="", own=work) for name, work in own.items())
    return Recording(targets=("acme",), unit=unit, modules=modules)


THEN = recording(acme=1000, rich=3000, rich__console=4000, json=1000, acme__core=1000)


@pytest.mark.parametrize(
    ("now", "text"),
    [
        pytest.param(
            recording(acme=1000, acme__core=1000),
            "3 modules are no longer loaded, of rich (2), json (1); 80 % less work",
            id="modules are gone",
        ),
        pytest.param(
            recording(acme=1000, rich=3000, rich__console=4000, acme__core=1000),
            "1 module is no longer loaded, of json (1); 10 % less work",
            id="one module is gone",
        ),
        pytest.param(
            recording(acme=1000, rich=3000, rich__console=1000, json=1000, acme__core=1000),
            "rich.console does less, -3,000 bytecodes; 30 % less work",
            id="a module does less",
        ),
        pytest.param(THEN, "the work is as it was: it is native code, I/O or waiting", id="nothing that is counted"),
        pytest.param(
            recording("calls", acme=10, acme__core=10),
            "3 modules are no longer loaded, of rich (2), json (1)",
            id="another unit is not compared",
        ),
    ],
)
def test_a_gain_names_what_is_gone_and_what_does_less(now: Recording, text: str) -> None:
    assert str(timing.gain(THEN, now)) == text
