"""Read what ``_child/probe.py`` answers: each item once, in order, and how one ended that ended the process."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.inventory import InstalledDistribution, Inventory
from tox_prodsim.checks.installed.outcomes import Died, Effect, Hung, Loaded, Outcome, Raised, ending
from tox_prodsim.model.answers import Each, Row, Shape, checked, mark, marked, record
from tox_prodsim.model.errors import AnswerError
from tox_prodsim.model.formatting import last_line
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import CHILD_SCRIPTS, Completed

PROBE = CHILD_SCRIPTS / "probe.py"
_LOST_OUTPUT = 71  # probe.LOST_OUTPUT
_OURS = (
    str(PROBE),
    str(CHILD_SCRIPTS / "batch.py"),
    "importlib/__init__.py",
)  # the frames between the probe and what it imports
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
_FRAME = lazy_regex(r'  File "(?P<file>[^"<]+)", line (?P<line>\d+) in (?P<function>\S+)')
_BEGINS = lazy_regex(rb'\{"begin": (?P<at>\d{1,9}), "pid": (?P<pid>\d{1,9})\}')
_LOADED = Loaded(elsewhere="", version="", callable=False, source=True)
"""An import of which nothing more is known."""


class ProbeAnswers:
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


class ImportAnswers(ProbeAnswers):
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


def interrupted(completed: Completed, limit_s: float, said: str) -> Died | Hung:
    """Return how the item ended that ended the process; ``said`` is its last line, if that is known."""
    text = completed.stderr.decode("utf-8", "replace")
    if completed.timed_out or re.search(r"^Timeout \(", text, re.MULTILINE):  # faulthandler's watchdog
        return Hung(limit_s=limit_s, frames=_frames(text))
    if completed.returncode == _LOST_OUTPUT:
        return Died(how="closed a file descriptor that does not belong to the package", frames=())
    exited = completed.returncode is not None and completed.returncode >= 0
    return Died(how=ending(completed.returncode), frames=_frames(text), said=said if exited else "")


def said_last(stderr: bytes, nonce: str) -> str:
    """Return the last line that was written since the last mark of ours."""
    _, marked_line, rest = stderr.rpartition(mark(nonce))
    return last_line((rest.partition(b"\n")[2] if marked_line else rest).decode("utf-8", "replace"))


def _frames(text: str) -> tuple[str, ...]:
    """Return the three innermost frames that faulthandler printed for the thread that matters, without our own."""
    current = text.rpartition("Current thread ")[2] if "Current thread " in text else text.rpartition("\nThread ")[2]
    block = current.partition("\n\n")[0]
    return tuple(
        f"{frame['file']}:{frame['line']} in {frame['function']}"
        for frame in _FRAME.finditer(block)
        if not frame["file"].endswith(_OURS)
    )[:3]
