"""Workflow commands in the output of a command are broken, wherever the output is cut."""

from __future__ import annotations

import time

import pytest
from support.workflow_log import obeyed

from tox_prodsim.plugin.ci.line_filter import broken_commands

HOSTILE = (
    "::error::a\n  ::add-mask::b\r::set-env name=c::d\r\n\t \u00a0::debug::e\nx ##[error]f ###[group]g\n"
    "%0A::warning::h\n:::error::i\n#:: ##[x]##[y]\n\u2028::notice::j\n"
)


def shown(*pieces: bytes) -> bytes:
    out = bytearray()
    write = broken_commands(out.extend)
    for piece in pieces:
        write(piece)
    return bytes(out)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_no_command_is_obeyed_however_the_output_is_cut(size: int) -> None:
    data = HOSTILE.encode()
    text = shown(*(data[at : at + size] for at in range(0, len(data), size))).decode()
    assert obeyed(HOSTILE)
    assert obeyed(text) == []
    assert text.replace("\\", "") == HOSTILE


def test_a_colon_is_waited_for_behind_any_number_of_blanks() -> None:
    assert obeyed(shown(*[b"\n", *[b" " * 5000] * 3, b":", b":", b"error::x\n"]).decode()) == []


@pytest.mark.parametrize("text", ["a::b", "std::vector\n", "x: y\n: z\n", "## [title]\n# [x]\n", ":", "\udcff\n"])
def test_anything_else_is_shown_as_it_is(text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    assert shown(data) == data
    assert shown(*(data[at : at + 1] for at in range(len(data)))) == data


@pytest.mark.parametrize("piece", [b"\n", b" ", b":", b"#", b"\r "])
def test_much_of_one_character_takes_no_time(piece: bytes) -> None:
    began = time.process_time()
    shown(*[piece * 65_536] * 4)
    assert time.process_time() - began < 20
