"""Harsher conditions than those of a developer's machine: what each changes for a program.

To add one is to add an entry here; what variables cannot change is a function of its name in ``_child/condition.py``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.runner import CHILD_SCRIPTS

_WRAPPER = CHILD_SCRIPTS / "condition.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One condition under which a program is run."""

    name: str
    """Its word in the key ``simulate``."""
    hint: str
    """What a program should do about it."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that it sets."""
    flags: tuple[str, ...] = ()
    """The same as options of a Python that ignores the variables."""
    wrapped: bool = False
    """Whether ``_child/condition.py`` starts the program."""
    own_folders: bool = False
    """Whether the program has an empty HOME and TMPDIR of its own."""
    own_network: bool = False
    """Whether it has a network of its own."""
    other_user: bool = False
    """Whether it runs as another user."""
    as_pid1: bool = False
    """Whether it is PID 1 of a pid namespace; that is for a deployment alone."""


CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        condition.name: condition
        for condition in (
            Condition(
                name="no_home",
                hint="do without a home: look below it only when something is needed there, and go on without that",
                variables={"HOME": "/dev/null", "USERPROFILE": "/dev/null"},  # ENOTDIR for root, too
            ),
            Condition(
                name="read_only_home",
                hint="go on without what cannot be written below HOME, or let a variable name another folder",
                wrapped=True,
                own_folders=True,
            ),
            Condition(
                name="read_only_site",
                hint="write nothing beside the code: use a temporary folder, or one that a variable names",
                wrapped=True,
            ),
            Condition(
                name="no_network",
                hint="connect when it is needed and not before, and say what could not be reached",
                wrapped=True,
                own_network=True,
            ),
            Condition(
                name="c_locale",
                hint="name the encoding: open(..., encoding='utf-8'), sys.stdout.reconfigure(errors='replace')",
                variables={
                    "LC_ALL": "C",
                    "LANG": "C",
                    "PYTHONUTF8": "0",
                    "PYTHONCOERCECLOCALE": "0",
                    "PYTHONIOENCODING": "",  # which counts as none; tox sets it to utf-8 for every environment
                },
                flags=("-X", "utf8=0"),
            ),
            Condition(
                name="utc",
                hint="use aware datetimes, and name the time zone that is meant",
                variables={"TZ": "UTC"},
            ),
            Condition(
                name="closed_stdin",
                hint="sys.stdin is None then: test for it before use",
                wrapped=True,
            ),
            Condition(
                name="umask_077",
                hint="set the mode of a file that others are to read, and do not trust the umask",
                wrapped=True,
            ),
            Condition(
                name="optimize",
                hint="with -OO there are no assert statements and no docstrings: rely on neither",
                variables={"PYTHONOPTIMIZE": "2"},
                flags=("-OO",),
            ),
            Condition(
                name="buffered_output",
                hint="flush what must be seen: print(..., flush=True) or logging; end so that Python can flush",
                variables={"PYTHONUNBUFFERED": ""},  # which counts as none
            ),
            Condition(
                name="non_root",
                hint="need no right that only root has, such as low ports and foreign folders",
                wrapped=True,
                own_folders=True,
                other_user=True,
            ),
            Condition(
                name="low_fds",
                hint="close files and sockets when they are done with; a program that needs many raises RLIMIT_NOFILE",
                wrapped=True,
            ),
            Condition(
                name="pid1",
                hint="handle the stop signal, or start it below an init: docker run --init, init: true, or tini",
                as_pid1=True,
            ),
        )
    }
)
"""All conditions, by their words in the key ``simulate``."""


def parse(key: str, words: Sequence[str]) -> tuple[Condition, ...]:
    """Return the conditions of some words, each once; raises ProdsimError that names the nearest word."""
    for word in words:
        if word not in CONDITIONS:
            near = difflib.get_close_matches(word.lower().replace("-", "_"), CONDITIONS, n=1, cutoff=0.5)
            meant = f", did you mean {near[0]}?" if near else ","
            msg = f"{word!r} is not a condition{meant} there are {', '.join(CONDITIONS)}"
            raise ProdsimError(key, msg)
    return tuple(CONDITIONS[word] for word in dict.fromkeys(words))


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionRun:
    """One run of an environment under a condition."""

    condition: Condition
    """What differs."""
    python: Path
    """The Python of the environment."""
    folder: Path
    """An empty folder, for the HOME and the TMPDIR of the condition."""

    @property
    def home(self) -> Path:
        """Return the HOME of a condition that has its own."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Return the TMPDIR of a condition that has its own."""
        return self.folder / "tmp"

    @property
    def variables(self) -> dict[str, str]:
        """Return what the condition changes in the environment; no bytecode is left behind."""
        folders = {"HOME": str(self.home), "TMPDIR": str(self.temporary)} if self.condition.own_folders else {}
        return {"PYTHONDONTWRITEBYTECODE": "1", **folders, **self.condition.variables}

    def command(self, argv: Sequence[str], *, scratch: Path | None = None) -> list[str]:
        """Return the command as it is run under the condition: it works in ``scratch``, or where it is started."""
        words = [str(word) for word in argv]
        if words[:1] == [str(self.python)]:
            words[1:1] = self.condition.flags
        if not self.condition.wrapped:
            return words
        folders = [self.home, self.temporary, *([scratch] if scratch is not None else [])]
        request = {
            "condition": self.condition.name,
            "give_away": [str(folder) for folder in folders] if self.condition.other_user else [],
            "cwd": str(scratch) if scratch is not None else "",
        }
        return [str(self.python), "-I", str(_WRAPPER), json.dumps(request), *words]
