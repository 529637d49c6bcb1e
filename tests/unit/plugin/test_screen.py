"""The outputs as one screen: whoever writes, the line that is redrawn is never in its way."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedWriter, FileIO, TextIOWrapper

import pytest
from support.terminal import displayed

from tox_prodsim.plugin.screen import Screen

END = b"<end>"


@dataclass
class Outputs:
    out: TextIOWrapper
    err: TextIOWrapper
    master: int
    slave: int

    def raw(self) -> str:
        """Return what was written since the last call; a terminal passes it on in parts."""
        os.write(self.slave, END)
        return self.read()

    def read(self) -> str:
        read = b""
        while not read.endswith(END):
            read += os.read(self.master, 1 << 16)
        return read.removesuffix(END).decode()

    def shown(self) -> list[str]:
        return displayed(self.raw())


@pytest.fixture
def outputs() -> Iterator[Outputs]:
    master, slave = os.openpty()
    streams = [
        TextIOWrapper(BufferedWriter(FileIO(os.dup(slave), "w")), encoding="utf-8", line_buffering=True)
        for _ in range(2)
    ]
    yield Outputs(*streams, master, slave)
    for stream in streams:
        stream.close()
    os.close(slave)
    os.close(master)


def screen(outputs: Outputs, *, redraws: bool = True) -> Screen:
    return Screen(outputs.out, [outputs.err], redraws=redraws)


def draw(screen: Screen, *lines: str) -> None:
    for line in lines:
        screen.draw(line, lambda: True)


def test_a_line_takes_the_place_of_the_one_before_and_goes_away_at_the_end(outputs: Outputs) -> None:
    it = screen(outputs)
    draw(it, "first", "two")
    assert outputs.shown() == ["two"]
    it.close()
    outputs.out.write("end\n")
    assert displayed("two" + outputs.raw()) == ["end", ""]


@pytest.mark.parametrize("which", ["out", "err"])
def test_what_others_write_is_never_beside_the_line(outputs: Outputs, which: str) -> None:
    it, stream = screen(outputs), getattr(outputs, which)
    draw(it, "a long line of progress")
    stream.write("text\n")
    draw(it, "a line")
    stream.buffer.write(b"bytes\n")
    stream.flush()
    draw(it, "a line")
    assert outputs.shown() == ["text", "bytes", "a line"]
    it.erase()
    assert outputs.raw() == "\r\x1b[K"


def test_behind_half_a_line_nothing_is_drawn_until_it_ends(outputs: Outputs) -> None:
    it = screen(outputs)
    outputs.out.buffer.write(b"1, 2, ")
    draw(it, "progress")
    outputs.out.buffer.write(b"3")
    draw(it, "progress")
    outputs.out.buffer.write(b"\n")
    draw(it, "progress")
    outputs.out.flush()
    assert outputs.shown() == ["1, 2, 3", "progress"]


def test_the_colors_around_an_output_do_not_count(outputs: Outputs) -> None:
    it = screen(outputs)
    for part in (b"\x1b[31m", b"red\n", b"\x1b[39m"):
        outputs.err.buffer.write(part)
    outputs.err.flush()
    draw(it, "progress")
    assert outputs.shown() == ["red", "progress"]


def test_what_is_not_wanted_any_more_is_not_drawn(outputs: Outputs) -> None:
    it = screen(outputs)
    it.draw("late", lambda: False)
    outputs.out.write("end\n")
    assert outputs.shown() == ["end", ""]


def test_the_same_line_is_not_written_twice(outputs: Outputs) -> None:
    draw(screen(outputs), "same", "same")
    assert outputs.raw() == "same"


def test_a_line_of_several_rows_goes_away_as_a_whole(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    it = screen(outputs)
    draw(it, "x" * 100)
    monkeypatch.setattr(Screen, "columns", 30)  # the terminal has become narrower
    it.erase()
    assert outputs.raw() == "x" * 100 + "\r\x1b[K" + "\x1b[A\x1b[K" * 3


def test_a_terminal_that_does_not_know_its_width_has_80_columns(outputs: Outputs) -> None:
    assert screen(outputs).columns == 80


def test_without_a_terminal_a_line_stays_and_begins_on_a_line_of_its_own(outputs: Outputs) -> None:
    it = screen(outputs, redraws=False)
    it.print("first")
    outputs.out.buffer.write(b"dots ...")
    it.print("second")
    it.print("third")
    outputs.out.write("::error::of half a line\n")
    it.print("fourth")
    assert outputs.shown() == [
        "first",
        "dots ...",
        "second",
        "...",
        "third",
        "... ::error::of half a line",
        "fourth",
        "",
    ]


def test_closed_it_leaves_the_streams_as_they_were(outputs: Outputs) -> None:
    first = screen(outputs)
    first.close()
    second = screen(outputs)
    first.close()
    draw(second, "progress")
    outputs.out.write("text\n")
    assert outputs.shown() == ["text", ""]
    second.close()
    assert "write" not in vars(outputs.out.buffer)


class Unread(FileIO):
    """A file of which nobody reads what is written."""

    def write(self, _data: object) -> int:
        raise BrokenPipeError


def test_nobody_reads_any_more() -> None:
    stream = TextIOWrapper(BufferedWriter(Unread(os.devnull, "w"), 1), encoding="utf-8")
    it = Screen(stream, redraws=True)
    draw(it, "progress")
    it.print("progress")
    it.close()
    with suppress(BrokenPipeError):
        stream.close()


def test_many_threads_write_and_nothing_is_garbled(outputs: Outputs) -> None:
    it, over = screen(outputs), threading.Event()

    def draws() -> None:
        number = 0
        while not over.is_set():
            number += 1
            it.draw(f"progress {number}", lambda: True)

    def writes(name: str) -> None:
        for number in range(50):
            outputs.err.write(f"{name} {number}\n")

    drawing = threading.Thread(target=draws)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(outputs.read()))
    writing = [threading.Thread(target=writes, args=(name,)) for name in "ab"]
    for thread in (drawing, reader, *writing):
        thread.start()
    for thread in writing:
        thread.join(60)
    over.set()
    drawing.join(60)
    it.close()
    os.write(outputs.slave, END)
    reader.join(60)
    lines = displayed(read[0])
    expected = sorted(f"{name} {number}" for name in "ab" for number in range(50))
    assert sorted(line for line in lines if line) == expected
