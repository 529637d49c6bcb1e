"""The value of one key as tox has it, and what is refused before tox reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tox.config.loader.ini import IniLoader
from tox.config.loader.ini.factor import filter_for_env
from tox.config.sets import ConfigSet
from tox.report import HandledError
from tox.tox_env.errors import Fail, Skip

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.config import shell_words
from tox_prodsim.plugin.config.key import Key

_LONGEST_MESSAGE = 500
_LONGEST_INTEGER_BITS = 64


def understood(key: Key, value: object) -> Any:
    """Return what the value of a key means; raises ProdsimError with a line of a bearable length."""
    if isinstance(value, list | dict) and _has_huge_integer(value):
        msg = f"has an integer of more than {_LONGEST_INTEGER_BITS} bits"
        raise ProdsimError(key.name, msg)
    with _bounded():
        return key.parse(key.name, value)


def _has_huge_integer(value: object) -> bool:
    """Return whether an integer is in it that no key can mean; Python refuses to write one of thousands of digits."""
    match value:
        case int():
            return value.bit_length() > _LONGEST_INTEGER_BITS
        case list() | tuple():
            return any(map(_has_huge_integer, value))
        case dict():
            return any(map(_has_huge_integer, value.values()))
    return False


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Leave out the middle of the message of a ProdsimError that is too long."""
    try:
        yield
    except ProdsimError as problem:
        message, half = problem.message, _LONGEST_MESSAGE // 2
        if len(message) <= _LONGEST_MESSAGE:
            raise
        raise ProdsimError(problem.key, f"{message[:half]} … {message[-half:]}") from None


def load(conf: ConfigSet, key: Key) -> object:
    """Return what tox makes of the value of a key; its complaint about one becomes one line that names the key."""
    with _bounded():
        return _load(conf, key)


def _load(conf: ConfigSet, key: Key) -> object:
    try:
        return conf[key.name]
    except HandledError as problem:
        _, found, complaint = str(problem).partition(f"{key.name}: ")
        if not found:
            raise
        return key.refuse(key.name, complaint)
    except (Fail, Skip, ProdsimError):
        raise
    except Exception as problem:
        raise ProdsimError(key.name, " ".join(str(problem).split()) or type(problem).__name__) from problem


def refuse_second_command(conf: ConfigSet) -> None:
    """Refuse a second line of ``deploy`` in an ini file: tox takes its words for arguments of the first."""
    for loader in conf.loaders:
        if isinstance(loader, IniLoader) and "deploy" in loader.found_keys():
            lines = filter_for_env(loader.load_raw("deploy", None, None), conf.env_name)
            shell_words.refuse_second_line("deploy", lines)
            return
