"""The site: Markdown pages, built by ``tox -e docs``."""

from importlib.metadata import version as installed

from sphinx.application import Sphinx

project = "tox-prodsim"
author = "the tox-prodsim developers"
copyright = "the tox-prodsim developers"  # noqa: A001 # Sphinx reads this name
version = release = installed("tox-prodsim")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["reference/reports/*"]
myst_heading_anchors = 3
nitpicky = True
# Types of the API are named and not linked: most have no page, and the site is built without a network.
nitpick_ignore_regex = [("py:.*", ".*")]
autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"tox-prodsim {release}"
html_static_path: list[str] = []
html_show_sourcelink = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Leave the pages of codes out of the side bar: the list of codes links them, and a page is built faster."""
    app.connect("source-read", _beside_the_tree)


def _beside_the_tree(_: Sphinx, name: str, source: list[str]) -> None:
    if name.startswith("reference/codes/"):
        source[0] = f"---\norphan: true\n---\n{source[0]}"
