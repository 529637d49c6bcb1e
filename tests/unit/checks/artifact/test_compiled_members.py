"""What is still to be compiled, and what is imported of others."""

from __future__ import annotations

from pathlib import Path

from support.wheels import wheel

from tox_prodsim.checks.artifact import open_wheel, read_members
from tox_prodsim.checks.artifact.compiled_members import foreign_names, sources_left

FILES = {
    "acme/__init__.py": "import trio\nif x:\n    import curio\n",
    "acme/a.py": "from . import b\nfrom acme.b import c\nimport os.path, numpy.linalg as l\n",
    "acme/b.py": "match os:\n    case 1: pass\n",
    "acme/c.py": "",
    "acme/c/__init__.py": "",
    "acme/d.py": "",
    "acme/d.cpython-311-x86_64-linux-gnu.so": "",
    "acme-1.0.data/purelib/zoo.py": "import pandas\n",
    "acme-1.0.data/scripts/run.py": "",
}
MODULES = {"acme", "acme.a", "acme.b", "acme.c", "acme.d", "zoo"}


def test_what_was_compiled_and_has_nothing_newer_is_not_left(tmp_path: Path) -> None:
    ours = open_wheel(wheel(tmp_path, files=FILES))
    facts = read_members(ours, here=(3, 11))
    others = ("acme/c.py", "acme/c/__init__.py", "acme/d.py", "acme-1.0.data/scripts/run.py")
    assert sources_left(ours, facts, MODULES, same=False) == ("acme/b.py", *others)
    assert sources_left(ours, facts, MODULES, same=True) == others
    assert sources_left(ours, facts, {"acme"}, same=True) == (
        "acme/a.py",
        "acme/b.py",
        *others[:3],
        "acme-1.0.data/purelib/zoo.py",
        others[3],
    )


def test_without_the_python_of_the_environment_everything_may_be_newer(tmp_path: Path) -> None:
    ours = open_wheel(wheel(tmp_path, files={"acme/__init__.py": "", "acme/a.py": ""}))
    assert sources_left(ours, read_members(ours), MODULES, same=False) == ("acme/__init__.py", "acme/a.py")


def test_the_names_of_others_are_those_of_lines_that_are_not_indented(tmp_path: Path) -> None:
    ours = open_wheel(wheel(tmp_path, files=FILES))
    expected = {"acme/__init__.py": ("trio",), "acme/a.py": ("numpy",), "zoo.py": ("pandas",)}
    assert foreign_names(ours, None) == expected
