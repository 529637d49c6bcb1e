"""Whether the requirements of the wheel name everything that its modules import.

The sources are read, so that it is also reported if another distribution happens to install what is missing, and if an
import fails before it is reached. Only unconditional imports count: those at module level, outside of ``if``, ``try``
and functions.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.imports import main_names
from tox_prodsim.checks.installed.inventory import Distribution, InstalledDistribution, Inventory
from tox_prodsim.checks.installed.messages import declare
from tox_prodsim.checks.installed.modules import modules_to_import
from tox_prodsim.checks.installed.probe import take_inventory
from tox_prodsim.checks.installed.providers import DISTRIBUTIONS, PYTHON_2, REMOVED, known_names
from tox_prodsim.checks.installed.sources import SourceFiles, opened
from tox_prodsim.checks.installed.surroundings import host_of
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import BoundedCall, Runner, unbounded

CODE = "DEP204"

_NAME = lazy_regex(r"[\w.-]+")
ForeignNames = Callable[[], Mapping[str, Collection[str]]]
"""Returns the first parts of what the sources may import of others at module level, by file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _ForeignImport:
    """An import at module level of a module that is not in the wheel."""

    full_name: str
    module: str
    """The module of the wheel that imports it."""
    file: str
    line: int
    root: str
    """The top-level or the command's module that leads there; empty when none is known."""

    @property
    def name(self) -> str:
        """Return the first part of the name."""
        return self.full_name.partition(".")[0]


def check_undeclared(
    distribution: Distribution,
    runner: Runner,
    python: Path,
    wheel_file: Path,
    *,
    imported: frozenset[str],
    call: BoundedCall = unbounded,
    foreign: ForeignNames | None = None,
    inventory: Callable[[], Inventory] | None = None,
) -> CheckResult:
    """Return what the modules of the wheel import although no requirement and no extra provides it.

    ``imported`` are the modules that imported: what they import cannot be missing. ``foreign`` returns what is known of
    the sources already (None: nothing), and ``inventory`` what is installed (None: the environment is asked).
    """
    uses = call(_uses, distribution, wheel_file, foreign)
    if uses is None:
        return CheckResult(detail="", codes=(), not_checked=((CODE, NothingToCheck("no Python source in the wheel")),))
    by_name: dict[str, list[_ForeignImport]] = {}
    for use in uses:
        by_name.setdefault(use.name, []).append(use)
    findings: list[Finding | None] = []
    if by_name:
        found = inventory() if inventory is not None else take_inventory(distribution, runner, python)
        findings = [_finding(distribution, found, uses, imported) for _, uses in sorted(by_name.items())]
    return CheckResult(detail="", codes=(CODE,), findings=tuple(found for found in findings if found is not None))


def _uses(
    distribution: Distribution, wheel_file: Path, foreign: ForeignNames | None
) -> tuple[_ForeignImport, ...] | None:
    """Return what the sources import of others; None: there are no sources."""
    known = {
        part for name in distribution.modules for part in name.split(".")
    }  # vendored, and found by a trick of sys.path
    known |= sys.stdlib_module_names | REMOVED.keys() | PYTHON_2 | {"tkinter"}
    names = None if foreign is None else foreign()
    with opened(wheel_file, modules_to_import(distribution, frozenset())) as sources:
        if not sources.files:
            return None
        modules = [
            module
            for module, file in sources.files.items()
            if names is None or not known.issuperset(names.get(file, ()))
        ]
        found = _foreign_imports(distribution, sources, modules, known) if modules else ()
        return tuple(sorted(found, key=lambda use: (not use.root, use.module)))


def _foreign_imports(
    distribution: Distribution, sources: SourceFiles, modules: Iterable[str], known: set[str]
) -> Iterator[_ForeignImport]:
    """Yield every import at module level of these modules that is neither of the standard library nor of the wheel."""
    roots = _roots(distribution, sources)
    for module in modules:
        if sources.foreign(module) - known:
            for name, line in sources.always_imported(module):
                if name.partition(".")[0] not in known:
                    file = sources.files[module]
                    yield _ForeignImport(
                        full_name=name, module=module, file=file, line=line, root=roots.get(module, "")
                    )


