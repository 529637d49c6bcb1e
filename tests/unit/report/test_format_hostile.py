"""Hostile text in every field of every event, in every format: it is shown as text, and makes nothing of itself."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from support.run_events import FAILING, HOSTILE, OPTIONS, PASSING, commands
from support.schema import SCHEMA

from tox_prodsim.model.events import Event, Evidence, Found, ImportedModule, Step
from tox_prodsim.model.metrics import Metric
from tox_prodsim.report import FORMATS

TEXTS = {
    "controls": "a\x00b\x07c\x1b[2Jd\x9be\x7f",
    "line ends": "a\r\nb\nc\x85d\u2028e\x0bf",
    "end of CDATA": "a]]>b<![CDATA[c",
    "script": "a</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "comment": "a--><b>c<!--d",
    "quotes": "a\" onclick=\"b' onclick='c",
    "command": "::error::a",
    "command after blanks": "  ::set-env name=A::b",
    "command in a second line": "a\n::add-mask::b",
    "escaped command": "a%0A::error::b%0D%25",
    "old command": "##[error]a ##vso[task.complete]b ##teamcity[c]",
    "table": "a|b||c|",
    "code": "a`b``c```\n```",
    "markup": "**a** _b_ [c](http://d) ![e](f) <g> &amp; # h",
    "list": "- a\n1. b\n> c\n---",
    "mention": "@octocat fixes #12 see http://evil.example www.evil.example",
    "half a character": "a\ud800b\udfff",
    "no character": "a\ufffeb\uffff",
    "right to left": "a\u202eb\u2066c\u200fd",
    "no width": "a\u200bb\ufeffc",
    "braces": "${{ secrets.A }} {{a}} $(b) `c` %s {0}",
    "nothing": "",
    "blank": "   ",
    "long": "a" * 20_000,
}
"""Beside plain text, with which the same document has the same parts."""
RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_KEPT = {"code", "unit", "sha256", "kind"}
"""Fields of ours, or whose text decides what a document has: an import tree needs its names."""


def tainted(value: Any, text: str) -> Any:
    """Return the event with this text in the place of every text in it."""
    if isinstance(value, Enum | Metric | ImportedModule):
        return value
    if isinstance(value, tuple):
        return tuple(tainted(item, text) for item in value)
    if is_dataclass(value):
        return each(value, text)
    return text if isinstance(value, str) else value


def each(value: Any, text: str) -> Any:
    kept = {field.name: getattr(value, field.name) for field in fields(value)}
    return replace(value, **{name: tainted(old, text) for name, old in kept.items() if name not in _KEPT})


@functools.cache
def rendered(name: str, text: str) -> str:
    events: list[Event] = [tainted(event, text) for event in (*PASSING, *FAILING)]
    return FORMATS[name].render(events, OPTIONS)


class Tags(HTMLParser):
    """The tags of a page, and the names of all attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")


def tags(html: str) -> tuple[list[str], set[str]]:
    parser = Tags()
    parser.feed(html)
    return parser.found, parser.attributes


def shape(value: Any) -> Any:
    """Return a JSON value with nothing of its texts."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__


def strict(text: str) -> Any:
    assert text.isascii()
    return json.loads(text, parse_constant=pytest.fail)


PARTS: dict[str, Callable[[str], Any]] = {
    "junit": lambda text: Counter((each.tag, *sorted(each.attrib)) for each in ET.fromstring(text).iter()),
    "markdown": lambda text: tags(RENDERER.render(text)),
    "html": tags,
    "github": lambda text: [re.sub("::.*", "", line[2:]).split()[0] for line in text.splitlines() if line[:2] == "::"],
    "gitlab": lambda text: [shape(each) | {"severity": each["severity"]} for each in strict(text)],
    "json": lambda text: shape(strict(text)),
    "sarif": lambda text: [len(run["results"]) for run in strict(text)["runs"]],
    "trace": lambda text: [(each["ph"], type(each["args"])) for each in strict(text)["traceEvents"]],
    "text": lambda text: len(re.findall("(?m)^(?:FAIL|WARN|NOTE) ", text)),
}
"""What a document consists of, by format: the same whatever the text is."""


def test_no_format_is_forgotten() -> None:
    assert PARTS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_is_text_wherever_it_stands(kind: str, name: str) -> None:
    written = rendered(name, TEXTS[kind])
    written.encode("utf-8")
    assert written.endswith("\n")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200f\u2028\u202e\u2066\ufeff]", written)
    ours = re.compile("::(error|warning|notice) (file|title)=") if name == "github" else re.compile("nothing")
    assert [line for line in commands(written) if not ours.match(line)] == []
    assert "##[" not in written
    assert "##vso[" not in written
    parts = PARTS[name](written)
    if TEXTS[kind].strip():
        assert parts == PARTS[name](rendered(name, "plain"))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("::error::" + "x" * 5_000_000,), id="one line"),
        pytest.param(("::error::</script>]]>|`" + "y" * 80,) * 50_000, id="many lines"),
    ],
)
def test_evidence_of_5_mb_does_not_make_a_document_of_5_mb(name: str, lines: tuple[str, ...]) -> None:
    events = [*FAILING[:-2], Evidence(step=Step.DEPLOY, title="log", lines=lines), *FAILING[-2:]]
    written = FORMATS[name].render(events, OPTIONS)
    assert PARTS[name](written) is not None
    if name not in {"json", "html"}:  # these have all that was kept, for whoever wants to process it
        assert len(written) < 400_000
    if name != "github":
        assert commands(written) == []


@pytest.mark.parametrize("events", [PASSING, FAILING, HOSTILE, PASSING[:5], []])
def test_the_json_document_is_as_its_published_schema_says(events: list[Event]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(FORMATS["json"].render(events, OPTIONS))
    assert [problem.message for problem in Draft202012Validator(SCHEMA).iter_errors(document)] == []
    document["summary"]["verdict"] = "fine"
    assert [*Draft202012Validator(SCHEMA).iter_errors(document)]


def test_every_event_is_among_those_that_are_tainted() -> None:
    assert {type(event).__name__ for event in (*PASSING, *FAILING)} >= {"Found", "Evidence", "Progress", "ImportTree"}
    (finding,) = (tainted(event, "x").finding for event in FAILING if isinstance(event, Found) and event.finding.file)
    assert (finding.message, finding.file, finding.code) == ("x", "x", "IMP501")
