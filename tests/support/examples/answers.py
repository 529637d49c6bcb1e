"""An environment that answers the probe, and runs commands, without a process."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tox_prodsim.checks.installed.probe import unfolded
from tox_prodsim.model.answers import mark
from tox_prodsim.model.runner import NO_VARIABLES, Completed

PYTHON = Path("/srv/env/bin/python")
SITE = "/srv/env/lib/python3.11/site-packages"

Record = Mapping[str, Any]
"""What the probe answers to one item; ``printed`` is what the import printed, ``died`` a signal that ended it."""


def loaded(**fields: Any) -> Record:
    return {"outcome": "loaded", "elsewhere": "", "version": "", "callable": True, "effects": [], **fields}


def raised(kind: str, message: str, missing: str = "") -> Record:
    place = {"filename": "", "file": "", "line": None}
    return {"outcome": "raised", "type": kind, "message": message, "missing": missing, **place}


def lacks(module: str) -> Record:
    return raised("ModuleNotFoundError", f"No module named {module!r}", module)


def effect(kind: str, what: str) -> Record:
    return loaded(effects=[{"kind": kind, "what": what, "frames": []}])


def distribution(name: str, version: str, *requires: str, editable: str = "", tops: Sequence[str] = ()) -> Record:
    return {"name": name, "version": version, "requires": requires, "editable": editable, "tops": tops}


def survey(*distributions: Record) -> Record:
    return {"outcome": "surveyed", "environment": {}, "distributions": distributions, "stdlib": []}


def ended(code: int = 0, output: str = "") -> Completed:
    return Completed(returncode=code, timed_out=False, stdout=b"", stderr=output.encode())


class Answers:
    """A runner: ``modules`` are the answers of the probe by module, ``command`` is what any other program comes to.

    A module that has no answer loads; ``survey`` is the answer to what is installed.
    """

    def __init__(
        self,
        modules: Mapping[str, Record] | None = None,
        *,
        installed: Record | None = None,
        command: Callable[[Sequence[str], Mapping[str, str]], Completed] = lambda *_: ended(),
        only_with: str = "",
    ) -> None:
        self._modules, self._installed, self._command = modules or {}, installed, command
        self._only_with = only_with

    def __call__(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        assert timeout_s > 0
        if not any(word.endswith("probe.py") for word in argv):
            return self._command(argv, variables)
        modules = self._modules if not self._only_with or self._only_with in variables else {}
        stdout, stderr = b"", b""
        request = json.loads(argv[-1])
        line = functools.partial(_line, request["nonce"])
        modules_asked = [{"kind": "load", "module": name} for name in unfolded(request.get("modules", ()))]
        for number, item in enumerate(request.get("items", modules_asked)):
            answer = dict(self._answer(item, modules))
            stdout += line({"begin": number})
            if "died" in answer:
                return Completed(returncode=-answer["died"], timed_out=False, stdout=stdout, stderr=stderr)
            stderr += line({"begin": number}) + answer.pop("printed", "").encode() + b"\n" + line({"end": number})
            stdout += line({"end": number, **answer})
        return Completed(returncode=0, timed_out=False, stdout=stdout, stderr=stderr)

    def _answer(self, item: Mapping[str, Any], modules: Mapping[str, Record]) -> Record:
        if item["kind"] == "survey":
            assert self._installed is not None
            return self._installed
        return modules.get(item["module"], loaded())


def _line(nonce: str, record: Mapping[str, Any]) -> bytes:
    return mark(nonce) + json.dumps({**record, "pid": 1}).encode() + b"\n"
