"""The checks of what is installed, and their findings as tuples to compare with."""

from __future__ import annotations

from collections.abc import Callable

from support.wheels import Env
from tox_prodsim.checks import installed
from tox_prodsim.checks.installed import Distribution
from tox_prodsim.model.findings import CheckResult, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
SEGFAULT = "import ctypes\nctypes.string_at(0)\n"
HANG = "while True: pass\n"
Put = Callable[..., Distribution]


def brief(checked: CheckResult) -> list[tuple[str, Level, str, str]]:
    return [(found.code, found.level, found.subject, found.message) for found in checked.findings]


def distribution(env: Env, subject: Distribution) -> CheckResult:
    return installed.check_distribution(subject, env.run, env.python)


def imports(env: Env, subject: Distribution, *, limit_s: float = 30.0) -> CheckResult:
    return installed.check_imports(subject, env.run, env.python, limit_s=limit_s).checked


def scripts(env: Env, subject: Distribution, *, limit_s: float = 30.0, help_limit_s: float = 30.0) -> CheckResult:
    return installed.check_scripts(
        subject, env.run, env.python, env.scripts_dir, limit_s=limit_s, help_limit_s=help_limit_s
    )
