"""The import tree of a run: all timed imports now, and what the baseline remembers of them."""

from __future__ import annotations

from dataclasses import replace

from support.baselines import ACME

from tox_prodsim.model.events import ImportedModule
from tox_prodsim.timing.explanation import ImportRecordings, import_tree
from tox_prodsim.timing.recording import Module, Recording, SourceLocation
from tox_prodsim.timing.work import ModuleWork, Work

NOW = Recording(
    targets=("acme",),
    unit="bytecodes",
    modules=(
        Module(name="acme", importer="", own=5, origin="acme"),
        Module(name="json", importer="acme", own=3, at=SourceLocation(file="acme/__init__.py", line=7)),
    ),
)
WORK = Work(unit="bytecodes", modules=(ModuleWork(name="acme", importer="", own=4),), pyc_bytes=1)


def test_the_tree_has_what_is_loaded_now_and_at_the_baseline() -> None:
    tree = import_tree(ImportRecordings(imports={"acme": NOW}, missing={}), replace(ACME, work=WORK))
    assert tree is not None
    assert tree.unit == "bytecodes"
    assert tree.now == (
        ImportedModule(name="acme", importer="", own=5, origin="acme"),
        ImportedModule(name="json", importer="acme", own=3, at="acme/__init__.py:7"),
    )
    assert tree.before == (ImportedModule(name="acme", importer="", own=4),)


def test_what_was_counted_in_another_unit_or_not_at_all_is_not_beside_it() -> None:
    recordings = ImportRecordings(imports={"acme": NOW}, missing={})
    for stored in (None, ACME, replace(ACME, work=replace(WORK, unit="calls"))):
        tree = import_tree(recordings, stored)
        assert tree is not None
        assert tree.before == ()
    assert import_tree(ImportRecordings(imports={}, missing={"acme": "no"}), None) is None


def test_of_a_huge_tree_the_first_modules_are_kept_and_the_others_counted() -> None:
    many = tuple(Module(name=f"m{at}", importer="m0" if at else "", own=1) for at in range(6000))
    tree = import_tree(ImportRecordings(imports={"m0": replace(NOW, modules=many)}, missing={}), None)
    assert tree is not None
    assert (len(tree.now), tree.left_out, tree.now[0].name) == (5000, 1000, "m0")
