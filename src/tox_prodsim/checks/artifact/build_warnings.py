"""The warnings of build back ends in the output of a build: deprecations, files that are not found, odd settings.

Those of compilers are none of them: they are about the sources, and may be thousands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.regex import lazy_regex

_WARNINGS = (
    lazy_regex(r"^\W*(?:warning|WARNING|Warning): *(?P<text>\S.*)"),
    lazy_regex(r"^\S.*\.py:\d+: (?P<text>\w*Warning: .+)"),
    lazy_regex(r"^(?:\S+ )*- WARNING - (?P<text>.+)"),
    lazy_regex(r"^\S*meson\.build:\d+(?::\d+)?: WARNING: (?P<text>.+)"),
    lazy_regex(r"^(?P<text>CMake (?:Deprecation )?Warning.*?):?$"),
)
_NOT_OF_A_BACK_END = lazy_regex(
    r"byte-compiling is disabled"  # that comes of the variables of the environment
    r"|generated \d+ warning"
    r"|^\S+\.p(?:y|yx|xd):\d+:"
)
_RUST_PLACE = lazy_regex(r"^\s*--> ")
_LIMIT = 200


def build_warnings(text: str) -> tuple[str, ...]:
    """Return the warnings in the output of build hooks, each once, whatever category it has."""
    found: dict[str, str] = {}
    for warning in _warnings(text.splitlines()):
        found.setdefault(warning.partition("Warning: ")[2] or warning, warning)
    return tuple(found.values())


def _warnings(lines: Sequence[str]) -> Iterator[str]:
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        match = next(filter(None, (pattern.match(line) for pattern in _WARNINGS)), None)
        if match and not _NOT_OF_A_BACK_END.search(match["text"]) and not _RUST_PLACE.match(following):
            yield shortened(match["text"], _LIMIT)
