from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refusals import refused

from tox_prodsim.model.parsing import fill, modules, parse_signal, written

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(
    ANY_TEXT,
    st.dictionaries(st.sampled_from(["port", "url", "scratch"]), st.sampled_from(["{port}", "{url}", "8", "\\1"])),
)
def test_what_was_filled_in_is_not_filled_again(text: str, values: dict[str, str]) -> None:
    assert fill(text, {}) == text
    filled = fill("{port}|{url}|{scratch}|{other}|a{1,2}", values)
    assert filled.split("|") == [
        *(values.get(name, f"{{{name}}}") for name in ("port", "url", "scratch")),
        "{other}",
        "a{1,2}",
    ]


@pytest.mark.parametrize("name", ["a-b", "", "acme.", "3d", "a b", "class", "acme.import", "a\nb"])
def test_what_can_be_no_module_is_refused(name: str) -> None:
    assert modules("forbid_modules", ["pandas", "acme.testing"]) == ("pandas", "acme.testing")
    said = str(refused(lambda: modules("forbid_modules", [name])))
    assert said == f"forbid_modules: {name!r} is not the name of a module, write for example pandas or acme.testing"


@pytest.mark.parametrize("text", ["TERM", "SIGTERM", "sigterm", " 15 "])
def test_a_signal_has_its_name_with_sig_or_without_or_its_number(text: str) -> None:
    assert parse_signal(text) is signal.SIGTERM


@pytest.mark.parametrize("text", ["", "0", "999", "²", "SIGNAL", "SIG_DFL", "-15", "1.5"])
def test_any_other_text_is_not_a_signal(text: str) -> None:
    assert parse_signal(text) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("30s", "30s"),
        ("", "''"),
        ("1\n2", r"'1\n2'"),
        ([1], "[1]"),
        pytest.param(10**5000, "int that is too long to be shown", id="5001 digits"),
        ("9" * 400, "9" * 80 + "… (400 characters)"),
    ],
)
def test_a_value_is_shown_in_one_line_of_a_bearable_length(value: object, shown: str) -> None:
    assert written(value) == shown
