"""Whatever the text is, what comes out can be printed and does nothing."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tox_prodsim.model.printable import Printable, wrap

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT, st.sampled_from(["ascii", "cp1252", "utf-8", "shift_jis", None]))
def test_any_text_becomes_one_line_that_the_encoding_has(text: str, encoding: str | None) -> None:
    printed = Printable(encoding)(text)
    assert printed.encode(encoding or "ascii").decode(encoding or "ascii") == printed
    assert len(printed.splitlines()) <= 1
    assert not any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in printed)


@given(st.text("#[]ab ").map(lambda text: f"##[{text}##vso["))
def test_no_command_of_a_ci_system_is_left(text: str) -> None:
    assert not re.search(r"##\w*\[", Printable("utf-8")(text))


@pytest.mark.parametrize("text", ["naïve", "日本語 🦊", "C:\\temp", "50 % · ±3", "a # b ## c [d]"])
def test_harmless_text_is_left_as_it_is(text: str) -> None:
    assert Printable("utf-8")(text) == text


def test_our_signs_have_a_stand_in_where_the_encoding_lacks_one_of_them() -> None:
    assert Printable("ascii")("a · b ±3 … └ ✓ →") == "a - b +-3 ... `- ok ->"


def test_what_is_too_long_says_how_much_is_missing() -> None:
    assert Printable("utf-8")("abcdef", limit=4) == "abcd … (2 more characters)"
    assert Printable("utf-8")("abcd", limit=4) == "abcd"


@given(st.lists(st.text("ab:", min_size=1, max_size=30)), st.integers(0, 120))
def test_wrapping_loses_no_word(words: list[str], width: int) -> None:
    assert " ".join(wrap(" ".join(words), width)).split() == words


def test_a_number_keeps_its_unit() -> None:
    assert wrap("it took 12 s and then 30 ms of 100 %", 20) == ["it took 12 s and", "then 30 ms of 100 %"]
    assert wrap("abcdefgh ijklmnop 12 s", 20) == ["abcdefgh ijklmnop", "12 s"]
