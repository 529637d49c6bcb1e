"""What is shown of a log: its last lines, from the last traceback on, within a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.deployment import log_end
from tox_prodsim.deployment.log_end import LAST_LINES, TRACEBACK_LINES

OWN = Path("/env/lib/python3.11/site-packages/acme")
LIBRARY = "/env/lib/python3.11/site-packages/server"
BOUND = TRACEBACK_LINES + 2 * LAST_LINES
CHAIN = ["", "The above exception was the direct cause of the following exception:", ""]


def frame(file: str, line: int, function: str = "f") -> list[str]:
    return [f'  File "{file}", line {line}, in {function}', f"    call_{line}()"]


def raised(*frames: list[str], name: str = "ValueError: no such table") -> list[str]:
    return ["Traceback (most recent call last):", *(line for each in frames for line in each), name]


def deep(count: int, name: str = "ValueError: no such table", own: int = 3) -> list[str]:
    """Return an exception of so many frames of a library, of which the frame number ``own`` is the project's."""
    frames = [frame(f"{OWN}/app.py" if at == own else f"{LIBRARY}/x.py", at) for at in range(1, count + 1)]
    return raised(*frames, name=name)


def excerpt(tmp_path: Path, *lines: str) -> list[str]:
    log = tmp_path / "deploy.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return list(log_end.excerpt(log, [OWN]))


def numbered(count: int) -> list[str]:
    return [f"line {number}" for number in range(count)]


def test_without_a_traceback_it_is_the_last_lines(tmp_path: Path) -> None:
    assert excerpt(tmp_path, *numbered(50)) == numbered(50)[-LAST_LINES:]
    assert excerpt(tmp_path, "one") == ["one"]
    assert excerpt(tmp_path) == []
    assert log_end.excerpt(tmp_path / "none.log") == ()


