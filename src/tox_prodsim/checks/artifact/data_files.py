"""The data files of a wheel, neither modules nor metadata, by names that are stable between releases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tox_prodsim.checks.artifact.member_paths import path_suffix
from tox_prodsim.checks.artifact.wheel import Wheel, dotted_parts
from tox_prodsim.model.regex import lazy_regex

_AT_START = lazy_regex(r"[^/]+\.pth|(site|user)customize(\.py|/__init__\.py)")
_MODULE_KINDS = {".py", ".pyc", ".so", ".pyd"}
_SCHEME = lazy_regex(r"[^/]+\.data/(?P<scheme>data|headers|scripts)/(?P<path>.+)")
_NO_DATA = lazy_regex(r"(^|/)(__pycache__/|[^/]*\.(dist|egg)-info/|[^/]*\.(libs|dylibs)/|[0-9a-f]{16,}__mypyc\.)")
"""Bytecode, metadata of vendored distributions, and libraries that a tool adds under names with hashes."""
_BUNDLED_KINDS = frozenset(
    {
        *(".css", ".html", ".js", ".json", ".map", ".mjs", ".txt", ".wasm"),
        *(".gif", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".webp"),
        *(".eot", ".otf", ".ttf", ".woff", ".woff2"),
        *(".br", ".gz"),
    }
)
"""What a bundler writes, under other names in every build."""
_HEX = lazy_regex(r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}")
_MIXED = lazy_regex(r"(?=.*[a-z])(?=.+[A-Z])[0-9A-Za-z]{8}")
_HASHED_MODULE = lazy_regex(r"(^|\.)[0-9a-f]{16,}__mypyc")
"""mypyc names a file that modules share by a hash of their names."""


def data_files(wheel: Wheel) -> frozenset[str]:
    """Return the data files at the paths where they are installed; those of another scheme are below its name.

    In a folder where a bundler names files by their content, ``acme/static/*.js`` stands for all of them.
    """
    files = {path for path in map(_stable_path, wheel.files) if path}
    modules = frozenset(wheel.modules)
    data = [PurePosixPath(file) for file in files if not _is_module(file, modules)]
    bundled = {path.parent for path in data if _is_bundled(path)}
    return frozenset(
        str(path.parent / f"*{path.suffix}") if path.parent in bundled and path.suffix in _BUNDLED_KINDS else str(path)
        for path in data
    )


def script_files(wheel: Wheel) -> Iterator[str]:
    """Yield the names of the files that an installer puts into the folder of the commands."""
    return filter(None, (scheme_path(file, "scripts") for file in wheel.files))


def scheme_path(file: str, scheme: str) -> str:
    """Return the path below the folder of a scheme; nothing if the file is not of that scheme."""
    found = _SCHEME.fullmatch(file)
    return found["path"] if found is not None and found["scheme"] == scheme else ""


def start_files(wheel: Wheel) -> Iterator[str]:
    """Yield the files at the root of site-packages that every Python of the environment runs when it starts."""
    for file in wheel.files:
        if _AT_START.fullmatch(file):
            yield file


def stable_modules(names: tuple[str, ...]) -> frozenset[str]:
    """Return the modules without those whose names differ between builds."""
    return frozenset(name for name in names if "__mypyc" not in name or not _HASHED_MODULE.search(name))


def _stable_path(file: str) -> str:
    """Return the path without the version in the folder of a scheme; nothing if it is not a data file."""
    found = _SCHEME.fullmatch(file)
    if found is not None:
        return "" if found["scheme"] == "scripts" else f"{found['scheme']}:{found['path']}"
    return "" if _NO_DATA.search(file) else file


def _is_module(file: str, modules: frozenset[str]) -> bool:
    return path_suffix(file) in _MODULE_KINDS and ".".join(dotted_parts(file)) in modules


def _is_bundled(path: PurePosixPath) -> bool:
    """Return whether a part of the name looks like a hash."""
    words = re.split(r"[._-]", path.name)
    return path.suffix in _BUNDLED_KINDS and any(_HEX.fullmatch(word) or _MIXED.fullmatch(word) for word in words)
