"""What the modules of a wheel import of their own package, read from their sources; nothing is run.

A regular expression reads most files: it takes a hundredth of the time of a parser. The syntax tree then decides on
those that seem to import what is absent. Names that a module binds in a way that cannot be read may be there.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import re
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from tox_prodsim.checks.artifact.import_statements import Statement, statements
from tox_prodsim.checks.artifact.non_code import NON_CODE, TESTS
from tox_prodsim.checks.artifact.wheel import Wheel, dotted_parts, installed_path, parents, text
from tox_prodsim.checks.artifact.wheel import source as read_source
from tox_prodsim.model.errors import LimitExceededError
from tox_prodsim.model.internal_imports import AbsentName, Importer, InternalImports
from tox_prodsim.model.python_source import parse_source

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<source>\.*[ \t]*[\w.]*)[ \t]*\bimport\b[ \t]*"
    r"(?P<names>\([^)]*\)|[^\n;#(]*(?:\\\n[^\n;#]*)*)"
    r"|import[ \t]+(?P<modules>[^\n;#]+))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#.*")
_WORD = re.compile(r"\w+")
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.|In \[\d+\]:)[ \t]?")
_STAR = re.compile(r"^[ \t]*from[ \t]+(?P<source>\.*[\w.]*)[ \t]+import[ \t]*\*", re.MULTILINE)
_BINDS_ANYTHING = re.compile(r"__getattr__|globals\(|locals\(|vars\(|exec\(|setattr\(|__dict__|sys\.modules|\blazy")
"""In a module that binds names in a way that cannot be read."""
_MAKES_MODULES = re.compile(r"sys\.modules(?!\[__name__\])|meta_path|__path__|extend_path|declare_namespace")
"""In a module that makes other modules, or lets other distributions add some."""
_NOT_USED = frozenset(
    {"setup", "demo", "demos", "sample", "samples", "script", "scripts", "tools", "noxfile"}
    | {"vendor", "vendored", "extern", "externals", "third_party", "thirdparty"}
    | NON_CODE
)
"""Parts of the names of modules that users of the package do not import, or that are parts of other packages."""
_GENERATED = re.compile(r"_*(?:version|about|build|git|revision|commit|scm)\w*")
"""Names of modules that a build writes, and without which a package often works."""
_KEPT_CHARACTERS, _KEPT_BYTES = 1_000_000, 10_000_000
"""The sources of a wheel up to this size are kept for the next question."""
_LONGEST_NAME = 1000
"""Names beyond it are passed over: no file system has a path for them."""
_COMPILED = {".pyx", ".pxd", ".pyi", ".c", ".cpp", ".cc", ".rs", ".so", ".pyd", ".dll", ".dylib"}


class _Source:
    """A module: its file, its name, the package it is in, and its text."""

    def __init__(self, file: str, text: str) -> None:
        path = PurePosixPath(file)
        self.file, self.text = file, text
        self.name, self.package = ".".join(dotted_parts(path)), ".".join(path.parent.parts)

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """Return all words of the text: a name that is not among them is not bound there."""
        return frozenset(map(sys.intern, _WORD.findall(self.text)))  # most modules share most words

    @functools.cached_property
    def binds_anything(self) -> bool:
        """Return whether it binds names in a way that cannot be read."""
        return _BINDS_ANYTHING.search(self.text) is not None

    @functools.cached_property
    def starred(self) -> frozenset[str]:
        """Return the modules from which it imports all names."""
        sources = (found["source"] for found in _STAR.finditer(self.text))
        return frozenset(_absolute(self, len(each) - len(each.lstrip(".")), each.lstrip(".")) for each in sources)

    @functools.cached_property
    def tree(self) -> ast.Module | None:
        """Return the syntax tree; None when it is not valid here."""
        with contextlib.suppress(LimitExceededError):  # data_references reports it
            return parse_source(self.text)
        return None

    @functools.cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Return the import statements; none when it is not valid here."""
        return () if self.tree is None else tuple(statements(self.tree))


class _Sources:
    """The sources of a wheel, without those of tests."""

    def __init__(self, wheel: Wheel) -> None:
        self.wheel = wheel
        self.by_name = {source.name: source for source in _read(wheel)}
        self.existing = frozenset(_existing(wheel))
        self.tops = frozenset(wheel.top_levels)

    @functools.cached_property
    def makers(self) -> Mapping[str, _Source]:
        """Return the modules that make others, or let other distributions add some."""
        return {name: source for name, source in self.by_name.items() if _MAKES_MODULES.search(source.text)}

    @functools.cached_property
    def users(self) -> Mapping[str, set[str]]:
        """Return the modules that seem to import each module or name, and what is above it."""
        found = defaultdict(set)
        for source in self.by_name.values():
            for module, name in _seeming(source):
                full = f"{module}.{name}" if name else module
                for each in (full, *parents(full)):
                    found[each].add(source.name)
        return found


