"""The section about imports: what they load, as two icicles on one scale, and what has changed as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.events import ImportTree
from tox_prodsim.model.formatting import counted, joined
from tox_prodsim.report.html.charts import Chart, Item
from tox_prodsim.report.html.markup import Content, Markup, columns, folded, table, tag
from tox_prodsim.report.html.modules import ShownModule, ShownTree, limited, shown

_DEEPEST = 40
_LEAST_WIDTH = 0.0008
"""A module that is narrower is in the table only."""
_NOISE, _NOISE_SHARE = 400, 0.01
"""Own work of a module has changed beyond both: other paths of files change up to this."""
_MOST_CHANGES = 40
_SIGNS = {"new": "+ ", "gone": "\N{MINUS SIGN} ", "more": "\N{BLACK UP-POINTING TRIANGLE} ", "less": "\u25bc "}
_WORDS = {"new": "new", "gone": "no longer imported", "more": "more work", "less": "less work", "plain": "unchanged"}


@dataclass(kw_only=True, slots=True)
class _Node:
    """A module with its place in the tree and in the picture."""

    module: ShownModule
    level: int = 1
    total: int = 0
    """Its work with that of all below it."""
    begin: int = 0
    children: list[_Node] = field(default_factory=list)


def section(imports: ImportTree) -> Iterator[Markup]:
    """Yield the pictures and the tables."""
    tree_now, tree_then = limited([shown(imports.now), shown(imports.before)])
    now, then = _nodes(tree_now), _nodes(tree_then)
    marks = _Marks(tree_now, tree_then)
    whole = max(_total(now), _total(then), 1)
    yield tag("p", _summary(imports.unit, now, then))
    if len(now) < sum(each.module.modules for each in now.values()):
        yield tag("p", f"The {len(now)} that do most work are shown; smaller ones count for their importer.")
    if imports.left_out:
        yield tag("p", f"{counted(imports.left_out, 'module')} left out.")
    if then:
        yield tag("p", "Before: the baseline", class_="over")
        yield _chart("Imports before: the baseline", then, whole, marks, imports.unit)
        yield tag("p", "Now: this wheel", class_="over")
    yield _chart("Imports now: this wheel", now, whole, marks, imports.unit)
    if then:
        yield from _changes(now, then, marks, imports.unit)
    yield folded(f"All modules ({len(now)} rows)", _modules(now, marks, whole, imports.unit))


def _summary(unit: str, now: Mapping[str, _Node], then: Mapping[str, _Node]) -> str:
    count = sum(each.module.modules for each in now.values())
    here = f"{counted(count, 'module')}, {_total(now):,} {unit}"
    what = "A bar is a module with all that it imports; its width is the work. Native code and waiting are not in it."
    if not then:
        return f"{here}. The baseline has no imports to compare with. {what}"
    if _total(now) == _total(then):
        return f"{here}, as at the baseline. {what}"
    change = _total(now) / max(_total(then), 1) - 1
    return f"{here}; {change:+.1%} against the baseline ({_total(then):,}). {what}".replace("%", " %")


class _Marks:
    """Knows which modules have changed."""

    def __init__(self, now: ShownTree, then: ShownTree) -> None:
        self._now = {each.name: each for each in now}
        self._then = {each.name: each for each in then}

    def kind(self, name: str) -> str:
        """Return how a module has changed, ``plain`` if it has not."""
        now, then = self._now.get(name), self._then.get(name)
        if not self._then or (now is None and then is None):
            return "plain"
        if now is None or then is None:
            return "new" if then is None else "gone"
        change = now.work - then.work
        if abs(change) <= max(_NOISE, _NOISE_SHARE * then.work):
            return "plain"
        return "more" if change > 0 else "less"

    def legend(self) -> Iterator[Markup]:
        """Yield what the signs mean."""
        meanings = (tag("li", f"{_SIGNS[kind]}{_WORDS[kind]}", class_=f"key {kind}") for kind in _SIGNS)
        yield tag("ul", meanings, class_="legend")


def _nodes(modules: Sequence[ShownModule]) -> dict[str, _Node]:
    """Return the nodes by name, in the order of a walk; what hangs in a circle hangs at the root."""
    nodes = {each.name: _Node(module=each) for each in modules}
    roots: list[_Node] = []
    for node in nodes.values():
        above = nodes.get(node.module.importer)
        (roots if above is None or above is node else above.children).append(node)
    placed: dict[str, _Node] = {}
    at = 0
    for node in [*roots, *nodes.values()]:
        if node.module.name not in placed:
            at = _place(node, at, placed)
    return placed


def _place(root: _Node, begin: int, placed: dict[str, _Node]) -> int:
    """Give a node and all below it their levels, totals and begins; return where it ends."""
    order, waiting = list[_Node](), [root]
    while waiting:
        node = waiting.pop()
        if node.module.name in placed:
            continue
        placed[node.module.name] = node
        order.append(node)
        node.children = [each for each in node.children if each.module.name not in placed]
        for child in node.children:
            child.level = node.level + 1
        waiting += reversed(node.children)
    for node in reversed(order):
        node.total = max(node.module.work, 0) + sum(each.total for each in node.children)
    root.begin = begin
    for node in order:
        at = node.begin
        for child in node.children:
            child.begin = at
            at += child.total
    return begin + root.total


def _total(nodes: Mapping[str, _Node]) -> int:
    return max((node.begin + node.total for node in nodes.values()), default=0)


def _chart(title: str, nodes: Mapping[str, _Node], whole: int, marks: _Marks, unit: str) -> Markup:
    shown = [each for each in nodes.values() if each.level <= _DEEPEST and each.total / whole >= _LEAST_WIDTH]
    items = [_item(each, whole, marks.kind(each.module.name), unit) for each in shown]
    return Chart(title=title, items=items, role="tree", rows=max((each.level for each in shown), default=1)).draw()


def _item(node: _Node, whole: int, kind: str, unit: str) -> Item:
    module = node.module
    more = f" and {counted(module.modules - 1, 'smaller module')}" if module.modules > 1 else ""
    importer = f", imported by {module.importer}" if module.importer else ""
    share = f"{100 * node.total / whole:.1f} %"
    changed = "" if kind == "plain" else f", {_WORDS[kind]}"
    return Item(
        label=f"{_SIGNS.get(kind, '')}{module.name}",
        name=f"{module.name}{more}: {node.total:,} {unit} ({share}), {module.work:,} of its own{changed}{importer}",
        begin=node.begin / whole,
        end=(node.begin + node.total) / whole,
        row=node.level - 1,
        kind=kind,
        level=node.level,
    )


def _changes(now: Mapping[str, _Node], then: Mapping[str, _Node], marks: _Marks, unit: str) -> Iterator[Markup]:
    """Yield the changes; of modules that are new, or gone, with their importer, only that one is named."""
    rows = sorted(_changed(now, then, marks), key=lambda each: -abs(each.change))
    if not rows:
        yield tag("p", "No module has changed.")
        return
    yield from marks.legend()
    heads = columns(
        "module", "change", "before", "now", unit, "imported by", numbers=(2, 3, 4), short=(1,), repeated=(5,)
    )
    yield table(f"What has changed, in {unit}", heads, [each.cells() for each in rows[:_MOST_CHANGES]])
    if left := len(rows) - len(rows[:_MOST_CHANGES]):
        yield tag("p", f"{counted(left, 'smaller change')} left out.")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Changed:
    """A module that has changed, with the work before and now; None: it is not imported."""

    name: str
    kind: str
    then: int | None
    now: int | None
    importer: str

    @property
    def change(self) -> int:
        """Return how much more work it is."""
        return (self.now or 0) - (self.then or 0)

    def cells(self) -> list[Content]:
        """Return the row of the table."""
        work = ("" if each is None else f"{each:,}" for each in (self.then, self.now))
        return [self.name, _WORDS[self.kind], *work, f"{self.change:+,}", self.importer]


def _changed(now: Mapping[str, _Node], then: Mapping[str, _Node], marks: _Marks) -> Iterator[_Changed]:
    for name in dict.fromkeys([*now, *then]):
        node, kind = now.get(name) or then[name], marks.kind(name)
        importer = node.module.importer
        if kind in {"new", "gone"} and marks.kind(importer) != kind:
            count = _modules_below(node)
            named = f"{name} ({counted(count, 'module')})" if count > 1 else name
            old, new = (None, node.total) if kind == "new" else (node.total, None)
            importer = joined((importer, f"at {node.module.at}" if node.module.at else ""), " ")
            yield _Changed(name=named, kind=kind, then=old, now=new, importer=importer)
        elif kind in {"more", "less"}:
            old, new = then[name].module.work, now[name].module.work
            yield _Changed(name=name, kind=kind, then=old, now=new, importer=importer)


def _modules_below(node: _Node) -> int:
    count, waiting = 0, [node]
    while waiting:
        each = waiting.pop()
        count += each.module.modules
        waiting += each.children
    return count


def _modules(nodes: Mapping[str, _Node], marks: _Marks, whole: int, unit: str) -> Markup:
    rows = [
        [
            f"{'. ' * (node.level - 1)}{name}",
            f"{node.total:,}",
            f"{node.module.work:,}",
            f"{100 * node.total / whole:.1f}",
            _WORDS[marks.kind(name)] if marks.kind(name) != "plain" else "",
        ]
        for name, node in nodes.items()
    ]
    heads = columns("module", unit, "its own", "%", "change", numbers=(1, 2, 3))
    return table("All modules, below their importer", heads, rows, hidden=True)
