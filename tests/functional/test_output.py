"""Any amount of output, of any kind: kept whole, shown in part, and neither tox's memory nor its limits suffer."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from support.project import Project, Running

MEGABYTES = 200
FLOOD = """\
import os, sys
size = int(sys.argv[1])
chunk = (b"x" * 99 + b"\\n") * 10_000 if sys.argv[2] == "lines" else b"x" * 1_000_000
for _ in range(size):
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(1, rest):]
"""
ENDLESS = """\
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    os.write(1, b"for ever and ever\\n" * 3000)
"""
HOLDER = """\
import subprocess, sys
sleep = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(100)"
subprocess.Popen([sys.executable, "-c", sleep, sys.argv[1]], start_new_session=True)
print("main is done", flush=True)
"""
AWKWARD = b"first \xff\xfe\x00\x1b[32mgreen\x1b[0m caf\xc3\xa9\n" + b"no line end \xc3"
CONFIG = """
[testenv:prodsim]
ignore = PRF
deploy_files = scripts/*.py
{keys}
"""


def log_of(project: Project, name: str) -> Path:
    return project.folder / ".tox" / "prodsim" / "prodsim" / name


def peak_mb(running: Running) -> float:
    """Wait for tox's end and return the most memory it ever had; its children are not counted."""
    status, peak_kb = Path(f"/proc/{running.process.pid}/status"), 0
    while running.process.poll() is None:
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak_kb = max(peak_kb, int(line.split()[1]))
        time.sleep(0.02)
    assert running.process.returncode == 0, running.out
    return peak_kb / 1024


def flooded(project: Project, size: int, kind: str, keys: str) -> float:
    project.write("scripts/flood.py", FLOOD)
    project.write("tox.ini", CONFIG.format(keys=keys.format(flood=f"python flood.py {size} {kind}")))
    return peak_mb(project.start("run", "-e", "prodsim", "--installpkg", project.wheel()))


@pytest.fixture(autouse=True)
def _some_script(quick_project: Project) -> None:
    quick_project.write("scripts/none.py", "")


@pytest.mark.parametrize(
    ("keys", "log", "kind"),
    [
        pytest.param("commands = {flood}", "commands-0.log", "lines", id="a command, lines"),
        pytest.param("deploy = {flood}\nexpect_output = ^x+$", "deploy.log", "one line", id="a deployment, one line"),
    ],
)
def test_200_mb_cost_tox_less_than_64_mb(quick_project: Project, keys: str, log: str, kind: str) -> None:
    base = flooded(quick_project, 0, kind, "commands = {flood}")
    assert flooded(quick_project, MEGABYTES, kind.split(maxsplit=1)[0], keys) < base + 64
    assert log_of(quick_project, log).stat().st_size == MEGABYTES * 1_000_000


def test_the_beginning_and_the_end_of_a_flood_are_shown(quick_project: Project) -> None:
    lines = "python -c \"for i in range(100_000): print('line', i, 'x' * 50)\""
    quick_project.write("tox.ini", CONFIG.format(keys=f"commands = {lines}"))
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    log = log_of(quick_project, "commands-0.log")
    assert "\nline 0 xxx" in result.out
    assert "\nline 50000 xxx" not in result.out
    assert "\nline 99999 xxx" in result.out
    assert f"\nprodsim: 5.1 MB left out, all of it is in {log}\nline " in result.out


def test_a_flood_without_end_does_not_delay_the_time_limit(quick_project: Project) -> None:
    quick_project.write("scripts/endless.py", ENDLESS)
    keys = "run_timeout = 2\nstop_timeout = 1\ncommands = python endless.py {tag}"
    quick_project.write("tox.ini", CONFIG.format(keys=keys.replace("{tag}", quick_project.tag)))
    running = quick_project.start("run", "-e", "prodsim", "--installpkg", quick_project.wheel())
    running.until("commands[0]")
    began = time.monotonic()
    running.end().failed()
    assert time.monotonic() - began < 2 + 1 + 3
    assert quick_project.codes() == ["RUN610"]
    assert quick_project.left() == []


def test_who_holds_the_output_open_hangs_nothing_and_changes_no_verdict(quick_project: Project) -> None:
    """The one finding is that it was left, which would be there as well if it held nothing."""
    quick_project.write("scripts/holder.py", HOLDER)
    command = f"python holder.py {quick_project.tag}"
    quick_project.write("tox.ini", CONFIG.format(keys=f"stop_timeout = 1\ncommands = {command}"))
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).failed()
    assert result.seconds < 60
    assert "main is done" in result.out
    assert quick_project.codes() == ["RUN620"]
    assert quick_project.left() == []


def test_what_is_no_text_is_kept_byte_by_byte_and_shown_escaped(quick_project: Project) -> None:
    """Also in tox's own result file, which is text."""
    quick_project.write(
        "scripts/awkward.py", f"import os\nos.write(1, {AWKWARD!r})\nos.write(2, b'\\xff on stderr\\n')\n"
    )
    keys = "commands = python awkward.py\ncommands_post = python awkward.py\ndeploy = python awkward.py"
    quick_project.write("tox.ini", CONFIG.format(keys=keys))
    result = quick_project.prodsim("--installpkg", quick_project.wheel(), "--result-json", "result.json").passed()
    assert AWKWARD in log_of(quick_project, "commands-0.log").read_bytes()
    assert AWKWARD in log_of(quick_project, "commands_post-0.log").read_bytes()
    assert AWKWARD in log_of(quick_project, "deploy.log").read_bytes()
    assert "first \\xff\\xfe\\x00\x1b[32mgreen\x1b[0m café\n" in result.out
    assert "no line end \\xc3" in result.out
    assert "\\xff on stderr" in result.out
    assert json.loads((quick_project.folder / "result.json").read_text())["testenvs"]["prodsim"]["result"]["success"]


def test_a_log_that_cannot_be_kept_is_one_line_and_the_command_is_judged_all_the_same(quick_project: Project) -> None:
    command = f"python -c \"import sys; print('x' * 3_000_000); sys.exit(3)\" {quick_project.tag}"
    quick_project.write("tox.ini", CONFIG.format(keys=f"recreate = false\ncommands = {command}"))
    quick_project.prodsim("--installpkg", quick_project.wheel()).failed()
    log = log_of(quick_project, "commands-0.log")
    log.unlink()
    log.symlink_to("/dev/full")
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).failed()
    assert result.out.count("could not be kept") == 1
    assert f"could not be kept: {log}: a symbolic link is in the place of 'commands-0.log', remove it\n" in result.out
    assert "exit code 3" in quick_project.findings()[0]["message"]
    assert log.readlink() == Path("/dev/full")
    assert quick_project.left() == []


def test_a_command_that_cannot_be_supervised_any_more_is_no_pass(quick_project: Project) -> None:
    runs = quick_project.folder / ".tox" / ".prodsim-runs"
    spoil = f"import shutil, pathlib; p = pathlib.Path('{runs}'); shutil.rmtree(p); p.write_text('')"
    quick_project.write("tox.ini", CONFIG.format(keys=f'commands =\n  python -c "{spoil}"\n  python -V'))
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).failed()
    assert "prodsim: INCOMPLETE  interrupted, not a pass" in result.out
    assert f"prodsim: failed with ledger: cannot write {runs}" in result.out
    assert "Traceback" not in result.out


def test_a_command_goes_on_when_nobody_reads_tox_any_more(quick_project: Project) -> None:
    keys = "commands = python -c \"for _ in range(3000): print('x' * 1000)\""
    quick_project.write("tox.ini", CONFIG.format(keys=keys))
    tox = quick_project.piped("run", "-e", "prodsim", "--installpkg", quick_project.wheel())
    assert tox.stdout is not None
    with tox.stdout as lines:
        assert any(b"commands[0]" in line for line in lines)
    tox.wait(30)
    assert log_of(quick_project, "commands-0.log").stat().st_size == 3000 * 1001


def test_without_capture_all_goes_past_tox(quick_project: Project) -> None:
    keys = "commands = python -c \"print('x' * 3_000_000)\""
    quick_project.write("tox.ini", CONFIG.format(keys=keys))
    result = quick_project.prodsim("--no-capture", "--installpkg", quick_project.wheel()).passed()
    assert "x" * 3_000_000 in result.out
    assert not log_of(quick_project, "commands-0.log").exists()
