"""What the lines of a module seem to import of its own distribution.

A regular expression reads them: it takes a hundredth of the time of a parser. It also finds what is in strings, which
does no harm: the syntax tree decides on what seems to be absent.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator

from tox_prodsim.checks.artifact.member_paths import path_parts
from tox_prodsim.model.regex import lazy_regex

_IMPORT = lazy_regex(
    r"^[ \t]*(?:from[ \t]+(?P<source>\.*[ \t]*[\w.]*)[ \t]*\bimport\b[ \t]*"
    r"(?P<names>\([^)]*\)|[^\n;#(]*(?:\\\n[^\n;#]*)*)"
    r"|import[ \t]+(?P<modules>[^\n;#]+))",
    re.MULTILINE,
)
_COMMENT = lazy_regex(r"#.*")
_LONGEST_NAME = 1000
"""Names beyond it are passed over: no file system has a path for them."""

Import = tuple[str, str]
"""A module, and the name that is imported from it; empty: the module itself is imported."""


def package_of(file: str) -> str:
    """Return the name of the package that a module is in, or is."""
    return ".".join(path_parts(file)[:-1])


def imports(text: str, package: str) -> Iterator[Import]:
    """Yield what lines seem to import."""
    return (found for found, _ in _all(text, package))


def divided_imports(text: str, package: str, tops: Collection[str]) -> tuple[tuple[Import, ...], tuple[str, ...]]:
    """Return what lines seem to import below one of the names ``tops``, and of others; each once.

    Of the others it is the first part of what lines that are not indented import, without the standard library.
    """
    own: dict[Import, None] = {}
    foreign: dict[str, None] = {}
    for found, is_indented in _all(text, package):
        first = (found[0] or found[1]).partition(".")[0]
        if first in tops:
            own[found] = None
        elif not is_indented and first not in sys.stdlib_module_names:
            foreign[sys.intern(first)] = None
    return tuple(own), tuple(foreign)


def _all(text: str, package: str) -> Iterator[tuple[Import, bool]]:
    """Yield what lines seem to import, and whether the line is indented."""
    if "import" in text:
        yield from (each for each in _in_lines(text, package) if can_be_imported(*each[0]))


def can_be_imported(module: str, name: str) -> bool:
    """Return whether a file of that name is possible; a name of thousands of parts would have as many packages."""
    return len(module) + len(name) <= _LONGEST_NAME


def absolute(package: str, level: int, inner: str) -> str:
    """Return the name of a module that is imported in this package with so many leading dots."""
    if not level:
        return inner
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([inner] if inner else [])])


def _in_lines(text: str, package: str) -> Iterator[tuple[Import, bool]]:
    for found in _IMPORT.finditer(text):
        indented = text[found.start()] in " \t"
        if found["modules"] is not None:
            parts = found["modules"].split(",")
            yield from (((words[0], ""), indented) for part in parts if (words := part.split()))
        else:
            inner = found["source"].replace(" ", "").lstrip(".")
            module = absolute(package, len(found["source"].replace(" ", "")) - len(inner), inner)
            names = _COMMENT.sub("", found["names"]).strip("()\\ \t\r\n").replace("\\", " ").split(",")
            words_of = (words for part in names if (words := part.split()) and words[0].isidentifier())
            yield from (((module, words[0]), indented) for words in words_of)
