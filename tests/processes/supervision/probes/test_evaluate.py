"""Probes that ask real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from support.probing import around, asked

from tox_prodsim.model.probes import (
    ExecProbe,
    ListenProbe,
)
from tox_prodsim.model.runner import Completed
from tox_prodsim.supervision import (
    Cause,
    ExecWatch,
    Ready,
    evaluate_probe,
    run,
)


@pytest.mark.parametrize(
    ("bind", "shown", "url"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", "127.0.0.1", id="loopback"),
        pytest.param("0.0.0.0", "0.0.0.0", "127.0.0.1", id="all of IPv4"),
        pytest.param("::1", "[::1]", "[::1]", id="loopback of IPv6"),
        pytest.param("::", "[::]", "[::1]", id="all of IPv6"),
    ],
)
def test_a_listen_probe_finds_the_port_by_itself(bind: str, shown: str, url: str) -> None:
    code = f"import socket, time; s = socket.create_server(({bind!r}, 0), family=socket.AF_INET{'6' * (':' in bind)})\n"
    with child(code + "print(s.getsockname()[1], flush=True); time.sleep(60)") as (process, said):
        port = int(said)
        answer = asked(ListenProbe(), tree=lambda: (psutil.Process(process.pid),))
        assert answer == Ready(detail=f"listening {shown}:{port} (pid {process.pid})", url=f"http://{url}:{port}")
        assert isinstance(asked(ListenProbe(port=port), tree=lambda: (psutil.Process(process.pid),)), Ready)


@contextmanager
def child(code: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        pytest.param("pass", "exec python exit code 0", id="it ends well"),
        pytest.param("import sys; print('one'); sys.exit('two')", "exec python exit code 1: two", id="it says why not"),
        pytest.param(
            "import time; print('trying', flush=True); time.sleep(30)",
            "exec python did not end within 1 s: trying",
            id="it hangs",
        ),
    ],
)
def test_a_real_command_is_judged_and_does_not_outlast_its_timeout(tmp_path: Path, code: str, says: str) -> None:
    def runner(argv: Sequence[str], *, timeout_s: float) -> Completed:
        done = run(argv, cwd=tmp_path, env={}, timeout_s=timeout_s)
        timed_out = done.ending.cause is Cause.TIMED_OUT
        return Completed(returncode=done.ending.returncode, timed_out=timed_out, stdout=done.stdout, stderr=done.stderr)

    (tmp_path / "python").symlink_to(sys.executable)
    probe = ExecProbe(argv=(str(tmp_path / "python"), "-I", "-S", "-c", code), timeout_s=1.0)
    begin = time.monotonic()
    answer = evaluate_probe(probe, replace(around(), execute=ExecWatch(runner)))
    assert (answer.detail if isinstance(answer, Ready) else answer.reason) == says
    assert time.monotonic() - begin < 5.0
