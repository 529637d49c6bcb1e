"""What a leak is, and which leaks the user accepts with ``allow_leaks``."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Callable, Iterable
from enum import StrEnum
from fnmatch import fnmatchcase

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError

KEY = "allow_leaks"


class LeakKind(StrEnum):
    """What is left; each value but that of EXCEPTION is the word of ``allow_leaks`` that accepts the kind."""

    PROCESS = "processes"
    OUTPUT = "output"
    PORT = "ports"
    FILE = "files"
    WARNING = "warnings"
    SHARED_MEMORY = "shared_memory"
    TASK = "tasks"
    EXCEPTION = "exceptions"


class Grade(StrEnum):
    """How sure it is: CERTAIN is a fact, FIRM is in rare cases another program's, HINT may well be intended."""

    CERTAIN = "certain"
    FIRM = "firm"
    HINT = "hint"


@dataclass(frozen=True, kw_only=True, slots=True)
class Leak:
    """One thing that was left."""

    kind: LeakKind
    grade: Grade
    subject: str
    """Names it; ``allow_leaks`` is matched with this."""
    detail: str = ""
    """What else is known of it."""
    file: str = ""
    """Source file; empty: not known."""
    line: int | None = None
    """Line in the source file; None: not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeakReport:
    """What was left, and what could not be seen."""

    leaks: tuple[Leak, ...] = ()
    not_observable: tuple[str, ...] = ()
    """Sentences, each with the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowLeaks:
    """The leaks that the user accepts: whole kinds, and some kinds by the name of what was left."""

    kinds: frozenset[LeakKind] = frozenset()
    """Kinds of which every leak is accepted."""
    files: tuple[str, ...] = ()
    """Globs of file names."""
    shared_memory: tuple[str, ...] = ()
    """Globs of names."""
    warnings: tuple[re.Pattern[str], ...] = ()
    """Expressions for warnings and exceptions."""
    keeps_commands: bool = False
    """Whether processes that ``commands`` leave behind live until the services have stopped."""

    def accepts(self, leak: Leak, finds: Callable[[re.Pattern[str], str], bool]) -> bool:
        """Return whether the user accepts this leak; ``finds`` searches a text for an expression."""
        if leak.kind in self.kinds:
            return True
        match leak.kind:
            case LeakKind.FILE:
                return any(fnmatchcase(leak.subject, glob) for glob in self.files)
            case LeakKind.SHARED_MEMORY:
                return any(fnmatchcase(leak.subject, glob) for glob in self.shared_memory)
            case LeakKind.WARNING | LeakKind.EXCEPTION:
                return any(finds(pattern, leak.subject) for pattern in self.warnings)
        return False


_WHOLE = {LeakKind.PROCESS, LeakKind.PORT, LeakKind.OUTPUT, LeakKind.SHARED_MEMORY, LeakKind.TASK}
"""Kinds that are accepted by their bare word."""
NAMED = {LeakKind.FILE: "*.pid", LeakKind.SHARED_MEMORY: "psm_*", LeakKind.WARNING: "unclosed socket"}
"""Kinds that are accepted by name, each with an example of the text after the colon."""
_FORMER = {"threads"}
"""Kinds that are not reported any more, and are accepted without effect."""
_OF_COMMANDS = "command_processes"
"""What ``commands`` leave behind on purpose: no leak, and ended behind the stop."""
FORMS = (*sorted({*_WHOLE, _OF_COMMANDS}), *(f"{kind}:{example}" for kind, example in NAMED.items()))
"""The items of ``allow_leaks``, as one writes them."""


def parse(items: Iterable[object]) -> AllowLeaks:
    """Return what the items of ``allow_leaks`` accept; raises ProdsimError for an invalid one."""
    kinds: set[LeakKind] = set()
    named: dict[LeakKind, list[str]] = {kind: [] for kind in NAMED}
    keeps_commands = False
    for item in items:
        word = str(item).strip()
        keeps_commands |= word == _OF_COMMANDS
        if word in {*_FORMER, _OF_COMMANDS}:
            continue
        kind, name = _parse_item(item)
        if name is None:
            kinds.add(kind)
        else:
            named[kind].append(name)
    return AllowLeaks(
        kinds=frozenset(kinds),
        files=tuple(named[LeakKind.FILE]),
        shared_memory=tuple(named[LeakKind.SHARED_MEMORY]),
        warnings=tuple(map(_regex, named[LeakKind.WARNING])),
        keeps_commands=keeps_commands,
    )


def _parse_item(item: object) -> tuple[LeakKind, str | None]:
    """Return the kind that an item names and the text after its colon, None for a bare word."""
    name, colon, rest = str(item).strip().partition(":")
    kind = _kind(name.strip(), item)
    rest = rest.strip()
    if rest and kind in NAMED:
        return kind, rest
    if not colon and kind in _WHOLE:
        return kind, None
    if kind in NAMED:
        msg = f"{item!r} does not say which ones, write for example {kind}:{NAMED[kind]}"
        raise ProdsimError(KEY, msg)
    msg = f"{item!r} has more than its word, write {kind}"
    raise ProdsimError(KEY, msg)


def _kind(name: str, item: object) -> LeakKind:
    known = _WHOLE | set(NAMED)
    if name in known:
        return LeakKind(name)
    words = sorted({*known, _OF_COMMANDS})
    near = difflib.get_close_matches(name, words, n=1)
    instead = f"did you mean {near[0]}?" if near else f"write one of {', '.join(words)}"
    msg = f"{item!r} is not a kind of leak, {instead}"
    raise ProdsimError(KEY, msg)


def _regex(text: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # that a later Python may read it in another way
            return re.compile(text)
    except (re.error, OverflowError, RecursionError) as problem:
        msg = f"{text!r} is not a regular expression: {problem}"
        raise ProdsimError(KEY, msg) from None
