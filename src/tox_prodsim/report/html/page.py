"""The document: its head with style and script, the verdict, a section for each run, and the raw events."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from importlib import resources
from typing import Any

from tox_prodsim.model.events import Event, RunFinished, to_record
from tox_prodsim.model.findings import Verdict
from tox_prodsim.model.formatting import counted, joined
from tox_prodsim.report import matrix, units
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.html.markup import Content, Markup, columns, escaped, folded, isolated, label, table, tag
from tox_prodsim.report.html.run_section import RunSection
from tox_prodsim.report.runs import Run, runs
from tox_prodsim.report.wording import CUT_SHORT, VERDICTS, counts

_SIGNS = {
    Verdict.PASSED: "\N{CHECK MARK}",
    Verdict.FAILED: "\N{BALLOT X}",
    Verdict.CANCELLED: "!",
    Verdict.INCOMPLETE: "!",
}
_LONGEST_LINE = 1000
"""Of the raw events: browsers do not break lines of megabytes."""
_COLORS = {
    Verdict.PASSED: "up",
    Verdict.FAILED: "failed",
    Verdict.CANCELLED: "busy",
    Verdict.INCOMPLETE: "failed",
}
_RESULTS = {
    matrix.Result.FAILED: "failed",
    matrix.Result.CUT_SHORT: "failed",
    matrix.Result.WARNING: "busy",
    matrix.Result.OK: "up",
    matrix.Result.NOT_CHECKED: "skipped",
    matrix.Result.ABSENT: "skipped",
}


def page(events: Sequence[Event], options: RenderOptions) -> Markup:
    """Return the whole document."""
    found = list(runs(events))
    sections = [RunSection(each, options, at, several=len(found) > 1) for at, each in enumerate(found, start=1)]
    style, script = _resource("style.css"), _resource("script.js")
    ended = matrix.summary(found)
    body = [
        tag("a", "Skip to the findings", href=f"#{sections[0].prefix}-findings", class_="skip"),
        tag("header", _verdict(found, ended), _contents(sections)),
        tag("main", _matrix(found, sections), [each.write() for each in sections], _raw(events)),
        tag("footer", tag("p", _made_by(found))),
        Markup(f"<script>{script}</script>"),
    ]
    head = _head(_title(found[0], ended), style, script)
    lines = ("<!DOCTYPE html>", '<html lang="en">', head, tag("body", *_lines(body)), "</html>", "")
    return Markup("\n".join(lines))


def _lines(parts: Sequence[Markup]) -> list[Markup]:
    return [Markup(f"\n{each}") for each in parts]


def _head(title: str, style: str, script: str) -> Markup:
    return tag(
        "head",
        *_lines(
            [
                tag("meta", charset="utf-8"),
                tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("meta", name="color-scheme", content="light dark"),
                tag("title", title),
                Markup(f"<style>{style}</style>"),
            ]
        ),
    )


def _resource(name: str) -> str:
    return resources.files(__package__ or "").joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Return the policy of the page: it loads nothing, and runs nothing but its own script."""
    own = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _title(run: Run, ended: RunFinished) -> str:
    """Return what was tested and what came of it, such as ``acme 2.1.0: FAILED``."""
    name, version = (run.started.wheel_name if run.started is not None else "").split("-")[:2] or ["", ""], ""
    subject = " ".join(name) or run.env_name
    return f"{subject}{version}: {VERDICTS[ended.verdict]}"


def _verdict(found: Sequence[Run], ended: RunFinished) -> list[Content]:
    run = found[0]
    sign = tag("span", _SIGNS[ended.verdict], aria_hidden="true", class_="sign")
    title = tag("h1", sign, " ", isolated(_title(run, ended)), class_=ended.verdict.value)
    cut = CUT_SHORT if any(each.is_cut_short for each in found) else ""
    duration = units.duration(ended.duration_s) if ended.duration_s else ""
    facts = [cut, counts(ended), duration]
    if len(found) > 1:
        failed = sum(each.finished.verdict is not Verdict.PASSED for each in found)
        facts = [cut, f"{failed} of {counted(len(found), 'environment')} not passed" if failed else "", *facts[1:]]
    elif run.started is not None:
        when = run.started.started_at.replace("T", " ").replace("+00:00", " UTC")
        facts += [run.started.env_name, run.started.python, run.started.platform, when]
    return [title, tag("p", isolated(joined(facts, " \N{MIDDLE DOT} ")), class_="facts")]


def _matrix(found: Sequence[Run], sections: Sequence[RunSection]) -> Content:
    """Return the environments by steps; nothing for a single one."""
    if len(found) == 1:
        return None
    steps = matrix.steps(found)
    rows: list[list[Content]] = []
    for run, its in zip(found, sections, strict=True):
        verdict = label(VERDICTS[run.finished.verdict], _COLORS[run.finished.verdict])
        cells = [matrix.cell(run, step) for step in steps]
        written = [[label(each.result.word, _RESULTS[each.result]), " ", ", ".join(each.codes)] for each in cells]
        rows.append([tag("a", run.label, href=f"#{its.prefix}"), verdict, *written])
    heads = columns("environment", "verdict", *steps, short=range(1, 2 + len(steps)))
    above = tag("h2", "Environments", id="environments")
    title = "Environments by steps"
    content = table(title, heads, rows, hidden=True)
    return tag(
        "section",
        above,
        tag("div", content, class_="wide", role="region", tabindex=0, aria_label=title),
        aria_labelledby="environments",
    )


def _contents(sections: Sequence[RunSection]) -> Markup:
    links = [each.links() for each in sections] if len(sections) == 1 else []
    own = [tag("li", tag("a", "Raw events", href="#events-title"))]
    if len(sections) > 1:
        own = [tag("li", tag("a", each.title, href=f"#{each.prefix}")) for each in sections] + own
    return tag("nav", tag("ul", links, own), aria_label="Contents")


def _raw(events: Sequence[Event]) -> Markup:
    """Return all events as JSON, in ASCII: an array with one event a line, and of long events one value a line."""
    lines = ",\n".join(map(_dumped, events))
    shown = tag("pre", escaped(f"[\n{lines}\n]\n"), id="events", class_="raw")
    title = tag("h2", "Raw events", id="events-title")
    content = folded(f"{counted(len(events), 'event')} as JSON", shown)
    return tag("section", title, content, aria_labelledby="events-title", class_="rawevents")


def _dumped(event: Event) -> str:
    record = _json(to_record(event))
    line = json.dumps(record)
    return line if len(line) <= _LONGEST_LINE else json.dumps(record, indent=1)


def _json(value: Any) -> Any:
    """Return a value as JSON has it: null for infinite numbers and NaN."""
    if isinstance(value, dict):
        return {key: _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _made_by(found: Sequence[Run]) -> str:
    started = found[0].started
    return f"tox-prodsim {started.version if started is not None else ''}".strip()
