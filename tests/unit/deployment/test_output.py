"""What is found in the log of a deployment, however it is cut into lines and blocks."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.expressions import Here

from tox_prodsim.deployment import log_search, output, user_expressions
from tox_prodsim.model.findings import Level
from tox_prodsim.model.scenario import Deployment, Stop, stop_signal

FILLER = b"a line that says nothing at all, many times\n" * 50_000


def job(*, expect: tuple[bytes, ...] = (), reject: tuple[bytes, ...] = ()) -> Deployment:
    return Deployment(
        argv=("job",),
        ready=(),
        ready_timeout_s=1.0,
        run_timeout_s=1.0,
        stop=Stop(signal=stop_signal("stop_signal", "TERM"), grace_s=1.0),
        exit_codes=frozenset({0}),
        expect_output=tuple(re.compile(each) for each in expect),
        reject_output=tuple(re.compile(each) for each in reject),
    )


def findings_of(
    tmp_path: Path, log: bytes, deployment: Deployment, *, ended_well: bool = True
) -> list[tuple[str, str]]:
    path = tmp_path / "deploy.log"
    path.write_bytes(log)
    found = user_expressions.check_log(path, deployment, Here())
    judged = output.check_output(path, deployment, ended_well=ended_well)
    return [(each.code, each.message) for each in (*found, *judged)]


@pytest.mark.parametrize(
    "pattern",
    [b"needle", b"^needle", b"needle$", rb"^needle\s\w+", b"(?i)NEEDLE", b"[^x]eedle", b"(?=needle)", rb"\Aneedle"],
)
def test_a_line_is_found_in_the_midst_of_a_long_log(tmp_path: Path, pattern: bytes) -> None:
    needle = b"needle\n" if pattern.endswith(b"$") else b"needle found\n"
    assert findings_of(tmp_path, FILLER + needle + FILLER, job(expect=(pattern,))) == []
    assert [code for code, _ in findings_of(tmp_path, FILLER, job(expect=(pattern,)))] == ["RUN611"]


@pytest.mark.parametrize("pattern", [rb"one\s+two", b"one[^x]two", rb"one\W+two", rb"one\D+two", rb"one\ntwo"])
def test_no_match_goes_over_the_end_of_a_line(tmp_path: Path, pattern: bytes) -> None:
    assert [code for code, _ in findings_of(tmp_path, b"one\ntwo\n", job(expect=(pattern,)))] == ["RUN611"]


def test_a_forbidden_line_is_quoted_whole_and_alone(tmp_path: Path) -> None:
    found = findings_of(tmp_path, FILLER + b"so: FATAL 7 here\n" + FILLER, job(reject=(rb"FATAL \d",)))
    assert found == [("RUN612", found[0][1])]
    assert "so: FATAL 7 here" in found[0][1]
    assert "a line that says nothing" not in found[0][1]


def test_a_match_across_the_parts_of_a_line_of_many_blocks_is_found(tmp_path: Path) -> None:
    for before in range(65_500, 65_600, 7):
        assert findings_of(tmp_path, b"x" * before + b"needle" + b"y" * 200_000, job(expect=(b"needle",))) == []


def test_a_line_of_50_mb_is_judged_in_little_memory(tmp_path: Path) -> None:
    log = tmp_path / "deploy.log"
    with log.open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b"needle")
    tracemalloc.start()
    deployment = job(expect=(b"needle",), reject=(b"never",))
    assert list(user_expressions.check_log(log, deployment, Here())) == []
    assert list(output.check_output(log, deployment, ended_well=True)) == []
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


TRACEBACK = b"""\
Traceback (most recent call last):
  File "/srv/app.py", line 12, in <module>
    main()
  File "/env/lib/python3.11/site-packages/driver/dbapi.py", line 3, in execute
    raise ValueError(text)
ValueError: no such table
"""


def test_what_is_expected_is_judged_also_if_something_else_failed(tmp_path: Path) -> None:
    for ended_well in (True, False):
        missing = findings_of(tmp_path, b"one\n", job(expect=(b"one", b"two")), ended_well=ended_well)
        assert missing == [("RUN611", "no line of deploy.log matches 'two'")]


def test_a_traceback_is_reported_with_its_last_line_and_the_place_in_the_project(tmp_path: Path) -> None:
    path = tmp_path / "deploy.log"
    path.write_bytes(FILLER + TRACEBACK + FILLER)
    (finding,) = output.check_output(path, job(), ended_well=True)
    assert (finding.code, finding.level) == ("RUN624", Level.ERROR)
    assert finding.message == "counts as a success, but printed a traceback: ValueError: no such table (app.py:12)"
    assert (finding.file, finding.line) == ("/srv/app.py", 12)


def test_of_several_tracebacks_the_first_is_reported_and_how_many_there_are(tmp_path: Path) -> None:
    log = TRACEBACK + FILLER + TRACEBACK.replace(b"no such table", b"later") + FILLER + TRACEBACK
    ((code, message),) = findings_of(tmp_path, log, job())
    assert (code, message) == (
        "RUN624",
        "counts as a success, but printed 3 tracebacks, the first: ValueError: no such table (app.py:12)",
    )


def test_a_traceback_that_was_cut_off_is_one_nevertheless(tmp_path: Path) -> None:
    ((code, message),) = findings_of(tmp_path, b"Traceback (most recent call last):\n", job())
    assert (code, message) == (
        "RUN624",
        "counts as a success, but printed a traceback: Traceback (most recent call last):",
    )


def test_a_traceback_contradicts_nothing_if_it_failed_anyway(tmp_path: Path) -> None:
    assert findings_of(tmp_path, TRACEBACK, job(), ended_well=False) == []


LETTERS = st.text("ab \n", max_size=40).map(str.encode)
ATOMS = st.sampled_from(
    ["a", "b", " ", ".", r"\s", r"\S", r"\w", r"\W", r"\d", r"\D", "[ab]", "[^a]", r"[^\sb]", r"\b"]
)
PATTERNS = st.lists(
    st.tuples(st.sampled_from(["", "^", "(?:a|b)", "(b)"]), ATOMS, st.sampled_from(["", "*", "+", "?", "*?", "$"])),
    min_size=1,
    max_size=4,
).map(lambda parts: "".join(map("".join, parts)).encode())


@given(log=LETTERS, source=PATTERNS)
def test_searching_a_block_finds_what_searching_each_line_finds(log: bytes, source: bytes) -> None:
    try:
        pattern = re.compile(source)
    except re.error:
        return
    in_block = log_search.for_block(pattern)
    assert in_block is not None, source
    by_line = next((line for line in log.split(b"\n") if pattern.search(line)), None)
    assert log_search.first_matching_line(pattern, in_block, log) == by_line


@given(lines=st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"")), max_size=20))
def test_blocks_are_the_lines_of_the_file(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    log = tmp_path_factory.mktemp("log") / "deploy.log"
    log.write_bytes(b"".join(line + b"\n" for line in lines))
    assert b"\n".join(output.blocks(log)).split(b"\n") == (lines or [b""])
