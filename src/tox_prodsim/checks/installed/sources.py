"""The sources in a wheel, and what their modules import at module level.

A regular expression reads most files: it takes a hundredth of the time of a parser, and also finds the beginnings of
lines in strings. The syntax tree then decides on those that matter.
"""

from __future__ import annotations

import ast
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.python_source import parse_source
from tox_prodsim.model.regex import lazy_regex

_IMPORT = lazy_regex(
    r"^(?:from[ \t]+(?P<source>\.*[\w.]*)[ \t]+import[ \t]*(?P<names>\([^)]*\)|[^#\n;(]*)"
    r"|import[ \t]+(?P<modules>[^#\n;]+))",
    re.MULTILINE,
)
_LONGEST_BYTES = 16_000_000
_COMMENT = lazy_regex(r"#.*")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFiles:
    """The text of modules by their names, and the files they are in, relative to site-packages."""

    texts: Mapping[str, str]
    """A text is read from the wheel when it is asked for."""
    files: Mapping[str, str]

    def leads_to(self, module: str) -> Iterator[str]:
        """Yield the modules of the wheel that importing this module may import."""
        for name in self._imported(module):
            parts = name.split(".")
            above = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
            yield from (each for each in above if each in self.texts)

    def foreign(self, module: str) -> set[str]:
        """Return the first parts of all names outside of the wheel that may be imported."""
        return {name.partition(".")[0] for name in self._imported(module) if name not in self.texts}

    def always_imported(self, module: str) -> Iterator[tuple[str, int]]:
        """Yield the full name and the line of every absolute import at module level."""
        tree = parse_source(self.texts[module])
        for node in tree.body if tree is not None else ():
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module, node.lineno

    def _imported(self, module: str) -> Iterator[str]:
        """Yield the full names that lines seem to import; for ``from a import b`` that is ``a.b``."""
        for found in _IMPORT.finditer(self.texts[module]):
            if found["modules"] is not None:
                yield from (words[0] for part in found["modules"].split(",") if (words := part.split()))
            else:
                source = self._absolute(module, found["source"])
                names = _COMMENT.sub("", found["names"]).strip("()\\ \t").split(",")
                yield from (f"{source}.{words[0]}" for part in names if (words := part.split()))

    def _absolute(self, module: str, source: str) -> str:
        """Return the name without leading dots."""
        inner = source.lstrip(".")
        levels = len(source) - len(inner)
        if not levels:
            return inner
        parts = module.split(".")
        parts = parts[: len(parts) - levels + self.files[module].endswith("__init__.py")]
        return ".".join([*parts, inner] if inner else parts)


@contextmanager
def opened(wheel_file: Path, modules: Iterable[str]) -> Iterator[SourceFiles]:
    """Give the sources of these modules; those without a source in the wheel are left out."""
    with zipfile.ZipFile(wheel_file) as archive:
        members, files = frozenset(archive.namelist()), {}
        for module in modules:
            path = module.replace(".", "/")
            file = next((name for name in (f"{path}/__init__.py", f"{path}.py") if name in members), "")
            if file:
                files[module] = file
        yield SourceFiles(texts=_Texts(archive, files), files=files)


class _Texts(Mapping[str, str]):
    """The texts of modules, each of which is read once."""

    def __init__(self, archive: zipfile.ZipFile, files: Mapping[str, str]) -> None:
        self._archive, self._files = archive, files
        self._read: dict[str, str] = {}

    def __getitem__(self, module: str) -> str:
        if module not in self._read:
            self._read[module] = _text(self._archive, self._files[module])
        return self._read[module]

    def __contains__(self, module: object) -> bool:
        return module in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _text(archive: zipfile.ZipFile, file: str) -> str:
    """Return a source; nothing when it cannot be unpacked, or is too long for a source."""
    if archive.getinfo(file).file_size > _LONGEST_BYTES:
        return ""
    try:
        return archive.read(file).decode("utf-8", "replace")
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error):
        return ""
