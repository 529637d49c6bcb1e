"""Secrets in text, masked: passwords in URLs, and values whose name says that they are secret.

The words that make the name of an option secret in a command line are those of ``tox.util.redact``, which follows the
rule ``generic-api-key`` of gitleaks. A value is masked wherever it is printed, so that fewer words make it one: a host
in API_HOST is not a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from tox_prodsim.model.regex import lazy_regex

MASK = "***"
MIN_LENGTH = 5
"""A shorter value is not masked where it stands alone: it is a part of ordinary words."""
_ORDINARY = frozenset({"false", "none", "null", "undefined", "disabled", "enabled"})
"""Values that say that there is no secret."""

_STRONG = r"pass(?:word|wd|phrase|code)|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential"
_ANY = r"access|api|auth|client|cred|key|passwd|password|private|pwd|secret|token"
_STRONG_NAME = lazy_regex(_STRONG, re.IGNORECASE)
_URL_USER = lazy_regex(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)(?P<user>[^\s/?#'\"<>]{1,500})@")
_VALUE = r"(?P<value>'[^']*'|\"[^\"]*\"|[^\s'\"]+)"
_START, _PART = r"(?<![^\s'\"=;(\[`])", r"[-\w.]{0,80}"
"""Where the name of an option begins in a text, and a part of one: bounded, so that no text takes long."""
_OPTION = lazy_regex(rf"(?P<option>{_START}-{_PART}?(?:{_ANY}){_PART}=){_VALUE}", re.IGNORECASE)
_OPTION_AND_VALUE = lazy_regex(rf"(?P<option>{_START}--{_PART}?(?:{_STRONG}){_PART} )(?!-){_VALUE}", re.IGNORECASE)
_VARIABLE = lazy_regex(rf"(?P<option>\b[A-Z0-9_]{{0,80}}?(?:{_STRONG.upper()})[A-Z0-9_]{{0,80}}=){_VALUE}")
_MAY_HOLD_ONE = lazy_regex("[@=]|--")

_T = TypeVar("_T")


class Redactor:
    """Masks the values that it was made with, and what looks like a secret in a command line or a URL."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in (value, _quoted(value))}
        longest_first = sorted(filter(None, forms), key=lambda form: (-len(form), form))
        self._values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    @classmethod
    def of(cls, commands: Iterable[Sequence[str]], variables: Iterable[Mapping[str, str]]) -> Redactor:
        """Return the one that knows the secrets of these command lines and variables."""
        found = [secret for command in commands for secret in _in_command(command)]
        found += [secret for each in variables for name, value in each.items() for secret in _in_variable(name, value)]
        return cls(line for value in found for line in _worth_masking(value))

    def __call__(self, text: str) -> str:
        """Return the text with every secret replaced by MASK."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        return redact(text)

    def all(self, value: _T) -> _T:
        """Return a dataclass or a tuple with every secret in its texts replaced; other values as they are."""
        masked: Any = value
        if isinstance(value, Enum):
            return value
        if isinstance(value, str):
            masked = self(value)
        elif isinstance(value, tuple):
            masked = tuple(map(self.all, value)) if value and not isinstance(value[0], float) else value
        elif is_dataclass(value) and not isinstance(value, type):
            before = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
            changed = {name: after for name, one in before.items() if (after := self.all(one)) is not one}
            masked = replace(value, **changed) if changed else value
        return masked  # type: ignore[no-any-return]  # it has the type of the value

    def bytes(self, data: bytes) -> bytes:
        """Return what a program wrote with every secret replaced."""
        return self(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _quoted(value: str) -> str:
    """Return the value as it is in a URL; in a variable it may have bytes that are not text."""
    try:
        return quote(value.encode("utf-8", "surrogateescape"), safe="")
    except UnicodeEncodeError:
        return value


def redact(text: str) -> str:
    """Return the text without passwords in URLs and without the values of options and variables that are secret."""
    if not _MAY_HOLD_ONE.search(text):
        return text
    text = _URL_USER.sub(rf"\g<scheme>{MASK}@", text)
    for pattern in (_OPTION, _OPTION_AND_VALUE, _VARIABLE):
        text = pattern.sub(rf"\g<option>{MASK}", text)
    return text


def redact_argv(argv: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a command line, each secret among them replaced."""
    words, masked = list(argv), []
    for at, word in enumerate(words):
        follows_secret = at > 0 and _takes_secret(words[at - 1]) and not word.startswith("-")
        masked.append(MASK if follows_secret else _redact_word(word))
    return tuple(masked)


def _redact_word(word: str) -> str:
    """Return a word of a command line as ``redact`` would, a blank in its value included."""
    name, equals, _ = word.partition("=")
    if equals and ((name.startswith("-") and re.search(_ANY, name, re.IGNORECASE)) or _VARIABLE.match(f"{name}=x")):
        return f"{name}={MASK}"
    return redact(word)


def _takes_secret(word: str) -> bool:
    return word.startswith("--") and "=" not in word and _STRONG_NAME.search(word) is not None


def _in_command(command: Sequence[str]) -> Iterator[str]:
    """Yield the secrets of a command line: values of options and variables, and passwords of URLs."""
    words = list(command)
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if equals and _STRONG_NAME.search(name):
            yield value
        if at > 0 and _takes_secret(words[at - 1]) and not word.startswith("-"):
            yield word
        yield from _in_urls(word)


def _in_variable(name: str, value: str) -> Iterator[str]:
    if _STRONG_NAME.search(name) and not re.match(r"/|[a-zA-Z][\w+.-]*://", value):  # a path or an address of one
        yield value
    yield from _in_urls(value)


def _in_urls(text: str) -> Iterator[str]:
    for match in _URL_USER.finditer(text):
        try:
            password = urlsplit(match[0]).password
        except ValueError:
            password = match["user"].partition(":")[2]
        if password:
            yield from (password, unquote(password))


def _worth_masking(value: str) -> Iterator[str]:
    """Yield a value, and its lines, because reports are read line by line."""
    lines = value.splitlines() if "\n" in value.strip() else []
    for text in (value.strip(), *(line.strip() for line in lines)):
        if len(text) >= MIN_LENGTH and text.lower() not in _ORDINARY and not text.startswith("-----"):
            yield text
