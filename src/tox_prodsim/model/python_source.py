"""Parse Python source that may be broken."""

from __future__ import annotations

import ast
import warnings

from tox_prodsim.model.errors import LimitExceededError

_SMALL_BYTES = 200_000


def parse_source(source: str | bytes) -> ast.Module | None:
    """Return the syntax tree, without warnings about the source; None when it is not valid here.

    A tree has up to 500 times the size of the source: raises LimitExceededError where memory is limited.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes in strings
        try:
            return ast.parse(source)
        except MemoryError:  # of brackets that are nested too deeply, too
            if len(source) < _SMALL_BYTES:
                return None
            msg = "its syntax tree needs more memory than it may have"
            raise LimitExceededError(msg) from None
        except (SyntaxError, ValueError, RecursionError):
            return None
