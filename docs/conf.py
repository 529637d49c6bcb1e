"""The site: Markdown pages, built by ``tox -e docs``."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from linking import CODES, KEYS, keys_of, linked, with_classes  # noqa: E402 # it lies beside this file, where Sphinx does not look

project = "tox-prodsim"
author = "the tox-prodsim developers"
copyright = "the tox-prodsim developers"  # noqa: A001 # Sphinx reads this name
version = release = installed("tox-prodsim")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["reference/reports/*"]
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_block", "attrs_inline"]
nitpicky = True
# Types of the API are named and not linked: most have no page, and the site is built without a network.
nitpick_ignore_regex = [("py:.*", ".*")]
autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"tox-prodsim {release}"
html_static_path = ["_static"]
html_css_files = ["prodsim.css"]
html_show_sourcelink = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Prepare each page when it is read."""
    app.connect("source-read", _prepared)


def _prepared(_: Sphinx, name: str, source: list[str]) -> None:
    """Add links and classes; leave the pages of codes out of the side bar: the list of codes links them."""
    codes = sorted(path.stem for path in (DOCS / CODES).glob("*.md"))
    source[0] = linked(name, with_classes(source[0]), keys_of((DOCS / f"{KEYS}.md").read_text("utf-8")), codes)
    if name.startswith(CODES):
        source[0] = f"---\norphan: true\n---\n{source[0]}"
