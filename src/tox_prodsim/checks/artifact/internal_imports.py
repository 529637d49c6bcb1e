"""What the modules of a wheel import of their own package, read from their sources; nothing is run.

The pass over all members (``member_facts.py``) has found what they seem to import. Only modules on which a question
hangs are read once more, and the syntax tree decides on those that seem to import what is absent. Names that a module
binds in a way that cannot be read may be there.
"""

from __future__ import annotations

import ast
import functools
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping

from tox_prodsim.checks.artifact import archives
from tox_prodsim.checks.artifact.member_facts import MemberFacts, PackedFacts, facts_of
from tox_prodsim.checks.artifact.non_code import NON_CODE
from tox_prodsim.checks.artifact.source_imports import Import, absolute, can_be_imported, imports
from tox_prodsim.checks.artifact.wheel import Wheel, parents, text
from tox_prodsim.checks.artifact.wheel_sources import ModuleSource, ModuleSources
from tox_prodsim.model.internal_imports import AbsentName, Importer, InternalImports
from tox_prodsim.model.regex import lazy_regex

_PROMPT = lazy_regex(r"^[ \t]*(?:>>>|\.\.\.|In \[\d+\]:)[ \t]?")
_NOT_USED = frozenset(
    {"setup", "demo", "demos", "sample", "samples", "script", "scripts", "tools", "noxfile"}
    | {"vendor", "vendored", "extern", "externals", "third_party", "thirdparty"}
    | NON_CODE
)
"""Parts of the names of modules that users of the package do not import, or that are parts of other packages."""
_GENERATED = lazy_regex(r"_*(?:version|about|build|git|revision|commit|scm)\w*")
"""Names of modules that a build writes, and without which a package often works."""
_KEPT_CHARACTERS, _KEPT_BYTES = 1_000_000, 10_000_000
"""The sources of a wheel up to this size are kept for the next question."""


def references(wheel: Wheel) -> Mapping[str, set[str]]:
    """Return the files that import each module unconditionally; absent modules are among them."""
    with archives.opened(wheel.path) as archive:
        sources = ModuleSources(wheel, archive, facts_of(wheel, None))
        return _references(sources)


def _references(sources: ModuleSources) -> Mapping[str, set[str]]:
    found = defaultdict(set)
    for source in sources:
        for statement in source.statements:
            for module, name in () if statement.is_conditional else _targets(source, statement.node):
                found[module].add(source.file)
                if name and not _may_bind(sources, module, name, source.name):
                    found[f"{module}.{name}"].add(source.file)
    return found


def internal_imports(wheel: Wheel, facts: MemberFacts | PackedFacts | None = None) -> InternalImports:
    """Return what modules import of the wheel that it does not have, and which modules it needs only at times."""
    with archives.opened(wheel.path) as archive:
        sources = ModuleSources(wheel, archive, facts_of(wheel, facts))
        importers: dict[Import, list[Importer]] = defaultdict(list)
        for source in sources.importing:
            its_imports = sources.imports[source.file]
            if _is_used(source.name) and any(_is_absent(sources, source.name, *each) for each in its_imports):
                for absent, importer in _absent_in(sources, source):
                    importers[absent].append(importer)
        for absent, importer in _absent_in_description(sources):
            importers[absent].append(importer)
        names = (AbsentName(name=name, module=module, importers=tuple(at)) for (name, module), at in importers.items())
        absent_names = tuple(sorted(names, key=lambda each: (each.name, each.module)))
        return InternalImports(absent=absent_names, is_shell=_is_shell(sources))


def is_optional(wheel: Wheel, module: str, facts: MemberFacts | PackedFacts | None = None) -> bool:
    """Return whether the package imports the module only under conditions: one that an ``if`` or a ``try`` guards."""
    small = sum(len(name) for name in wheel.files) < _KEPT_CHARACTERS and wheel.size_bytes < _KEPT_BYTES
    if small:
        return _is_optional(_kept_sources(wheel), module)
    with archives.opened(wheel.path) as archive:
        return _is_optional(ModuleSources(wheel, archive, facts_of(wheel, facts)), module)


@functools.lru_cache(maxsize=1)
def _kept_sources(wheel: Wheel) -> ModuleSources:
    return ModuleSources(wheel, zipfile.ZipFile(wheel.path), facts_of(wheel, None))


def _absent_in(sources: ModuleSources, source: ModuleSource) -> Iterator[tuple[Import, Importer]]:
    """Yield what one module imports in vain."""
    for statement in source.statements:
        for module, name in () if statement.is_guarded else _targets(source, statement.node):
            absent = _absent(sources, source.name, module, name)
            if absent is not None:
                line, by = statement.node.lineno, source.name
                yield absent, Importer(file=source.file, line=line, module=by, in_function=statement.in_function)


