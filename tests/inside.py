"""What the checks of what is installed say of a wheel, in words short enough to compare."""

from __future__ import annotations

from collections.abc import Callable

from wheels import Env

from tox_prodsim import installed
from tox_prodsim.findings import Checked, Level
from tox_prodsim.installed import Subject

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
SEGFAULT = "import ctypes\nctypes.string_at(0)\n"
HANG = "while True: pass\n"
Put = Callable[..., Subject]


def brief(checked: Checked) -> list[tuple[str, Level, str, str]]:
    return [(found.code, found.level, found.subject, found.message) for found in checked.findings]


def distribution(env: Env, subject: Subject) -> Checked:
    return installed.check_distribution(subject, env.run, env.python)


def imports(env: Env, subject: Subject, *, limit_s: float = 30.0) -> Checked:
    return installed.check_imports(subject, env.run, env.python, limit_s=limit_s).checked


def scripts(env: Env, subject: Subject, *, limit_s: float = 30.0, help_limit_s: float = 30.0) -> Checked:
    return installed.check_scripts(
        subject, env.run, env.python, env.scripts_dir, limit_s=limit_s, help_limit_s=help_limit_s
    )
