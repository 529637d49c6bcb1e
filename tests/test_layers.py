"""The layers of the code: who may import whom, read from the source, imports in functions and for typing included."""

from __future__ import annotations

import ast
import graphlib
import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import tox_prodsim

LAYERS = {
    "shell": (
        "plugin",
        "cli",
        "commands",
        "sidebyside",
        "toxenv",
        "bench",
        "workshop",
        "installer",
        "reporting",
        "packing",
        "executor",
        "origin",
        "undertest",
        "means",
        "keys",
        "signals",
        "workdir",
    ),
    "command": ("__main__", "supervise"),
    "order": (
        "run",
        "checking",
        "tally",
        "simulating",
        "comparing",
        "remembering",
        "confirming",
        "limits",
        "explaining",
        "deployment",
        "output",
        "leftovers",
        "endings",
        "hosting",
        "sourcing",
        "unbuilt",
    ),
    "effects": (
        "artifact",
        "audit",
        "building",
        "installed",
        "leaks",
        "resolving",
        "spool",
        "supervision",
        "timing",
        "tree",
    ),
    "reporters": ("reporters",),
    "values": (
        "catalogue",
        "contents",
        "scenario",
        "auditors",
        "readiness",
        "words",
        "phrases",
        "events",
        "findings",
        "leakage",
        "conditions",
        "isolation",
        "running",
        "errors",
    ),
    "children": ("_child",),
}
"""Top down, and so is every row: an import goes to a lower layer or further down its own row, with these exceptions."""
ALONE = {"effects"}
"""Layers whose modules do not import one another."""
ONLY = {
    "plugin": {"cli", "keys", "signals", "toxenv"},
    "cli": {"commands"},
    "supervise": {"supervision", "errors"},
    "reporters": {"events", "findings"},
}
"""Modules that import these of ours and no others."""
UNSEEN = {"_child"}
"""Scripts that are started by their path, and imported by nobody."""
GUARD = {
    "guard": {"warden", "enclosures", "processes", "messages", "kernel"},
    "warden": {"command", "enclosures", "description", "processes", "messages", "stopwatch"},
    "command": {"enclosures", "processes", "messages", "kernel"},
    "enclosures": {"cgroups", "namespaces"},
    "namespaces": {"processes", "kernel"},
    "description": {"processes"},
}
"""What the scripts of the guard import of each other; they alone are started with their folder on the path."""
PROBE = {"probe": {"effects"}}
"""What the probe takes from beside it: its folder is on the path for that moment only."""
FOREIGN = {"shell": {"tox"}, "effects": {"build", "elftools", "filelock", "packaging", "psutil", "virtualenv"}}
"""What a layer imports that is neither ours nor of the standard library: nothing, unless it is named here."""

PACKAGE = Path(tox_prodsim.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}
"""All modules, by their names below the package."""


