"""What the configuration of a build back end excludes on purpose, as patterns of paths."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from tox_prodsim.model.regex import lazy_regex

FILES = frozenset({"setup.cfg", "MANIFEST.in"})
"""The files that may exclude something, beside pyproject.toml."""
_KEY = lazy_regex(r"(wheel[-_.]?|source[-_])?exclude[sd]?|exclude[-_]package[-_]data|exclude-from-wheel")
_LINE = lazy_regex(r"(global-exclude|exclude|recursive-exclude|prune)\s+(?P<patterns>.+)")


def excluded(texts: Mapping[str, bytes], pyproject: Mapping[str, object]) -> tuple[str, ...]:
    """Return the patterns; ``texts`` are the contents of the files by their names."""
    tool = pyproject.get("tool")
    own = {name: table for name, table in tool.items() if name in _BACKENDS} if isinstance(tool, dict) else {}
    found = (*_in_table(own), *_in_setup_cfg(_text(texts, "setup.cfg")), *_in_manifest(_text(texts, "MANIFEST.in")))
    return tuple(dict.fromkeys(pattern for pattern in found if pattern.strip("*./")))


_BACKENDS = frozenset({"setuptools", "hatch", "poetry", "flit", "pdm", "uv", "maturin", "scikit-build", "meson-python"})


def is_excluded(file: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a pattern names the file, a folder above it, or its name."""
    return any(_matches(file, pattern.strip("/").replace("**/", "*")) for pattern in patterns)


def _matches(file: str, pattern: str) -> bool:
    return any(fnmatchcase(file, each) for each in (pattern, f"*/{pattern}", f"{pattern}/*", f"*/{pattern}/*"))


def _text(texts: Mapping[str, bytes], name: str) -> str:
    return texts.get(name, b"").decode("utf-8", "replace")


def _in_table(table: object) -> Iterator[str]:
    """Yield the patterns below every key that excludes."""
    if isinstance(table, dict):
        for key, value in table.items():
            yield from _strings(value) if _KEY.fullmatch(str(key)) else _in_table(value)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in (value["path"],) if isinstance(value.get("path"), str) else value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def _in_setup_cfg(text: str) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    if parser.has_section("options.exclude_package_data"):
        for _, value in parser.items("options.exclude_package_data"):
            yield from re.split(r"[\s,]+", value.strip())


def _in_manifest(text: str) -> Iterator[str]:
    for line in text.splitlines():
        found = _LINE.match(line.strip())
        if found is None:
            continue
        words = found["patterns"].split()
        if line.strip().startswith("recursive-exclude"):
            yield from (f"{words[0]}/*{pattern}" for pattern in words[1:])
        else:
            yield from words
