"""Run ``_child/probe.py`` with the Python of an environment: it reports what is installed there and what loads.

The outcome of loading a module or an entry point is ``Loaded | Raised | Died | Hung``.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.providers import known_names
from tox_prodsim.model import top_levels
from tox_prodsim.model.answers import Each, Row, Shape, checked, mark, marked, new_nonce, record
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.errors import AnswerError, ProdsimError
from tox_prodsim.model.formatting import last_line
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import CHILD_SCRIPTS, NO_VARIABLES, Completed, Runner

COMMAND_GROUPS = ("console_scripts", "gui_scripts")
LOAD_LIMIT_S = 120.0
"""Many times longer than the slowest import, for a machine that is busy with other work."""

_PROBE = CHILD_SCRIPTS / "probe.py"
_LOST_OUTPUT = 71  # probe.LOST_OUTPUT
_BATCH = 200  # items a process: one argument may have 128 KiB on Linux
_START_S = 30.0  # what the interpreter may take to start and end beside its items
_NAME = lazy_regex(r"[\w.-]+")  # of a requirement
_EXTRA = lazy_regex(r"""\bextra\s*==\s*['"]([^'"]+)""")
_FOR_DEVELOPERS = lazy_regex(r"(?:^|[-_.])(?:dev|doc|lint|test|typing|mypy$|ci$|all$)", re.IGNORECASE)
"""Extras for what maintainers need, or for everything."""
_OURS = (
    str(_PROBE),
    str(CHILD_SCRIPTS / "batch.py"),
    "importlib/__init__.py",
)  # the frames between the probe and what it imports
_AS_EXPECTED = lazy_regex(r"(?P<what>cannot import name .*) \(.*[/\\]site-packages[/\\].*\)")
_CANNOT_IMPORT = lazy_regex(
    r"cannot import name '(?P<name>\w+)' from (?:partially initialized module )?'(?P<module>[\w.]+)'"
)
_TEXTS = dict.fromkeys(("type", "message", "missing", "filename", "file"), str)
_MORE_TEXTS = dict.fromkeys(("type_module?", "dependency?", "lacking?"), str)
_EFFECT = {"kind": str, "what": str, "frames": [Row((str, int))]}
_INSTALLED = {"name": str, "version": str, "requires": [str], "editable": str, "tops": [str]}
_SHAPES: Mapping[str, Mapping[str, Shape]] = {
    "loaded": {
        **dict.fromkeys(("elsewhere", "version", "never_runs?"), str),
        **dict.fromkeys(("callable", "source?"), bool),
        "effects?": (None, [_EFFECT]),
        "brought?": [str],
    },
    "raised": {**_TEXTS, **_MORE_TEXTS, "line": (None, int)},
    "surveyed": {"environment": Each(str), "distributions": [_INSTALLED], "stdlib": [str]},
}
"""What an answer has beside its ``end``, its ``outcome`` and the ``pid``."""
_MOST_PROCESSES = 100
"""How many processes the items of one request may end, and how many failures are tried in a process of their own."""
_FRAME = lazy_regex(r'  File "(?P<file>[^"<]+)", line (?P<line>\d+) in (?P<function>\S+)')


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
    classifiers: tuple[str, ...] = ()

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
        """Return the extras that require a distribution that is known to provide the module."""
        return tuple(dict.fromkeys(extra for text in self._requirements_of(module) for extra in _EXTRA.findall(text)))

    def user_extras_with(self, module: str) -> tuple[str, ...]:
        """Return those extras of ``extras_with`` that are meant for users."""
        return tuple(extra for extra in self.extras_with(module) if not _FOR_DEVELOPERS.search(extra))

    def requires_always(self, module: str) -> bool:
        """Return whether a distribution that is known to provide the module is required without an extra."""
        return any(not _EXTRA.search(text) for text in self._requirements_of(module))

    def requires_distribution(self, name: str) -> bool:
        """Return whether the distribution of this name is required without an extra."""
        return any(not _EXTRA.search(text) for text in self._requirements({canonicalize_name(name)}))

    def _requirements_of(self, module: str) -> Iterator[str]:
        """Yield the requirements of distributions that are known to provide the module."""
        return self._requirements(known_names(module))

    def _requirements(self, names: Collection[str]) -> Iterator[str]:
        """Yield the requirements of distributions with these names."""
        return (text for text in self.requires if (found := _NAME.match(text)) and canonicalize_name(found[0]) in names)

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
    source: bool = False
    """Whether a ``.py`` file was loaded."""


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
    """The innermost line of the project, or of any package if none is the project's; relative to site-packages."""
    line: int | None
    type_module: str = "builtins"
    """The module that defines the type."""
    dependency: str = ""
    """Where another distribution raised it: ``werkzeug 3.0.1 (werkzeug/urls.py:12)``; empty: not in another one."""
    lacking: str = ""
    """Name and version of the installed distribution that lacks a name; empty: none does."""

    def __str__(self) -> str:
        message = _AS_EXPECTED.sub(r"\g<what>", self.message)
        text = f"{self.type}: {message}" if message else self.type
        return f"{text}, raised in {self.dependency}" if self.dependency else text

    @property
    def lacks(self) -> str:
        """Return the module, or the name in a module, that was not found; nothing if that is not the problem."""
        absent = _CANNOT_IMPORT.match(self.message) if self.type == "ImportError" else None
        return self.missing or (f"{absent['module']}.{absent['name']}" if absent else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Died:
    """It ended the interpreter; ``frames`` are the innermost ones of the stack, if it is known."""

    how: str
    frames: tuple[str, ...]
    tried: bool = True
    """Whether the item was tried at all."""
    said: str = ""
    """The last line that it wrote; empty: nothing, or not known of this item."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.said}" if self.said else self.reason

    @property
    def reason(self) -> str:
        """Return the same without what it wrote, which may be another line in each run."""
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


def folded(names: Sequence[str]) -> list[str]:
    """Return the names, each with how many parts it shares with the one before: ``0.acme``, ``1.core``."""
    texts: list[str] = []
    before, above = [""], "."
    for name in names:
        parts = name.split(".")
        if name.rpartition(".")[0] == above:  # side by side, as most are
            shared = len(parts) - 1
        else:
            pairs = enumerate(zip(parts, before, strict=False))
            shared = next((at for at, (one, other) in pairs if one != other), min(len(parts), len(before)))
        texts.append(".".join([str(shared), *parts[shared:]]))
        before, above = parts, name.rpartition(".")[0]
    return texts


def unfolded(texts: Sequence[str]) -> list[str]:
    """Return the names that were folded."""
    names: list[str] = []
    for text in texts:
        shared, *rest = text.split(".")
        above = names[-1].split(".")[: int(shared)] if names else []
        names.append(".".join([*above, *rest]))
    return names


def requested_modules(argv: Sequence[str]) -> list[str]:
    """Return the modules that a command line has imported; nothing if it is not one of the probe's."""
    request = json.loads(argv[-1]) if str(_PROBE) in argv else {"items": []}
    items = (item["module"] for item in request.get("items", ()) if item.get("module"))
    folded_names = request.get("modules", request.get("then", {}).get("modules", ()))
    return list(dict.fromkeys([*items, *unfolded(folded_names)]))


def load_items(
    items: Sequence[Mapping[str, Any]],
    runner: Runner,
    python: Path,
    limit_s: float,
    *,
    first: Sequence[Outcome] = (),
) -> list[Outcome]:
    """Return the outcome of loading each item, as ``load`` does; those of the ``first`` are known."""
    outcomes = _load_in_batches(items, runner, python, limit_s, first)
    failed = [at for at, outcome in enumerate(outcomes) if at and _may_have_a_cause(outcome)]
    for at in failed[:_MOST_PROCESSES]:
        (outcomes[at],) = load_within([items[at]], runner, python, limit_s, None)
    return outcomes


def _load_in_batches(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, first: Sequence[Outcome]
) -> list[Outcome]:
    """Return the outcome of every item; when one ends the process, the next process goes on behind it."""
    outcomes = [*first]
    ended = sum(isinstance(each, Died | Hung) for each in first)
    while len(outcomes) < len(items) and ended < _MOST_PROCESSES:
        outcomes += load_within(items[len(outcomes) : len(outcomes) + _BATCH], runner, python, limit_s, None)
        ended += isinstance(outcomes[-1], Died | Hung)
    left = len(items) - len(outcomes)
    return outcomes + [Died(how=f"was not started again: {ended} others have ended it", frames=(), tried=False)] * left


def _may_have_a_cause(outcome: Outcome) -> bool:
    """Return whether a module that was loaded earlier may be the cause of a failure."""
    return isinstance(outcome, Raised) or (isinstance(outcome, Died) and outcome.tried)


def load_within(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, budget_s: float | None
) -> list[Outcome]:
    """Return the outcomes of one process: of all items, up to the one that ended it, or of those within the budget."""
    answers = _run_probe(items, runner, python, limit_s, budget_s)
    return [answer for answer in answers if not isinstance(answer, Inventory)]


def import_within(texts: Sequence[str], runner: Runner, python: Path, limit_s: float, budget_s: float) -> list[Outcome]:
    """Return the outcomes of importing modules, whose names are folded, as ``load_within`` does.

    Of one that loads from its source nothing else is said.
    """
    read = partial(_ImportAnswers, kinds=("load",) * len(texts))
    answers = _ask({"modules": texts}, read, runner, python, (limit_s, budget_s))
    return [answer for answer in answers if not isinstance(answer, Inventory)]


def load_then_import(
    items: Sequence[Mapping[str, Any]],
    texts: Sequence[str],
    runner: Runner,
    python: Path,
    limits: tuple[float, float, float],
) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of items as ``load_within`` does, and of modules that the same process imports behind them.

    ``limits`` are those for one item, for one module and for all modules.
    """
    (limit_s, module_limit_s, budget_s), nonce = limits, new_nonce()
    then = {"nonce": nonce, "limit_s": module_limit_s, "budget_s": budget_s, "modules": texts}
    kept: list[Completed] = []

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        kept.append(runner(argv, timeout_s=timeout_s + budget_s + module_limit_s, variables=variables))
        return kept[0]

    read = partial(_ProbeAnswers, kinds=[item["kind"] for item in items])
    outcomes = _ask({"items": items}, read, run, python, (limit_s, None), then=then)
    behind = _ImportAnswers(kept[0].stderr, nonce, ("load",) * len(texts))
    behind.add_all(kept[0].stdout)
    if not behind.is_empty and not behind.is_complete:
        behind.answers.append(_interrupted(kept[0], module_limit_s, ""))
    loaded, imported = (
        [each for each in answers if not isinstance(each, Inventory)] for answers in (outcomes, behind.answers)
    )
    return loaded, imported


def _run_probe(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, budget_s: float | None
) -> list[Outcome | Inventory]:
    """Return the answers of one process to the items."""
    read = partial(_ProbeAnswers, kinds=[item["kind"] for item in items])
    return _ask({"items": items}, read, runner, python, (limit_s, budget_s))


def _ask(
    what: Mapping[str, Any],
    reader: Callable[[bytes, str], _ProbeAnswers],
    runner: Runner,
    python: Path,
    limits: tuple[float, float | None],
    **more: Any,
) -> list[Outcome | Inventory]:
    """Return the answers of one process; ``limits`` are those for one item and for all."""
    nonce, (limit_s, budget_s) = new_nonce(), limits
    request = json.dumps({"nonce": nonce, "limit_s": limit_s, "budget_s": budget_s, **what, **more})
    (items,) = what.values()
    longest_s = limit_s * len(items) if budget_s is None else min(budget_s, limit_s * len(items)) + limit_s
    completed = runner([str(python), "-I", "-B", str(_PROBE), request], timeout_s=longest_s + _START_S)
    read = reader(completed.stderr, nonce)
    read.add_all(completed.stdout)
    if read.is_empty:
        raise ProdsimError(str(python), f"cannot be asked what is installed: it {ending(completed.returncode)}")
    if read.is_complete:
        return read.answers
    said = "" if read.answers else _said(completed.stderr, nonce)
    return [*read.answers, _interrupted(completed, limit_s, said)]


_BEGINS = lazy_regex(rb'\{"begin": (?P<at>\d{1,9}), "pid": (?P<pid>\d{1,9})\}')
_LOADED = Loaded(elsewhere="", version="", callable=False, source=True)
"""An import of which nothing more is known."""


class _ProbeAnswers:
    """The answers of one process to its items, each of which it must give once, and in their order."""

    def __init__(self, stderr: bytes, nonce: str, kinds: Sequence[str]) -> None:
        self._stderr, self._nonce, self._kinds = stderr, nonce, kinds
        self._pid: object = None
        self._left = False
        self.answers: list[Outcome | Inventory] = []

    @property
    def is_empty(self) -> bool:
        """Return whether the process never began with an item."""
        return self._pid is None and not self.answers

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is missing: every item has an answer, or the budget was used up."""
        return self._left or len(self.answers) == len(self._kinds)

    def add_all(self, output: bytes) -> None:
        """Add what the process printed; an answer that is not valid is a failure of its item."""
        try:
            for line in marked(output, self._nonce):
                self._add(line)
        except AnswerError as problem:
            self._refuse(problem)

    def _add(self, line: bytes) -> None:
        try:
            value = record(line)
            self._pid = value.get("pid") if self._pid is None else self._pid
            if value.get("pid") == self._pid:  # else a copy answers that an import has forked
                self._add_record(value)
        except AnswerError as problem:
            self._refuse(problem)

    def _add_record(self, value: dict[str, Any]) -> None:
        if "end" in value:
            self._add_end(value)
            return
        checked(value, {"pid": int, "begin?": int, "left?": int})
        self._left = "left" in value
        if len(self.answers) not in {value.get("begin"), value.get("left")}:
            raise AnswerError("it does not answer in order")

    def _add_end(self, value: dict[str, Any]) -> None:
        number, outcome = value["end"], value.get("outcome")
        if type(number) is not int or not isinstance(outcome, str):
            raise AnswerError("it does not say which item has which outcome")
        if number in range(len(self.answers)):
            if not isinstance(self.answers[number], Died):
                self.answers[number] = Died(how="answered twice", frames=())
            return
        expected = {"surveyed"} if self._kinds[len(self.answers) :][:1] == ["survey"] else {"loaded", "raised"}
        if number != len(self.answers) or number >= len(self._kinds) or outcome not in expected:
            raise AnswerError("it answers what was not asked")
        fields = {key: each for key, each in value.items() if key not in {"end", "outcome", "pid"}}
        self.answers.append(self._answer(number, outcome, checked(fields, _SHAPES[outcome])))

    def _answer(self, number: int, outcome: str, fields: dict[str, Any]) -> Outcome | Inventory:
        match outcome:
            case "loaded":
                return _to_loaded(fields, _printed(self._stderr, self._nonce, number))
            case "raised":
                return Raised(**fields)
        return _inventory(fields)

    def _refuse(self, problem: AnswerError) -> None:
        """Let the item fail at which the process was."""
        if not self.is_complete:
            self.answers.append(Died(how=f"gave no valid answer: {problem}", frames=()))


class _ImportAnswers(_ProbeAnswers):
    """The same for modules: that the next one begins, or that none is left, says that one has loaded."""

    def __init__(self, stderr: bytes, nonce: str, kinds: Sequence[str]) -> None:
        super().__init__(stderr, nonce, kinds)
        self._begun = False

    def _add(self, line: bytes) -> None:
        found = _BEGINS.fullmatch(line)
        if found and self._begun and int(found["pid"]) == self._pid and int(found["at"]) == len(self.answers) + 1:
            self.answers.append(_LOADED)
        else:
            super()._add(line)

    def _add_record(self, value: dict[str, Any]) -> None:
        if self._begun and value.get("left") == len(self.answers) + 1:
            self.answers.append(_LOADED)
        super()._add_record(value)
        self._begun = "begin" in value


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


def _printed(stderr: bytes, nonce: str, number: int) -> tuple[Effect, ...]:
    """Return what was printed while the item was watched; nothing if it was not watched."""
    begin, end = (re.escape(mark(nonce) + json.dumps({key: number}).encode()[:-1]) for key in ("begin", "end"))
    found = re.search(begin + rb",[^\n]*\n(.*?)" + end, stderr, re.DOTALL)
    text = found[1].decode("utf-8", "replace").strip() if found else ""
    return (Effect(kind="printed", what=f"prints {text.splitlines()[0][:100]!r}"),) if text else ()


def _interrupted(completed: Completed, limit_s: float, said: str) -> Died | Hung:
    """Return how the item ended that ended the process; ``said`` is its last line, if that is known."""
    text = completed.stderr.decode("utf-8", "replace")
    if completed.timed_out or re.search(r"^Timeout \(", text, re.MULTILINE):  # faulthandler's watchdog
        return Hung(limit_s=limit_s, frames=_frames(text))
    if completed.returncode == _LOST_OUTPUT:
        return Died(how="closed a file descriptor that does not belong to the package", frames=())
    exited = completed.returncode is not None and completed.returncode >= 0
    return Died(how=ending(completed.returncode), frames=_frames(text), said=said if exited else "")


def _said(stderr: bytes, nonce: str) -> str:
    """Return the last line that was written since the last mark of ours."""
    _, marked_line, rest = stderr.rpartition(mark(nonce))
    return last_line((rest.partition(b"\n")[2] if marked_line else rest).decode("utf-8", "replace"))


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
