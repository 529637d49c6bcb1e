"""Which lines of an output are answers, and what a record must be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tox_prodsim.model.answers import Each, Row, checked, mark, marked, new_nonce, record
from tox_prodsim.model.errors import AnswerError

SHAPE = {
    "text": str,
    "number?": int,
    "real?": float,
    "maybe?": (None, int),
    "flag?": bool,
    "many?": [str],
    "pair?": Row((str, int)),
    "names?": Each(str),
    "inner?": {"a": int},
}


def test_only_lines_with_the_nonce_are_answers() -> None:
    nonce = new_nonce()
    output = b"printed\n" + mark("0" * 32) + b"{}\n" + mark(nonce) + b'{"a": 1}\n' + b"x" + mark(nonce) + b"{}\nrest"
    assert [*marked(output, nonce)] == [b'{"a": 1}']
    assert new_nonce() != nonce


def test_an_answer_that_is_cut_is_refused() -> None:
    with pytest.raises(AnswerError, match="cut"):
        [*marked(mark("n") + b'{"a": 1}', "n")]


@pytest.mark.parametrize("line", [b"", b"{", b"[1]", b"3", b"nul", b"\xff", b"[" * 100_000])
def test_a_line_that_holds_no_record_is_refused(line: bytes) -> None:
    with pytest.raises(AnswerError, match="not a record"):
        record(line)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"number": -3, "real": 1.5, "maybe": None, "flag": True},
        {"real": 2, "maybe": 7, "many": ["a"], "pair": ["a", 1], "names": {"x": "y"}, "inner": {"a": 1}},
    ],
)
def test_a_record_of_the_shape_passes(fields: dict[str, Any]) -> None:
    value = json.loads(json.dumps({"text": "", **fields}))
    assert checked(value, SHAPE) == value


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": None}, "text"),
        ({"text": "a" * (1 << 20) + "a"}, "text"),
        ({"number": 1.5}, "number"),
        ({"number": True}, "number"),
        ({"number": 10**400}, "number"),
        ({"real": float("inf")}, "real"),
        ({"real": float("nan")}, "real"),
        ({"real": "1"}, "real"),
        ({"maybe": "1"}, "maybe"),
        ({"flag": 1}, "flag"),
        ({"many": "abc"}, "many"),
        ({"many": [1]}, "many"),
        ({"pair": ["a", 1, 2]}, "pair"),
        ({"names": {"x": 1}}, "names"),
        ({"inner": {}}, "inner"),
        ({"other": 1}, "other"),
    ],
)
def test_a_record_of_another_shape_is_refused_with_the_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(AnswerError, match=named):
        checked({"text": "", **fields}, SHAPE)


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(AnswerError, match="text"):
        checked({}, SHAPE)
