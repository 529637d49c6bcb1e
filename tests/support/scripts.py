"""The scripts of the guard as modules."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from tox_prodsim.supervision.guard_process import GUARD


def load_script(name: str) -> ModuleType:
    """A script of the guard as a module, under a name that nobody else can have."""
    spec = importlib.util.spec_from_file_location(f"{name}_under_test", GUARD.with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
