"""Annotations: what the runner of GitHub reads of each line, and that nothing foreign becomes a command."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from support.run_events import CRASH, FAILING, HOSTILE, IMPORT, NASTY, OPTIONS, PASSING, commands, found, named

from tox_prodsim.model.events import Event
from tox_prodsim.model.findings import Level
from tox_prodsim.report.github import render

_COMMAND = re.compile(r"::(?P<name>[a-z-]+) (?P<properties>[^:]*)::(?P<data>.*)")


def annotations(*events: Event, **options: Any) -> list[dict[str, str]]:
    """Return the commands as the runner of GitHub reads them."""
    return [_read(line) for line in commands(render(events, replace(OPTIONS, **options)))]


def _read(line: str) -> dict[str, str]:
    command = _COMMAND.fullmatch(line)
    assert command
    pairs = (each.split("=", 1) for each in command["properties"].split(","))
    properties = {key: _unescaped(value.replace("%3A", ":").replace("%2C", ",")) for key, value in pairs}
    return {"command": command["name"], "message": _unescaped(command["data"]), **properties}


def _unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def test_a_run_that_passes_has_a_notice_and_its_verdict() -> None:
    command = "::notice file=pyproject.toml,line=1,title=PRF705 in prodsim::"
    message = "baseline: none yet%0Ahint: accept it%0Atox prodsim explain PRF705"
    assert render(PASSING, OPTIONS) == f"{command}{message}\nprodsim: prodsim passed, 4 checks, 1 note\n"


def test_a_run_that_fails_has_its_errors_first() -> None:
    crash, warned = annotations(*FAILING)
    assert crash == {
        "command": "error",
        "file": "pyproject.toml",
        "line": "1",
        "title": "RUN602 in prodsim",
        "message": f"uvicorn: {CRASH.message}\nhint: {CRASH.hint}\ntox prodsim explain RUN602",
    }
    assert (warned["command"], warned["file"], warned["line"]) == ("warning", "acme/report.py", "7")


def test_a_file_that_is_elsewhere_in_the_repository_is_named_as_both_see_it() -> None:
    (warned,) = annotations(*named(FAILING, "x")[:6], source_of=lambda file: f"src/{file}")[1:]
    assert warned["file"] == "src/acme/report.py"
    assert "at acme/report.py:7" in warned["message"]


@pytest.mark.parametrize(("number", "kept", "more"), [(9, 9, 0), (10, 9, 1), (11, 9, 2), (500, 9, 491)])
def test_at_most_ten_of_a_kind_of_which_the_last_counts_the_others(number: int, kept: int, more: int) -> None:
    errors = [replace(CRASH, subject=f"s{at}") for at in range(number)]
    notes = [replace(CRASH, code="WHL101", subject=f"n{at}", level=Level.NOTE) for at in range(number)]
    events = [*PASSING[:1], *found(*notes, *errors)[1:], PASSING[-1]]
    shown = annotations(*events)
    assert [each["command"] for each in shown] == ["error"] * min(number, 10) + ["notice"] * min(number, 10)
    counted = [each for each in shown if "more, see the summary" in each["message"]]
    assert [each["message"] for each in counted] == ([f"and {more} more, see the summary"] * 2 if more else [])
    assert len(shown) - len(counted) == 2 * kept


def test_a_run_that_was_cut_short_is_an_error_also_among_many() -> None:
    errors = [replace(CRASH, subject=f"s{at}") for at in range(20)]
    shown = annotations(*found(*errors))
    assert shown[0]["message"] == "INCOMPLETE: interrupted, not a pass"
    assert len(shown) == 10
    assert shown[-1]["message"] == "and 12 more, see the summary"
    assert annotations()[0]["command"] == "error"


def test_what_is_escaped_is_read_as_it_was() -> None:
    text = "100%0A of a,b:c % %25"
    (read,) = annotations(*[*found(replace(CRASH, message=text, file=f"a,b%/{'c' * 3}.py")), PASSING[-1]])
    assert f"uvicorn: {text}" in read["message"]
    assert read["file"] == "a,b%/ccc.py"


def test_whatever_was_printed_there_are_only_our_commands() -> None:
    shown = annotations(*HOSTILE)
    assert [each["command"] for each in shown] == ["error"] * 2 + ["warning"] * 2 + ["notice"] * 2
    assert {each["file"] for each in shown} == {"pyproject.toml"}
    assert "%0A::add-mask::b" in shown[0]["message"]
    text = render(HOSTILE, OPTIONS)
    assert "##[" not in text
    assert "##vso[" not in text
    assert all(character.isprintable() or character == "\n" for character in text.replace("\ufffe", ""))


def test_the_name_of_an_environment_is_no_command() -> None:
    last = render(named(PASSING, "::error::x"), OPTIONS).splitlines()[-1]
    assert not last.startswith("::")


def test_several_environments_share_the_limit() -> None:
    errors = [replace(CRASH, subject=f"s{at}") for at in range(7)]
    one, two = ([*named(found(*errors), name), PASSING[-1]] for name in ("a-prodsim", "b-prodsim"))
    assert len([each for each in annotations(*one, *two) if each["command"] == "error"]) == 10


def test_in_an_encoding_of_few_characters_the_text_is_in_it() -> None:
    assert render(HOSTILE, replace(OPTIONS, encoding="ascii")).isascii()
    assert NASTY not in IMPORT.message


def test_several_runs_have_a_row_for_each_and_one_verdict() -> None:
    lines = render([*named(PASSING, "a"), *named(FAILING, "b")], OPTIONS).splitlines()
    assert lines[-3:] == [
        "prodsim: a: wheel ok, deploy ok, compare ok",
        "prodsim: b: wheel ok, import warn, deploy FAIL, compare not checked",
        "prodsim: FAILED, 1 of 2 environments passed, 1 error, 1 warning, 1 note, 8 checks",
    ]
