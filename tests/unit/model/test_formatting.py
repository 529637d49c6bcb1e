"""Counts, lists of names, and the last lines of programs."""

from __future__ import annotations

import pytest

from tox_prodsim.model.formatting import counted, joined, last_error, last_line, listed, plural, shortened

NOTHING = "ERROR: No matching distribution found for acme-audit"
RETRYING = "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'Refused': /simple/acme-audit/"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        pytest.param(f"{RETRYING}\nERROR: from versions: none\n{NOTHING}\n", f"{NOTHING}: the index cannot be reached"),
        pytest.param(f"ERROR: from versions: none\n{NOTHING}\n", NOTHING),
        pytest.param(f"{RETRYING}\nERROR: No space left\n\nnotice: of pip\n", "ERROR: No space left"),
        pytest.param("first\nlast\n", "last"),
        pytest.param("", ""),
    ],
    ids=["unreached", "absent", "other", "no pip", "silent"],
)
def test_the_last_error_is_the_reason_and_an_index_out_of_reach_another(told: str, reason: str) -> None:
    assert last_error(told) == reason


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        pytest.param(0, "module", "no modules", id="none"),
        pytest.param(1, "module", "1 module", id="one"),
        pytest.param(2, "module", "2 modules", id="several"),
        pytest.param(1, "process", "1 process", id="one that ends with an s"),
        pytest.param(2, "process", "2 processes", id="several that end with an s"),
    ],
)
def test_a_count_has_the_noun_in_its_number(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text
    assert text.endswith(f" {plural(noun, number)}")


def test_a_list_shows_the_first_names_and_how_many_more_there_are() -> None:
    names = ["a", "b", "c", "d"]
    assert listed([], 2) == ""
    assert listed(names[:2], 2) == "a, b"
    assert listed(names, 2) == "a, b and 2 more"
    assert listed(names) == "a and 3 more"


def test_a_list_can_name_what_there_is_more_of_and_separate_it() -> None:
    assert listed(["a", "b"], noun="module") == "a and 1 more module"
    assert listed(["a", "b", "c"], noun="module") == "a and 2 more modules"
    assert listed(["a, b", "c", "d"], 2, separator="; ") == "a, b; c; and 1 more"


def test_facts_are_joined_without_the_empty_ones() -> None:
    assert joined(["a", "", "b"]) == "a, b"
    assert joined(["", ""], " and ") == ""


def test_the_last_line_is_short_and_may_be_absent() -> None:
    assert last_line("first\n last \n\n") == "last"
    assert last_line("no room left " * 30) == "no room left " * 15 + "no …"
    assert last_line("\n") == ""


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        pytest.param("one two", 7, "one two", id="it fits"),
        pytest.param("one two three", 12, "one two …", id="at a word"),
        pytest.param("one\n  two", 12, "one two", id="one line"),
        pytest.param("abcdefghijklmnop", 10, "abcdefg …", id="one word"),
        pytest.param("there is no file 'my long name' in here", 28, "there is no file …", id="not inside of a quote"),
        pytest.param("'a very long name of a file' is absent", 20, "'a very long name …'", id="a quote that is all"),
        pytest.param("it doesn't and won't fit in this line", 24, "it doesn't and won't …", id="apostrophes"),
        pytest.param(
            "use \u2018my long name\u2019 here and there", 16, "use \u2018my long …\u2019", id="quotes of a compiler"
        ),
    ],
)
def test_a_text_is_cut_at_words_and_not_inside_of_a_quote(text: str, limit: int, short: str) -> None:
    assert shortened(text, limit) == short
    assert len(short) <= limit
