"""Sections of the log of GitLab: all of an environment up to its findings is folded.

The name of a section has a random end, so that nothing that is printed inside can end it.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
import weakref

from tox.tox_env.api import ToxEnv

_CLEAR = "\x1b[0K"
_open: weakref.WeakKeyDictionary[ToxEnv, str] = weakref.WeakKeyDictionary()
"""The names of the sections that have begun and have not ended."""


def begin(tox_env: ToxEnv) -> None:
    """Begin the section of an environment, once."""
    if tox_env in _open:
        return
    env_name = tox_env.conf.name
    name = f"prodsim_{re.sub('[^A-Za-z0-9_.-]', '_', env_name)}_{secrets.token_hex(8)}"
    _open[tox_env] = name
    _write(tox_env, f"section_start:{time.time():.0f}:{name}[collapsed=true]", f"{env_name}: build, checks and times")


def end(tox_env: ToxEnv) -> None:
    """End the section, if it has begun."""
    if name := _open.pop(tox_env, ""):
        _write(tox_env, f"section_end:{time.time():.0f}:{name}", "")


def _write(tox_env: ToxEnv, mark: str, title: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        stream = tox_env.log_handler.stdout
        stream.write(f"{_CLEAR}{mark}\r{_CLEAR}{title}\n")
        stream.flush()
