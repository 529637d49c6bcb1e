"""The page: what every reader finds in it, whatever is stripped from it, and whatever is in the events."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from dataclasses import replace

import pytest
from support.html_pages import Element, parse
from support.run_events import CRASH, FAILING, HOSTILE, OPTIONS, PASSING, commands, found, named

from tox_prodsim.model.events import Event, Evidence, RunStarted, Step, to_record
from tox_prodsim.report import FORMATS, RenderOptions

TWO = [*PASSING, *named(FAILING, "py312-prodsim")]
RUNS = {"passing": PASSING, "failing": FAILING, "two": TWO, "hostile": HOSTILE, "nothing": []}


@pytest.fixture(scope="module", params=RUNS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def source(name: str) -> str:
    return written(RUNS[name])


@pytest.fixture(scope="module")
def page(source: str) -> Element:
    return parse(source)


def written(events: list[Event], options: RenderOptions = OPTIONS) -> str:
    return FORMATS["html"].render(events, options)


def section(page: Element, title: str) -> Element:
    """Return the section under a heading."""
    return next(each for each in page.all("section") if each.all("h2", "h3") and each.all("h2", "h3")[0].text == title)


def articles(page: Element) -> dict[str, Element]:
    return {each.all("h3", "h4")[0].text: each for each in page.all("article")}


# every page


def test_a_page_says_its_language_and_has_one_heading_of_the_first_level(page: Element) -> None:
    assert [each.attributes["lang"] for each in page.all("html")] == ["en"]
    assert len(page.all("h1")) == 1
    assert page.all("title")[0].text == " ".join(page.all("h1")[0].text.split()[1:])


def test_headings_leave_out_no_level(page: Element) -> None:
    levels = [int(each.name[1]) for each in page.all("h1", "h2", "h3", "h4")]
    assert all(now <= before + 1 for before, now in itertools.pairwise(levels))


def test_a_page_loads_nothing_and_runs_only_its_own_script(page: Element) -> None:
    policy = page.all("meta", http_equiv="Content-Security-Policy")[0].attributes["content"]
    for kind in ("style", "script"):
        [own] = page.all(kind)
        assert isinstance(own.content[0], str)
        digest = base64.b64encode(hashlib.sha256(own.content[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert not re.search(r"url\(|@import|https?:|</", own.content[0])
    assert policy.startswith("default-src 'none'; ")
    assert not page.all("link", "img", "iframe", "object", "embed", "form", "use", "image", "foreignobject", "base")
    loading = {"src", "style", "action", "data", "xlink:href", "srcset"}
    assert [each for each in page.all() if loading & each.attributes.keys()] == []
    assert [key for each in page.all() for key in each.attributes if key.startswith("on")] == []


def test_links_stay_in_the_page_and_every_id_is_there_once(page: Element) -> None:
    ids = [each.attributes["id"] for each in page.all() if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    assert {each.attributes["href"] for each in page.all("a")} <= {f"#{each}" for each in ids}
    names = [each.attributes.get("aria-labelledby", "") for each in page.all()]
    assert {each for name in names for each in name.split()} <= set(ids)
    sections = [each.attributes["aria-labelledby"] for each in page.all("section")]
    assert len(sections) == len(set(sections))


def test_tables_have_a_caption_and_heads_that_say_what_they_head(page: Element) -> None:
    assert all(each.all("caption")[0].text for each in page.all("table"))
    assert {each.attributes.get("scope") for each in page.all("th")} <= {"row", "col"}


def test_every_picture_has_a_name_and_a_table_beside_it(page: Element) -> None:
    pictures = [each for each in page.all("svg") if each.attributes.get("role")]
    assert all(each.attributes["role"] == "img" and each.attributes["aria-label"] for each in pictures)
    inner = [svg for each in page.all("section") for svg in each.all("svg") if not each.all("table")]
    assert inner == []


def test_the_raw_events_are_all_events_as_json(page: Element, name: str) -> None:
    [raw] = page.all("pre", id="events")
    records = json.loads(raw.text)
    assert len(records) == len(RUNS[name])
    lines = [json.dumps(each) for each in records]
    assert [line for line, event in zip(lines, RUNS[name], strict=True) if same(line, event)] == lines


def same(line: str, event: Event) -> bool:
    """Return whether a line is the record of an event, with null for what JSON does not have."""
    return line == re.sub(r"\b(NaN|-?Infinity)\b", "null", json.dumps(to_record(event)))


def test_no_text_is_markup_a_command_or_a_control_character(page: Element, source: str) -> None:
    assert commands(source) == []
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", source)
    assert len(page.all("script")) == 1
    assert source.encode()


# what is in a page


def test_the_verdict_the_numbers_and_the_file_come_first() -> None:
    page = parse(written(FAILING))
    assert page.all("h1")[0].text == "\N{BALLOT X} acme 2.1.0: FAILED"
    facts = page.all("header")[0].all("p")[0].text
    assert facts.startswith("1 error, 1 warning, 4 checks \N{MIDDLE DOT} 2.00 s \N{MIDDLE DOT} prodsim")
    cells = [each.text for each in section(page, "Files").all("tr")[1].all("th", "td")]
    assert cells == ["acme-2.1.0-py3-none-any.whl", "84\xa0kB", "3f" * 32, "built from the sdist"]


def test_a_finding_has_its_hint_its_command_its_place_and_its_evidence() -> None:
    found = articles(parse(written(FAILING)))
    assert [*found] == ["\N{BALLOT X} error RUN602 it ended early", "! warning IMP501"]
    crash, missing = found.values()
    assert [each.text for each in crash.all("p")][:2] == [
        "uvicorn: exit code 3 after 0.13 s, before it was ready",
        "Hint: its last output is shown below",
    ]
    assert crash.all("p", class_="command")[0].text == "tox prodsim explain RUN602"
    assert [each.text for each in crash.all("summary")] == ["end of deploy.log (2 lines)", "Why it matters"]
    assert crash.all("pre")[0].text == "no such table: entries\nExiting.\n"
    assert missing.all("code")[1].text == "acme/report.py:7"


def test_evidence_stands_at_the_finding_that_it_names() -> None:
    findings = [replace(CRASH, code="PRF701", subject=f"import {each}") for each in ("acme", "acme.cli")]
    evidence = [
        Evidence(step=Step.DEPLOY, title=f"import {each}, slower by", lines=(each,)) for each in ("acme", "acme.cli")
    ]
    page = parse(written([*found(*findings), *evidence]))
    assert [each.all("pre")[0].text for each in page.all("article")] == ["acme\n", "acme.cli\n"]


def test_evidence_without_a_finding_is_shown_as_well() -> None:
    page = parse(written([*found(), Evidence(step=Step.DEPLOY, title="tree", lines=("4711 uvicorn",))]))
    assert section(page, "More output").all("pre")[0].text == "4711 uvicorn\n"


def test_long_evidence_is_folded_and_cut_and_what_is_left_out_is_counted() -> None:
    page = parse(written([*found(CRASH), Evidence(step=Step.DEPLOY, title="log", lines=("x" * 9_000,) * 250)]))
    details, _ = page.all("article")[0].all("details")
    assert "open" not in details.attributes
    lines = details.all("pre")[0].text.splitlines()
    assert (lines[0], len(lines)) == ("(50 lines left out)", 201)
    assert max(map(len, lines)) < 600


def test_the_steps_and_the_timelines_of_services_are_pictures_and_tables() -> None:
    page = parse(written(FAILING))
    steps = section(page, "Timeline of the run")
    assert [row.all("th")[0].text for row in steps.all("tbody")[0].all("tr")] == [
        "wheel",
        "import",
        "deploy",
        "compare",
    ]
    assert [each.text for each in steps.all("span", class_="result failed")] == ["FAIL"]
    deployed = section(page, "Timeline of the deployment")
    rows = [[cell.text for cell in row.all("th", "td")] for row in deployed.all("tbody")[0].all("tr")]
    assert rows[0] == ["0.006", "spawn", "pid 4711", "", "web"]
    titles = [each.all("title")[0].text for each in deployed.all("svg") if "item" in each.attributes.get("class", "")]
    assert titles == [
        "0.006 s web spawn pid 4711, until ended 0.124 s",
        "0.130 s web ended exit code 3",
        "0.020 s db spawn pid 4712",
    ]
    items = [each for each in deployed.all("svg") if "data-target" in each.attributes]
    ids = {each.attributes.get("id") for each in deployed.all("tr")}
    assert {each.attributes["data-target"] for each in items} <= ids


def test_times_have_the_baseline_the_samples_and_the_history() -> None:
    page = parse(written(PASSING))
    cells = [each.text for each in section(page, "Times").all("tbody")[0].all("th", "td")]
    assert cells == ["import acme", "500\xa0ms", "480\xa0ms", "+4\xa0%", "\xb110\xa0%", "same"]
    history = section(page, "History").all("tbody")[0]
    assert [each.text for each in history.all("td")] == [
        "400\xa0ms",
        "",
        "480\xa0ms",
        "+20\xa0%",
        "500\xa0ms",
        "+4\xa0%",
    ]


def test_each_of_several_runs_has_its_own_sections() -> None:
    page = parse(written(TWO))
    assert page.all("h1")[0].text == "\N{BALLOT X} acme 2.1.0: FAILED"
    assert "1 of 2 environments not passed" in page.all("header")[0].text
    heads = [each.text for each in page.all("h2")]
    assert heads == ["Environments", "prodsim: passed", "py312-prodsim: FAILED", "Raw events"]
    assert [each.text for each in page.all("h3")].count("Findings") == 2
    rows = section(page, "Environments").all("tr")
    assert [each.text for each in rows[0].all("th")] == [
        "environment",
        "verdict",
        "wheel",
        "import",
        "deploy",
        "compare",
    ]
    assert [each.text.strip() for each in rows[2].all("th", "td")] == [
        "py312-prodsim",
        "FAILED",
        "ok",
        "warn IMP501",
        "FAIL RUN602",
        "not checked",
    ]
    assert [each.attributes["href"] for each in rows[2].all("a")] == ["#r2"]


def test_a_run_without_a_wheel_and_one_that_was_cut_short_say_so() -> None:
    started = [replace(each, wheel_name="", wheel_sha256="") for each in PASSING if isinstance(each, RunStarted)]
    page = parse(written([*started, *found(CRASH)[1:]]))
    assert "No wheel was built." in section(page, "Files").text
    assert page.all("h1")[0].text == "! prodsim: INCOMPLETE"
    assert page.all("span", class_="result failed")[0].text == "cut short"


# readers that strip


def test_nothing_is_lost_without_scripts_and_styles() -> None:
    source = written(FAILING)
    stripped = re.sub(r"<(script|style)>.*?</\1>", "", source, flags=re.DOTALL)
    assert "<script" not in stripped
    assert parse(stripped).text.split() == parse(source).text.split()


def test_in_another_encoding_characters_are_references_and_mean_the_same() -> None:
    ascii_only = written(FAILING, replace(OPTIONS, encoding="ascii"))
    assert ascii_only.isascii()
    assert parse(ascii_only).text == parse(written(FAILING)).text
