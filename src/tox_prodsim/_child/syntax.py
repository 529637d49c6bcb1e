"""Compile every module of a wheel, and report which are not valid Python, and what they import.

usage: PYTHON -I syntax.py WHEEL 3.9 NONCE

Under the Python of that version every module is compiled. Under a newer one it is parsed, as far as ``ast`` can tell
what an older version did not understand. One line of JSON goes to stdout, marked with the nonce: ``how`` is compiled,
parsed or unable (under an older Python); ``wrong`` maps a member to a line and a message, and ``imports`` a member to
the modules that importing it imports in any case. Runs on CPython 3.7 and newer.
"""

from __future__ import annotations

import ast
import gc
import json
import sys
import warnings
import zipfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_FORGIVING = {"ImportError", "ModuleNotFoundError"}


def main() -> None:
    """Answer for the wheel ``argv[1]`` and the version ``argv[2]``."""
    gc.disable()  # trees of sources are many objects without a cycle: three times as fast
    warnings.simplefilter("ignore")  # about escapes and comparisons, which are not errors
    major, minor = map(int, sys.argv[2].split("."))
    here, target = sys.version_info[:2], (major, minor)
    if here < target:
        answer({"how": "unable", "wrong": {}, "imports": {}})
        return
    older = None if here == target else target
    sources = sources_of(sys.argv[1])
    problems = {member: problem_of(source, older) for member, source in sources.items()}
    wrong = {member: problem for member, problem in problems.items() if problem}
    sound = {member: source for member, source in sources.items() if wrong and not problems[member]}
    answer(
        {
            "how": "parsed" if older else "compiled",
            "wrong": wrong,
            "imports": {member: list(imported(ast.parse(source).body)) for member, source in sound.items()},
        }
    )


def answer(record: dict[str, object]) -> None:
    """Print the answer, marked as one: what a ``.pth`` file prints comes before and behind it."""
    print("\ntox-prodsim %s: %s" % (sys.argv[3], json.dumps(record)), flush=True)


def sources_of(wheel: str) -> dict[str, bytes]:
    """Return the members that are Python source."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}


def problem_of(source: bytes, older: tuple[int, int] | None) -> list[object]:
    """Return the line and the message when the source is not valid for this version, or for the older one."""
    try:
        if older:
            ast.parse(source, feature_version=older)
        else:
            compile(source, "<module>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as problem:
        return [getattr(problem, "lineno", None), getattr(problem, "msg", None) or str(problem)]
    except RecursionError:
        return []  # how deep a source may be nested depends on the machine
    return []


def imported(statements: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that are imported whatever the circumstances, relative ones with their dots."""
    for statement in statements:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield alias.name
        elif isinstance(statement, ast.ImportFrom):
            module = "." * statement.level + (statement.module or "")
            yield module
            for alias in statement.names:
                yield module + ("" if module.endswith(".") else ".") + alias.name
        elif isinstance(statement, ast.Try) and all(forgives_imports_only(each) for each in statement.handlers):
            yield from imported(statement.body)


def forgives_imports_only(handler: ast.ExceptHandler) -> bool:
    """Return whether a syntax error in what is imported passes the handler."""
    return isinstance(handler.type, ast.Name) and handler.type.id in _FORGIVING


if __name__ == "__main__":
    main()