def references(wheel: Wheel) -> Mapping[str, set[str]]:
    """Return the files that import each module unconditionally; absent modules are among them."""
    sources = _Sources(wheel)
    found = defaultdict(set)
    for source in sources.by_name.values():
        for statement in source.statements:
            for module, name in () if statement.is_conditional else _targets(source, statement.node):
                found[module].add(source.file)
                if name and not _may_bind(sources, module, name, source.name):
                    found[f"{module}.{name}"].add(source.file)
    return found


def internal_imports(wheel: Wheel) -> InternalImports:
    """Return what modules import of the wheel that it does not have, and which modules it needs only at times."""
    sources = _Sources(wheel)
    importers: dict[tuple[str, str], list[Importer]] = defaultdict(list)
    for source in sources.by_name.values():
        if _is_used(source.name) and any(_is_absent(sources, source.name, *each) for each in _seeming(source)):
            for absent, importer in _absent_in(sources, source):
                importers[absent].append(importer)
    for absent, importer in _absent_in_description(sources):
        importers[absent].append(importer)
    names = (AbsentName(name=name, module=module, importers=tuple(at)) for (name, module), at in importers.items())
    absent_names = tuple(sorted(names, key=lambda each: (each.name, each.module)))
    return InternalImports(absent=absent_names, is_shell=_is_shell(sources))


def is_optional(wheel: Wheel, module: str) -> bool:
    """Return whether the package imports the module only under conditions: one that an ``if`` or a ``try`` guards."""
    small = sum(len(name) for name in wheel.files) < _KEPT_CHARACTERS and wheel.size_bytes < _KEPT_BYTES
    return _is_optional(_kept_sources(wheel) if small else _Sources(wheel), module)


@functools.lru_cache(maxsize=1)
def _kept_sources(wheel: Wheel) -> _Sources:
    return _Sources(wheel)


def _absent_in(sources: _Sources, source: _Source) -> Iterator[tuple[tuple[str, str], Importer]]:
    """Yield what one module imports in vain."""
    for statement in source.statements:
        for module, name in () if statement.is_guarded else _targets(source, statement.node):
            absent = _absent(sources, source.name, module, name)
            if absent is not None:
                line, by = statement.node.lineno, source.name
                yield absent, Importer(file=source.file, line=line, module=by, in_function=statement.in_function)


def _absent_in_description(sources: _Sources) -> Iterator[tuple[tuple[str, str], Importer]]:
    """Yield what the examples in the description import in vain."""
    member = f"{sources.wheel.dist_info}/METADATA"
    with zipfile.ZipFile(sources.wheel.path) as archive:
        lines = text(archive, member).splitlines()
    for number, line in enumerate(lines, start=1):
        example = _Source("example.py", _PROMPT.sub("", line))
        for absent in {_absent(sources, "", *each) for each in _seeming(example)}:
            if absent is not None:
                yield absent, Importer(file=member, line=number, module="", in_function=False)


def _is_shell(sources: _Sources) -> bool:
    """Return whether no module of the wheel holds anything but names such as ``__version__``."""
    if len(sources.by_name) != len(sources.wheel.modules):
        return False
    return all(
        source.tree is not None and all(map(_says_nothing, source.tree.body)) for source in sources.by_name.values()
    )


def _says_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name.startswith("__")
    return False


# what is in the wheel


def _read(wheel: Wheel) -> Iterator[_Source]:
    with zipfile.ZipFile(wheel.path) as archive:
        for member in archive.namelist():
            path = PurePosixPath(installed_path(member))
            if path.suffix == ".py" and not TESTS & {*path.parts, path.stem}:
                yield _Source(str(path), read_source(archive, member).decode("utf-8", "replace"))


def _existing(wheel: Wheel) -> Iterator[str]:
    """Yield the names that can be imported, or could be where the package is built with all that it can have."""
    yield from wheel.modules
    for file in wheel.files:
        path = PurePosixPath(file)
        if path.suffix in _COMPILED:
            yield ".".join(dotted_parts(path))
        if path.suffix in {".py", *_COMPILED}:
            yield from (".".join(folder.parts) for folder in path.parents if folder.parts)


# the imports


def _seeming(source: _Source) -> Iterator[tuple[str, str]]:
    """Yield what lines seem to import: a module, and the name that is imported from it (empty: none)."""
    return (each for each in _in_lines(source) if _can_be_imported(*each))


def _can_be_imported(module: str, name: str) -> bool:
    """Return whether a file of that name is possible; a name of thousands of parts would have as many packages."""
    return len(module) + len(name) <= _LONGEST_NAME


