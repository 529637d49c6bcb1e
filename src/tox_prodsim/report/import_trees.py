"""An import tree as nodes with their totals, for the formats that draw it."""

from __future__ import annotations

from collections.abc import Sequence

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.events import ImportedModule


@dataclass(kw_only=True, slots=True)
class Node:
    """A module with what its body imported first."""

    module: ImportedModule
    children: list[Node] = field(default_factory=list)
    total: int = 0
    """The work of the module and of all below it."""


def roots_of(modules: Sequence[ImportedModule]) -> list[Node]:
    """Return the imports that were timed; a module whose importer is not there, or imports itself, is one as well."""
    nodes: dict[str, Node] = {}
    roots: list[Node] = []
    order: list[tuple[Node, Node | None]] = []
    for module in modules:
        node = Node(module=module, total=max(module.own, 0))
        parent = nodes.get(module.importer)
        (parent.children if parent is not None else roots).append(node)
        nodes.setdefault(module.name, node)
        order.append((node, parent))
    for node, parent in reversed(order):
        if parent is not None:
            parent.total += node.total
    return roots
