"""Whether a source may have syntax that is newer than a Python."""

from __future__ import annotations

import ast
import sys

import pytest

from tox_prodsim.checks.artifact.newer_syntax import may_be_newer

HERE = sys.version_info[:2]


@pytest.mark.parametrize(
    ("source", "since"),
    [
        pytest.param("with (open(a) as b, open(c) as d):\n    pass\n", (3, 9), id="with and brackets"),
        pytest.param("with\\\n  (open(a) as b,):\n    pass\n", (3, 9), id="with and a line that goes on"),
        pytest.param("x = 1; y = 2\nmatch x:\n    case 1: pass\n", (3, 10), id="match"),
        pytest.param("if x:\r\tmatch x:\r\t\tcase 1: pass\r", (3, 10), id="match and old line ends"),
        pytest.param("\\\nmatch x:\n    case 1: pass\n", (3, 10), id="match in a line that goes on"),
        pytest.param("try: pass\nexcept * ValueError: pass\n", (3, 11), id="except with a star"),
        pytest.param("x = 1; type A = int\n", (3, 12), id="type"),
        pytest.param("if x: type ä = int\n", (3, 12), id="type of a name that is not ASCII"),
        pytest.param("def f \\\n [T](x): pass\n", (3, 12), id="def with brackets"),
        pytest.param("class É[T = int]: pass\n", (3, 12), id="class with brackets"),
        pytest.param("try: pass\nexcept A, B: pass\n", (3, 14), id="except without brackets"),
        pytest.param("x = rT'{y}'\n", (3, 14), id="a template"),
    ],
)
def test_what_is_newer_is_seen_by_the_pythons_that_understand_it(source: str, since: tuple[int, int]) -> None:
    older, content = (since[0], since[1] - 1), source.encode()
    assert may_be_newer(content, older, since)
    assert not may_be_newer(content, since, (3, 14))
    assert not may_be_newer(content, (3, 8), older)
    if since <= HERE:
        ast.parse(source)
        if since != (3, 9):  # Python 3.8 understands some of it
            with pytest.raises(SyntaxError):
                ast.parse(source, feature_version=older)


def test_what_is_not_known_may_be_newer() -> None:
    assert may_be_newer(b"", (3, 7), (3, 11))
    assert may_be_newer(b"", (3, 9), (3, 15))
    assert not may_be_newer(b"", (3, 15), (3, 15))
    assert not may_be_newer(b"x = re.match(y)\nwith_(x)\ntype(x)\ntry: pass\nexcept A: pass\n", (3, 8), (3, 14))