def imported(source: str) -> Iterator[str]:
    """Yield the full name of everything that is imported anywhere in a source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str:
    """Return the module of ours that a full name is, or is in."""
    inside = name.removeprefix("tox_prodsim.")
    return inside if inside in SOURCES or "." not in inside else module_of(inside.rpartition(".")[0])


def ours(source: str) -> set[str]:
    """Return the modules of ours that a source imports."""
    return {module_of(name) for name in imported(source) if name.startswith("tox_prodsim.")}


def unit(module: str) -> str:
    """Return what the table names: a module, or the package that it is in."""
    return module.partition(".")[0]


def layer_of(module: str) -> str:
    return next((layer for layer, row in LAYERS.items() if unit(module) in row), f"no layer has {unit(module)}")


def may(importer: str, other: str) -> bool:
    """Return whether the table lets a unit import another one."""
    mine, its = layer_of(importer), layer_of(other)
    if other in UNSEEN or other not in ONLY.get(importer, {other}) | {importer}:
        return False
    if importer == other:
        return True
    if mine == its:
        return mine not in ALONE and LAYERS[mine].index(importer) < LAYERS[mine].index(other)
    return list(LAYERS).index(mine) < list(LAYERS).index(its)


def wrong(sources: Mapping[str, str]) -> list[str]:
    """Return every import against the table."""
    return [
        f"{module} imports {other}"
        for module, source in sources.items()
        for other in sorted(ours(source))
        if not may(unit(module), unit(other))
    ]


def foreign(module: str, source: str) -> set[str]:
    """Return what a module imports against the table that is not ours: third parties, and relative imports."""
    tops = {name.partition(".")[0] for name in imported(source)}
    siblings = {**GUARD, **PROBE}.get(module.removeprefix("_child."), set())
    return tops - {"tox_prodsim"} - siblings - set(sys.stdlib_module_names) - FOREIGN.get(layer_of(module), set())


def test_every_module_has_its_place_in_the_table_and_the_table_has_no_other() -> None:
    assert {unit(module) for module in SOURCES} == {name for row in LAYERS.values() for name in row}


def test_imports_point_down() -> None:
    assert wrong(SOURCES) == []


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_imports_no_third_party_but_those_of_its_layer(module: str) -> None:
    assert foreign(module, SOURCES[module]) == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: ours(source) - {module} for module, source in SOURCES.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(SOURCES)


def test_the_scripts_of_the_guard_import_only_downwards_what_is_there() -> None:
    order = list(graphlib.TopologicalSorter(GUARD).static_order())
    assert order[-1] == "guard"
    assert {f"_child.{name}" for name in order} <= set(SOURCES)


@pytest.mark.parametrize(
    "package",
    ["artifact", "audit", "catalogue", "deployment", "installed", "leaks", "resolving", "supervision", "timing"],
)
def test_what_others_use_of_a_package_is_named_in_its_init(package: str) -> None:
    whole = f"tox_prodsim.{package}"
    named = {whole, *(f"{whole}.{name}" for name in importlib.import_module(whole).__all__)}
    outside = {module: imported(source) for module, source in SOURCES.items() if unit(module) != package}
    used = ((module, name) for module, names in outside.items() for name in names if f"{name}.".startswith(f"{whole}."))
    assert [f"{module} imports {name}" for module, name in used if name not in named] == []


def test_the_hooks_import_nothing_but_the_hook_marker_until_they_are_called() -> None:
    at_import = [node for node in ast.parse(SOURCES["plugin"]).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = imported(ast.unparse(ast.Module(body=list(at_import), type_ignores=[])))
    assert {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names} == {"tox.plugin.impl"}


# the rules themselves: each refuses what it is there for


@pytest.mark.parametrize(
    ("importer", "line"),
    [
        pytest.param("findings", "from tox_prodsim.events import Event", id="a value, a value above it"),
        pytest.param("events", "from tox_prodsim import run", id="a value, the order of things"),
        pytest.param("artifact", "from tox_prodsim import supervision", id="an effect, another one"),
        pytest.param("installed.look", "import tox_prodsim.artifact", id="an effect that is a package, another one"),
        pytest.param("deployment", "from tox_prodsim.run import run", id="against the order"),
        pytest.param("run", "from tox_prodsim import keys", id="the order of things, the shell"),
        pytest.param("reporters.log", "from tox_prodsim import words", id="a reporter, a value that it need not know"),
        pytest.param("plugin", "from tox_prodsim import bench", id="the hooks, more than they need"),
        pytest.param("supervision.supervisor", "from tox_prodsim._child import guard", id="a script as a module"),
        pytest.param("_child.guard", "from tox_prodsim import errors", id="a script, something of ours"),
        pytest.param("building", "def f():\n    from tox_prodsim import run", id="in a function"),
        pytest.param("building", "if TYPE_CHECKING:\n    from tox_prodsim import run", id="for typing"),
    ],
)
def test_an_arrow_that_points_up_or_aside_is_seen(importer: str, line: str) -> None:
    assert wrong({importer: line}) == [f"{importer} imports {next(iter(ours(line)))}"]


def test_arrows_that_point_down_are_allowed() -> None:
    sources = {
        "run": "from tox_prodsim import deployment, supervision, errors",
        "reporters.terminal": "from tox_prodsim.reporters.lines import Lines\nfrom tox_prodsim.events import Event",
        "timing.measure": "from tox_prodsim.timing.stats import StoredRatio",
    }
    assert wrong(sources) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("run", "from tox.report import HandledError", id="tox below the shell"),
        pytest.param("findings", "import psutil", id="a value, a library"),
        pytest.param("_child.probe", "def f():\n    import packaging", id="a script, a library"),
        pytest.param("_child.probe", "import processes", id="a script of the env's Python, one of the guard's"),
        pytest.param("_child.processes", "import warden", id="a script of the guard, one above it"),
        pytest.param("endings", "from .findings import Finding", id="a relative import"),
    ],
)
def test_a_third_party_in_the_wrong_layer_is_seen(module: str, line: str) -> None:
    assert len(foreign(module, line)) == 1
