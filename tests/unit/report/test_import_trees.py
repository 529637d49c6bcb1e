"""The import tree: who imported whom, and what all of it comes to."""

from __future__ import annotations

from support.run_events import TREE

from tox_prodsim.model.events import ImportedModule
from tox_prodsim.report.import_trees import Node, roots_of


def shape(nodes: list[Node]) -> dict[str, object]:
    return {f"{node.module.name} {node.total}": shape(node.children) for node in nodes}


def test_a_module_has_the_work_of_all_below_it() -> None:
    assert shape(roots_of(TREE.now)) == {
        "acme 10000": {"json 6000": {"json.decoder 4000": {}}, "acme.report 1000": {}},
    }


def test_a_module_whose_importer_is_not_there_or_is_itself_is_a_root() -> None:
    modules = [ImportedModule(name=name, importer=importer, own=1) for name, importer in ("ba", "aa", "ab")]
    assert shape(roots_of(modules)) == {"b 2": {"a 1": {}}, "a 1": {}}


def test_thousands_of_modules_deep_do_not_end_it() -> None:
    modules = [ImportedModule(name=str(at), importer=str(at - 1) if at else "", own=1) for at in range(5000)]
    assert roots_of(modules)[0].total == 5000
