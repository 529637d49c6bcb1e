"""What the page says about one run, section by section."""

from __future__ import annotations

from collections.abc import Iterator

from tox_prodsim.model.events import RunStarted, Step
from tox_prodsim.model.formatting import joined
from tox_prodsim.report import units
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.html import footprint, icicle, timeline, times
from tox_prodsim.report.html.findings import FindingsSection
from tox_prodsim.report.html.markup import Content, Markup, columns, isolated, table, tag
from tox_prodsim.report.runs import Run
from tox_prodsim.report.wording import VERDICTS


class RunSection:
    """Writes one run; of several, below a heading with the name of its environment."""

    def __init__(self, run: Run, options: RenderOptions, number: int, *, several: bool) -> None:
        self._run = run
        self._several = several
        self._level = 3 if several else 2
        self.prefix = f"r{number}"
        self._findings = FindingsSection(run, options, self.prefix, self._level + 1)
        self._parts = list(self._named())

    def links(self) -> list[Markup]:
        """Return links to the sections, as items of a list."""
        return [tag("li", tag("a", title, href=f"#{self.prefix}-{name}")) for name, title, _ in self._parts]

    @property
    def title(self) -> str:
        """Return the environment and its verdict."""
        return f"{self._run.label}: {VERDICTS[self._run.finished.verdict]}"

    def write(self) -> Markup:
        """Return all sections."""
        written = [self._part(*each) for each in self._parts]
        if not self._several:
            return Markup("\n".join(written))
        title = tag("h2", self.title, id=self.prefix)
        return tag(
            "section",
            title,
            tag("nav", tag("ul", self.links()), aria_label=self._run.label),
            *written,
            aria_labelledby=self.prefix,
            class_="run",
        )

    def _part(self, name: str, title: str, content: Content) -> Markup:
        heading = f"{self.prefix}-{name}"
        named = f"{self.prefix} {heading}" if self._several else heading
        return tag("section", tag(f"h{self._level}", title, id=heading), content, aria_labelledby=named)

    def _named(self) -> Iterator[tuple[str, str, Content]]:
        """Yield the sections that this run has: id, title, content."""
        run = self._run
        if run.started is not None:
            yield "files", "Files", _files(run.started)
        yield "findings", "Findings", list(self._findings.write())
        if run.steps:
            yield "steps", "Timeline of the run", list(timeline.steps(run, self.prefix))
        for step in run.steps:
            if step.timeline and step.step is not Step.COMPARE:
                what = "the deployment" if step.name == Step.DEPLOY else step.name
                yield f"timeline-{step.name}", f"Timeline of {what}", list(timeline.deployment(step, self.prefix))
        if run.imports is not None and run.imports.now:
            yield "imports", "What the imports load", list(icicle.section(run.imports))
        if run.measured or run.compared:
            yield "times", "Times", list(times.section(run))
        if run.footprint:
            yield "footprint", "Footprint", list(footprint.section(run))
        if times.has_history(run):
            yield "history", "History", list(times.history(run))
        if rest := list(self._findings.rest()):
            yield "output", "More output", rest


def _files(started: RunStarted) -> list[Content]:
    rows = list(_file_rows(started))
    heads = columns("file", "size", "sha256", "origin", numbers=(1,))
    files = table("Files under test", heads, rows, hidden=True, blocks=True) if rows else None
    where = joined((started.env_name, started.python, started.platform))
    contained = joined((started.containment, started.guarantee), ": ")
    return [
        None if started.wheel_name else tag("p", "No wheel was built."),
        files,
        tag("p", isolated(joined((f"Tested in {where}", contained), "; ")), class_="facts"),
    ]


def _file_rows(started: RunStarted) -> Iterator[list[Content]]:
    """Yield the wheel under test, and the files that are published with it."""
    size, sha256 = started.wheel_size_bytes, started.wheel_sha256
    if started.wheel_name:
        yield [started.wheel_name, units.size(size), tag("code", sha256), started.wheel_origin]
    for each in started.files:
        if (each.name, each.sha256) != (started.wheel_name, sha256):
            yield [each.name, units.size(each.size_bytes), tag("code", each.sha256), f"{each.kind} of the release"]
