"""A cancel at any moment of a start: the order must not be lost on its way to a guard that is only just there."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from tox_prodsim import supervision
from tox_prodsim.model.errors import Cancelled


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.005, 0.02, 0.05, 0.1, 0.2], ids=lambda after: f"{after:.3f}s")
def test_a_cancel_during_the_start_is_no_wait(tmp_path: Path, after_s: float) -> None:
    cancel = supervision.Cancel()
    timer = threading.Timer(after_s, cancel.set)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        waited(tmp_path, cancel)
    assert time.monotonic() - began < 5
    timer.join()
    cancel.close()


def waited(folder: Path, cancel: supervision.Cancel) -> None:
    argv = [sys.executable, "-c", "import time; time.sleep(100)"]
    process = supervision.start(argv, cwd=folder, env=dict(os.environ), stdout=None, stderr=None, cancel=cancel)
    try:
        process.wait(20)
    finally:
        process.close()
