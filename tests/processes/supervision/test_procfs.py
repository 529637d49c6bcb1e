"""What cannot be read is not dead: a process that may open no file takes nobody for ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tox_prodsim
from tox_prodsim.supervision import procfs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a /proc")

ENV = {**os.environ, "PYTHONPATH": str(Path(tox_prodsim.__file__).parents[1])}
WITHOUT_FILES = """if True:
    import json, os, resource, sys
    from pathlib import Path
    from tox_prodsim.supervision import ledger, ownership, procfs
    from tox_prodsim.supervision.procfs import Identity
    gone = Identity(pid=int(sys.argv[2]), started=1)
    host = procfs.read_status(os.getppid()).identity
    record = ledger.Record(tag="0" * 32, boot=procfs.boot(), namespace=procfs.namespace(), host=host)
    lost = ledger.Record(tag="1" * 32, boot=procfs.boot(), namespace=procfs.namespace(), host=gone)
    for each in (record, lost):
        ledger.write(Path(sys.argv[1]) / f"{each.tag}.json", each)
    kept = {}
    read = ledger.read
    ledger.read = lambda path: record if path.stem[0] == "0" else lost
    paths = sorted(Path(sys.argv[1]).glob("*.json"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    lives = [procfs.lives(host), procfs.lives(gone)]
    reasons = [swept and swept.reason for swept in map(ledger._sweep_record, paths)]
    print(json.dumps([lives, reasons]))
"""


def ended_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        return process.pid


def test_who_may_open_no_file_takes_nobody_for_dead(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_FILES, str(tmp_path), str(ended_pid())]
    ran = subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=60, check=True)
    lives, reasons = json.loads(ran.stdout)
    assert lives == [True, True]
    assert reasons == [None, None]
    assert sorted(path.stem[0] for path in tmp_path.glob("*.json")) == ["0", "1"]


def test_an_ended_process_is_dead() -> None:
    assert not procfs.lives(procfs.Identity(pid=ended_pid(), started=1))
