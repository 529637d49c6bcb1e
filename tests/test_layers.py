"""The map of the code: who may import whom, read from the source. Imports in functions and for typing count as well."""

from __future__ import annotations

import ast
import functools
import graphlib
import importlib
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import tox_prodsim

_CHECKS = "checks.artifact checks.audit checks.installed checks.resolution"
RULES = {
    # package: (the packages of ours that it imports, the distributions that it imports)
    "__main__": ("supervision", ""),
    "plugin": (f"run deployment {_CHECKS} building timing supervision report catalogue model", "tox"),
    "run": (f"deployment {_CHECKS} building timing model", ""),
    "deployment": ("supervision model", ""),
    "checks.artifact": ("model", "packaging elftools docutils trove_classifiers"),
    "checks.audit": ("model", "filelock"),
    "checks.installed": ("model", "packaging"),
    "checks.resolution": ("model", "packaging virtualenv"),
    "building": ("model", "build packaging pyproject_hooks virtualenv"),
    "timing": ("model", "packaging"),
    "supervision": ("model", "psutil"),
    "report": ("model", ""),
    "catalogue": ("model", ""),
    "model": ("", ""),
    "_child": ("", ""),
}
"""The whole map, top down: a package imports itself and what its row names. ``checks`` itself only holds its four."""
MOST_ENTRIES = 14
"""Files and folders at the root of the package."""
SCRIPTS = {
    "guards": {"guard", "messages", "kernel"},
    "guard": {"warden", "watched", "containments", "description", "processes", "messages", "kernel"},
    "warden": {"command", "containments", "description", "ending", "messages", "stopwatch", "tree"},
    "command": {"containments", "namespaces", "processes", "messages", "kernel"},
    "containments": {"cgroups", "namespaces"},
    "ending": {"processes"},
    "messages": {"kernel"},
    "tree": {"processes"},
    "watched": {"processes"},
    "namespaces": {"processes", "kernel"},
    "description": {"processes"},
    "probe": {"batch", "effects", "owners"},
}
"""What the scripts in ``_child`` import of each other by bare names, as they do when they run."""

PACKAGE = Path(tox_prodsim.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}
"""All modules, by their names below the package."""
PACKAGES = {name for name in SOURCES if (PACKAGE / name.replace(".", "/") / "__init__.py").is_file()}


@functools.cache
def imported(source: str) -> tuple[str, ...]:
    """Return the full name of everything that is imported anywhere in a source."""
    return tuple(_imported(source))


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def ours(source: str) -> Iterator[str]:
    """Yield what a source imports of ours, by the names below the package."""
    return (name.removeprefix("tox_prodsim.") for name in imported(source) if name.startswith("tox_prodsim."))


def module_of(name: str) -> str:
    """Return the module that a name is, or is in."""
    return name if name in SOURCES or "." not in name else module_of(name.rpartition(".")[0])


def row_of(module: str) -> str:
    """Return the row of a module."""
    two = ".".join(module.split(".")[:2])
    return two if two in RULES else module.partition(".")[0]


def wrong(sources: Mapping[str, str]) -> list[str]:
    """Return every import of ours that the rules do not allow."""
    found = ((row_of(module), module_of(name)) for module, source in sources.items() for name in ours(source))
    return sorted(
        f"{row} imports {other}" for row, other in found if row_of(other) not in {row, *RULES[row][0].split()}
    )


def foreign(module: str, source: str) -> set[str]:
    """Return the third parties, and the relative imports, that the rules do not allow a module."""
    siblings = SCRIPTS.get(module.removeprefix("_child."), set()) if row_of(module) == "_child" else set()
    tops = {name.partition(".")[0] for name in imported(source)}
    return tops - {"tox_prodsim"} - siblings - set(sys.stdlib_module_names) - set(RULES[row_of(module)][1].split())


def unnamed(module: str, name: str) -> bool:
    """Return whether a module imports from a package, from outside, what its ``__all__`` does not name."""
    parts = name.split(".")
    crossed = (at for at in range(1, len(parts)) if ".".join(parts[:at]) in PACKAGES)
    outside = (at for at in crossed if not f"{module}.".startswith(f"{'.'.join(parts[:at])}."))
    return any(
        parts[at] not in importlib.import_module(f"tox_prodsim.{'.'.join(parts[:at])}").__all__ for at in outside
    )


def public_classes(source: str) -> Iterator[str]:
    """Yield the names of the public classes at the top of a module."""
    body = ast.parse(source).body
    return (node.name for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))


def test_the_root_is_small_and_every_package_has_its_row() -> None:
    entries = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert len(entries) <= MOST_ENTRIES
    assert {row_of(module) for module in SOURCES} - {"checks"} == set(RULES)