def _in_lines(source: _Source) -> Iterator[tuple[str, str]]:
    for found in _IMPORT.finditer(source.text):
        if found["modules"] is not None:
            yield from ((words[0], "") for part in found["modules"].split(",") if (words := part.split()))
        else:
            inner = found["source"].replace(" ", "").lstrip(".")
            module = _absolute(source, len(found["source"].replace(" ", "")) - len(inner), inner)
            names = _COMMENT.sub("", found["names"]).strip("()\\ \t\r\n").replace("\\", " ").split(",")
            yield from ((module, words[0]) for part in names if (words := part.split()) and words[0].isidentifier())


def _targets(source: _Source, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield what a statement imports: a module, and the name that is imported from it (empty: none)."""
    return (each for each in _in_statement(source, node) if _can_be_imported(*each))


def _in_statement(source: _Source, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    else:
        module = _absolute(source, node.level, node.module or "")
        yield from ((module, "" if alias.name == "*" else alias.name) for alias in node.names)


def _absolute(source: _Source, level: int, inner: str) -> str:
    """Return the name of a module without leading dots."""
    if not level:
        return inner
    parts = source.package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([inner] if inner else [])])


# what is absent


def _is_absent(sources: _Sources, importer: str, module: str, name: str) -> bool:
    return _absent(sources, importer, module, name) is not None


def _absent(sources: _Sources, importer: str, module: str, name: str) -> tuple[str, str] | None:
    """Return the name that is absent, and the module from which it is imported (empty: it is a module itself)."""
    if not _is_own(sources, module):
        return None
    missing = next((each for each in reversed((module, *parents(module))) if each not in sources.existing), "")
    if missing:
        return None if _may_be_made(sources, missing) else (missing, "")
    full = f"{module}.{name}"
    if not name or full in sources.existing or _may_be_made(sources, full):
        return None
    return None if _may_bind(sources, module, name, importer) else (full, module)


def _is_own(sources: _Sources, module: str) -> bool:
    """Return whether no other distribution can have it: it is below a package of the wheel."""
    return not sources.tops.isdisjoint((module, *parents(module)))


def _is_used(name: str) -> bool:
    parts = name.split(".")
    return all(map(str.isidentifier, parts)) and not _NOT_USED & {part.lstrip("_") for part in parts}


def _may_be_made(sources: _Sources, missing: str) -> bool:
    """Return whether the module may be there after all, or may be meant to be left out."""
    above, _, leaf = missing.rpartition(".")
    if not _is_used(missing) or _GENERATED.fullmatch(leaf) or (leaf.startswith("__") and leaf.endswith("__")):
        return True
    if sources.wheel.extensions:
        return True  # it may be compiled for other systems only
    makers = sources.makers
    if above in makers or any("meta_path" in makers[name].words for name in parents(above) if name in makers):
        return True
    texts = [source.text for source in makers.values() if leaf in source.words]
    return bool(texts) and any(map(re.compile(rf"[\"'.]{re.escape(leaf)}[\"']").search, texts))


def _may_bind(sources: _Sources, module: str, name: str, importer: str) -> bool:
    """Return whether a module may have the name; an import of it by that module itself does not count."""
    seen: set[str] = set()
    pending = [module]
    while pending:
        current = pending.pop()
        source = sources.by_name.get(current)
        if source is None:
            return True
        seen.add(current)
        if source.binds_anything or _mentions(source, name, itself=current == importer):
            return True
        pending += source.starred - seen
    return False


def _mentions(source: _Source, name: str, *, itself: bool) -> bool:
    """Return whether the name is in the text, or bound if ``itself`` imports it."""
    if name not in source.words:
        return False
    return not itself or source.tree is None or name in _bound(source, source.tree)


def _bound(source: _Source, tree: ast.Module) -> set[str]:
    """Return the names that a module binds anywhere, except by imports from itself."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names |= {node.name for node in nodes if isinstance(node, defined)}
    for node in nodes:
        own = isinstance(node, ast.ImportFrom) and _absolute(source, node.level, node.module or "") == source.name
        if isinstance(node, ast.Import | ast.ImportFrom) and not own:
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


# what is needed at times


def _is_optional(sources: _Sources, module: str, pending: frozenset[str] = frozenset()) -> bool:
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
    return above in sources.by_name and above not in known and _is_optional(sources, above, known)


def _guards(sources: _Sources, importer: str, module: str) -> Iterator[bool]:
    """Yield for each import of the module, or of what is below it, whether it is guarded."""
    source = sources.by_name[importer]
    for statement in source.statements:
        if any(_leads_to(f"{name}.{attribute}", module) for name, attribute in _targets(source, statement.node)):
            yield statement.is_guarded


def _leads_to(imported: str, module: str) -> bool:
    return f"{imported}.".startswith(f"{module}.")
