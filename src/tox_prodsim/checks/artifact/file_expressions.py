"""The value of an expression that names a file beside a module, as far as it is written out."""

from __future__ import annotations

import ast
import posixpath
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from tox_prodsim.model.regex import lazy_regex

_SAME = frozenset(
    {"abspath", "realpath", "normpath", "resolve", "absolute", "expanduser", "fspath", "str", "Path", "PurePath"}
)
"""Functions of a path whose value is that path."""
_IN_PACKAGE = frozenset(
    {"get_data", "open_text", "open_binary", "read_text", "read_binary", "resource_string", "resource_stream"}
)
"""Functions of ``pkgutil``, ``importlib.resources`` and ``pkg_resources`` that read (package, name)."""
_TEMPLATE = lazy_regex(r"%[sdi(]|\{")
"""In a name that is filled in later."""
_MODULES = frozenset({"pkgutil", "resources", "importlib_resources", "pkg_resources", "importlib"})


class Evaluator:
    """Evaluates expressions of a module of these nodes, which is at a path below site-packages."""

    def __init__(self, nodes: Sequence[ast.AST], path: PurePosixPath) -> None:
        self._path = path
        self._imported = _imported(nodes)
        self._names = _assigned_once(nodes)
        self._package_paths = _package_paths(nodes, path)
        self._pending: set[str] = set()

    def path(self, node: ast.expr) -> PurePosixPath | None:
        """Return the path below site-packages; None when it is not known, or outside."""
        found: PurePosixPath | None = None
        match node:
            case ast.Name(id=name):
                found = self._path if name == "__file__" else self._named(name)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                found = _joined(self.path(left), [_text(right)])
            case ast.BinOp(op=ast.Add()):
                found = self._concatenated(_summands(node))
            case ast.JoinedStr(values=parts):
                found = self._concatenated(
                    [each.value if isinstance(each, ast.FormattedValue) else each for each in parts]
                )
            case ast.Attribute(value=value, attr="parent"):
                found = _parent(self.path(value))
            case ast.Subscript(value=ast.Attribute(value=value, attr="parents"), slice=ast.Constant(value=int(depth))):
                found = _parent(self.path(value), depth + 1)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=0)):
                found = self._package_paths.get(name)
            case ast.Call():
                found = self._call(node)
        return found

    def _concatenated(self, parts: Sequence[ast.expr]) -> PurePosixPath | None:
        """Return the path of a folder, a separator and the names below it, written one behind the other."""
        texts = [_text(each) for each in parts[1:]]
        below = "".join(text or "" for text in texts)
        return _joined(self.path(parts[0]), [below[1:]]) if None not in texts and below.startswith("/") else None

    def package(self, call: ast.Call) -> PurePosixPath | None:
        """Return the folder that ``files(package)`` of importlib.resources gives; None for any other call."""
        return self._package(call.args[0]) if len(call.args) == 1 and self._is_of_resources(call, {"files"}) else None

    def resource(self, call: ast.Call) -> PurePosixPath | None:
        """Return the file that a call reads from a package; None when that is not known."""
        if len(call.args) != 2 or not self._is_of_resources(call, _IN_PACKAGE):
            return None
        return _joined(self._package(call.args[0]), [_text(call.args[1])])

    def _is_of_resources(self, call: ast.Call, names: Collection[str]) -> bool:
        """Return whether it calls one of these functions of a module that reads the files of packages."""
        name, module = _function(call)
        return name in names and bool({module, self._imported.get(name, "").rpartition(".")[2]} & _MODULES)

    def _named(self, name: str) -> PurePosixPath | None:
        """Return the path in a variable that is assigned once."""
        value = self._names.get(name)
        if value is None or name in self._pending:
            return None
        self._pending.add(name)
        try:
            return self.path(value)
        finally:
            self._pending.discard(name)

    def _call(self, call: ast.Call) -> PurePosixPath | None:
        name, _ = _function(call)
        own = self.path(call.func.value) if isinstance(call.func, ast.Attribute) else None
        first = self.path(call.args[0]) if call.args else None
        texts = [_text(each) for each in call.args]
        found: PurePosixPath | None = None
        if self._is_of_resources(call, {"resource_filename"}):
            found = _joined(self._package(call.args[0]), texts[1:])
        elif name in _SAME and len(call.args) < 2:
            found = first or own
        elif name in {"join", "Path", "PurePath"}:
            found = _joined(first, texts[1:])
        elif name == "joinpath":
            found = _joined(own, texts)
        elif name == "with_name":
            found = _joined(_parent(own), texts)
        elif name == "dirname":
            found = _parent(first)
        return found or self.package(call)

    def _package(self, node: ast.expr) -> PurePosixPath | None:
        """Return the folder of a package that is named by a text, or as that of this module."""
        match node:
            case ast.Constant(value=str(name)) if name and not name.startswith("."):
                return PurePosixPath(name.replace(".", "/"))
            case ast.Name(id="__package__" | "__name__"):
                return self._path.parent
        return None


def _function(call: ast.Call) -> tuple[str, str]:
    """Return the name of what is called, and of the module that it is taken from."""
    match call.func:
        case ast.Name(id=name):
            return name, ""
        case ast.Attribute(attr=name, value=ast.Name(id=module) | ast.Attribute(attr=module)):
            return name, module
        case ast.Attribute(attr=name):
            return name, ""
    return "", ""


def _text(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Attribute(attr="pardir"):
            return ".."
        case ast.Attribute(attr="sep"):
            return "/"
        case ast.JoinedStr(values=parts):
            return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in parts)
    return None


def _summands(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_summands(left), right]
    return [node]


def _joined(folder: PurePosixPath | None, parts: list[str | None]) -> PurePosixPath | None:
    """Return the path below the folder; None when a part is not known, or leads out of site-packages.

    Of a name that is filled in later, such as ``data/%s.json``, it is the folder.
    """
    texts = [part for part in parts if part is not None]
    if folder is None or len(texts) != len(parts) or any(text.startswith("/") or "\\" in text for text in texts):
        return None
    joined = posixpath.join(str(folder), *texts)
    template = _TEMPLATE.search(joined)
    path = posixpath.normpath(posixpath.dirname(joined[: template.start()]) if template else joined)
    return None if path.startswith("..") or path == "." else PurePosixPath(path)


def _parent(path: PurePosixPath | None, times: int = 1) -> PurePosixPath | None:
    """Return a folder above; None above site-packages."""
    if path is None or times > len(path.parts):
        return None
    return path.parents[times - 1]


def _package_paths(nodes: Sequence[ast.AST], path: PurePosixPath) -> dict[str, PurePosixPath]:
    """Return the folders in the variables that are the ``__path__`` of a package, of this one or an imported one."""
    own = {"__path__": path.parent} if path.name == "__init__.py" else {}
    imports = (node for node in nodes if isinstance(node, ast.ImportFrom) and node.module and node.level == 0)
    aliases = ((node.module or "", alias) for node in imports for alias in node.names if alias.name == "__path__")
    return own | {alias.asname or alias.name: PurePosixPath(module.replace(".", "/")) for module, alias in aliases}


def _imported(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """Return the names that are imported from modules, and from which."""
    imports = (node for node in nodes if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name: node.module or "" for node in imports for alias in node.names}


def _assigned_once(nodes: Sequence[ast.AST]) -> dict[str, ast.expr]:
    """Return the values of the names that one assignment binds, and nothing else in the module."""
    bound: dict[str, ast.expr] = {}
    stores: Counter[str] = Counter()
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                bound[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                bound[name] = value
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                stores[name] += 1
    return {name: value for name, value in bound.items() if stores[name] == 1}
