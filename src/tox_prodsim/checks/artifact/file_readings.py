"""The data files that a module reads beside itself, as far as its source writes them out.

Only what is written out is understood: ``Path(__file__).with_name("x.json")``, ``open(join(dirname(__file__), "x"))``,
``importlib.resources``, ``pkgutil.get_data``, ``pkg_resources``. What is read below an ``if`` or in a ``try`` may be
absent, and so may what the module asks for (``exists``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tox_prodsim.checks.artifact.file_expressions import Evaluator
from tox_prodsim.checks.artifact.member_paths import path_parts
from tox_prodsim.checks.artifact.non_code import NON_CODE
from tox_prodsim.checks.artifact.wheel import module_parts
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.python_source import parse_source
from tox_prodsim.model.regex import lazy_regex

_MAY_REFER = lazy_regex(
    rb"__file__|__path__|pkgutil\b.*\bget_data|importlib[._]resources|from importlib import .*resources|pkg_resources"
)
_BUILDS = lazy_regex(r"build|(^|_)(setup|compile|make|generate|gen|conftest)(_|$)")
_SOURCES = frozenset({".py", ".pyc", ".c", ".h", ".cpp", ".pyx", ".pxd"})
"""Names of modules that are run in the source tree."""
_READS = frozenset({"read_text", "read_bytes"})
_LOADS = frozenset(
    {"open", "read_csv", "read_excel", "read_json", "read_parquet", "read_pickle", "load", "loadtxt", "genfromtxt"}
)
_ASKS = frozenset({"exists", "isfile", "is_file", "isdir", "is_dir", "is_resource", "resource_exists", "lexists"})
_CHANGES = frozenset(
    {
        "write_text",
        "write_bytes",
        "mkdir",
        "makedirs",
        "touch",
        "unlink",
        "remove",
        "rmtree",
        "rename",
        "replace",
        "dump",
    }
    | {"to_csv", "to_json", "to_excel", "savetxt", "save", "copy", "copyfile", "copy2", "move", "FileHandler"}
)
_WRITES = lazy_regex(r"[wax+]")
_STATIC = frozenset(
    {".json", ".yaml", ".yml", ".csv", ".tsv", ".html", ".htm", ".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".mako"}
    | {".xml", ".xsd", ".xsl", ".sql", ".txt", ".css", ".js", ".png", ".svg", ".ico", ".gif", ".jpg", ".ttf", ".qss"}
    | {".schema", ".lark", ".graphql", ".npz", ".npy", ".mo", ".geojson", ".shp", ".parquet", ".h5", ".joblib", ".pem"}
)
"""Kinds of files that come with a program; others may be made while it runs."""
_MADE = lazy_regex(r"cache|output|result|history|token|credential|session|state|tmp|temp|local", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A file that is read, at the path where it would be installed, and where it is read."""

    path: str
    member: str
    line: int


def readings(file: str, source: bytes) -> Iterator[Reading]:
    """Yield what a module at this path reads in any case; raises LimitExceededError if it cannot be parsed."""
    tree = parse_source(source) if _MAY_REFER.search(source) else None
    for path, line in _read_in(tree, PurePosixPath(file)) if tree is not None else ():
        yield Reading(path=str(path), member=file, line=line)


def is_for_users(file: str) -> bool:
    """Return whether users import the module in the file; nothing else is a module of theirs."""
    if not module_parts(file):
        return False
    *folders, name = path_parts(file)
    stem = name.rpartition(".")[0]
    is_test = stem.startswith("test_") or stem.endswith("_test")
    return not is_test and NON_CODE.isdisjoint((*folders, stem)) and not any(map(_BUILDS.search, (*folders, stem)))


def _read_in(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, int]]:
    """Yield the files that a module needs in any case, and the lines."""
    nodes = list(ast.walk(tree))
    evaluator = Evaluator(nodes, path)
    calls = (node for node in nodes if isinstance(node, ast.Call))
    optional = {str(found) for call in calls for found in _optional(call, evaluator)}
    for node in _unconditional(tree):
        if isinstance(node, ast.expr):
            file = _needed(node, evaluator)
            if file is not None and str(file) not in optional and file.suffix not in _SOURCES:
                yield file, node.lineno


def _optional(call: ast.Call, evaluator: Evaluator) -> Iterator[PurePosixPath]:
    """Yield the files that the call looks for or makes."""
    if _name(call.func) in _ASKS | _CHANGES or _is_written(call):
        owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        yield from (found for each in (*owner, *call.args) if (found := evaluator.path(each)) is not None)


def _is_written(call: ast.Call) -> bool:
    """Return whether it opens a file to write it, or in a mode that is not known."""
    if _name(call.func) != "open":
        return False
    given = [*call.args[:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    modes = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return any(len(mode) < 4 and _WRITES.search(mode) for mode in modes)


def _needed(node: ast.expr, evaluator: Evaluator) -> PurePosixPath | None:
    """Return the file that an expression reads, or names and has to come with the program."""
    if isinstance(node, ast.Call) and (found := _read_by(node, evaluator)) is not None:
        return found
    named = evaluator.path(node) if isinstance(node, ast.Call | ast.BinOp | ast.JoinedStr) else None
    return named if named is not None and named.suffix in _STATIC and not _MADE.search(named.name) else None


def _read_by(call: ast.Call, evaluator: Evaluator) -> PurePosixPath | None:
    """Return the file that a call reads, or the folder of files(); None when that is not known."""
    name = _name(call.func)
    own = evaluator.path(call.func.value) if isinstance(call.func, ast.Attribute) else None
    if own is not None and (name in _READS or name == "open"):
        return own
    if name in _LOADS and call.args and (found := evaluator.path(call.args[0])) is not None:
        return found
    return evaluator.resource(call) or evaluator.package(call)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _unconditional(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below that run whenever what they are in runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If | ast.IfExp | ast.Match | ast.Try | ast.BoolOp | ast.While):
            continue
        if isinstance(child, ast.With) and any(_name(_called(item.context_expr)) == "suppress" for item in child.items):
            continue
        yield child
        yield from _unconditional(child)


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node
