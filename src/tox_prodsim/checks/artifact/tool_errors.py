"""The first error of a compiler, a linker, CMake, Meson, Cython or Cargo in the output of a build.

A back end runs these programs, and its own exception only says that one of them failed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex

_COMPILER = lazy_regex(r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:\d+:)? (?P<text>(?:fatal )?error: .+)$", re.IGNORECASE)
_INCLUDED = lazy_regex(r"^(?:In file included|\s+) ?from (?P<file>[^:]+):(?P<line>\d+)")
_CONTEXT = lazy_regex(r"^(?:In file included| +)? ?from |: In \w[\w ]* [\u2018'`]|: At (?:global scope|top level):$")
"""What a compiler says above an error: where it is."""
_FORTRAN = lazy_regex(r"^(?P<text>(?:Fatal )?Error: .+)$")
_FORTRAN_PLACE = lazy_regex(r"^(?P<file>[^\s:][^:]*\.[fF]\w*):(?P<line>\d+):\d+:$")
_CYTHON = lazy_regex(r"^(?P<file>[^\s:][^:]*\.(?:pyx|pxd|pxi|py)):(?P<line>\d+):\d+: (?P<text>.+)$")
_CMAKE = lazy_regex(r"^CMake Error(?: at (?P<file>[^:]+):(?P<line>\d+) \((?P<command>\w+)\))?: ?(?P<text>.*)$")
_CMAKE_CALL = lazy_regex(r"^  (?P<file>[^:]+):(?P<line>\d+) \(\w+\)$")
_RUST = lazy_regex(r"^(?P<text>error(?:\[E\d+\])?: .+)$")
_RUST_PLACE = lazy_regex(r"^\s*--> (?P<file>[^:]+):(?P<line>\d+):\d+$")
_LINKER = lazy_regex(
    r"^(?:\S*ld(?:\.\w+)?: (?P<missing>cannot find .+|.*undefined reference to .+|library not found .+)"
    r"|(?P<file>[^\s:][^:]*):(?:(?P<line>\d+)|\([^)]*\)): (?P<text>undefined reference to .+))$"
)
_PLAIN = lazy_regex(
    r"^(?P<text>ninja: error: .+|make(?:\[\d+\])?: \*\*\* No rule .+|configure: error: .+"
    r"|Package \S+ was not found in the pkg-config search path.*"
    r"|\S*(?:sh|env): (?:(?:line )?\d+: )?.+: (?:command )?not found.*)$"
)
_GENERAL = lazy_regex(r"^(?P<text>(?:[\w+./-]+: )?(?:fatal )?error: .+)$", re.IGNORECASE)
_SUMMARY = lazy_regex(
    r"could not compile|\bcommand\b.*\bfailed|failed with (?:exit )?(?:code|status)|ld returned|linker command failed"
    r"|aborting due to|returned non-zero|metadata-generation-failed|subprocess-exited"
    r"|Ignored the following|Could not find a version",
    re.IGNORECASE,
)
"""What is said of an error that is reported by itself."""
_CAUSE, _UV_CAUSE = "Caused by:", "  cause: "
_ABOVE, _BELOW = 12, 12
"""This many lines around an error are searched for its place."""
_NO_PLACE = ("", 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolError:
    """One error in an output."""

    text: str
    """As the program writes it, such as ``fatal error: acme.h: No such file or directory``."""
    at: int
    """Number of the first line that belongs to it."""
    file: str = ""
    """As the program writes it; empty: it names none."""
    line: int = 0


def first_error(lines: Sequence[str], inside: Callable[[str], str]) -> ToolError | None:
    """Return the first error in a file of the project, else the first one at all; None: there is none.

    ``inside`` returns the path of a file in the project, and nothing for any other file: a program that a build tries
    out, to see what the machine has, may fail and is elsewhere.
    """
    found = tuple(_errors(lines, inside))
    own = (error for error in found if inside(error.file))
    return next(own, None) or next(iter(found), None) or next(_general(lines), None)


def _errors(lines: Sequence[str], inside: Callable[[str], str]) -> Iterator[ToolError]:
    for at in range(len(lines)):
        error = _compiler(lines, at, inside) or _cython(lines, at) or _cmake(lines, at, inside) or _rust(lines, at)
        error = error or _fortran(lines, at) or _linker(lines, at)
        if error is not None:
            yield error


def _compiler(lines: Sequence[str], at: int, inside: Callable[[str], str]) -> ToolError | None:
    """Read an error of a C or C++ compiler or of Meson; one of a foreign header has the line that includes it."""
    match = _COMPILER.match(lines[at])
    if match is None:
        return None
    file, line = match["file"], int(match["line"])
    context = list(takewhile(_CONTEXT.search, reversed(lines[max(at - _ABOVE, 0) : at])))
    included = (each for each in map(_INCLUDED.match, context) if each and inside(each["file"]))
    if not inside(file) and (includes := next(included, None)):
        file, line = includes["file"], int(includes["line"])
    text = match["text"]
    text = f"Meson: {text[7:]}" if text.startswith("ERROR: ") else text
    return ToolError(text=text, at=at - len(context), file=file, line=line)


def _cython(lines: Sequence[str], at: int) -> ToolError | None:
    match = _CYTHON.match(lines[at])
    if match is None or match["text"].startswith("warning:"):
        return None
    heads = (above for above in range(at - 1, max(at - 40, -1), -1) if lines[above] == "Error compiling Cython file:")
    first = next(heads, None)
    if first is None:
        return None
    return ToolError(text=f"Cython: {match['text']}", at=first, file=match["file"], line=int(match["line"]))


def _cmake(lines: Sequence[str], at: int, inside: Callable[[str], str]) -> ToolError | None:
    """Read an error of CMake: its first paragraph, and the innermost line of the project that led to it."""
    match = _CMAKE.match(lines[at])
    if match is None:
        return None
    below = lines[at + 1 : at + 1 + 4 * _BELOW]
    calls = ((each["file"], int(each["line"])) for line in below if (each := _CMAKE_CALL.match(line)))
    here = (match["file"] or "", int(match["line"] or 0))
    file, line = here if inside(here[0]) else next((call for call in calls if inside(call[0])), here)
    return ToolError(text=f"CMake Error: {match['text'] or _paragraph(below)}", at=at, file=file, line=line)


def _paragraph(lines: Sequence[str]) -> str:
    """Return the first indented lines as one."""
    words: list[str] = []
    for line in lines:
        if not line.startswith("  ") or (words and line.startswith("    ")) or _CMAKE_CALL.match(line):
            break
        words.append(line.strip())
        if line.endswith("."):
            break
    return " ".join(words)


def _rust(lines: Sequence[str], at: int) -> ToolError | None:
    match = _RUST.match(lines[at])
    if match is None or _SUMMARY.search(match["text"]):
        return None
    file, line = _below(lines, at, _RUST_PLACE)
    return ToolError(text=match["text"], at=at, file=file, line=line) if file else None


def _fortran(lines: Sequence[str], at: int) -> ToolError | None:
    match = _FORTRAN.match(lines[at])
    if match is None:
        return None
    above = (_FORTRAN_PLACE.match(each) for each in reversed(lines[max(at - _ABOVE, 0) : at]))
    file, line = next(((each["file"], int(each["line"])) for each in above if each), _NO_PLACE)
    return ToolError(text=match["text"], at=at, file=file, line=line) if file else None


def _linker(lines: Sequence[str], at: int) -> ToolError | None:
    match = _LINKER.match(lines[at]) or _PLAIN.match(lines[at])
    if match is None:
        return None
    found = match.groupdict()
    text = f"linker: {found['missing']}" if found.get("missing") else found["text"]
    return ToolError(text=text, at=at, file=found.get("file") or "", line=int(found.get("line") or 0))


def _general(lines: Sequence[str]) -> Iterator[ToolError]:
    """Yield what looks like an error of any other program, but for those that only report another one."""
    for at, line in enumerate(lines):
        match = _GENERAL.match(line)
        if match is not None and not _SUMMARY.search(line):
            yield ToolError(text="; ".join([match["text"], *_deepest_cause(lines[at + 1 :])]), at=at)


def _deepest_cause(lines: Sequence[str]) -> Sequence[str]:
    """Return the last cause that Cargo or uv names below an error."""
    below = list(takewhile(lambda line: line == _CAUSE or line.startswith("  "), lines))
    if below and below[0].startswith(_UV_CAUSE):
        return [below[0].removeprefix(_UV_CAUSE)]
    causes = [at for at, line in enumerate(below) if line == _CAUSE]
    return [below[causes[-1] + 1].strip()] if causes and below[causes[-1] + 1 :] else []


def _below(lines: Sequence[str], at: int, pattern: re.Pattern[str]) -> tuple[str, int]:
    """Return the file and the line that follow an error, before the next one."""
    for line in lines[at + 1 : at + 1 + _BELOW]:
        if match := pattern.match(line):
            return match["file"], int(match["line"])
        if _RUST.match(line):
            break
    return _NO_PLACE
