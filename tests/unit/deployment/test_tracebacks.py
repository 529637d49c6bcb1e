"""Tracebacks in a log: where they begin and end, what they say last and where they were raised."""

from __future__ import annotations

import json
import sys
import textwrap
import traceback as tb
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tox_prodsim.deployment import tracebacks
from tox_prodsim.deployment.tracebacks import Traceback

PLAIN = """\
Traceback (most recent call last):
  File "/srv/app.py", line 12, in <module>
    main()
    ~~~~^^
  File "/srv/app.py", line 7, in main
    raise ValueError("no such table")
ValueError: no such table
"""
CHAINED = """\
Traceback (most recent call last):
  File "/srv/app.py", line 3, in load
    import psycopg
ModuleNotFoundError: No module named 'psycopg'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app.py", line 5, in load
    raise Broken("a driver is missing") from problem
__main__.load.<locals>.Broken: a driver is missing
"""
CAUSED = CHAINED.replace(
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
SYNTAX = """\
Traceback (most recent call last):
  File "/srv/app.py", line 1, in <module>
    import acme
  File "/srv/acme.py", line 2
    def f(
         ^
SyntaxError: '(' was never closed
"""
RECURSION = """\
Traceback (most recent call last):
  File "/srv/app.py", line 2, in f
    f()
  [Previous line repeated 996 more times]
RecursionError: maximum recursion depth exceeded
"""
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/srv/app.py", line 9, in <module>
  |     asyncio.run(main())
  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app.py", line 5, in one
    |     raise ValueError("a")
    | ValueError: a
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app.py", line 7, in two
    |     raise TypeError("b")
    | TypeError: b
    +------------------------------------
"""
REMOTE = '''\
concurrent.futures.process._RemoteTraceback:
"""
Traceback (most recent call last):
  File "/srv/work.py", line 4, in work
    1 / 0
ZeroDivisionError: division by zero
"""

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app.py", line 8, in <module>
    pool.submit(work).result()
ZeroDivisionError: division by zero
'''
RICH = """\
╭─────────────────────── Traceback (most recent call last) ───────────────────────╮
│ /srv/acme/cli.py:12 in main                                                      │
│                                                                                  │
│    9 def main():                                                                 │
│ ❱ 12     load("no such table")                                                   │
│                                                                                  │
│ /srv/a/very/long/path/that/is/broken/into/two/lines/because/the/terminal/is/narr │
│ ow.py:3 in load                                                                  │
╰──────────────────────────────────────────────────────────────────────────────────╯
ValueError: no such table
"""
FATAL = """\
Fatal Python error: Segmentation fault

Current thread 0x00007f1a2b3c4d5e (most recent call first):
  File "/srv/native.py", line 3 in crash
  File "/srv/app.py", line 9 in <module>

Thread 0x00007f1a2b3c4d5f (most recent call first):
  File "/srv/other.py", line 1 in run

Extension modules: _ctypes (total: 1)
"""


def read(text: str) -> list[Traceback]:
    return list(tracebacks.read(text.encode().splitlines()))


def summary(traceback: Traceback) -> tuple[str, str]:
    places = [f"{Path(place.file).name}:{place.line}" for place in traceback.places]
    return traceback.message, places[-1] if places else ""


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        pytest.param(PLAIN, "ValueError: no such table", "app.py:7", id="plain"),
        pytest.param(CHAINED, "__main__.load.<locals>.Broken: a driver is missing", "app.py:5", id="chained"),
        pytest.param(CAUSED, "__main__.load.<locals>.Broken: a driver is missing", "app.py:5", id="caused"),
        pytest.param(SYNTAX, "SyntaxError: '(' was never closed", "acme.py:2", id="syntax error"),
        pytest.param(RECURSION, "RecursionError: maximum recursion depth exceeded", "app.py:2", id="recursion"),
        pytest.param(
            GROUP,
            "ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions): ValueError: a",
            "app.py:5",
            id="group",
        ),
        pytest.param(REMOTE, "ZeroDivisionError: division by zero", "app.py:8", id="of another process"),
        pytest.param(RICH, "ValueError: no such table", "narrow.py:3", id="rich"),
        pytest.param(FATAL, "Fatal Python error: Segmentation fault", "native.py:3", id="faulthandler"),
        pytest.param(
            PLAIN.replace("ValueError: no such table", "KeyboardInterrupt"),
            "KeyboardInterrupt",
            "app.py:7",
            id="without a text",
        ),
        pytest.param("\n".join(PLAIN.splitlines()[:-1]), "", "app.py:7", id="cut off"),
        pytest.param("Traceback (most recent call last):\n", "", "", id="the header alone"),
    ],
)
def test_one_traceback(text: str, message: str, place: str) -> None:
    for before, after in (("", ""), ("INFO: begin\n", "INFO: end\n"), ("\n\n", "\n[7] [ERROR] Worker exited\n")):
        (found,) = read(before + text + after)
        assert summary(found) == (message, place)
        assert found.first == before.count("\n") + (2 if text is REMOTE else 0)
        assert found.last <= before.count("\n") + text.count("\n") - 1 + (not text.endswith("\n"))


@pytest.mark.parametrize(
    ("prefix", "header"),
    [
        pytest.param("web_1  | ", "web_1  | ", id="compose"),
        pytest.param("12:00:01 web.1 | ", "12:00:00 web.1 | ", id="honcho"),
        pytest.param(
            "Jan 06 01:56:25 ubuntu gunicorn[13842]: ", "Jan 06 01:56:25 ubuntu gunicorn[13842]: ", id="journal"
        ),
        pytest.param("", "ERROR:    ", id="uvicorn, in front of the header alone"),
        pytest.param("", "[2026-11-30 14:09:03,123: ERROR/MainProcess] Task failed: ", id="celery"),
    ],
)
def test_a_prefix_of_each_line_is_left_out(prefix: str, header: str) -> None:
    first, *rest = PLAIN.splitlines()
    (found,) = read("\n".join([header + first, *(prefix + line for line in rest)]))
    assert summary(found) == ("ValueError: no such table", "app.py:7")
    assert (found.first, found.last) == (0, 6)


def test_the_chain_with_a_prefix_is_one() -> None:
    (found,) = read(textwrap.indent(CHAINED, "web_1  | ", lambda _: True))
    assert [each.message.partition(":")[0] for each in found.raised] == [
        "ModuleNotFoundError",
        "__main__.load.<locals>.Broken",
    ]


def test_tracebacks_of_different_causes_are_several() -> None:
    assert [summary(each)[0] for each in read(f"{PLAIN}later\n{CHAINED}{GROUP}\n{PLAIN}")] == [
        "ValueError: no such table",
        "__main__.load.<locals>.Broken: a driver is missing",
        "ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions): ValueError: a",
        "ValueError: no such table",
    ]


def test_what_the_exception_says_below_its_name_belongs_to_it() -> None:
    text = PLAIN.replace("ValueError: no such table", "acme.Errors: 2 of them\n  first\n    more\n  second")
    (found,) = read(f"{text}INFO: later\n")
    assert (found.message, found.last) == ("acme.Errors: 2 of them", 9)


def test_a_line_of_another_process_between_the_frames_and_the_name() -> None:
    lines = PLAIN.splitlines()
    (found,) = read(
        "\n".join([*lines[:-1], "INFO:     Shutting down", "[9] [INFO] Worker exiting (pid: 9)", lines[-1]])
    )
    assert summary(found) == ("ValueError: no such table", "app.py:7")


def test_a_traceback_in_a_line_of_json_and_in_a_string_of_python() -> None:
    said = PLAIN.replace("no such table", 'no "such" table')
    for line in (json.dumps({"level": "error", "exc_info": said, "at": 7}), f"event='failed' exception={said!r} at=7"):
        (found,) = read(f"before\n{line}\nafter\n")
        assert summary(found) == ('ValueError: no "such" table', "app.py:7")
        assert (found.first, found.last) == (1, 1)


def test_colors_are_left_out() -> None:
    (found,) = read(
        PLAIN.replace('"/srv/app.py"', '\x1b[35m"/srv/app.py"\x1b[0m').replace(
            "ValueError", "\x1b[1;35mValueError\x1b[0m"
        )
    )
    assert summary(found) == ("ValueError: no such table", "app.py:7")


def test_what_this_python_prints_is_read() -> None:
    def inner() -> None:
        raise OSError("inner")

    def outer() -> None:
        try:
            inner()
        except OSError as problem:
            raise RuntimeError("outer") from problem

    with pytest.raises(RuntimeError) as raised:
        outer()
    (found,) = read("".join(tb.format_exception(raised.value)))
    assert [each.message for each in found.raised] == ["OSError: inner", "RuntimeError: outer"]
    assert found.places[-1].file == __file__
    assert sys.version_info >= (3, 11)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no traceback here\n",
        "a Traceback is printed\n",
        'File "x", line 3\n',
        "ValueError: x\n",
        "Traceback: none\n",
    ],
)
def test_what_is_no_traceback_is_none(text: str) -> None:
    assert read(text) == []


LINES = st.sampled_from(
    [*PLAIN.splitlines(), *CAUSED.splitlines(), *GROUP.splitlines(), *RICH.splitlines(), *FATAL.splitlines(), "", "x"]
)


@given(lines=st.lists(LINES, max_size=40))
def test_any_mixture_of_lines_is_read_in_order_and_without_overlap(lines: list[str]) -> None:
    found = read("\n".join(lines))
    bounds = [(each.first, each.last) for each in found]
    assert all(first <= last < max(1, len(lines)) for first, last in bounds)
    assert all(before[1] < after[0] for before, after in pairwise(bounds))
    assert len(found) <= sum("Traceback (most" in line or "Fatal Python" in line for line in lines)


def test_many_lines_are_read_in_a_bounded_time_and_memory() -> None:
    lines = [b"Traceback (most recent call last):", *[b'  File "a.py", line 1, in f', b"    f()"] * 20_000]
    (found,) = tracebacks.read(lines)
    assert len(found.places) <= 1000
    assert found.last <= 20_001
