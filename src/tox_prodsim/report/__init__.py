"""Reports: events in, text out. Formats know events and findings only.

``FORMATS`` is the table of formats. A format is the module of its name, with a function ``render``; it is imported when
it is asked for.
"""

from collections.abc import Mapping

from tox_prodsim.report.format import NORMAL, CodeText, Format, RenderOptions

FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format(name="text", suffix="txt", description="the run as the terminal shows it"),
        Format(name="json", suffix="json", description="one JSON document, described by report/schema.json"),
        Format(
            name="junit",
            suffix="junit.xml",
            description="JUnit XML: a suite for each step, a case for each code",
        ),
        Format(name="markdown", suffix="md", description="the step summary of GitHub, at most 900 KiB"),
        Format(
            name="github",
            suffix="github.txt",
            description="annotations of GitHub: at most 9 of each level",
        ),
        Format(name="gitlab", suffix="gitlab.json", description="code quality of GitLab: one JSON array"),
        Format(name="sarif", suffix="sarif", description="SARIF 2.1.0, as the code scanning of GitHub reads it"),
        Format(
            name="html",
            suffix="html",
            description="one page that loads nothing: findings, timelines, imports, times, raw events",
        ),
        Format(
            name="trace",
            suffix="trace.json",
            description="trace events of Chrome: the steps and timelines, for Perfetto",
        ),
    )
}
"""All report formats by name; the first is the default."""

__all__ = [
    "FORMATS",
    "NORMAL",
    "CodeText",
    "Format",
    "RenderOptions",
    "event_log",
    "json",
    "matrix",
    "progress",
    "release",
    "runs",
    "saved",
    "terminal",
]
