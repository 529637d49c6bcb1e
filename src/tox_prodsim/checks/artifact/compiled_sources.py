"""What an sdist builds compiled code from, and may lose without an error (EXT403).

Only setup.py and what it imports can go on without an extension. scikit-build-core, meson-python and maturin fail with
the compiler, so that a pure wheel of theirs was meant to be one: a package of headers, for example.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tox_prodsim.checks.artifact.non_code import is_not_built
from tox_prodsim.model.regex import lazy_regex

_SUFFIXES = (".c", ".cc", ".cpp", ".cxx", ".pyx", ".rs", ".f90", ".f", ".cu", ".m", ".mm")
_COMMENT = lazy_regex(rb"#[^\n]*")
_DECLARES = lazy_regex(rb"\b(ext_modules|rust_extensions)\b|Extension\(|\badd_extension\(")
_MAKES_SOURCES = lazy_regex(rb"\b(cythonize\(|mypycify\(|cffi_modules\b)")
"""What compiles Python, or has its C inside of Python."""
_OPTIONAL = lazy_regex(rb"\b(cythonize|mypycify)\(")
_ASKS = lazy_regex(rb"\b(environ|getenv|argv)\b")


def is_build_script(name: str) -> bool:
    """Return whether a file may declare extension modules: setup.py anywhere, and what lies beside the topmost one."""
    return name.endswith("/setup.py") or (name.endswith(".py") and "/" not in name)


def compiled_sources(
    files: Iterable[str], scripts: Mapping[str, bytes], pyproject: Mapping[str, object]
) -> Iterator[str]:
    """Yield what compiled code is made from: files that declare it, and the sources; nothing when none is declared.

    ``scripts`` are the contents of the build scripts by their names.
    """
    sources = [name for name in files if name.endswith(_SUFFIXES) and not is_not_built(name)]
    code = {name: _COMMENT.sub(b"", text) for name, text in scripts.items() if not is_not_built(name)}
    declaring = [name for name, text in code.items() if _MAKES_SOURCES.search(text) and not _only_when_asked(text)]
    if sources:
        declaring += [name for name, text in code.items() if _DECLARES.search(text) and name not in declaring]
        declaring += ["pyproject.toml"] if _is_declared(pyproject) else []
    if declaring:
        yield from (*sources, *declaring)


def _only_when_asked(text: bytes) -> bool:
    """Return whether Python is compiled if a variable or an argument asks for it, as charset-normalizer does."""
    return bool(_OPTIONAL.search(text) and _ASKS.search(text))


def _is_declared(pyproject: Mapping[str, object]) -> bool:
    tool = pyproject.get("tool")
    own = tool.get("setuptools") if isinstance(tool, dict) else None
    return bool(isinstance(own, dict) and own.get("ext-modules"))
