"""Strategies for inputs: sound ones with a few edits, which come further into a reader than noise does."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

DIGITS = "9" * 5000
TOKENS = (
    *(
        b"",
        b"\0",
        b"\n",
        b"\r",
        b"\t",
        b" ",
        b"\x1b[31m",
        b"\x85",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        "\u202e\u2028".encode(),
    ),
    *(b"-1", b"0", b"1e308", b"-1e308", b"1e-320", b"9" * 20, b"9" * 400, b"NaN", b"Infinity", DIGITS.encode()),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b",",
        b":",
        b"=",
        b"-",
        b".",
        b"/",
        b"\\",
        b"%",
        b"#",
        b";",
        b"$(",
        b"{port}",
    ),
    *(b"[" * 3000, b"(" * 3000, b'{"a":' * 2000, b"x" * 3000, b"../../..", b"/etc/passwd", b"C:\\aux", b"\\ud800"),
    *("\u00e9\u00b2\u0663".encode(), "\U0001f600".encode(), b"true", b"null", b"None", b"::", b"--", b"=="),
)
"""Pieces of text at which readers fail."""
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 10**18, 10**400, -(10**400), 0.5, 1e308, -1e308, 1e-320),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "\0", "\x1b[31m", "\ud800", "\u202e", "9" * 400, DIGITS),
    *("a\nb", "..", "/", "NaN", "1e308", [], {}, [[]], [None], {"": None}, [{}], "x" * 5000, {"a": [1, "b"]}),
)
"""Values of JSON at which readers fail."""
_PLAIN = st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers(), max_size=3)
odd_values: st.SearchStrategy[Any] = _PLAIN | st.sampled_from(VALUES).map(copy.deepcopy)  # they are edited later


@st.composite
def edited(draw: st.DrawFn, sound: Sequence[bytes], most: int = 4) -> bytes:
    """Return one of the sound inputs, of which a few pieces are replaced, removed or doubled."""
    data = draw(st.sampled_from(sound))
    for _ in range(draw(st.integers(0, most))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 40)))
        piece = draw(st.sampled_from(TOKENS) | st.binary(max_size=12) | st.just(data[begin:end] * 2))
        data = data[:begin] + piece + data[end:]
    return data


@st.composite
def edited_lines(draw: st.DrawFn, sound: Sequence[bytes], most: int = 4) -> bytes:
    """Return one of the sound inputs, of which a few lines are others, absent, doubled or at another place."""
    lines = draw(st.sampled_from(sound)).split(b"\n")
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, len(lines)))
        match draw(st.integers(0, 3)):
            case 0:
                lines[at:at] = [draw(edited(lines or [b""], most=2))]
            case 1:
                del lines[at : at + draw(st.integers(1, 3))]
            case 2:
                lines[at : at + 1] = lines[at : at + 1] * draw(st.integers(2, 30))
            case 3:
                lines = [*lines[at:], *lines[:at]]
    return draw(edited([b"\n".join(lines)], most=1))


@st.composite
def odd_json(draw: st.DrawFn, sound: Sequence[Any], most: int = 3) -> bytes:
    """Return the text of a sound value of JSON, of which a few parts are odd, absent, more or text that is not JSON."""
    value = copy.deepcopy(draw(st.sampled_from(sound)))
    for _ in range(draw(st.integers(0, most))):
        value = _changed(draw, value)
    text = json.dumps(value).encode()
    return draw(edited([text], most=1)) if draw(st.integers(0, 9)) == 0 else text


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """Return the value with one part of it changed, at any depth."""
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 9)) == 0:
        return draw(odd_values)
    key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    match draw(st.integers(0, 7)):
        case 0:
            del value[key]
        case 1 if isinstance(value, dict):
            value[draw(st.text(max_size=8))] = draw(odd_values)
        case 1:
            value.insert(key, copy.deepcopy(value[key]))
        case _:
            value[key] = _changed(draw, value[key])
    return value


def lines_of_json(sound: Sequence[Sequence[Any]], begin: bytes = b"") -> st.SearchStrategy[bytes]:
    """Return the strategy for a file with a value of JSON in each line, which ``begin`` comes before."""

    @st.composite
    def lines(draw: st.DrawFn) -> bytes:
        records = list(draw(st.sampled_from(sound)))
        for _ in range(draw(st.integers(0, 2))):
            at = draw(st.integers(0, max(len(records) - 1, 0)))
            records[at:at] = copy.deepcopy(records[at : at + 1])
        odd_at = draw(st.integers(0, max(len(records) - 1, 0)))
        written = [
            draw(odd_json([record])) if at == odd_at else json.dumps(record).encode()
            for at, record in enumerate(records)
        ]
        text = b"".join(begin + line + b"\n" for line in written)
        return draw(edited([text], most=2)) if draw(st.integers(0, 3)) == 0 else text

    return lines()
