"""The lines of source that frames point at, read from files that another process names."""

from __future__ import annotations

import functools
import tokenize
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tox_prodsim.supervision.diagnosis.values import Frame

_LIMIT_BYTES = 4 << 20


class SourceLines:
    """Reads each file once, for one diagnosis: the next run may have other files of the same names."""

    def __init__(self) -> None:
        self._lines = functools.cache(_lines)

    def of(self, frames: Iterable[Frame], folder: Path | None) -> tuple[Frame, ...]:
        """Return the frames with their lines; a relative file is one of ``folder``, as of the program ``app.py``."""
        return tuple(self._of(frame, folder) for frame in frames)

    def _of(self, frame: Frame, folder: Path | None) -> Frame:
        file = Path(frame.file)
        if folder and not file.is_absolute() and (folder / file).is_file():
            file = folder / file
        lines = self._lines(file)
        source = lines[frame.line - 1].strip() if 0 < frame.line <= len(lines) else ""
        return replace(frame, file=str(file), source=source)


def _lines(file: Path) -> list[str]:
    """Return the lines of a file; of none but regular files of a sane size, which cannot make us wait."""
    with suppress(OSError, ValueError, SyntaxError):
        if file.is_file() and file.stat().st_size < _LIMIT_BYTES:
            with tokenize.open(file) as source:
                return source.read().splitlines()
    return []
