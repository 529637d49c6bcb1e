"""The types that tox gives to the values of keys, and the parsers of such that need tox or the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from tox.config.loader.str_convert import StrConvert

from tox_prodsim.catalogue import CATALOGUE, RETIRED
from tox_prodsim.model import leaks, parsing, ranges, scenario
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.leaks import AllowLeaks
from tox_prodsim.plugin.config import shell_words

_NO_TEXT = ("is not of type 'str'", "is not text, write one in quotes")
"""What tox says of a number in TOML, and what is to be done."""


_YES_AND_NO: Mapping[str, scenario.Update | None] = {
    **dict.fromkeys(("1", "true", "yes", "on"), scenario.Update.ALL),
    **dict.fromkeys(("0", "false", "no", "off"), None),
}


class Lines(list[Any]):
    """A list whose items are lines: tox would split a ``list[str]`` on one line at commas, which regexes contain."""

    def __init__(self, raw: object = ()) -> None:
        items = raw.splitlines() if isinstance(raw, str) else raw if isinstance(raw, list | tuple) else [raw]
        stripped = (item.strip() if isinstance(item, str) else item for item in items)
        super().__init__(item for item in stripped if item != "")


class Words(list[str]):
    """A list of words, separated by blanks, commas or lines; in TOML numbers may stand for themselves."""

    def __init__(self, raw: object = ()) -> None:
        items = (
            raw.replace(",", " ").split() if isinstance(raw, str) else raw if isinstance(raw, list | tuple) else [raw]
        )
        if any(isinstance(item, bool) for item in items):
            msg = "true and false are not words, write a list of texts"
            raise TypeError(msg)
        super().__init__(str(item) for item in items)


def refuse(key: str, complaint: str) -> NoReturn:
    """Refuse a value with the complaint of tox."""
    raise ProdsimError(key, complaint.replace(*_NO_TEXT))


def refuse_command(key: str, complaint: str) -> None:
    """Refuse a value that tox cannot read as a command, unless it is empty."""
    if "attempting to parse" not in complaint:
        msg = "is not a command, give a list of words such as ['uvicorn', 'acme.web:app']"
        raise ProdsimError(key, msg)


def update(option: str, text: object) -> scenario.Update | None:
    """Return what becomes the baseline, from the value of an option or of its environment variable."""
    words = {**_YES_AND_NO, **{part.value: part for part in scenario.Update}}
    word = str(text or "no").strip().lower()
    if word not in words:
        msg = f"{text!r} is neither contents nor times; without a value it is both"
        raise ProdsimError(option, msg)
    return words[word]


def unchanged(_key: str, value: Any) -> Any:
    """Return the value as tox made it."""
    return value


def as_tuple(_key: str, items: list[str]) -> tuple[str, ...]:
    """Return the items as they are written."""
    return tuple(items)


def argv(key: str, command: Any) -> tuple[str, ...]:
    """Return the command line, empty when there is none."""
    if command is None:
        return ()
    if isinstance(command.args, str):  # a text in TOML, which tox takes for a list of letters
        sign = "-" if command.ignore_exit_code else "!" if command.invert_exit_code else ""
        if not (sign + command.args).strip():
            return ()
        command = StrConvert.to_command(sign + command.args)
    if command.ignore_exit_code or command.invert_exit_code:
        msg = "a leading '-' or '!' has no meaning here, say with exit_codes which ends are allowed"
        raise ProdsimError(key, msg)
    for word in command.args:
        if not isinstance(word, str):
            msg = f"{parsing.written(word)} is not text, give a list of words such as ['uvicorn', 'acme.web:app']"
            raise ProdsimError(key, msg)
    shell_words.refuse(key, command.args)
    return tuple(command.args)


def limit_s(key: str, value: object) -> float | None:
    """Return a limit in seconds, None when there is none."""
    return ranges.LIMIT_S.parse(key, value) or None


def limit_bytes(key: str, value: object) -> int | None:
    """Return the bytes of a limit in megabytes, None when there is none."""
    return int(ranges.MEGABYTES.parse(key, value) * 1e6) or None


def limit_modules(key: str, value: object) -> int | None:
    """Return a limit in modules, None when there is none."""
    return int(ranges.MODULES.parse(key, value)) or None


def restarts(key: str, value: object) -> int | None:
    """Return how often a service is started once more, None when it is not said."""
    return None if value is None else int(ranges.STARTS.parse(key, value))


def limit_fraction(key: str, value: object) -> float | None:
    """Return the fraction of a limit in per cent, None when there is none."""
    return ranges.LIMIT_PERCENT.parse(key, value) / 100 or None


def fraction(key: str, value: object) -> float:
    """Return the fraction of a percentage."""
    return ranges.PERCENT.parse(key, value) / 100


def codes(key: str, words: list[str]) -> tuple[str, ...]:
    """Return codes of the catalogue and prefixes of such."""
    return scenario.codes(key, words, (*CATALOGUE, *RETIRED))


def allowed_leaks(_key: str, items: list[Any]) -> AllowLeaks:
    """Return which leaks are accepted."""
    return leaks.parse(items)


def file_mode(key: str, text: str) -> int:
    """Return the mode of a file, which its owner can read and write, and which nobody can run."""
    mode = int(text, 8) if re.fullmatch(r"0?[0-7]{3}", text.strip()) else 0
    if mode & 0o600 != 0o600 or mode & ~0o666:
        msg = f"{text!r} is not the mode of a file that its owner can read and write, write for example 0600 or 0644"
        raise ProdsimError(key, msg)
    return mode
