"""What is read and asked once, during earlier steps, and what later checks take of it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import replace

from tox_prodsim.checks import artifact, installed
from tox_prodsim.model.activity import Activity, Announce
from tox_prodsim.model.cores import usable_cores
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import LimitExceededError, ProdsimError
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.internal_imports import InternalImports
from tox_prodsim.run.context import FileContext, RunContext


@dataclass(frozen=True, slots=True)
class Ahead:
    """What runs during earlier steps."""

    executor: Executor
    facts: Future[artifact.PackedFacts]
    """What was found in the members of the wheel."""
    inventory: Future[installed.Inventory] | None = None
    """What is installed; None: nothing is."""
    importing: Future[installed.Imported] | None = None
    """The imports of all modules; None: nothing is imported."""


class AnnouncedAhead:
    """Announces what goes on for a step that has not begun, and once more when it begins."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._last: Activity | None = None

    def __call__(self, activity: Activity, /) -> None:
        """Announce what goes on."""
        self._last = activity
        self._announce(activity)

    def repeated(self, result: Future[CheckResult]) -> CheckResult:
        """Announce it once more, and return the result as soon as it is there."""
        if self._last is not None and not result.done():
            self._announce(self._last)
        return result.result()


def tried(context: RunContext | FileContext, begun: Ahead) -> artifact.Tried | None:
    """Return what the environment's Python knows of the sources by importing them; None: it imports none."""
    importing = begun.importing
    if not isinstance(context, RunContext) or context.python_version is None or importing is None:
        return None

    def left(oldest: tuple[int, int]) -> Sequence[str] | None:
        same = oldest == context.python_version
        with suppress(TimeoutError, LimitExceededError, ProdsimError):
            imported = importing.result(installed.budget_for(len(context.wheel.modules)))
            other = imported.without_source
            compiled = imported.modules - other if other else imported.modules
            return context.call(artifact.sources_left, context.wheel, begun.facts.result(), compiled, same=same)
        return None

    return artifact.Tried(context.python_version, left)


def read_facts(context: RunContext | FileContext) -> artifact.PackedFacts:
    """Read every member of the wheel, once for all checks."""
    here = context.python_version if isinstance(context, RunContext) else None
    return artifact.read_facts(context.call, context.wheel, usable_cores(), here)


def internal_imports(context: RunContext, facts: Future[artifact.PackedFacts]) -> InternalImports:
    """Return what modules import of the wheel, or why that could not be found out."""
    try:
        found = context.call(artifact.internal_imports, context.wheel, facts.result())
    except LimitExceededError as problem:
        return InternalImports(unknown_because=f"reading the sources was ended: {problem}")
    return replace(found, is_optional=functools.partial(_is_optional, context, facts))


def _is_optional(context: RunContext, facts: Future[artifact.PackedFacts], module: str) -> bool:
    with suppress(LimitExceededError):
        return context.call(artifact.is_optional, context.wheel, module, facts.result())
    return False


def undeclared(context: RunContext, imported: frozenset[str], begun: Ahead) -> CheckResult:
    """Return what modules import that no requirement names; ``imported`` are the modules that imported."""
    environment = (context.subject, context.execute, context.python, context.wheel.path)
    try:
        foreign = functools.partial(artifact.foreign_names, context.wheel, begun.facts.result())
        taken = begun.inventory.result if begun.inventory is not None else None
        return installed.check_undeclared(
            *environment, imported=imported, call=context.call, foreign=foreign, inventory=taken
        )
    except LimitExceededError as problem:
        return CheckResult(detail="", codes=(), not_checked=(("DEP204", f"reading the sources was ended: {problem}"),))
