"""Run ``_child/probe.py`` with the Python of an environment: it reports what is installed there and what loads.

The outcome of loading a module or an entry point is ``Loaded | Raised | Died | Hung``.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tox_prodsim.model import top_levels
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.runner import CHILD_SCRIPTS, Completed, Runner

COMMAND_GROUPS = ("console_scripts", "gui_scripts")
LOAD_LIMIT_S = 120.0
"""Many times longer than the slowest import, for a machine that is busy with other work."""

_PROBE = CHILD_SCRIPTS / "probe.py"
_PREFIX = b"tox-prodsim: "  # probe.PREFIX
_LOST_OUTPUT = 71  # probe.LOST_OUTPUT
_BATCH = 200  # items a process: one argument may have 128 KiB on Linux
_START_S = 30.0  # what the interpreter may take to start and end beside its items
_NAME = re.compile(r"[\w.-]+")  # of a requirement
_EXTRA = re.compile(r"""\bextra\s*==\s*['"]([^'"]+)""")
_FOR_DEVELOPERS = re.compile(r"(?:^|[-_.])(?:dev|doc|lint|test|typing|mypy$|ci$|all$)", re.IGNORECASE)
"""Extras for what maintainers need, or for everything."""
_OURS = (str(_PROBE), "importlib/__init__.py")  # the frames between the probe and what it imports
_AS_EXPECTED = re.compile(r"(?P<what>cannot import name .*) \(.*[/\\]site-packages[/\\].*\)")
_FRAME = re.compile(r'  File "(?P<file>[^"<]+)", line (?P<line>\d+) in (?P<function>\S+)')


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """The distribution under test, as its wheel describes it."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    """The lines of Requires-Dist."""
    requires_python: str = ""
    extras: tuple[str, ...] = ()
    """The extras with which it is installed."""
    top_levels: tuple[str, ...] = ()
    """The modules without a parent in the wheel."""
    modules: tuple[str, ...] = ()
    """All importable names."""
    extensions: tuple[str, ...] = ()
    """The modules that are compiled."""
    entry_points: tuple[EntryPoint, ...] = ()
    script_files: tuple[str, ...] = ()
    """The files of ``.data/scripts``, which an installer puts beside the commands."""
    start_files: tuple[str, ...] = ()
    """The files of the root of site-packages that Python runs when it starts: ``.pth`` and ``sitecustomize``."""

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
        """Return the other entry points, which another program loads."""
        return tuple(point for point in self.entry_points if point.group not in COMMAND_GROUPS)

    @property
    def known_extras(self) -> tuple[str, ...]:
        """Return the extras that have requirements."""
        return tuple(dict.fromkeys(extra for text in self.requires for extra in _EXTRA.findall(text)))

    def extras_with(self, module: str) -> tuple[str, ...]:
        """Return the extras that require a distribution with the name of the module."""
        return tuple(dict.fromkeys(extra for text in self._requirements_of(module) for extra in _EXTRA.findall(text)))

    def user_extras_with(self, module: str) -> tuple[str, ...]:
        """Return those extras of ``extras_with`` that are meant for users."""
        return tuple(extra for extra in self.extras_with(module) if not _FOR_DEVELOPERS.search(extra))

    def requires_always(self, module: str) -> bool:
        """Return whether a distribution with the name of the module is required without an extra."""
        return any(not _EXTRA.search(text) for text in self._requirements_of(module))

    def _requirements_of(self, module: str) -> Iterator[str]:
        """Yield the requirements of a distribution with the name of the module."""
        name = canonicalize_name(module)
        return (text for text in self.requires if (found := _NAME.match(text)) and canonicalize_name(found[0]) == name)

    def is_stray(self, name: str) -> bool:
        """Return whether a top-level is in the wheel by accident: importing it would run tests or a set-up."""
        return top_levels.is_stray(name.partition(".")[0], self.key, self.modules)

    def lacks_foreign(self, missing: str) -> bool:
        """Return whether the module that was not found belongs to another distribution."""
        ours = any(is_below(missing, name) or is_below(name, missing) for name in self.top_levels)
        return bool(missing) and not ours and canonicalize_name(missing.partition(".")[0]) != self.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """A side effect of an import."""

    kind: str
    """One of the kinds of ``_child/effects.py``, or ``printed``."""
    what: str
    """It completes "importing it …"."""
    places: tuple[tuple[str, int], ...] = ()
    """Files, relative to site-packages, and lines; innermost first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """It loaded."""

    elsewhere: str
    """Where it was loaded from; empty for the environment's site-packages, where it should be."""
    version: str
    """Its ``__version__``, empty when it has none."""
    callable: bool
    effects: tuple[Effect, ...] | None = ()
    """The side effects, if the import was watched; None: the import broke the recording of them."""
    never_runs: str = ""
    """What a call of the function only makes: ``coroutine`` or ``generator``; empty: it runs."""
    brought: tuple[str, ...] = ()
    """The other installed modules that it imported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """It raised an exception."""

    type: str
    message: str
    missing: str
    """The module that was not found."""
    filename: str
    """The file that was not found."""
    file: str
    """Where it was raised, relative to site-packages."""
    line: int | None

    def __str__(self) -> str:
        message = _AS_EXPECTED.sub(r"\g<what>", self.message)
        return f"{self.type}: {message}" if message else self.type


@dataclass(frozen=True, kw_only=True, slots=True)
class Died:
    """It ended the interpreter; ``frames`` are the innermost ones of the stack, if it is known."""

    how: str
    frames: tuple[str, ...]

    def __str__(self) -> str:
        return f"the interpreter {self.how}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hung:
    """It did not end within ``limit_s`` seconds."""

    limit_s: float
    frames: tuple[str, ...]

    def __str__(self) -> str:
        return f"it does not end within {self.limit_s:g} s"


Outcome = Loaded | Raised | Died | Hung


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledDistribution:
    """One installed distribution."""

    name: str
    version: str
    requires: tuple[str, ...]
    editable: str
    """What shows that its code is outside of the environment; empty when it is inside."""
    tops: tuple[str, ...] = ()
    """Its importable top-level names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What is installed in an environment."""

    environment: Mapping[str, str]
    """The values of its Python for the variables of markers."""
    distributions: Mapping[str, InstalledDistribution]
    """The distributions by canonical name."""
    stdlib: frozenset[str] = frozenset()
    """The modules of its standard library; none are known before Python 3.10."""


def is_below(module: str, parent: str) -> bool:
    """Return whether the module is the parent or somewhere in it."""
    return module == parent or module.startswith(parent + ".")


def take_inventory(distribution: Distribution, runner: Runner, python: Path) -> Inventory:
    """Return what is installed; raises ProdsimError when the environment's Python cannot list it."""
    item = {"kind": "survey", "name": distribution.name}
    (answer,) = _run_probe([item], runner, python, LOAD_LIMIT_S, None)
    if isinstance(answer, Inventory):
        return answer
    raise ProdsimError(str(python), f"what is installed there cannot be listed: {answer}")