def test_imports_follow_the_rules() -> None:
    assert wrong({module: source for module, source in SOURCES.items() if module != "checks"}) == []


def test_third_parties_are_imported_only_where_the_rules_name_them() -> None:
    found = {module: foreign(module, source) for module, source in SOURCES.items() if module != "checks"}
    assert {module: names for module, names in found.items() if names} == {}


def test_the_rules_name_nothing_in_vain() -> None:
    used = {(row_of(module), row_of(module_of(name))) for module in SOURCES for name in ours(SOURCES[module])}
    tops = {(row_of(module), name.partition(".")[0]) for module in SOURCES for name in imported(SOURCES[module])}
    named = {(row, other) for row, (others, _) in RULES.items() for other in others.split()}
    parties = {(row, other) for row, (_, others) in RULES.items() for other in others.split()}
    assert (sorted(named - used), sorted(parties - tops)) == ([], [])


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: {module_of(name) for name in ours(source)} - {module} for module, source in SOURCES.items()}
    packages: dict[str, set[str]] = {}
    for module, others in graph.items():
        packages.setdefault(row_of(module), set()).update({row_of(other) for other in others} - {row_of(module)})
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(SOURCES)
    assert list(graphlib.TopologicalSorter(packages).static_order())


def test_the_scripts_import_only_each_other_and_only_downwards() -> None:
    order = [f"_child.{name}" for name in graphlib.TopologicalSorter(SCRIPTS).static_order()]
    assert set(order) <= set(SOURCES)
    assert [name for module, source in SOURCES.items() for name in ours(source) if name.startswith("_child")] == []


def test_from_outside_only_what_a_package_names_is_used() -> None:
    used = ((module, name) for module, source in SOURCES.items() for name in ours(source))
    assert [f"{module} imports {name}" for module, name in used if unnamed(module, name)] == []


def test_no_two_public_classes_have_the_same_name() -> None:
    counted = Counter(name for source in SOURCES.values() for name in public_classes(source))
    assert [name for name, times in counted.items() if times > 1] == []


def test_the_hooks_import_nothing_but_the_hook_marker_until_they_are_called() -> None:
    for module in ("plugin", "plugin.hooks"):
        top = [node for node in ast.parse(SOURCES[module]).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {name for node in top for name in imported(ast.unparse(node))}
        others = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
        assert {name for name in others if not name.startswith("tox_prodsim.plugin.hooks.")} <= {"tox.plugin.impl"}


# the rules themselves: each refuses what it is there for


@pytest.mark.parametrize(
    ("importer", "line", "other"),
    [
        pytest.param("model.findings", "from tox_prodsim.run import run", "run", id="a value, the order of things"),
        pytest.param(
            "checks.artifact.wheel", "from tox_prodsim import supervision", "supervision", id="a wing, another"
        ),
        pytest.param(
            "checks.installed.probe", "import tox_prodsim.checks.artifact", "checks.artifact", id="checks, other checks"
        ),
        pytest.param("deployment.deploy", "from tox_prodsim.run import run", "run", id="a deployment, the run"),
        pytest.param("run.run", "from tox_prodsim import plugin", "plugin", id="the run, the plugin"),
        pytest.param("report.text", "from tox_prodsim import timing", "timing", id="a format, more than values"),
        pytest.param(
            "supervision.process", "from tox_prodsim._child import guard", "_child", id="a script as a module"
        ),
        pytest.param("_child.guard", "from tox_prodsim.model import errors", "model", id="a script, something of ours"),
        pytest.param("building.frontend", "def f():\n    from tox_prodsim import run", "run", id="in a function"),
        pytest.param("timing.stats", "if TYPE_CHECKING:\n    from tox_prodsim import run", "run", id="for typing"),
    ],
)
def test_an_import_against_the_rules_is_seen(importer: str, line: str, other: str) -> None:
    assert [re.sub(r"^(\S+ imports (?:checks\.)?\w+).*", r"\1", each) for each in wrong({importer: line})] == [
        f"{row_of(importer)} imports {other}"
    ]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("run.run", "from tox.report import HandledError", id="tox below the plugin"),
        pytest.param("model.findings", "import psutil", id="a value, a library"),
        pytest.param("_child.probe", "def f():\n    import packaging", id="a script, a library"),
        pytest.param("_child.probe", "import processes", id="a script of the environment, one of the guard's"),
        pytest.param("_child.processes", "import warden", id="a script of the guard, one above it"),
        pytest.param("deployment.findings", "from .deploy import Deployment", id="a relative import"),
    ],
)
def test_a_third_party_in_the_wrong_package_is_seen(module: str, line: str) -> None:
    assert len(foreign(module, line)) == 1
