"""Check the built pages: every link within the site has its page and its place, and nothing comes from the network.

``python docs/check_site.py FOLDER`` prints what is wrong, and ends with 1 if something is. It reads the files as a
browser does that opens them from disk.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"""Elements by which a page loads a file, with the attribute that names it."""


class Page(HTMLParser):
    """The places of a page, and the addresses that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the place and the addresses of an element."""
        values = {name: value for name, value in attrs if value}
        self.places |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") in {"stylesheet", "icon"}:
            self.loaded.append(values["href"])
        if tag in LOADED and LOADED[tag] in values:
            self.loaded.append(values[LOADED[tag]])


def wrong(folder: Path) -> list[str]:
    """Return a line for each link that leads nowhere, and for each file that a page loads from the network."""
    pages = {path.resolve(): Page(path.read_text("utf-8")) for path in folder.rglob("*.html")}
    lines = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        lines += [f"{name}: loads {each}" for each in page.loaded if urlsplit(each).netloc]
        lines += [
            f"{name}: {each} leads nowhere" for each in (*page.links, *page.loaded) if not _leads(each, path, pages)
        ]
    return lines if pages else ["there is no page"]


def _leads(address: str, path: Path, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return False
    place = unquote(parts.fragment)
    return not place or target not in pages or place in pages[target].places


if __name__ == "__main__":
    found = wrong(Path(sys.argv[1]))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
