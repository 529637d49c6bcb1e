"""The import statements of a syntax tree, each with what guards it.

What is below an ``if`` about the interpreter or the system, in a ``try`` that catches a failed import, or behind
``contextlib.suppress``, may be absent. So may be what follows ``if sys.platform != "win32": return``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tox_prodsim.model.dataclass import dataclass

_CATCH_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "OSError", "AttributeError"}
_ENVIRONMENT = {"sys", "os", "platform", "TYPE_CHECKING", "__name__", "__debug__", "find_spec", "importlib"}
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True)
class Statement:
    """An import statement."""

    node: ast.Import | ast.ImportFrom
    is_conditional: bool
    """Whether it is below any condition."""
    is_guarded: bool
    """Whether it is below one under which what it imports may be absent."""
    in_function: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """What is known of the statements of a block."""

    is_conditional: bool = False
    is_guarded: bool = False
    in_function: bool = False

    def below(self, *, guarded: bool) -> _Block:
        """Return the block of what is below a condition."""
        return replace(self, is_conditional=True, is_guarded=self.is_guarded or guarded)


def statements(tree: ast.Module) -> Iterator[Statement]:
    """Yield the import statements, in the order of the source."""
    return _of_block(tree.body, _Block())


def _of_block(body: Sequence[ast.stmt], block: _Block) -> Iterator[Statement]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield Statement(node, block.is_conditional, block.is_guarded, block.in_function)
        else:
            yield from _below(node, block)
        if _ends_elsewhere(node):
            block = block.below(guarded=True)


def _below(node: ast.stmt, block: _Block) -> Iterator[Statement]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from _of_block(node.body, replace(block, in_function=True))
        case ast.If():
            inner = block.below(guarded=not block.in_function or _asks_environment(node.test))
            yield from _of_block([*node.body, *node.orelse], inner)
        case ast.Match():
            for case in node.cases:
                yield from _of_block(case.body, block.below(guarded=not block.in_function))
        case ast.Try() | ast.TryStar():
            yield from _of_try(node, block)
        case ast.With() | ast.AsyncWith():
            suppressing = any(_suppresses(item.context_expr) for item in node.items)
            yield from _of_block(node.body, block.below(guarded=True) if suppressing else block)
        case ast.ClassDef() | ast.For() | ast.AsyncFor() | ast.While():
            yield from _of_block([*node.body, *getattr(node, "orelse", ())], block)


def _of_try(node: ast.Try | ast.TryStar, block: _Block) -> Iterator[Statement]:
    """Yield what is in a ``try``; a handler may import what stands in for the first choice."""
    caught = block.below(guarded=True)
    yield from _of_block([*node.body, *node.orelse], caught if _catches_failure(node) else block)
    for handler in node.handlers:
        yield from _of_block(handler.body, caught)
    yield from _of_block(node.finalbody, block)


def _catches_failure(node: ast.Try | ast.TryStar) -> bool:
    """Return whether a failed import in the body is caught; a name in capitals may be any exceptions."""
    for handler in node.handlers:
        if handler.type is None:
            return True
        names = _names(handler.type)
        if names & _CATCH_IMPORT_ERRORS or any(name.isupper() for name in names):
            return True
    return False


def _suppresses(expression: ast.expr) -> bool:
    """Return whether the context manager is ``suppress``, or one that expects an exception."""
    return isinstance(expression, ast.Call) and bool(_names(expression.func) & {"suppress", "raises", "assertRaises"})


def _asks_environment(test: ast.expr) -> bool:
    """Return whether the condition is about the interpreter, the system, or a constant of the module."""
    return any(name in _ENVIRONMENT or name.isupper() for name in _names(test))


def _ends_elsewhere(node: ast.stmt) -> bool:
    """Return whether what follows in the block is only for some systems or interpreters."""
    if isinstance(node, ast.Assert):
        return _asks_environment(node.test)
    return isinstance(node, ast.If) and isinstance(node.body[-1], _LEAVES) and _asks_environment(node.test)


def _names(node: ast.AST) -> set[str]:
    """Return the names and attributes of an expression."""
    nodes = list(ast.walk(node))
    return {each.id for each in nodes if isinstance(each, ast.Name)} | {
        each.attr for each in nodes if isinstance(each, ast.Attribute)
    }
