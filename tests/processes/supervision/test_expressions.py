"""The expressions of a user: their meaning is that of ``re``, and a search can be ended."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tox_prodsim.model.errors import ExpressionLimitError
from tox_prodsim.supervision import Expressions
from tox_prodsim.supervision.expressions import is_linear


@pytest.fixture
def expressions() -> Iterator[Expressions]:
    made = Expressions(limit_s=0.5)
    yield made
    made.close()


@pytest.mark.parametrize("source", ["ready", "^ready$", r"started on port \d\d", "a.c", r"\[info\] up", "{}"[:0]])
def test_what_cannot_take_long_is_searched_for_here(source: str) -> None:
    assert is_linear(re.compile(source))


@pytest.mark.parametrize("source", ["a+", "(a)", "a|b", "[ab]", "a{2}", "a?", r"(a)\1", ".*"])
def test_what_may_take_long_is_not(source: str) -> None:
    assert not is_linear(re.compile(source))


@pytest.mark.parametrize(
    ("source", "text"),
    [("(?i)READY|up", "it is ready"), (r"(?<=port )\d+", "port 80"), (r"^(\w+) \1$", "no no"), ("a{e}", "a{e}")],
)
def test_the_meaning_is_that_of_re(expressions: Expressions, source: str, text: str) -> None:
    pattern = re.compile(source)
    assert expressions.finds(pattern, text)
    assert expressions.first(re.compile(source.encode()), (b"nothing", text.encode())) == 1


def test_a_search_that_is_ended_names_the_expression(expressions: Expressions) -> None:
    with pytest.raises(ExpressionLimitError) as ended:
        expressions.finds(re.compile("^(a+)+b"), "a" * 64)
    assert (ended.value.expression, str(ended.value)) == ("^(a+)+b", "it took longer than 0.5 s")
