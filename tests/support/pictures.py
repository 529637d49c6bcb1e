"""A picture of a terminal: lines of text as an SVG that needs no font and no script of its own."""

from __future__ import annotations

import re
from html import escape, unescape

_COLORS = {"ok": "#3fb950", "WARN": "#d29922", "FAIL": "#f85149", "NOTE": "#58a6ff", "passed": "#3fb950"}
_WORD = re.compile(r"(?<=  )ok(?=  )|\b(?:WARN|FAIL|NOTE)\b|(?<=prodsim: )passed|(?<=  )not checked")
MOST_COLUMNS = 110
_WIDTH, _HEIGHT, _EDGE = 7.8, 17, 14
"""Of a character, of a line, and the space around the lines, in pixels."""


def picture(text: str, title: str) -> str:
    """Return the text as a picture; what is wider than MOST_COLUMNS is cut off."""
    lines = [line[:MOST_COLUMNS] for line in text.splitlines()]
    width = round(max(map(len, lines)) * _WIDTH + 2 * _EDGE)
    height = len(lines) * _HEIGHT + 2 * _EDGE
    drawn = "".join(
        f'<text x="{_EDGE}" y="{_EDGE + 13 + number * _HEIGHT}" xml:space="preserve">{_colored(line)}</text>\n'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n'
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" fill="#e6edf3">\n'
        f"{drawn}</g>\n</svg>\n"
    )


def text_of(svg: str) -> str:
    """Return the lines that a picture shows."""
    lines = re.findall(r"<text [^>]*>(.*?)</text>", svg)
    return "".join(unescape(re.sub(r"<[^>]+>", "", line)) + "\n" for line in lines)


def _colored(line: str) -> str:
    parts, end = [], 0
    for match in _WORD.finditer(line):
        color = _COLORS.get(match[0], "#d29922")
        parts += [escape(line[end : match.start()]), f'<tspan fill="{color}">{escape(match[0])}</tspan>']
        end = match.end()
    return "".join([*parts, escape(line[end:])])
