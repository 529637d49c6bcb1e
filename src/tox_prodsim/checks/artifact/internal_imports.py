"""What the modules of a wheel import of their own package, read from their sources; nothing is run.

Modules that are imported by tests, below an ``if``, or in a ``try`` that catches a failure, may be absent.
"""

from __future__ import annotations

import ast
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tox_prodsim.checks.artifact.non_code import TESTS
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.python_source import parse_source

_CATCH_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "OSError", "AttributeError"}


@dataclass(frozen=True, slots=True)
class _Source:
    """A module: its name, the package it is in, and its syntax tree."""

    name: str
    package: str
    tree: ast.Module


def references(wheel: Wheel) -> Mapping[str, set[str]]:
    """Return the files that import each module unconditionally; absent modules are among them."""
    sources = {source.name: (file, source) for file, source in _sources(wheel)}
    bound = {name: _bound(source) for name, (_, source) in sources.items()}
    found = defaultdict(set)
    for file, source in sources.values():
        for name, attribute in _imports(source):
            found[name].add(file)
            if attribute and attribute not in bound.get(name, set()):
                found[f"{name}.{attribute}"].add(file)
    return found


def _sources(wheel: Wheel) -> Iterator[tuple[str, _Source]]:
    with zipfile.ZipFile(wheel.path) as archive:
        for member in archive.namelist():
            path = PurePosixPath(member.partition(".data/")[2].partition("/")[2] or member)
            if path.suffix == ".py" and not TESTS & {*path.parts, path.stem}:
                tree = parse_source(archive.read(member))
                parts = path.parent.parts if path.stem == "__init__" else (*path.parent.parts, path.stem)
                if tree is not None:
                    yield member, _Source(".".join(parts), ".".join(path.parent.parts), tree)


def _bound(source: _Source) -> set[str]:
    """Return the names that a module binds anywhere, except by imports from itself."""
    nodes = list(ast.walk(source.tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names |= {node.name for node in nodes if isinstance(node, defined)}
    for node in nodes:
        own = isinstance(node, ast.ImportFrom) and _base(source.package, node) == source.name
        if isinstance(node, ast.Import | ast.ImportFrom) and not own:
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


def _imports(source: _Source) -> Iterator[tuple[str, str]]:
    """Yield what is imported unconditionally: a module, and the name that is imported from it."""
    for node in _unconditional(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(source.package, node)
            yield from ((base, alias.name) for alias in node.names if alias.name != "*")


def _base(package: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def _unconditional(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below that are not conditional."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If | ast.IfExp | ast.Match) or (
            isinstance(child, ast.Try) and _catches_failure(child)
        ):
            continue
        yield child
        yield from _unconditional(child)


def _catches_failure(node: ast.Try) -> bool:
    """Return whether a failed import in the body is caught."""
    for handler in node.handlers:
        caught = (
            {name.id for name in ast.walk(handler.type) if isinstance(name, ast.Name)}
            if handler.type
            else _CATCH_IMPORT_ERRORS
        )
        if caught & _CATCH_IMPORT_ERRORS:
            return True
    return False
