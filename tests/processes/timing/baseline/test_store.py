"""A baseline is written whole or not at all: whoever is killed, whoever else writes, and on a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.baselines import ACME, KEY, TEXT

import tox_prodsim
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.timing.baseline import store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store.path_for(tmp_path / "prodsim/baselines", "prodsim", KEY)


def listed(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


SAVING = """
import sys
from pathlib import Path
sys.path.insert(0, {source!r})
from tox_prodsim.timing.baseline import store
path = Path({path!r})
one = store.load(path)
from dataclasses import replace
two = replace(one, dists=tuple(f"dist-{{at}}==1.0" for at in range(5000)))
print("saving", flush=True)
while True:
    store.save(path, two)
    store.save(path, one)
"""


def test_a_kill_at_any_moment_leaves_a_whole_file(path: Path) -> None:
    store.save(path, ACME)
    source = str(Path(tox_prodsim.__file__).parents[1])
    script = SAVING.format(source=source, path=str(path))
    seen = set()
    for round_ in range(8):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as saving:
            assert saving.stdout is not None
            assert saving.stdout.readline() == b"saving\n"
            time.sleep(0.005 + 0.0171 * round_)
            os.kill(saving.pid, signal.SIGKILL)
        loaded = store.load(path)
        assert loaded is not None
        assert len(loaded.dists) in {2, 5000}
        seen.add(len(loaded.dists))
        store.save(path, ACME)
        assert listed(path.parent) == [path.name], "what the killed one left is removed"
    assert seen


def test_two_runs_that_save_at_once_leave_one_whole_file(path: Path) -> None:
    store.save(path, ACME)
    script = SAVING.format(source=str(Path(tox_prodsim.__file__).parents[1]), path=str(path))
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(2)]
    end = time.monotonic() + 1
    try:
        while time.monotonic() < end:
            loaded = store.load(path)
            assert loaded is not None
            assert len(loaded.dists) in {2, 5000}
    finally:
        for saving in both:
            saving.kill()
            saving.communicate()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a tmpfs needs root; the limit on the file size is tested below")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


LARGE = replace(ACME, dists=tuple(f"distribution-{at}==1.0" for at in range(10_000)))


def test_a_full_disk_leaves_the_old_file(small_disk: Path) -> None:
    path = small_disk / f"{KEY}.json"
    store.save(path, ACME)
    with pytest.raises(ProdsimError) as caught:
        store.save(path, LARGE)
    problem = "cannot be written: No space left on device; the stored baseline is unchanged"
    assert str(caught.value) == f"baseline: {path}: {problem}"
    assert path.read_text() == TEXT
    assert listed(small_disk) == [path.name]