def test_a_traceback_is_shown_whole_with_the_line_above_it_and_what_follows(tmp_path: Path) -> None:
    printed = deep((TRACEBACK_LINES - 2) // 2)
    assert len(printed) == TRACEBACK_LINES
    assert excerpt(tmp_path, *numbered(50), *printed, *numbered(5)) == ["line 49", *printed, *numbered(5)]


def test_a_short_traceback_does_not_make_the_excerpt_shorter(tmp_path: Path) -> None:
    lines = [*numbered(50), *raised(frame("/srv/app.py", 1)), "later"]
    assert excerpt(tmp_path, *lines) == lines[-LAST_LINES:]


def test_a_longer_one_keeps_the_innermost_frames_and_the_project_s_own(tmp_path: Path) -> None:
    shown = excerpt(tmp_path, "ERROR in the worker", *deep(200), *numbered(50))
    assert shown[:6] == [
        "ERROR in the worker",
        "Traceback (most recent call last):",
        "  … 4 lines left out",
        f'  File "{OWN}/app.py", line 3, in f',
        "    call_3()",
        f"  … {2 * (200 - 3 - 27)} lines left out",
    ]
    assert shown[6] == f'  File "{LIBRARY}/x.py", line 174, in f'
    end = shown.index("ValueError: no such table")
    assert shown[end - 2 : end] == [f'  File "{LIBRARY}/x.py", line 200, in f', "    call_200()"]
    assert end < TRACEBACK_LINES + 1
    assert shown[end + 1 :] == [f"  … {50 - LAST_LINES} lines left out", *numbered(50)[-LAST_LINES:]]


def test_a_chain_that_fits_is_whole(tmp_path: Path) -> None:
    printed = [*deep(3, "KeyError: 1"), *CHAIN, *deep(8, "LookupError: 1")]
    assert excerpt(tmp_path, *numbered(50), *printed) == ["line 49", *printed]


@pytest.mark.parametrize("links", [2, 3, 7])
def test_of_a_chain_that_is_too_long_the_root_and_the_last_are_named(tmp_path: Path, links: int) -> None:
    printed = deep(40, "KeyError: the root")
    for number in range(1, links):
        printed += [*CHAIN, *deep(40, f"LookupError: number {number}")]
    shown = excerpt(tmp_path, *printed)
    assert "KeyError: the root" in shown
    assert shown[-1] == f"LookupError: number {links - 1}"
    assert shown[-3] == f'  File "{LIBRARY}/x.py", line 40, in f'
    assert len(shown) <= BOUND


def test_what_an_exception_says_at_length_is_cut(tmp_path: Path) -> None:
    shown = excerpt(tmp_path, *deep(60), *(f"  detail {number}" for number in range(90)))
    assert "  detail 6" in shown
    assert "  detail 7" not in shown
    assert f'  File "{LIBRARY}/x.py", line 60, in f' in shown
    assert len(shown) <= BOUND


def test_of_several_the_last_is_shown_and_the_first_is_named(tmp_path: Path) -> None:
    first, last = raised(frame("/srv/wsgi.py", 2), name="KeyError: 1"), deep(20, "HaltServer: failed to boot")
    shown = excerpt(tmp_path, *first, "", *last, "", *last)
    assert shown[0] == "… the first of 3 tracebacks: KeyError: 1 (wsgi.py:2)"
    assert shown[-len(last) :] == last


def test_the_stacks_of_a_crash_are_shown_from_the_innermost_frame_on(tmp_path: Path) -> None:
    stack = [f'  File "/srv/app.py", line {number} in f' for number in range(90)]
    crash = [
        "Fatal Python error: Segmentation fault",
        "",
        "Current thread 0x00007f1a (most recent call first):",
        *stack,
    ]
    shown = excerpt(tmp_path, *crash)
    assert shown[: len(crash[:20])] == crash[:20]
    assert len(shown) <= BOUND


def test_a_log_of_many_megabytes_is_read_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "deploy.log"
    log.write_text("\n".join(["x" * 1000] * 5000 + deep(20)))
    assert list(log_end.excerpt(log, [OWN]))[-42:] == deep(20)


@pytest.mark.parametrize(
    ("frames", "place"),
    [
        pytest.param([frame("/srv/app.py", 1), frame(f"{LIBRARY}/x.py", 2)], "app.py:1", id="a script"),
        pytest.param([frame(f"{OWN}/web.py", 7), frame(f"{LIBRARY}/x.py", 2)], "web.py:7", id="the package under test"),
        pytest.param([frame("/srv/app.py", 1), frame("<string>", 2)], "app.py:1", id="code without a file"),
        pytest.param([frame(f"{LIBRARY}/x.py", 1), frame(f"{LIBRARY}/y.py", 2)], "y.py:2", id="only a library"),
        pytest.param([frame("/usr/lib/python3.11/json/decoder.py", 5)], "decoder.py:5", id="the standard library"),
        pytest.param([frame("<string>", 2)], "<string>:2", id="only code without a file"),
    ],
)
def test_the_place_is_that_of_the_project_s_own_code_where_there_is_one(
    tmp_path: Path, frames: list[list[str]], place: str
) -> None:
    log = tmp_path / "deploy.log"
    log.write_text("\n".join([*raised(*frames), "INFO: later"]))
    assert log_end.last_words(log, [OWN]) == f"ValueError: no such table ({place})"


def test_the_script_that_an_installer_wrote_is_not_the_project_s(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").touch()
    log = tmp_path / "deploy.log"
    log.write_text("\n".join(raised(frame(f"{tmp_path}/bin/server", 8), frame(f"{LIBRARY}/x.py", 2))))
    assert log_end.last_words(log, [OWN]).endswith("(x.py:2)")


def test_the_last_words_without_a_traceback_are_the_last_line(tmp_path: Path) -> None:
    log = tmp_path / "deploy.log"
    assert log_end.last_words(log, []) == ""
    log.write_text("one\ntwo\n")
    assert log_end.last_words(log, []) == "two"
