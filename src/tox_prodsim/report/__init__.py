"""Reports: events in, text out. Formats know events and findings only.

``FORMATS`` is the table of formats. A format is one module with a ``FORMAT``, added to the table here.
"""

from collections.abc import Mapping

from tox_prodsim.report import json, text
from tox_prodsim.report.format import Format, RenderOptions

FORMATS: Mapping[str, Format] = {each.name: each for each in (text.FORMAT, json.FORMAT)}
"""All report formats by name; the first is the default."""

__all__ = ["FORMATS", "Format", "RenderOptions", "event_log", "json", "terminal"]
