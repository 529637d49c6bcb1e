"""The block ``contents`` of a baseline: what the accepted release held, one name a line."""

from __future__ import annotations

from collections.abc import Mapping

from tox_prodsim.timing.baseline.contents import Contents
from tox_prodsim.timing.baseline.json_reader import Reader
from tox_prodsim.timing.baseline.json_writer import as_block, as_line

_INDENT = " " * 4
_MOST_DESCRIPTORS, _MOST_FILES = 10**6, 10**7
_NAMES = ("data", "entry_points", "extensions", "imported")


def text(contents: Contents) -> str:
    """Return the canonical text; modules that were imported are not named a second time."""
    lists = {name: getattr(contents, name) for name in _NAMES}
    lists["not_imported"] = contents.modules - contents.imported
    blocks = {name: as_block("[]", map(as_line, sorted(items)), indent=_INDENT) for name, items in lists.items()}
    blocks |= {"created": as_line(contents.created), "version": as_line(contents.version)}
    for name in ("folders", "packages"):
        if numbers := getattr(contents, name):
            blocks[name] = _block(numbers)
    if contents.failed:
        blocks["failed"] = _block(contents.failed)
    if contents.notes:
        blocks["notes"] = as_block("[]", map(as_line, sorted(contents.notes)), indent=_INDENT)
    if contents.descriptors is not None:
        blocks["descriptors"] = as_line(contents.descriptors)
    return as_block("{}", (f"{as_line(name)}: {block}" for name, block in sorted(blocks.items())))


def read(block: Reader) -> Contents:
    """Return the contents in a decoded block; raises ProdsimError, which names the field, when one is wrong."""
    names = {name: frozenset(block.texts(name)) for name in _NAMES}
    return Contents(
        version=block.version("version"),
        created=block.date("created"),
        modules=names["imported"] | frozenset(block.texts("not_imported")),
        packages=_counted(block, "packages"),
        folders=_counted(block, "folders"),
        failed=_reasons(block),
        notes=frozenset(block.texts("notes")) if "notes" in block.content else frozenset(),
        descriptors=block.whole("descriptors", _MOST_DESCRIPTORS) if "descriptors" in block.content else None,
        **names,
    )


def _block(values: Mapping[str, int] | Mapping[str, str]) -> str:
    rows = (f"{as_line(name)}: {as_line(value)}" for name, value in sorted(values.items()))
    return as_block("{}", rows, indent=_INDENT)


def _counted(block: Reader, name: str) -> dict[str, int]:
    if name not in block.content:
        return {}
    numbers = block.nested(name)
    return {pattern: numbers.whole(pattern, _MOST_FILES) for pattern in numbers.content}


def _reasons(block: Reader) -> dict[str, str]:
    if "failed" not in block.content:
        return {}
    failed = block.nested("failed")
    return {module: failed.take(module, str) for module in failed.content}
