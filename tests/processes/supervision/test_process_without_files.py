"""Supervising processes that may not open a file any more still end everything below them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support.adversaries import Adversaries

import tox_prodsim
from tox_prodsim.supervision import Cause

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no such processes")

ROGUE = Path(__file__).parents[2] / "torture" / "rogue.py"
ENV = {**os.environ, "PYTHONPATH": str(Path(tox_prodsim.__file__).parents[1])}


def test_a_tree_is_ended_by_supervisors_that_may_open_no_file(adversaries: Adversaries) -> None:
    process = adversaries.run(
        [sys.executable, "-I", "-S", str(ROGUE), "starves_its_supervisors", str(adversaries.folder)]
    )
    adversaries.wait_ready(8)
    ending = process.stop(signal.SIGTERM, 0.2)
    assert (ending.cause, ending.forced, ending.unkillable, ending.error) == (Cause.STOPPED, True, (), "")
    assert adversaries.states() == []
    assert process.pid in {each.pid for each in ending.unstopped}


@pytest.mark.parametrize("limit", [4, 6, 8, 9, 10, 11, 14])
def test_a_limit_of_open_files_that_is_too_low_is_one_line(limit: int) -> None:
    supervise = f"ulimit -n {limit}; exec '{sys.executable}' -S -m tox_prodsim supervise -- true"
    env = {**ENV, "PYTHONPATH": os.pathsep.join([ENV["PYTHONPATH"], sysconfig.get_path("purelib")])}  # and no .pth
    ran = subprocess.run(["sh", "-c", supervise], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in ran.stderr, ran.stderr
    assert ran.returncode in ({0} if limit == 14 else {125, 126}), ran.stderr


@pytest.mark.parametrize("closed", ["0", "1", "2", "01", "12", "012"])
def test_a_host_without_standard_files_has_its_commands_supervised(closed: str, tmp_path: Path) -> None:
    host = f"""if True:
        import os
        from pathlib import Path
        for fd in {[*map(int, closed)]}:
            os.close(fd)
        from tox_prodsim.supervision import start
        process = start(["sh", "-c", "exit 3"], cwd=Path("/"), env=os.environ, stdout=None, stderr=None)
        Path({str(tmp_path / "said")!r}).write_text(repr((str(process.wait(30).cause), process.wait(30).code)))
    """
    subprocess.run([sys.executable, "-c", host], env=ENV, timeout=60, check=True)
    assert (tmp_path / "said").read_text() == "('exited', 3)"
