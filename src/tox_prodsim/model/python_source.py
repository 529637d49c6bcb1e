"""Parse Python source that may be broken."""

from __future__ import annotations

import ast
import warnings


def parse_source(source: str | bytes) -> ast.Module | None:
    """Return the syntax tree, without warnings about the source; None when it is not valid here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes in strings
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
