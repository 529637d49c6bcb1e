"""The format ``html``: one page that loads nothing and reads well without its script and its style.

``page`` is the document, ``run_section`` what it says about a run, ``charts`` draws. ``markup`` escapes all text.
"""

from __future__ import annotations

from collections.abc import Iterable

from tox_prodsim.model.events import Event
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.html.page import page

__all__ = ["render"]


def render(events: Iterable[Event], options: RenderOptions) -> str:
    """Return the page; in an encoding that lacks a character it has the reference of that one."""
    written = page(list(events), options)
    encoding = options.encoding or "ascii"
    return written.encode(encoding, "xmlcharrefreplace").decode(encoding)
