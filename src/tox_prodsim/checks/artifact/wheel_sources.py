"""The sources of a wheel, and what is found out of their texts when a question hangs on it.

The texts are not kept: those of a large wheel would not fit into the memory that its checks may have.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping

from tox_prodsim.checks.artifact.import_statements import Statement, statements
from tox_prodsim.checks.artifact.member_facts import MemberFacts, is_of_tests
from tox_prodsim.checks.artifact.member_paths import path_parts, path_suffix
from tox_prodsim.checks.artifact.source_imports import absolute, package_of
from tox_prodsim.checks.artifact.wheel import Wheel, dotted_parts, installed_path, members, parents
from tox_prodsim.checks.artifact.wheel import source as read_source
from tox_prodsim.model.errors import LimitExceededError
from tox_prodsim.model.python_source import parse_source
from tox_prodsim.model.regex import lazy_regex

_WORD = lazy_regex(r"\w+")
_KEPT = 256
"""Of so many modules the words are kept, for names that reach them through ``import *``."""
_STAR = lazy_regex(r"^[ \t]*from[ \t]+(?P<source>\.*[\w.]*)[ \t]+import[ \t]*\*", re.MULTILINE)
_BINDS_ANYTHING = lazy_regex(r"__getattr__|globals\(|locals\(|vars\(|exec\(|setattr\(|__dict__|sys\.modules|\blazy")
"""In a module that binds names in a way that cannot be read."""
_MAKES_MODULES = lazy_regex(r"sys\.modules(?!\[__name__\])|meta_path|__path__|extend_path|declare_namespace")
"""In a module that makes other modules, or lets other distributions add some."""
_COMPILED = {".pyx", ".pxd", ".pyi", ".c", ".cpp", ".cc", ".rs", ".so", ".pyd", ".dll", ".dylib"}


class ModuleSource:
    """A module: its file, its name, and what is found out of its text, which is not kept."""

    def __init__(self, file: str, read: Callable[[str], str], asked: Collection[str]) -> None:
        self._read, self._asked = read, asked
        self.file, self.package = file, package_of(file)
        self.name = ".".join(dotted_parts(file))

    @property
    def text(self) -> str:
        """Return the text."""
        return self._read(self.file)

    @functools.cached_property
    def _mentioned(self) -> frozenset[str]:
        """Return those of the names that others import of it that its text has: the others are not bound there."""
        return frozenset(set(_WORD.findall(self.text)).intersection(self._asked))

    @functools.lru_cache(maxsize=_KEPT)  # noqa: B019 - it lives as long as the question
    def _words(self) -> frozenset[str]:
        return frozenset(_WORD.findall(self.text))

    def mentions(self, name: str) -> bool:
        """Return whether the name is in the text."""
        return name in (self._mentioned if name in self._asked else self._words())

    @functools.cached_property
    def binds_anything(self) -> bool:
        """Return whether it binds names in a way that cannot be read."""
        return _BINDS_ANYTHING.search(self.text) is not None

    @functools.cached_property
    def starred(self) -> frozenset[str]:
        """Return the modules from which it imports all names."""
        sources = (found["source"] for found in _STAR.finditer(self.text))
        levels = ((len(each) - len(each.lstrip(".")), each.lstrip(".")) for each in sources)
        return frozenset(absolute(self.package, level, inner) for level, inner in levels)

    @property
    def tree(self) -> ast.Module | None:
        """Return the syntax tree; None when it is not valid here."""
        with contextlib.suppress(LimitExceededError):  # data_references reports it
            return parse_source(self.text)
        return None

    @functools.cached_property
    def bound(self) -> set[str] | None:
        """Return the names that it binds anywhere, except by imports from itself; None: it is not valid here."""
        tree = self.tree
        return None if tree is None else _bound(self, tree)

    @functools.cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Return the import statements; none when it is not valid here."""
        tree = self.tree
        return () if tree is None else tuple(statements(tree))


class ModuleSources:
    """The sources of a wheel, without those of tests."""

    def __init__(self, wheel: Wheel, archive: zipfile.ZipFile, facts: MemberFacts) -> None:
        self.wheel, self.archive, self.imports = wheel, archive, facts.imports
        self.existing = frozenset(_existing(wheel))
        self.tops = frozenset(wheel.top_levels)
        self._made: dict[str, ModuleSource] = {}

    def __iter__(self) -> Iterator[ModuleSource]:
        """Return all modules."""
        return (self[".".join(dotted_parts(file))] for file, _ in self._named())

    def __getitem__(self, name: str) -> ModuleSource:
        """Return the module of this name."""
        if name not in self._made:
            self._made[name] = ModuleSource(self.files[name], self._read, self._asked.get(name, frozenset()))
        return self._made[name]

    def _read(self, file: str) -> str:
        return read_source(self.archive, self._members[file]).decode("utf-8", "replace")

    def __len__(self) -> int:
        """Return how many modules there are."""
        return sum(1 for _ in self._named())

    def _named(self) -> Iterator[tuple[str, str]]:
        """Yield the installed path of each source, and the member."""
        for member in members(self.archive):
            file = installed_path(member)
            if file.endswith(".py") and not is_of_tests(file):
                yield file, member

    @functools.cached_property
    def _members(self) -> Mapping[str, str]:
        return dict(self._named())

    @functools.cached_property
    def files(self) -> Mapping[str, str]:
        """Return the files by the names of their modules."""
        return {".".join(dotted_parts(file)): file for file in self._members}

    @property
    def importing(self) -> Iterator[ModuleSource]:
        """Return the modules that import something of the wheel."""
        return (self[".".join(dotted_parts(file))] for file in self.imports)

    @functools.cached_property
    def _asked(self) -> Mapping[str, set[str]]:
        """Return the names that are imported from each module."""
        asked: dict[str, set[str]] = defaultdict(set)
        for found in self.imports.values():
            for module, name in found:
                if name and f"{module}.{name}" not in self.existing:
                    asked[module].add(name)
        return asked

    @functools.cached_property
    def makers(self) -> Mapping[str, str]:
        """Return the texts of the modules that make others, or let other distributions add some."""
        texts = ((source.name, source.text) for source in self)
        return {name: text for name, text in texts if _MAKES_MODULES.search(text)}

    @functools.cached_property
    def users(self) -> Mapping[str, set[str]]:
        """Return the modules that seem to import each module or name, and what is above it."""
        found = defaultdict(set)
        for source in self.importing:
            for module, name in self.imports[source.file]:
                full = f"{module}.{name}" if name else module
                for each in (full, *parents(full)):
                    found[each].add(source.name)
        return found


def _bound(source: ModuleSource, tree: ast.Module) -> set[str]:
    """Return the names that a module binds anywhere, except by imports from itself."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names |= {node.name for node in nodes if isinstance(node, defined)}
    for node in nodes:
        own = (
            isinstance(node, ast.ImportFrom) and absolute(source.package, node.level, node.module or "") == source.name
        )
        if isinstance(node, ast.Import | ast.ImportFrom) and not own:
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


def _existing(wheel: Wheel) -> Iterator[str]:
    """Yield the names that can be imported, or could be where the package is built with all that it can have."""
    yield from wheel.modules
    folders = set()
    for file in wheel.files:
        kind = path_suffix(file)
        if kind in _COMPILED:
            yield ".".join(dotted_parts(file))
        if kind == ".py" or kind in _COMPILED:
            folders.add(file.rpartition("/")[0])
    for folder in folders:
        parts = path_parts(folder)
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
