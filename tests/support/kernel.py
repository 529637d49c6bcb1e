"""What the kernel of this machine can do."""

from __future__ import annotations

import os
import re
import sys

import pytest


def keeps_endings() -> bool:
    """Return whether the ending of a process is known although its parent has reaped it (PIDFD_INFO_EXIT)."""
    if sys.platform != "linux":
        return False
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) >= (6, 15)


needs_endings = pytest.mark.skipif(not keeps_endings(), reason="Linux keeps no ending of a reaped process before 6.15")