def _absent_in_description(sources: ModuleSources) -> Iterator[tuple[Import, Importer]]:
    """Yield what the examples in the description import in vain."""
    member = f"{sources.wheel.dist_info}/METADATA"
    for number, line in enumerate(text(sources.archive, member).splitlines(), start=1):
        for absent in {_absent(sources, "", *each) for each in imports(_PROMPT.sub("", line), "")}:
            if absent is not None:
                yield absent, Importer(file=member, line=number, module="", in_function=False)


def _is_shell(sources: ModuleSources) -> bool:
    """Return whether no module of the wheel holds anything but names such as ``__version__``."""
    if len(sources) != len(sources.wheel.modules):
        return False
    return all((tree := source.tree) is not None and all(map(_says_nothing, tree.body)) for source in sources)


def _says_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name.startswith("__")
    return False


# the imports


def _targets(source: ModuleSource, node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
    """Yield what a statement imports: a module, and the name that is imported from it (empty: none)."""
    return (each for each in _in_statement(source, node) if can_be_imported(*each))


def _in_statement(source: ModuleSource, node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    else:
        module = absolute(source.package, node.level, node.module or "")
        yield from ((module, "" if alias.name == "*" else alias.name) for alias in node.names)


# what is absent


def _is_absent(sources: ModuleSources, importer: str, module: str, name: str) -> bool:
    return _absent(sources, importer, module, name) is not None


def _absent(sources: ModuleSources, importer: str, module: str, name: str) -> tuple[str, str] | None:
    """Return the name that is absent, and the module from which it is imported (empty: it is a module itself)."""
    if not _is_own(sources, module):
        return None
    missing = next((each for each in reversed((module, *parents(module))) if each not in sources.existing), "")
    if missing:
        return None if _may_be_made(sources, missing) else (missing, "")
    full = f"{module}.{name}"
    if not name or full in sources.existing or _may_bind(sources, module, name, importer):
        return None
    return None if _may_be_made(sources, full) else (full, module)


def _is_own(sources: ModuleSources, module: str) -> bool:
    """Return whether no other distribution can have it: it is below a package of the wheel."""
    return not sources.tops.isdisjoint((module, *parents(module)))


def _is_used(name: str) -> bool:
    parts = name.split(".")
    return all(map(str.isidentifier, parts)) and not _NOT_USED & {part.lstrip("_") for part in parts}


def _may_be_made(sources: ModuleSources, missing: str) -> bool:
    """Return whether the module may be there after all, or may be meant to be left out."""
    above, _, leaf = missing.rpartition(".")
    if not _is_used(missing) or _GENERATED.fullmatch(leaf) or (leaf.startswith("__") and leaf.endswith("__")):
        return True
    if sources.wheel.extensions:
        return True  # it may be compiled for other systems only
    makers = sources.makers
    if above in makers or any("meta_path" in makers[name] for name in parents(above) if name in makers):
        return True
    pattern = re.compile(rf"[\"'.]{re.escape(leaf)}[\"']")
    return any(leaf in source and pattern.search(source) for source in makers.values())


def _may_bind(sources: ModuleSources, module: str, name: str, importer: str) -> bool:
    """Return whether a module may have the name; an import of it by that module itself does not count."""
    seen: set[str] = set()
    pending = [module]
    while pending:
        current = pending.pop()
        if current not in sources.files:
            return True
        source = sources[current]
        seen.add(current)
        if _mentions(source, name, itself=current == importer) or source.binds_anything:
            return True
        pending += source.starred - seen
    return False


def _mentions(source: ModuleSource, name: str, *, itself: bool) -> bool:
    """Return whether the name is in the text, or bound if ``itself`` imports it."""
    if not source.mentions(name):
        return False
    return not itself or source.bound is None or name in source.bound


# what is needed at times


def _is_optional(sources: ModuleSources, module: str, pending: frozenset[str] = frozenset()) -> bool:
    """Return whether the package imports the module only where a condition allows it, or from such a module.

    A module that nothing in the package imports is for users, unless its package is optional.
    """
    known = pending | {module}
    importers = sources.users.get(module, set()) - known
    outside = [name for name in sorted(importers) if not name.startswith(f"{module}.")]
    uses = {name: guards for name in outside if (guards := list(_guards(sources, name, module)))}
    needed = [name for name, guards in uses.items() if not all(guards)]
    if any(not _is_optional(sources, name, known) for name in needed):
        return False
    if uses:
        return True
    above = module.rpartition(".")[0]
    return above in sources.files and above not in known and _is_optional(sources, above, known)


def _guards(sources: ModuleSources, importer: str, module: str) -> Iterator[bool]:
    """Yield for each import of the module, or of what is below it, whether it is guarded."""
    source = sources[importer]
    for statement in source.statements:
        if any(_leads_to(f"{name}.{attribute}", module) for name, attribute in _targets(source, statement.node)):
            yield statement.is_guarded


def _leads_to(imported: str, module: str) -> bool:
    return f"{imported}.".startswith(f"{module}.")
