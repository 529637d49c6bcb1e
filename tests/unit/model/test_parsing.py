from __future__ import annotations

import math
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refusals import refused

from tox_prodsim.model.parsing import count, fill, modules, parse_signal, seconds

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


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_no_time_limit_is_refused(value: float) -> None:
    assert "give a number of seconds above 0" in refused(lambda: seconds("run_timeout", value)).message


def test_a_time_limit_is_kept() -> None:
    assert seconds("run_timeout", 0.5) == 0.5


def test_a_count_is_a_whole_number_and_0_is_none() -> None:
    assert count("max_modules", "12", unit="modules") == 12
    assert count("max_modules", 0, unit="modules") is None
    said = str(refused(lambda: count("max_modules", 2.5, unit="modules")))
    assert said == "max_modules: 2.5 is no limit, give a whole number of modules, or 0 for no limit"


@pytest.mark.parametrize("name", ["a-b", "", "acme.", "3d", "a b"])
def test_what_can_be_no_module_is_refused(name: str) -> None:
    assert modules("forbid_modules", ["pandas", "acme.testing"]) == ("pandas", "acme.testing")
    said = str(refused(lambda: modules("forbid_modules", [name])))
    assert said == f"forbid_modules: {name!r} is no name of a module, write for example pandas or acme.testing"


@pytest.mark.parametrize("text", ["TERM", "SIGTERM", "sigterm", " 15 "])
def test_a_signal_has_its_name_with_sig_or_without_or_its_number(text: str) -> None:
    assert parse_signal(text) is signal.SIGTERM


@pytest.mark.parametrize("text", ["", "0", "999", "²", "SIGNAL", "SIG_DFL", "-15", "1.5"])
def test_any_other_text_is_not_a_signal(text: str) -> None:
    assert parse_signal(text) is None