def _roots(distribution: Distribution, sources: SourceFiles) -> Mapping[str, str]:
    """Return the modules that are always imported, each with the top-level or command's module that imports it."""
    starts = [*main_names(distribution), *(point.module for point in distribution.commands if not point.extras)]
    roots: dict[str, str] = {}
    for root in starts:
        pending = [root]
        while pending:
            name = pending.pop()
            if name in sources.texts and name not in roots:
                roots[name] = root
                pending += [*sources.leads_to(name), name.rpartition(".")[0]]
    return roots


def _declared(distribution: Distribution) -> set[str]:
    """Return the distributions that the wheel names, for any system and any extra."""
    return {canonicalize_name(found[0]) for text in distribution.requires if (found := _NAME.match(text))}


def _finding(
    distribution: Distribution, inventory: Inventory, uses: list[_ForeignImport], imported: frozenset[str]
) -> Finding | None:
    use = uses[0]
    providers = [key for key, each in inventory.distributions.items() if use.name in each.tops]
    if use.name in inventory.stdlib or _declared(distribution) & {*providers}:
        return None
    if not providers:
        missing = [use for use in uses if use.root and use.root not in imported]
        excused = _may_be_declared(distribution, use.name) or bool(host_of(distribution, use.name))
        return _not_installed(missing[0]) if missing and not excused else None
    # of several in one namespace it is the one that is named like the module
    provider = min(providers, key=lambda key: not _normalized(use.full_name).startswith(_normalized(key)))
    return _undeclared(use, inventory.distributions[provider].name, _requirers(distribution, inventory).get(provider))


def _undeclared(use: _ForeignImport, name: str, requirer: _Requirer | None) -> Finding:
    hint = f"add {name} to the dependencies of the project"
    if requirer is None:
        level, why = Level.ERROR, f"{name} is here only because this environment has it"
    else:
        # what is pinned to one version is a part of the distribution that pins it
        level = Level.NOTE if requirer.exactly else Level.WARNING
        why = f"{name} is here only because {requirer.name} requires it"
    return _to_finding(use, level if use.root else Level.NOTE, why, hint)


def _not_installed(use: _ForeignImport) -> Finding:
    own = "" if use.name in DISTRIBUTIONS else f"; have the build include {use.name} if it is a module of the project"
    return _to_finding(use, Level.ERROR, "nothing that is installed provides it", f"{declare(use.name)}{own}")


def _to_finding(use: _ForeignImport, level: Level, why: str, hint: str) -> Finding:
    message = f"is imported by {use.module}, but no requirement names it: {why}"
    return Finding(
        code=CODE,
        level=level,
        subject=use.name,
        message=message,
        hint=hint,
        file=use.file,
        line=use.line,
        reason=f"lacks {use.full_name}",
    )


def _may_be_declared(distribution: Distribution, name: str) -> bool:
    """Return whether a requirement that is not installed could provide the module, going by the names."""
    module = _normalized(name)
    known = {_normalized(each) for each in known_names(name)}
    declared = {_normalized(each) for each in _declared(distribution)}
    return any(module in text or text in module or text in known for text in declared)


def _normalized(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Requirer:
    """Why a distribution is installed: ``name`` requires it, ``exactly`` one version of it or a range."""

    name: str
    exactly: bool


def _requirers(distribution: Distribution, inventory: Inventory) -> dict[str, _Requirer]:
    """Return why each distribution is installed that a requirement leads to.

    Requirements of extras and of other systems are followed as well, but later: to name a wrong requirer does no harm,
    and a distribution that nothing requires is an error.
    """
    requirers: dict[str, _Requirer] = {}
    for with_extras in (False, True):
        pending = [*_declared(distribution), *requirers]
        seen: set[str] = set()
        while pending:
            key = pending.pop(0)
            if key not in inventory.distributions or key in seen:
                continue
            seen.add(key)
            for name, text in _requirements(inventory.distributions[key], with_extras=with_extras):
                requirers.setdefault(name, _Requirer(name=inventory.distributions[key].name, exactly="==" in text))
                pending.append(name)
    return requirers


def _requirements(distribution: InstalledDistribution, *, with_extras: bool) -> Iterator[tuple[str, str]]:
    """Yield the names that a distribution requires, and each requirement without its marker."""
    for text in distribution.requires:
        requirement, _, marker = text.partition(";")
        found = _NAME.match(requirement)
        if found and (with_extras or "extra" not in marker):
            yield canonicalize_name(found[0]), requirement
