"""The canonical text of a baseline's values: one line each, so that a diff is a review."""

from __future__ import annotations

import json
from collections.abc import Iterable


def as_line(value: object) -> str:
    """Return a value as JSON in one line, keys sorted."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def as_block(brackets: str, lines: Iterable[str], *, indent: str = "  ") -> str:
    """Return JSON of several lines between the brackets; ``indent`` is that of the line it begins in."""
    inner = ",\n".join(f"{indent}  {line}" for line in lines)
    return f"{brackets[0]}\n{inner}\n{indent}{brackets[1]}" if inner else brackets
