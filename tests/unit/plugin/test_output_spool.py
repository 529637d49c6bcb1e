"""What a command prints is kept whole in a file, and shown in part."""

from __future__ import annotations

import os
from functools import partial
from io import FileIO
from pathlib import Path

import pytest

from tox_prodsim.plugin.output_spool import HEAD_BYTES, TAIL_BYTES, OutputPreview, Spool

AWKWARD = b"caf\xc3\xa9 \xff\xfe\x00 end \xc3"


def passed_through(tmp_path: Path, *parts: bytes) -> tuple[bytes, bytes]:
    """Return what was kept and what was shown."""
    shown = bytearray()
    spool = Spool(tmp_path / "new" / "commands-0.log")
    preview = OutputPreview(shown.extend, spool)
    for part in parts:
        preview.write(part)
    preview.close()
    spool.close()
    return spool.path.read_bytes() if spool.path.exists() else b"", bytes(shown)


def test_little_is_kept_and_shown_as_it_is(tmp_path: Path) -> None:
    assert passed_through(tmp_path, b"one\n", b"two") == (b"one\ntwo", b"one\ntwo")


def test_a_command_that_prints_nothing_leaves_no_file(tmp_path: Path) -> None:
    assert passed_through(tmp_path) == (b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_text_is_kept_byte_by_byte_and_shown_escaped(tmp_path: Path) -> None:
    kept, shown = passed_through(tmp_path, AWKWARD)
    assert kept == AWKWARD
    assert shown == "café \\xff\\xfe\\x00 end \\xc3".encode()


def test_colours_and_progress_bars_are_shown_as_they_come(tmp_path: Path) -> None:
    colourful = b"\x1b[31mred\x1b[0m\r50 %\b\x1b(B\a\n"
    assert passed_through(tmp_path, colourful)[1] == colourful


def test_a_character_that_comes_in_two_parts_is_one(tmp_path: Path) -> None:
    assert passed_through(tmp_path, b"caf\xc3", b"\xa9\n")[1] == "café\n".encode()


def test_of_a_flood_the_beginning_and_the_end_are_shown_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    line = b"x" * 99 + b"\n"
    flood = [line * 1000] * 50
    kept, shown = passed_through(tmp_path, *flood, b"the end\n")
    path = tmp_path / "new" / "commands-0.log"
    assert kept == b"".join(flood) + b"the end\n"
    head, between, tail = shown.partition(b"x\nprodsim: ")[0], shown[HEAD_BYTES : -TAIL_BYTES + 200], shown[-8:]
    assert abs(len(head) - HEAD_BYTES) < 2
    assert f"prodsim: the output goes on in {path}, its end will be shown here\n".encode() in between
    assert f"prodsim: 3.9 MB left out, all of it is in {path}\nxxx".encode() in between
    assert tail == b"the end\n"
    assert len(shown) < HEAD_BYTES + TAIL_BYTES + 1000


def test_a_little_more_than_the_beginning_is_shown_whole(tmp_path: Path) -> None:
    data = b"y" * (HEAD_BYTES + TAIL_BYTES)
    assert passed_through(tmp_path, data, b"") == (data, data)


def test_a_line_of_50_mb_is_kept_whole_and_cut_between_characters(tmp_path: Path) -> None:
    """A part of the line and a part of a character come in each read."""
    part = ("é" * 32_000).encode()[1:] + b"\xc3"
    kept, shown = passed_through(tmp_path, b"\xc3", *[part] * 800)
    assert len(kept) == 51_200_001
    assert b"\\x" not in shown[HEAD_BYTES + 500 :].removesuffix(b"\\xc3")
    assert shown.count(b"\n") == 3, "one to end the cut line, and those of two lines of ours"


def test_a_disk_that_is_full_is_said_and_nothing_half_is_left(tmp_path: Path) -> None:
    log = tmp_path / "commands-0.log"
    log.touch()
    shown = bytearray()
    spool = Spool(log)
    spool._file = FileIO("/dev/full", "wb")
    preview = OutputPreview(shown.extend, spool)
    for _ in range(50):
        preview.write(b"z" * 100_000)
    preview.close()
    assert spool.error == "No space left on device"
    assert f"MB left out, and lost: {log}: No space left on device".encode() in shown
    assert not log.exists()
    assert spool.size_bytes == 5_000_000


@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a symbolic link"])
def test_what_is_no_file_in_the_place_of_the_log_is_said_and_not_written_to(tmp_path: Path, kind: str) -> None:
    log, precious = tmp_path / "commands-0.log", tmp_path / "precious"
    precious.write_text("precious")
    make = {"a FIFO": os.mkfifo, "a folder": os.mkdir, "a symbolic link": partial(os.symlink, precious)}
    make[kind](log)
    spool = Spool(log)
    spool.write(b"text")
    spool.close()
    assert spool.error == f"{kind} is in the place of 'commands-0.log', remove it"
    assert log.is_symlink() or not log.is_file()
    assert precious.read_text() == "precious"


def test_nothing_is_shown_or_written_after_the_end(tmp_path: Path) -> None:
    """A stranger holds the pipe open and goes on writing."""
    shown = bytearray()
    spool = Spool(tmp_path / "log")
    preview = OutputPreview(shown.extend, spool)
    preview.write(b"before")
    preview.close()
    spool.close()
    preview.write(b"after")
    preview.close()
    assert (bytes(shown), spool.path.read_bytes()) == (b"before", b"before")


@pytest.mark.parametrize("size", [HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, HEAD_BYTES + TAIL_BYTES + 1])
def test_the_file_has_every_byte_whatever_is_shown(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert passed_through(tmp_path, data[:size])[0] == data[:size]
