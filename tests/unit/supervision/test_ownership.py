"""The mark of a run."""

from __future__ import annotations

import os
import sys

import pytest

from tox_prodsim.supervision import ownership

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a ledger is kept on Linux only")

TAG = "0123456789abcdef" * 2


def test_no_mark_is_no_evidence() -> None:
    assert not ownership.is_marked(ownership.RunIdentity(tag=TAG), os.getpid())
