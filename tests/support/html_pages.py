"""Read a page as a tree: every element must be closed, and attributes are those of the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "br", "link", "img", "input", "hr"}


@dataclass(slots=True)
class Element:
    """An element with its content."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    content: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return all text in it, without that of scripts and styles."""
        if self.name in {"script", "style"}:
            return ""
        return "".join(each if isinstance(each, str) else each.text for each in self.content)

    def all(self, *names: str, **attributes: str) -> list[Element]:
        """Return the elements in it with one of these names, all without names, and with these attributes."""
        return [each for each in self._walk() if (not names or each.name in names) and _has(each, attributes)]

    def _walk(self) -> Iterator[Element]:
        for each in self.content:
            if isinstance(each, Element):
                yield each
                yield from each._walk()


def parse(source: str) -> Element:
    """Return the page; raises AssertionError where an element is not closed, or one that is not open."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    assert [each.name for each in reader.open] == ["page"]
    return reader.open[0]


def _has(element: Element, attributes: dict[str, str]) -> bool:
    return all(element.attributes.get(name.rstrip("_").replace("_", "-")) == text for name, text in attributes.items())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} is there twice"
        element = Element(tag, {name: text or "" for name, text in attrs})
        self.open[-1].content.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> in {self.open[-1].name}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)

    def handle_comment(self, data: str) -> None:
        msg = f"a comment: {data[:80]}"
        raise AssertionError(msg)
