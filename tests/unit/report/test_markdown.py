"""The step summary, as a renderer of CommonMark with the tables of GitHub shows it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt
from support.run_events import CRASH, FAILING, HOSTILE, NASTY, OPTIONS, PASSING, commands, found, named

from tox_prodsim.model.events import Event, Evidence, Outcome, Step, StepFinished
from tox_prodsim.model.findings import Level
from tox_prodsim.report.markdown import render

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PUNCTUATION = r"!\"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"


def shown(*events: Event) -> str:
    """Return the summary as HTML."""
    return RENDERER.render(render(events, OPTIONS))


def plain(html: str) -> str:
    """Return what a reader sees."""
    return unescape(re.sub(r"<!-- -->|<[^>]*>", "", html))


def tags(html: str) -> set[str]:
    return set(re.findall(r"<(\w+)", html))


def table(html: str) -> list[list[str]]:
    """Return the cells of all tables, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [[plain(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows]


def test_a_run_that_passes_has_its_verdict_first_and_a_row_for_each_step() -> None:
    html = shown(*PASSING)
    assert plain(html.splitlines()[0]) == "\N{WHITE HEAVY CHECK MARK} prodsim: passed"
    assert plain(html.splitlines()[1]) == "4 checks, 1 note, 11.0 s"
    assert table(html) == [
        ["", ""],
        ["wheel", "acme-2.1.0-py3-none-any.whl, 84 kB, built from the sdist"],
        ["sha256", "3f" * 32],
        ["sdist", "acme-2.1.0.tar.gz, 61 kB"],
        ["sha256", "a7" * 32],
        ["tested with", "tox-prodsim 0.1.0, CPython 3.12.4, linux x86_64"],
        ["step", "result", "", "time"],
        ["wheel", "ok", "RECORD and METADATA ok", "0.25 s"],
        ["deploy", "ok", "started", "1.00 s"],
        ["compare", "ok", "candidate written", "9.00 s"],
        ["", "now", "baseline, scaled to this machine", "change", "result"],
        ["import acme", "500 ms", "480 ms", "+4 %", "same: in bounds"],
        ["", "now", "baseline", "change", "result"],
        ["wheel size", "84.1 kB", "83.9 kB", "+0 %", "same"],
        ["seconds", "service", "event", "", "limit"],
        ["0.006", "", "spawn", "pid 4711", ""],
        ["0.200", "", "ready", "http /health 200", "limit 30 s (<1 %)"],
        ["0.500", "", "stopped", "ended by SIGTERM", "limit 10 s (1 %)"],
    ]


def test_a_run_that_fails_has_its_errors_before_its_logs() -> None:
    html = shown(*FAILING)
    text = plain(html)
    assert text.splitlines()[0] == "\N{CROSS MARK} prodsim: FAILED"
    assert ["deploy", "FAIL", "(RUN602)", "0.14 s"] in table(html)
    assert ["import", "warn", "4 modules (IMP501)", "0.50 s"] in table(html)
    assert ["compare", "not checked", "the run has failed already", ""] in table(html)
    parts = [
        "FAIL RUN602 uvicorn: exit code 3",
        "hint: its last",
        "WARN IMP501",
        "at acme/report.py:7",
        "no such table",
    ]
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    assert "<pre>\nno such table: entries\nExiting.\n</pre>" in html
    assert html.count("<details>") == html.count("</details>") == 2


def test_what_was_cut_short_says_so() -> None:
    html = shown(*PASSING[:5])
    assert "interrupted, not a pass" in html
    assert ["deploy", "cut short", "uvicorn acme.web:app", ""] in table(html)
    assert "INCOMPLETE" in shown()


def test_a_step_says_what_could_not_be_checked_unless_all_of_it_was_not() -> None:
    lost = ("RUN622 is not observable: no scratch", "a: b", "c: d", "e: f")
    ended = StepFinished(step=Step.DEPLOY, outcome=Outcome.OK, detail="up", duration_s=1.0, impossible=lost)
    skipped = replace(ended, outcome=Outcome.NOT_CHECKED, step=Step.CONTENTS, detail="no baseline")
    rows = table(shown(ended, skipped))
    assert rows[1][2] == "up; not checked: RUN622 is not observable: no scratch; a: b; c: d; and 1 more"
    assert rows[2] == ["contents", "not checked", "no baseline", ""]


def test_several_environments_have_their_verdicts_first() -> None:
    text = plain(shown(*named(PASSING, "a-prodsim"), *named(FAILING, "b-prodsim")))
    heads = ["a-prodsim: passed", "b-prodsim: FAILED", "Findings of a-prodsim", "Findings of b-prodsim"]
    assert [text.index(head) for head in heads] == sorted(text.index(head) for head in heads)


@pytest.mark.parametrize(
    "text", [PUNCTUATION, *PUNCTUATION, "a|b", "\\|", "**b**", "<b>", "&amp;", "- x", "1. x", "## x"]
)
def test_every_character_is_shown_as_it_is(text: str) -> None:
    finding = replace(CRASH, subject=text, message=f"{text} is wrong", hint=text)
    html = shown(*found(finding), Evidence(step=Step.DEPLOY, title=text, lines=(text,)))
    assert f"FAIL RUN602 {text} is wrong" in plain(html)
    assert f"hint: {text}\n" in plain(html)
    assert f"<pre>\n{text}\n</pre>" in unescape(html)


def test_whatever_was_printed_there_is_only_our_markup() -> None:
    html = shown(*HOSTILE)
    ours = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "strong", "code"}
    assert tags(html) == ours | {"details", "summary", "pre"}
    assert html.count("<pre>") == html.count("</pre>") == 2
    assert html.count("<details>") == html.count("</details>")
    assert {len(row) for row in table(html)} == {2, 4, 5}
    assert "<script>alert(1)</script>" in plain(html)
    assert commands(render(HOSTILE, OPTIONS)) == []


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("see http://evil.example/x", "see http:<!-- -->//evil.example/x"),
        ("see HTTPS://evil.example", "see HTTPS:<!-- -->//evil.example"),
        ("see WWW.evil.example", "see WWW<!-- -->.evil.example"),
        ("ask a@evil.example, @octocat", "ask a&#64;<!-- -->evil.example, &#64;<!-- -->octocat"),
        ("fixes #12", "fixes &#35;<!-- -->12"),
    ],
)
def test_foreign_text_has_no_link_that_github_makes_by_itself(text: str, broken: str) -> None:
    events = found(replace(CRASH, message=text))
    assert f" {broken}\n" in render(events, OPTIONS)
    assert f"uvicorn: {text}\n" in plain(shown(*events))


