"""The command for everybody: its exit codes, its place in a pipeline, its answer to signals, and what it leaves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from support.documents import document
from support.terminals import at_a_terminal

from tox_prodsim import supervision
from tox_prodsim.supervision import cli

COMMAND = [sys.executable, "-m", "tox_prodsim", "supervise"]
PYTHON = [sys.executable, "-I", "-S", "-c"]
DEAF = (
    "import signal, time; signal.alarm(30); signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(30)"
)
LEAVES = "(sleep 20 & echo $!) ; exit {code}"
DOCUMENT = document("supervise.md")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the guard works on Linux")


def supervised(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *words], input=stdin, capture_output=True, timeout=30, check=False)


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The command, once what it runs has said that it is up."""
    with subprocess.Popen([*COMMAND, *words], stdout=-1, stderr=-1, text=True, start_new_session=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


def lines(result: subprocess.CompletedProcess[bytes]) -> list[str]:
    return result.stderr.decode().splitlines()


# exit codes


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["--", "true"], 0, id="0"),
        pytest.param(["--", "sh", "-c", "exit 77"], 77, id="that of the command"),
        pytest.param(["--", "sh", "-c", "exit 124"], 124, id="that of the command, a special one too"),
        pytest.param(["sh", "-c", "exit 3", "--run-timeout"], 3, id="without --, with an option that is the command's"),
        pytest.param(["--", "sh", "-c", "kill -9 $$"], 137, id="128 + the signal that killed it"),
        pytest.param(["--", "sh", "-c", "kill -11 $$"], 139, id="128 + SIGSEGV"),
        pytest.param(["--run-timeout", "0.3", "--", "sleep", "20"], 124, id="timed out"),
        pytest.param(
            ["--run-timeout", "0.3", "--", "sh", "-c", "trap 'exit 0' TERM; sleep 20 & wait"],
            124,
            id="timed out, and ended with 0 then",
        ),
        pytest.param(
            ["--run-timeout", "0.3", "--stop-timeout", "0.3", "--", *PYTHON, DEAF], 137, id="timed out, and killed"
        ),
        pytest.param(["--run-timeout", "0.3", "--stop-signal", "KILL", "--", "sleep", "20"], 137, id="killed at once"),
        pytest.param(["--idle-timeout", "0.3", "--", "sleep", "20"], 124, id="silent"),
        pytest.param(["--run-timeout", "0", "--idle-timeout", "0", "--", "true"], 0, id="0 is not a limit"),
        pytest.param(["--run-timeout", "1e12", "--", "true"], 0, id="a limit that nobody lives to see"),
        pytest.param(["--", "no-such-command"], 127, id="not found"),
        pytest.param(["--", "/no/such/command"], 127, id="not found at its path"),
        pytest.param(["--", "/etc/passwd"], 126, id="no permission to run it"),
        pytest.param(["--", "/"], 126, id="a folder"),
    ],
)
def test_an_exit_code_is_that_of_timeout(words: list[str], code: int) -> None:
    result = supervised(*words)
    assert result.returncode == code, result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "no command is given", id="nothing"),
        pytest.param(["--run-timeout", "1"], "no command is given", id="no command"),
        pytest.param(["--no-such-option", "--", "true"], "no command is given", id="an unknown option"),
        pytest.param(["--run-timeout", "x", "--", "true"], "argument --run-timeout: 'x' is not a number of seconds"),
        pytest.param(
            ["--run-timeout", "nan", "--", "true"], "argument --run-timeout: 'nan' is not a number of seconds"
        ),
        pytest.param(["--stop-timeout=-1", "--", "true"], "argument --stop-timeout: '-1' is not a number of seconds"),
        pytest.param(["--stop-signal", "SIGFOO", "--", "true"], "argument --stop-signal: 'SIGFOO' is not a signal"),
        pytest.param(["--containment", "hope", "--", "true"], "argument --containment: invalid choice: 'hope'"),
    ],
)
def test_a_wrong_option_is_one_line_and_125(words: list[str], said: str) -> None:
    result = supervised(*words)
    (line,) = lines(result)
    assert result.returncode == 125
    assert line.startswith("tox-prodsim supervise: ")
    assert said in line or "--no-such-option" in line


