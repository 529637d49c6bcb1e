"""Whole lines of a report: colored pieces, wrapped text beside them, a tail at the right edge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tox_prodsim.model.printable import Printable, wrap

Piece = tuple[str, str]
"""A piece of a line and the name of its color; empty: no color."""

NOTHING: Piece = ("", "")
_COLORS = {"red": "\x1b[31m", "yellow": "\x1b[33m", "green": "\x1b[32m", "dim": "\x1b[2m"}
_RESET = "\x1b[0m"


class LineWriter:
    """Writes one line a call, with its line end; all text goes through ``clean`` before colors are added."""

    def __init__(self, write: Callable[[str], None], *, color: bool, encoding: str | None, width: int) -> None:
        self._write = write
        self._color = color
        self._width = width
        self.clean = Printable(encoding)

    def row(self, head: Sequence[Piece], text: str = "", *, tail: Piece = NOTHING, hanging: int | None = None) -> None:
        """Write the head and, wrapped beside it, the text; the tail is at the right edge of the first line.

        ``hanging`` is the indent of further lines; None: the width of the head.
        """
        head = [(self.clean(piece), color) for piece, color in head]
        tail_text = self.clean(tail[0])
        start = sum(len(piece) for piece, _ in head)
        first, *more = wrap(self.clean(text), self._width - start - (len(tail_text) + 2 if tail_text else 0))
        gap = max(self._width - start - len(first) - len(tail_text), 2) if tail_text else 0
        self._put([*head, (first, ""), (" " * gap, ""), (tail_text, tail[1])])
        for line in more:
            self._put([(" " * (start if hanging is None else hanging) + line, "")])

    def quote(self, head: Piece, text: str, *, limit: int) -> None:
        """Write one line of foreign output; only dangerous characters and excess length are replaced."""
        self._put([head, (self.clean(text, limit=limit), "")])

    def _put(self, pieces: Sequence[Piece]) -> None:
        if self._color:
            pieces = [(f"{_COLORS[color]}{text}{_RESET}" if color and text else text, "") for text, color in pieces]
        line = "".join(text for text, _ in pieces).rstrip()
        if line.lstrip().startswith("::"):
            line = line.replace("::", "\\::", 1)  # GitHub obeys ::command:: at the start of a line, blanks or not
        self._write(line + "\n")