def test_it_is_small_enough_for_github_and_says_what_is_left_out() -> None:
    errors = [replace(CRASH, subject=f"{at} {NASTY}") for at in range(2000)]
    logs = [Evidence(step=Step.DEPLOY, title=f"log {at}", lines=("\N{CROSS MARK}" * 500,) * 300) for at in range(50)]
    text = render([*found(*errors), *logs], OPTIONS)
    assert 800_000 < len(text.encode()) <= 900 * 1024
    assert re.search(r"\*\d+ parts left out: the summary would be too large\.\*\n$", text)
    assert plain(shown(*found(*errors))).count("FAIL RUN602") > 500


def test_a_large_log_does_not_cut_short_what_is_small() -> None:
    text = render(HOSTILE, OPTIONS)
    assert "left out: the summary" not in text
    assert "(9800 lines left out)" in text


def test_notes_are_last_and_have_no_command() -> None:
    text = plain(shown(*found(replace(CRASH, code="PRF705", level=Level.NOTE), CRASH)))
    assert text.index("FAIL RUN602") < text.index("NOTE PRF705")
    assert "tox prodsim explain PRF705" not in text


def test_in_an_encoding_of_few_characters_the_text_is_in_it() -> None:
    text = render(HOSTILE, replace(OPTIONS, encoding="ascii"))
    assert text.isascii()
    assert text.startswith("## x" if NASTY.startswith("x") else "## ")


def test_several_runs_begin_with_one_verdict_and_their_matrix() -> None:
    html = shown(*named(PASSING, "a"), *named(FAILING, "b|c"))
    assert plain(html.splitlines()[0]) == "\N{CROSS MARK} FAILED"
    assert plain(html.splitlines()[1]) == "1 of 2 environments passed, 1 error, 1 warning, 1 note, 8 checks"
    assert table(html)[:3] == [
        ["environment", "verdict", "wheel", "import", "deploy", "compare"],
        ["a", "\N{WHITE HEAVY CHECK MARK} passed", "ok", "", "ok", "ok"],
        ["b|c", "\N{CROSS MARK} FAILED", "ok", "warn IMP501", "FAIL RUN602", "not checked"],
    ]
