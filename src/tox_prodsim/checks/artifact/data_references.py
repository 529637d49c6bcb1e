"""WHL113: data files that the code of a wheel reads beside itself, and that the wheel lacks.

Only what is written out is understood: ``Path(__file__).with_name("x.json")``, ``open(join(dirname(__file__), "x"))``,
``importlib.resources``, ``pkgutil.get_data``, ``pkg_resources``. What is read below an ``if`` or in a ``try`` may be
absent, and so may what the module asks for (``exists``).
"""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from tox_prodsim.checks.artifact.bounds import SOURCE_BYTES
from tox_prodsim.checks.artifact.file_expressions import Evaluator
from tox_prodsim.checks.artifact.non_code import NON_CODE
from tox_prodsim.checks.artifact.wheel import Wheel, installed_path, is_too_long, members, module_parts
from tox_prodsim.checks.artifact.wheel import source as read_source
from tox_prodsim.model.errors import LimitExceededError
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import listed, sized
from tox_prodsim.model.python_source import parse_source

CODES = ("WHL113",)

_MAY_REFER = re.compile(
    rb"__file__|__path__|pkgutil\b.*\bget_data|importlib[._]resources|from importlib import .*resources|pkg_resources"
)
_BUILDS = re.compile(r"build|(^|_)(setup|compile|make|generate|gen|conftest)(_|$)")
_SOURCES = frozenset({".py", ".pyc", ".c", ".h", ".cpp", ".pyx", ".pxd"})
"""Names of modules that are run in the source tree."""
_NAME = re.compile(r"[\w.-]+")
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
_WRITES = re.compile(r"[wax+]")
_STATIC = frozenset(
    {".json", ".yaml", ".yml", ".csv", ".tsv", ".html", ".htm", ".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".mako"}
    | {".xml", ".xsd", ".xsl", ".sql", ".txt", ".css", ".js", ".png", ".svg", ".ico", ".gif", ".jpg", ".ttf", ".qss"}
    | {".schema", ".lark", ".graphql", ".npz", ".npy", ".mo", ".geojson", ".shp", ".parquet", ".h5", ".joblib", ".pem"}
)
"""Kinds of files that come with a program; others may be made while it runs."""
_MADE = re.compile(r"cache|output|result|history|token|credential|session|state|tmp|temp|local", re.IGNORECASE)
_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """A file that is read, at the path where it would be installed, and where it is read."""

    path: str
    member: str
    line: int


def check_references(wheel: Wheel, known: Collection[str] = ()) -> CheckResult:
    """Return the data files that are read and are not there; the ``known`` ones are reported already."""
    found: dict[str, _Reading] = {}
    unread: list[str] = []
    readings = list(_readings(wheel, unread))
    for reading in readings:
        inside = any(other.path.startswith(f"{reading.path}/") for other in readings)
        if reading.path not in known and not inside:
            found.setdefault(reading.path, reading)
    findings = (_finding([each for each in found.values() if each.member == member]) for member in _members(found))
    not_checked = tuple((CODES[0], reason) for reason in unread)
    return CheckResult(detail="", codes=CODES, findings=tuple(findings), not_checked=not_checked)


def _members(found: dict[str, _Reading]) -> list[str]:
    return list(dict.fromkeys(each.member for each in found.values()))


def _finding(readings: list[_Reading]) -> Finding:
    first = readings[0]
    message = f"is read by {first.member} (line {first.line}), but it is not in the wheel"
    hint = "have the build include it: package-data of [tool.setuptools], or 'include' of the build back end"
    subject = listed([each.path for each in readings], _SHOWN)
    return Finding(
        code="WHL113",
        level=Level.WARNING,
        subject=subject,
        message=message,
        hint=hint,
        file=first.member,
        line=first.line,
    )


def _readings(wheel: Wheel, unread: list[str]) -> Iterator[_Reading]:
    """Yield what is read in the folders of the wheel's packages, and is not there.

    ``unread`` receives the modules that are too large, each with the reason.
    """
    installed = {*wheel.files, *(str(parent) for file in wheel.files for parent in PurePosixPath(file).parents)}
    packages = {file.partition("/")[0] for file in wheel.files if "/" in file}
    required = {canonicalize_name(found[0]) for text in wheel.requires if (found := _NAME.match(text))}
    with zipfile.ZipFile(wheel.path) as archive:
        for member in members(archive):
            path = PurePosixPath(installed_path(member))
            if path.suffix != ".py" or not _is_for_users(path):
                continue
            if is_too_long(info := archive.getinfo(member)):
                unread.append(f"{member} has {sized(info.file_size)}, of a module {sized(SOURCE_BYTES)} are read")
            source = read_source(archive, member)
            try:
                tree = parse_source(source) if _MAY_REFER.search(source) else None
            except LimitExceededError as problem:
                unread.append(f"{member} cannot be parsed, {problem}")
                continue
            for file, line in _read_in(tree, path) if tree is not None else ():
                if str(file) not in installed and file.parts[0] in packages and not _is_required(file, required):
                    yield _Reading(path=str(file), member=str(path), line=line)


def _is_required(file: PurePosixPath, required: Collection[str]) -> bool:
    """Return whether it is in the part of a namespace that a requirement brings: poetry/core is that of poetry-core."""
    parts = file.parts
    return any(canonicalize_name("-".join(parts[:depth])) in required for depth in range(2, len(parts) + 1))


def _is_for_users(path: PurePosixPath) -> bool:
    names = {*path.parts[:-1], path.stem}
    is_test = path.stem.startswith("test_") or path.stem.endswith("_test")
    return bool(module_parts(path)) and not is_test and not NON_CODE & names and not any(map(_BUILDS.search, names))


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