def load(targets: Sequence[tuple[str, str]], runner: Runner, python: Path, limit_s: float) -> list[Outcome]:
    """Return the outcome of loading each module and attribute, in as few processes as possible.

    A failure counts only if it also happens in a process of its own: a module loaded earlier may be the cause.
    """
    return load_items([load_item(module, attr) for module, attr in targets], runner, python, limit_s)


def load_item(module: str, attr: str = "") -> dict[str, Any]:
    """Return an item of a request to the probe; the script documents its other keys."""
    return {"kind": "load", "module": module, "attr": attr}


def load_items(items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float) -> list[Outcome]:
    """Return the outcome of loading each item, as ``load`` does."""
    outcomes = _load_in_batches(items, runner, python, limit_s)
    for at, outcome in enumerate(outcomes):
        if at and isinstance(outcome, Raised | Died):
            (outcomes[at],) = load_within([items[at]], runner, python, limit_s, None)
    return outcomes


def _load_in_batches(items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float) -> list[Outcome]:
    """Return the outcome of every item; when one ends the process, the next process goes on behind it."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(items):
        outcomes += load_within(items[len(outcomes) : len(outcomes) + _BATCH], runner, python, limit_s, None)
    return outcomes


def load_within(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, budget_s: float | None
) -> list[Outcome]:
    """Return the outcomes of one process: of all items, up to the one that ended it, or of those within the budget."""
    answers = _run_probe(items, runner, python, limit_s, budget_s)
    return [answer for answer in answers if not isinstance(answer, Inventory)]


def _run_probe(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, budget_s: float | None
) -> list[Outcome | Inventory]:
    """Return the answers of one process to the items."""
    request = json.dumps({"limit_s": limit_s, "budget_s": budget_s, "items": items})
    longest_s = limit_s * len(items) if budget_s is None else min(budget_s, limit_s * len(items)) + limit_s
    completed = runner([str(python), "-I", "-B", str(_PROBE), request], timeout_s=longest_s + _START_S)
    lines = [line for line in completed.stdout.splitlines() if line.startswith(_PREFIX)]
    records = [json.loads(line.removeprefix(_PREFIX)) for line in lines]
    if not records:
        raise ProdsimError(str(python), f"cannot be asked what is installed: it {ending(completed.returncode)}")
    # by number, because a fork at import may answer twice
    ended = {record["end"]: _answer(record, completed.stderr) for record in records if "end" in record}
    if len(ended) == len(items) or any("left" in record for record in records):
        return list(ended.values())
    return [*ended.values(), _interrupted(completed, limit_s)]


def _answer(record: dict[str, Any], stderr: bytes) -> Outcome | Inventory:
    fields = {key: value for key, value in record.items() if key not in {"end", "outcome"}}
    match record["outcome"]:
        case "loaded":
            return _to_loaded(fields, _printed(stderr, record["end"]))
        case "raised":
            return Raised(**fields)
    return _inventory(fields)


def _inventory(fields: dict[str, Any]) -> Inventory:
    found = [
        InstalledDistribution(**{**each, "requires": tuple(each["requires"]), "tops": tuple(each["tops"])})
        for each in fields["distributions"]
    ]
    # reversed: the first of a name on sys.path is the one that is used
    by_name = {canonicalize_name(each.name): each for each in reversed(found)}
    return Inventory(
        environment=fields["environment"],
        distributions=dict(sorted(by_name.items())),
        stdlib=frozenset(fields["stdlib"]),
    )


def _to_loaded(fields: dict[str, Any], printed: tuple[Effect, ...]) -> Loaded:
    effects = fields.pop("effects", ())
    if effects is not None:
        done = (Effect(kind=each["kind"], what=each["what"], places=_places(each["frames"])) for each in effects)
        effects = (*done, *printed)
    return Loaded(**{**fields, "effects": effects, "brought": tuple(fields.get("brought", ()))})


def _places(frames: Sequence[Sequence[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((file, line) for file, line in frames)


def _printed(stderr: bytes, number: int) -> tuple[Effect, ...]:
    """Return what was printed while the item was watched; nothing if it was not watched."""
    begin, end = (_PREFIX + json.dumps({key: number}).encode() + b"\n" for key in ("begin", "end"))
    text = stderr.partition(begin)[2].partition(end)[0].decode("utf-8", "replace").strip()
    return (Effect(kind="printed", what=f"prints {text.splitlines()[0][:100]!r}"),) if text else ()


def _interrupted(completed: Completed, limit_s: float) -> Died | Hung:
    """Return how the item ended that ended the process."""
    text = completed.stderr.decode("utf-8", "replace")
    if completed.timed_out or re.search(r"^Timeout \(", text, re.MULTILINE):  # faulthandler's watchdog
        return Hung(limit_s=limit_s, frames=_frames(text))
    if completed.returncode == _LOST_OUTPUT:
        return Died(how="lost a file descriptor that was not the package's to close", frames=())
    return Died(how=ending(completed.returncode), frames=_frames(text))


def ending(returncode: int | None) -> str:
    """Return how a program ended, to follow its name in a sentence."""
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
