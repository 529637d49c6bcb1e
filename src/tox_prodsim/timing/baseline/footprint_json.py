"""The block ``footprint`` of a baseline: what the accepted release takes besides time, one quantity or file a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tox_prodsim.model.footprint import Quantity
from tox_prodsim.timing.baseline.json_reader import Reader, is_distribution, unusable
from tox_prodsim.timing.baseline.json_writer import as_block, as_line
from tox_prodsim.timing.footprint import HISTORY, Footprint, Weighed

_INDENT = " " * 4
_NUMBERS = {"wheel": "wheel_files", "installed": "distributions", "files": "files"}
"""The parts that are numbers of bytes by name, and the fields that they are."""


def text(footprint: Footprint) -> str:
    """Return the canonical text."""
    quantities = {str(quantity): as_line(_fields(found)) for quantity, found in footprint.quantities.items()}
    blocks = {"quantities": _rows(quantities)}
    for name, attribute in _NUMBERS.items():
        blocks[name] = _rows({each: as_line(size) for each, size in getattr(footprint, attribute).items()})
    return as_block("{}", (f"{as_line(name)}: {block}" for name, block in sorted(blocks.items())))


def read(block: Reader) -> Footprint:
    """Return the footprint in a decoded block; raises ProdsimError, which names the field, when one is wrong."""
    quantities = block.nested("quantities")
    numbers = {attribute: _sizes(block, name) for name, attribute in _NUMBERS.items()}
    for each in numbers["distributions"]:
        if not is_distribution(each):
            raise unusable(block.path, f"footprint.installed has {each!r:.60}, not a distribution such as click==8.4.2")
    return Footprint(
        quantities={_quantity(block, name): _weighed(quantities.nested(name)) for name in quantities.content},
        **numbers,
    )


def _rows(lines: Mapping[str, str]) -> str:
    return as_block("{}", (f"{as_line(name)}: {line}" for name, line in sorted(lines.items())), indent=_INDENT)


def _fields(found: Weighed) -> dict[str, Any]:
    fields: dict[str, Any] = {"value": found.value, "history": found.history}
    if found.parts:
        fields["parts"] = dict(found.parts)
    return fields | ({"source": found.source} if found.source else {})


def _quantity(block: Reader, name: str) -> Quantity:
    try:
        return Quantity.parse(name)
    except ValueError as problem:
        raise unusable(block.path, f"footprint.quantities: {problem}") from None


def _weighed(block: Reader) -> Weighed:
    return Weighed(
        value=block.whole("value"),
        history=block.counts("history")[-HISTORY:],
        parts=_sizes(block, "parts") if "parts" in block.content else {},
        source=block.take("source", str) if "source" in block.content else "",
    )


def _sizes(block: Reader, name: str) -> dict[str, int]:
    numbers = block.nested(name)
    return {each: numbers.whole(each) for each in numbers.content}
