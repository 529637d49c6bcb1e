"""architecture.md names files and functions: all of them exist, and its table of packages is that of the rules."""

from __future__ import annotations

import re
from pathlib import Path

from test_layers import PACKAGE, RULES

DOCUMENT = (Path(__file__).parents[1] / "docs" / "contributing" / "architecture.md").read_text("utf-8")
FILES = re.findall(r"`((?:_?[a-z]+/)+(?:\w+\.(?:py|json|md))?)`", DOCUMENT)


def test_every_file_that_is_named_exists() -> None:
    root = Path(__file__).parents[1]
    assert len(FILES) > 50
    assert [name for name in FILES if not ((PACKAGE / name).exists() or (root / name).exists())] == []


def test_every_function_that_is_named_behind_a_file_is_in_it() -> None:
    named = re.findall(r"`((?:_?[a-z]+/)+\w+\.py)`, `(\w+)`", DOCUMENT)
    assert len(named) > 5
    assert [
        f"{name}: {function}"
        for name, function in named
        if f"def {function}(" not in (PACKAGE / name).read_text("utf-8")
    ] == []


def test_the_table_of_packages_is_that_of_the_rules() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", DOCUMENT, re.MULTILINE)
    packages = {name.partition(".")[0] for name in RULES} - {"__main__"}
    assert {name for name, _ in rows} == packages
    for name, imports in rows:
        if name not in {"plugin", "run"}:
            own = {other for row in RULES if row.partition(".")[0] == name for other in RULES[row][0].split()}
            assert set(re.findall(r"`(\w+)`", imports)) == own
