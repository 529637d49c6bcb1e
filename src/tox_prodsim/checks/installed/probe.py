"""Look into an environment: ``_child/probe.py``, run by its own Python, says what is installed and what loads.

What loading a module or an entry point can come to is ``Loaded | Raised | Died | Hung``.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.runner import CHILD_SCRIPTS, Completed, Runner

COMMAND_GROUPS = ("console_scripts", "gui_scripts")
LOAD_LIMIT_S = 120.0
"""Many times what the slowest import takes, for a machine that is busy with something else."""

_PROBE = CHILD_SCRIPTS / "probe.py"
_PREFIX = b"tox-prodsim: "  # probe.PREFIX
_LOST_OUTPUT = 71  # probe.LOST_OUTPUT
_BATCH = 200  # items a process: one argument may have 128 KiB on Linux
_START_S = 30.0  # what the interpreter may take to start and end beside its items
_NAME = re.compile(r"[\w.-]+")  # of a requirement
_EXTRA = re.compile(r"""\bextra\s*==\s*['"]([^'"]+)""")
_OURS = (str(_PROBE), "importlib/__init__.py")  # the frames between the probe and what it imports
_AS_EXPECTED = re.compile(r"(?P<what>cannot import name .*) \(.*[/\\]site-packages[/\\].*\)")
_FRAME = re.compile(r'  File "(?P<file>[^"<]+)", line (?P<line>\d+) in (?P<function>\S+)')


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """The distribution under test, as its wheel describes it; ``extras`` are those that were requested.

    ``modules`` are all importable names and ``extensions`` those of them that are compiled.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    top_levels: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    entry_points: tuple[EntryPoint, ...] = ()

    @property
    def key(self) -> str:
        """Return the name in its canonical form."""
        return canonicalize_name(self.name)

    @property
    def commands(self) -> tuple[EntryPoint, ...]:
        """Return the entry points for which an installer writes a command."""
        return tuple(point for point in self.entry_points if point.group in COMMAND_GROUPS)

    @property
    def plugins(self) -> tuple[EntryPoint, ...]:
        """Return the other entry points, which some host loads."""
        return tuple(point for point in self.entry_points if point.group not in COMMAND_GROUPS)

    @property
    def known_extras(self) -> tuple[str, ...]:
        """Return the extras that bring requirements."""
        return tuple(dict.fromkeys(extra for text in self.requires for extra in _EXTRA.findall(text)))

    def extras_with(self, module: str) -> tuple[str, ...]:
        """Return the extras that bring a distribution with the name of the module."""
        name = canonicalize_name(module)
        brought = [
            text for text in self.requires if (found := _NAME.match(text)) and canonicalize_name(found[0]) == name
        ]
        return tuple(dict.fromkeys(extra for text in brought for extra in _EXTRA.findall(text)))

    def requires_always(self, module: str) -> bool:
        """Return whether a distribution with the name of the module is required without an extra."""
        name = canonicalize_name(module)
        return any(
            (found := _NAME.match(text)) and canonicalize_name(found[0]) == name and not _EXTRA.search(text)
            for text in self.requires
        )

    def lacks_foreign(self, missing: str) -> bool:
        """Return whether the module that was not found belongs to another distribution."""
        ours = any(is_below(missing, name) or is_below(name, missing) for name in self.top_levels)
        return bool(missing) and not ours and canonicalize_name(missing.partition(".")[0]) != self.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What an import did besides: ``what`` completes "importing it …", ``places`` are file and line, innermost first.

    ``kind`` is one of those of ``_child/effects.py``, or ``printed``. Files are relative to site-packages.
    """

    kind: str
    what: str
    places: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """It loaded; ``elsewhere`` is where from, and empty when that is the environment's site-packages, as it should.

    ``effects`` of an import that was watched are None when it broke what would tell; ``brought`` are the installed
    modules that came with it.
    """

    elsewhere: str
    version: str
    callable: bool
    effects: tuple[Effect, ...] | None = ()
    brought: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """It raised; ``missing`` is the module that was not found, ``file`` is relative to site-packages."""

    type: str
    message: str
    missing: str
    filename: str
    file: str
    line: int | None

    def __str__(self) -> str:
        message = _AS_EXPECTED.sub(r"\g<what>", self.message)
        return f"{self.type}: {message}" if message else self.type


@dataclass(frozen=True, kw_only=True, slots=True)
class Died:
    """It ended the interpreter; ``frames`` are the innermost ones of the stack, when that is known."""

    how: str
    frames: tuple[str, ...]

    def __str__(self) -> str:
        return f"the interpreter {self.how}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hung:
    """It did not come to an end within ``limit_s`` seconds."""

    limit_s: float
    frames: tuple[str, ...]

    def __str__(self) -> str:
        return f"it does not end within {self.limit_s:g} s"


Outcome = Loaded | Raised | Died | Hung


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledDistribution:
    """One installed distribution; ``editable`` tells what shows that its code is somewhere else.

    ``tops`` are the names that it adds to what can be imported.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    editable: str
    tops: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What is installed, by canonical name, and the marker environment of the Python it is installed in.

    ``stdlib`` are the names of its standard library; none are known before Python 3.10.
    """

    environment: Mapping[str, str]
    distributions: Mapping[str, InstalledDistribution]
    stdlib: frozenset[str] = frozenset()


def is_below(module: str, parent: str) -> bool:
    """Return whether the module is the parent or somewhere in it."""
    return module == parent or module.startswith(parent + ".")


def survey(subject: Distribution, runner: Runner, python: Path) -> Survey:
    """Return what is installed; raises ProdsimError when the environment's Python cannot tell."""
    answer = _ask([{"kind": "survey", "name": subject.name}], runner, python, LOAD_LIMIT_S)[0]
    if isinstance(answer, Survey):
        return answer
    raise ProdsimError(str(python), f"what is installed there cannot be listed: {answer}")


