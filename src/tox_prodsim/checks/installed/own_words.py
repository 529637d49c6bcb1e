"""Whether a program that failed says in its own words what it lacks, such as an extra, a display or a variable."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex

TRACEBACK = "Traceback (most recent call last)"
MISTAKES = frozenset(
    {"AttributeError", "IndentationError", "NameError", "SyntaxError", "TabError", "TypeError", "UnboundLocalError"}
)
"""Exceptions that are a fault of the code, whatever their message says."""

_NOT_ITS_OWN = MISTAKES | {"ContextualVersionConflict", "DistributionNotFound", "PackageNotFoundError"}
_BY_THE_INTERPRETER = lazy_regex(r"No module named |cannot import name |DLL load failed|dynamic module |\[Errno ")
_EXCEPTION = lazy_regex(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$", re.MULTILINE)
_NOT_COMPILED = lazy_regex(r"^(?P<type>(?:Syntax|Indentation|Tab)Error): (?P<message>.*)$", re.MULTILINE)
"""What Python prints without a traceback if the program itself is not valid source."""
_NAMED_EXTRA = lazy_regex(r"(?P<name>[\w.-]+)\[(?P<extras>[\w., -]+)\]")
_LINES_READ = 20
_QUOTED_CHARACTERS = 160

_PROGRAMS = r"pip3?|pipx|uv|conda|apt|apt-get|brew|dnf|yum"
_WORDS = {
    "install what it names (deps of the environment) to have it checked": lazy_regex(
        rf"\b(?:{_PROGRAMS})\s+(?:add|install)\b|\bplease install\b|\b(?:must|should|needs? to|has to|have to) be "
        r"installed\b|\b(?:is|are) not installed\b|\bnot (?:found )?installed\b|\brequires? (?!\d)[\w.-]+",
        re.IGNORECASE,
    ),
    "it needs a display: run tox where there is one, for example under xvfb-run": lazy_regex(
        r"\bDISPLAY\b|\bno display\b|\b(?:open|connect to|find)(?: the| a| any)? display\b|\bheadless\b"
        r"|\bX (?:connection|server)\b|\bscreens? available\b|platform plugin could be initialized",
        re.IGNORECASE,
    ),
    "it needs a library of the system: let the documentation say which": lazy_regex(
        r"cannot open shared object file|\blibrary not found\b"
        r"|\b(?:can ?not|can't|could not|unable to) (?:find|load|open)\b.*(?:\blibrary\b|\blib[a-z]\w+)",
        re.IGNORECASE,
    ),
    "give it what it asks for (set_env of the environment) to have it checked": lazy_regex(
        r"\benvironment variable|\b(?:is|are) not set\b|\bis not configured\b"
        r"|\b(?:must|needs? to|has to|should) be (?:set|configured|defined)\b",
        re.IGNORECASE,
    ),
    "answer --help before the configuration is read": lazy_regex(
        r"\bconfig(?:uration)?\b.*\b(?:not found|missing|not exist|not find|no such file)\b"
        r"|\b(?:no|missing|cannot find|could not find|unable to find|failed to (?:find|load|read))\b.*\bconfig",
        re.IGNORECASE,
    ),
    "it is for another system or user than this one": lazy_regex(
        r"\b(?:only|not) (?:works?|runs?|supported|available)\b.*\bon\b.*\b(?:windows|linux|mac ?os|platform|system)\b"
        r"|\b(?:as|be) (?:root|administrator)\b|\bnot a (?:tty|terminal)\b",
        re.IGNORECASE,
    ),
}
"""What to do, and the words that ask for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnWords:
    """What a program that failed says that it lacks."""

    quote: str
    hint: str


def raised_line(text: str) -> tuple[str, str]:
    """Return the type and the message of the exception that ended a program; nothing if it was none."""
    _, found, after = text.rpartition(TRACEBACK)
    match = (_EXCEPTION if found else _NOT_COMPILED).search(after if found else text)
    return (match["type"].rpartition(".")[2], match["message"] or "") if match else ("", "")


def own_words(distribution: Distribution, text: str) -> OwnWords | None:
    """Return what a program's output says that it lacks; None: nothing, or only what the interpreter says."""
    kind, message = raised_line(text)
    if kind in _NOT_ITS_OWN or _BY_THE_INTERPRETER.match(message) or _names_unknown_extra(distribution, text):
        return None
    for line in _said(text):
        if extra := named_extra(distribution, line):
            return OwnWords(quote=_quoted(line), hint=f"set extras = {extra} to have it checked with what it needs")
        for hint, words in _WORDS.items():
            if words.search(line):
                return OwnWords(quote=_quoted(line), hint=hint)
    return None


def named_extra(distribution: Distribution, text: str) -> str:
    """Return an extra of the distribution that the text names, as in ``pip install acme[cli]``; else nothing."""
    known: dict[str, str] = {canonicalize_name(extra): extra for extra in distribution.known_extras}
    return next((known[extra] for extra in _extras_in(distribution, text) if extra in known), "")


def _names_unknown_extra(distribution: Distribution, text: str) -> bool:
    """Return whether the text names extras of the distribution, and none that exists."""
    return any(_extras_in(distribution, text)) and not named_extra(distribution, text)


def _extras_in(distribution: Distribution, text: str) -> Iterator[str]:
    for found in _NAMED_EXTRA.finditer(text):
        if canonicalize_name(found["name"]) == distribution.key or not found["name"].strip("."):
            yield from (canonicalize_name(each.strip()) for each in found["extras"].split(","))


def _said(text: str) -> list[str]:
    """Return the lines that are not a traceback: those of the exception's message, or the last ones of the output."""
    _, found, after = text.rpartition(TRACEBACK)
    match = _EXCEPTION.search(after) if found else None
    lines = after[match.start() :].splitlines() if match else [] if found else text.splitlines()
    return [line.strip() for line in lines if line.strip()][-_LINES_READ:]


def _quoted(line: str) -> str:
    """Return the line, cut at a word."""
    if len(line) <= _QUOTED_CHARACTERS:
        return line
    return f"{line[:_QUOTED_CHARACTERS].rpartition(' ')[0]} …"
