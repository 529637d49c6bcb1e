"""The record of a run of this host: a process finds out who adopts orphans."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.supervision import ledger, ownership, procfs
from tox_prodsim.supervision.ledger import RunRecord
from tox_prodsim.supervision.procfs import Identity

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a ledger is kept on Linux only")

TAG = "0123456789abcdef" * 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{TAG}.json"


def test_a_run_is_recorded_before_its_start_with_its_host_and_guard_and_then_with_its_warden(path: Path) -> None:
    entry = RunRecord(path.parent, tag=TAG, argv=["serve", "--now"])
    entry.begin()
    entry.guarded(os.getppid(), 0)
    begun = ledger.read(path)
    entry.started(1)
    assert (begun.host, begun.warden) == (ownership.own_identity(), None)
    assert begun.guard
    assert begun.guard.pid == os.getppid()
    assert ledger.read(path) == replace(begun, warden=Identity(pid=1, started=procfs.read_status(1).identity.started))
    assert (begun.boot, begun.argv, begun.adopter) == (procfs.boot(), ("serve", "--now"), ownership.adopter())


def test_a_record_is_readable_by_its_owner_alone_and_nothing_lies_beside_it(path: Path) -> None:
    RunRecord(path.parent / "new", tag=TAG, argv=[]).begin()
    (only,) = (path.parent / "new").iterdir()
    assert (only.name, stat.S_IMODE(only.stat().st_mode)) == (path.name, 0o600)


def test_what_was_removed_is_not_written_again(path: Path) -> None:
    entry = RunRecord(path.parent, tag=TAG, argv=[])
    entry.begin()
    entry.remove()
    entry.started(1)
    entry.remove()
    assert not path.exists()


def test_a_record_that_cannot_be_written_is_an_error_that_says_so(path: Path) -> None:
    path.parent.joinpath("file").touch()
    entry = RunRecord(path.parent / "file", tag=TAG, argv=[])
    with pytest.raises(
        ProdsimError, match=r"ledger: cannot write .*/file/\w+\.json: a file is in the place of 'file', "
    ):
        entry.begin()