def load(targets: Sequence[tuple[str, str]], runner: Runner, python: Path, limit_s: float) -> list[Outcome]:
    """Return what loading each module and attribute comes to, in as few processes as they leave alive.

    A failure counts only when it happens in a process of its own, too: what was loaded before it may be to blame.
    """
    return load_items([item(module, attr) for module, attr in targets], runner, python, limit_s)


def item(module: str, attr: str = "") -> dict[str, Any]:
    """Return what the probe is asked to load; see there for what else it may be told about it."""
    return {"kind": "load", "module": module, "attr": attr}


def load_items(items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float) -> list[Outcome]:
    """Return what loading each item comes to, as ``load`` does."""
    outcomes = [answer for answer in _ask(items, runner, python, limit_s) if not isinstance(answer, Survey)]
    for at, outcome in enumerate(outcomes):
        if at and isinstance(outcome, Raised | Died):
            (again,) = _ask([items[at]], runner, python, limit_s)
            outcomes[at] = outcome if isinstance(again, Survey) else again
    return outcomes


def _ask(items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float) -> list[Outcome | Survey]:
    """Return the answer to every item; when one ends the process, the next process goes on behind it."""
    answers: list[Outcome | Survey] = []
    while len(answers) < len(items):
        answers += ask_once(items[len(answers) : len(answers) + _BATCH], runner, python, limit_s, None)
    return answers


def ask_once(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, budget_s: float | None
) -> list[Outcome | Survey]:
    """Return the answers of one process: to all items, up to the one that ended it, or to those within the budget."""
    request = json.dumps({"limit_s": limit_s, "budget_s": budget_s, "items": items})
    longest_s = limit_s * len(items) if budget_s is None else min(budget_s, limit_s * len(items)) + limit_s
    ran = runner([str(python), "-I", "-B", str(_PROBE), request], timeout_s=longest_s + _START_S)
    lines = [line for line in ran.stdout.splitlines() if line.startswith(_PREFIX)]
    records = [json.loads(line.removeprefix(_PREFIX)) for line in lines]
    if not records:
        raise ProdsimError(str(python), f"cannot be asked what is installed: it {ending(ran.returncode)}")
    # by number, because a fork at import may answer twice
    ended = {record["end"]: _answer(record, ran.stderr) for record in records if "end" in record}
    if len(ended) == len(items) or any("left" in record for record in records):
        return list(ended.values())
    return [*ended.values(), _cut_short(ran, limit_s)]


def _answer(record: dict[str, Any], stderr: bytes) -> Outcome | Survey:
    fields = {key: value for key, value in record.items() if key not in {"end", "outcome"}}
    match record["outcome"]:
        case "loaded":
            return _loaded_from(fields, _printed(stderr, record["end"]))
        case "raised":
            return Raised(**fields)
    found = [
        InstalledDistribution(**{**item, "requires": tuple(item["requires"]), "tops": tuple(item["tops"])})
        for item in fields["distributions"]
    ]
    # reversed: the first of a name on sys.path is the one that is used
    by_name = {canonicalize_name(distribution.name): distribution for distribution in reversed(found)}
    return Survey(
        environment=fields["environment"],
        distributions=dict(sorted(by_name.items())),
        stdlib=frozenset(fields["stdlib"]),
    )


def _loaded_from(fields: dict[str, Any], printed: tuple[Effect, ...]) -> Loaded:
    effects = fields.pop("effects", ())
    if effects is not None:
        done = (Effect(kind=each["kind"], what=each["what"], places=_places(each["frames"])) for each in effects)
        effects = (*done, *printed)
    return Loaded(**{**fields, "effects": effects, "brought": tuple(fields.get("brought", ()))})


def _places(frames: Sequence[Sequence[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((file, line) for file, line in frames)


def _printed(stderr: bytes, number: int) -> tuple[Effect, ...]:
    """Return what was printed while the item was watched; nothing when it was not."""
    begin, end = (_PREFIX + json.dumps({word: number}).encode() + b"\n" for word in ("begin", "end"))
    text = stderr.partition(begin)[2].partition(end)[0].decode("utf-8", "replace").strip()
    return (Effect(kind="printed", what=f"prints {text.splitlines()[0][:100]!r}"),) if text else ()


def _cut_short(ran: Completed, limit_s: float) -> Died | Hung:
    text = ran.stderr.decode("utf-8", "replace")
    if ran.timed_out or re.search(r"^Timeout \(", text, re.MULTILINE):  # faulthandler's watchdog
        return Hung(limit_s=limit_s, frames=_frames(text))
    if ran.returncode == _LOST_OUTPUT:
        return Died(how="lost a file descriptor that was not the package's to close", frames=())
    return Died(how=ending(ran.returncode), frames=_frames(text))


def ending(returncode: int | None) -> str:
    """Return how a program ended, to go behind its name."""
    if returncode is None:
        return "did not end"
    if returncode < 0:
        try:
            return f"died with {signal.Signals(-returncode).name}"
        except ValueError:
            return f"died with signal {-returncode}"
    return f"exited with {returncode}"


def _frames(text: str) -> tuple[str, ...]:
    """Return the three innermost frames that faulthandler printed for the thread that matters, without our own."""
    current = text.rpartition("Current thread ")[2] if "Current thread " in text else text.rpartition("\nThread ")[2]
    block = current.partition("\n\n")[0]
    return tuple(
        f"{frame['file']}:{frame['line']} in {frame['function']}"
        for frame in _FRAME.finditer(block)
        if not frame["file"].endswith(_OURS)
    )[:3]