def test_a_ledger_that_cannot_be_written_is_one_line_and_125(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = supervised("--ledger", str(tmp_path / "file" / "ledger"), "--", "true")
    assert (result.returncode, len(lines(result))) == (125, 1)


@pytest.mark.parametrize("words", [[], ["watch"]])
def test_another_command_than_supervise_is_one_line_and_125(words: list[str]) -> None:
    result = subprocess.run([*COMMAND[:-1], *words], capture_output=True, timeout=30, check=False)
    assert result.returncode == 125
    assert lines(result) == ["usage: python -m tox_prodsim supervise [options] -- COMMAND [ARGUMENT ...]"]


@pytest.mark.parametrize(
    ("text", "number"), [("KILL", 9), ("SIGTERM", 15), ("hup", 1), ("2", 2), pytest.param("sigint", 2, id="small")]
)
def test_a_signal_has_its_name_with_sig_or_without_or_its_number(text: str, number: int) -> None:
    assert cli.stop_signal(text) == number


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param("x: No such file or directory", 127, id="not found"),
        pytest.param("x: the interpreter that its first line names does not exist", 127, id="as execvp says it"),
        pytest.param("cannot work in /gone: No such file or directory", 125, id="no folder to work in"),
        pytest.param("the supervising process could not be started: Permission denied", 125, id="no supervisor"),
    ],
)
def test_what_was_not_started_has_the_code_of_whom_it_is_the_fault_of(error: str, code: int) -> None:
    assert cli.not_started("x", error) == code


# pipelines


def test_it_is_a_filter_in_a_pipeline() -> None:
    result = supervised("--", "tr", "a-z", "A-Z", stdin=b"abc\n" * 100_000)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"ABC\n" * 100_000, b"")


@pytest.mark.parametrize("options", [[], ["--idle-timeout", "5"]], ids=["inherited", "through a pipe"])
def test_whom_nobody_reads_ends_by_sigpipe(options: list[str]) -> None:
    words = [*COMMAND, *options, "--", "yes"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(10) == 128 + signal.SIGPIPE


def test_output_through_a_pipe_is_complete_and_keeps_its_two_streams_apart() -> None:
    script = "import sys; sys.stdout.write('a' * 500_000); sys.stderr.write('b' * 500_000)"
    result = supervised("--idle-timeout", "5", "--", *PYTHON, script)
    assert (result.stdout, result.stderr) == (b"a" * 500_000, b"b" * 500_000)


def test_who_keeps_writing_is_not_silent() -> None:
    result = supervised("--idle-timeout", "0.6", "--", "sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done")
    assert (result.returncode, result.stdout) == (0, b"1\n2\n3\n4\n5\n6\n")


# what is left behind


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        pytest.param([], 0, 0, id="is said"),
        pytest.param(["--fail-on-leak"], 0, 123, id="fails when that is asked for"),
        pytest.param(["--fail-on-leak"], 7, 7, id="does not hide a failure"),
    ],
)
def test_what_a_command_leaves_behind_is_killed_and_said(options: list[str], code: int, expected: int) -> None:
    result = supervised(*options, "--", "sh", "-c", LEAVES.format(code=code))
    left = int(result.stdout)
    assert lines(result) == [f"tox-prodsim supervise: left behind, and killed: pid {left} (sleep 20)"]
    assert result.returncode == expected
    assert not psutil.pid_exists(left)


def test_at_a_timeout_it_says_what_was_running() -> None:
    result = supervised("--run-timeout", "0.3", "--", "sleep", "21")
    first, head, process, waits, *_ = lines(result)
    assert first == "tox-prodsim supervise: timed out after 0.3 s"
    assert head == "tox-prodsim supervise: process tree"
    assert re.search(r" \d+ sleep 21$", process)
    assert waits.startswith("tox-prodsim supervise:         sleeps, ")
    assert len(lines(supervised("--no-diagnose", "--run-timeout", "0.3", "--", "sleep", "21"))) == 1


# signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_command_and_is_the_exit_code(number: signal.Signals) -> None:
    script = "trap 'echo bye; exit 0' TERM; sleep 20 & sleep 0.2; echo up; wait"
    with started("--", "sh", "-c", script) as process:
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=10)
    assert (process.returncode, stdout, stderr) == (128 + number, "bye\n", "")


def test_a_second_signal_ends_it_at_once() -> None:
    with started("--stop-timeout", "20", "--", *PYTHON, DEAF) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert time.monotonic() - begun < 2
    assert "Traceback" not in stderr


def test_one_signal_leaves_five_seconds_of_a_longer_grace() -> None:
    with started("--stop-timeout", "60", "--", *PYTHON, DEAF) as process:
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 143
    assert 4.5 < time.monotonic() - begun < 6.5


def test_an_ignored_signal_stays_ignored() -> None:
    with subprocess.Popen(["nohup", *COMMAND, "--", "sh", "-c", "echo up; sleep 1"], stdout=-1, stderr=-1) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        assert process.wait(10) == 0


def test_a_killed_supervisor_leaves_nothing() -> None:
    with started("--", "sh", "-c", "echo up; echo $$; sleep 20") as process:
        assert process.stdout
        main = psutil.Process(int(process.stdout.readline()))
        process.kill()
        main.wait(5)


def test_ctrl_c_at_a_terminal_and_ctrl_z_before_it() -> None:
    shell = f"set -m; {' '.join(COMMAND)} --run-timeout 2 -- sh -c 'echo up; sleep 20'; echo code $?; fg; echo end $?"
    process, terminal = at_a_terminal(["bash", "--norc", "-c", shell])
    try:
        seen = read_until(terminal, b"up\r\n")
        os.write(terminal, b"\x1a")  # Ctrl-Z: the shell says 147, waits with fg, and the limit does not go on
        seen += read_until(terminal, b"code 147")
        assert b"code 147" in seen
        os.write(terminal, b"\x03")
        assert b"end 130" in read_until(terminal, b"end 130")
        assert b"Traceback" not in seen
    finally:
        os.close(terminal)
        process.kill()
        process.wait()


def read_until(terminal: int, what: bytes) -> bytes:
    seen, until = b"", time.monotonic() + 10
    while what not in seen and time.monotonic() < until:
        with suppress(OSError):  # the other end is closed
            seen += os.read(terminal, 4096)
    return seen


def test_a_pause_does_not_count() -> None:
    with started("--run-timeout", "1.5", "--", "sh", "-c", "echo up; sleep 0.8; echo done") as process:
        process.send_signal(signal.SIGTSTP)
        time.sleep(2)
        assert psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
        process.send_signal(signal.SIGCONT)
        stdout, _ = process.communicate(timeout=10)
    assert (process.returncode, stdout) == (0, "done\n")


@pytest.mark.parametrize("name", ["subreaper", "group"])
def test_a_containment_can_be_asked_for(name: str) -> None:
    assert supervised("--containment", name, "--", "sh", "-c", "exit 4").returncode == 4


# the documents


def documented(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)


def test_the_example_of_the_documents_does_what_they_say(tmp_path: Path) -> None:
    (source,) = documented("python")
    (expected,) = documented("text")
    (tmp_path / "example.py").write_text(source)
    result = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    numbers = re.compile(r"\d+\.\d+|pid \d+")
    assert result.stderr == ""
    assert numbers.sub("#", result.stdout) == numbers.sub("#", expected)


def test_the_table_of_exit_codes_is_the_same_in_help_and_documents() -> None:
    usage = supervised("--help").stdout.decode()
    codes = re.findall(r"^  (\d+|128\+N) ", usage[usage.index("exit codes") :], re.MULTILINE)
    assert codes == re.findall(r"^\| (\d+|128\+N) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    for option in re.findall(r"(--[a-z-]+)", usage[: usage.index("exit codes")]):
        assert option in DOCUMENT.read_text("utf-8") or option == "--help"


def test_every_word_of_the_interface_is_there() -> None:
    names = re.findall(r"^\| `(\w+)[`(]", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert names
    assert [name for name in names if name not in supervision.__all__ and not hasattr(supervision.Process, name)] == []
