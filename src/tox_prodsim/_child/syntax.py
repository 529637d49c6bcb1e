"""Compile every module of a wheel, and report which are not valid Python, and what they import.

usage: PYTHON -I syntax.py WHEEL 3.9 NONCE ['["acme/a.py"]']

Under the Python of that version every module is compiled. Under a newer one it is parsed, as far as ``ast`` can tell
what an older version did not understand. One line of JSON goes to stdout, marked with the nonce: ``how`` is compiled,
parsed or unable (under an older Python); ``wrong`` maps a member to a line and a message, ``imports`` a member to the
modules that importing it imports in any case, and ``unread`` a member to the reason why it was passed over. With a list
of members only these are compiled or parsed.

Members are read one after the other, within a limit of memory. Runs on CPython 3.7 and newer.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import sys
import warnings
import zipfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMORY_BYTES = 256 << 20
"""What a module may take beside its own text."""
_SOURCE_BYTES = 16_000_000
"""A longer module is not read."""
_SMALL_BYTES = 200_000
_FORGIVING = {"ImportError", "ModuleNotFoundError"}


def main() -> None:
    """Answer for the wheel ``argv[1]`` and the version ``argv[2]``."""
    gc.disable()  # trees of sources are many objects without a cycle: three times as fast
    warnings.simplefilter("ignore")  # about escapes and comparisons, which are not errors
    major, minor = map(int, sys.argv[2].split("."))
    here, target = sys.version_info[:2], (major, minor)
    if here < target:
        answer({"how": "unable", "wrong": {}, "imports": {}, "unread": {}})
        return
    older = None if here == target else target
    with zipfile.ZipFile(sys.argv[1]) as archive:
        limit_memory(_MEMORY_BYTES + _SOURCE_BYTES)
        only = json.loads(sys.argv[4]) if len(sys.argv) > 4 else [info.filename for info in sources_of(archive)]
        wrong, unread = problems_of(archive, older, set(only))
        imports = {} if not wrong else imports_of(archive, {*wrong, *unread})
    answer({"how": "parsed" if older else "compiled", "wrong": wrong, "imports": imports, "unread": unread})


def answer(record: dict[str, object]) -> None:
    """Print the answer, marked as one: what a ``.pth`` file prints comes before and behind it."""
    print("\ntox-prodsim %s: %s" % (sys.argv[3], json.dumps(record)), flush=True)


def limit_memory(more_bytes: int) -> None:
    """Limit the memory to what the process has, and so much more, where the system says and limits it."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            now_bytes = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError):
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit_bytes = now_bytes + more_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes if hard < 0 else min(limit_bytes, hard), hard))


def problems_of(
    archive: zipfile.ZipFile, older: tuple[int, int] | None, only: set[str]
) -> tuple[dict[str, list[object]], dict[str, str]]:
    """Return what is wrong with some members, and why others were passed over."""
    wrong, unread = {}, {}
    for info in sources_of(archive):
        if info.filename not in only:
            continue
        if info.file_size > _SOURCE_BYTES:
            unread[info.filename] = "is longer than %d MB" % (_SOURCE_BYTES // 1_000_000)
            continue
        try:
            problem = problem_of(archive.read(info), older)
        except MemoryError:
            if info.file_size > _SMALL_BYTES:  # a small one is nested too deeply for this machine
                unread[info.filename] = "needs more than %d MB of memory" % (_MEMORY_BYTES >> 20)
            continue
        if problem:
            wrong[info.filename] = problem
    return wrong, unread


def imports_of(archive: zipfile.ZipFile, without: set[str]) -> dict[str, list[str]]:
    """Return what the other members import."""
    found = {}
    for info in sources_of(archive):
        if info.filename not in without:
            try:
                found[info.filename] = list(imported(ast.parse(archive.read(info)).body))
            except (MemoryError, RecursionError, SyntaxError, ValueError):
                continue
    return found


def sources_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members that are Python source."""
    return [info for info in archive.infolist() if info.filename.endswith(".py")]


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
