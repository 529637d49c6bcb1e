"""A root in which ``/`` is not a mount point, as package builders make them, with the folders of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

_SCRIPT = """
set -e
root=$1; after=$2; shift 2
for folder in /*; do
    if [ -L "$folder" ]; then cp -P "$folder" "$root"
    elif [ -d "$folder" ]; then mkdir "$root$folder"; mount --rbind "$folder" "$root$folder"
    fi
done
mount --make-rshared /
count() { wc -l < /proc/self/mountinfo; }
before=$(count)
code=0
chroot "$root" "$@" || code=$?
echo "[$code, $(($(count) - before))]" > "$after"
"""


@dataclass(frozen=True)
class InChroot:
    """How a command in such a root ended."""

    code: int
    out: str
    mounts: int
    """How many mounts others got of it, to whom all mounts of the root are shared."""


def run_in_chroot(folder: Path, argv: list[str], **options: object) -> InChroot:
    """Run a command in a new root made in the folder, or skip the test where there can be none."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can make a root")
    root, after = folder / "root", folder / "after.json"
    root.mkdir()
    command = ["unshare", "--mount", "sh", "-c", _SCRIPT, "sh", str(root), str(after), *argv]
    ran = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False, **options
    )
    if not after.is_file():
        pytest.skip(f"no root can be made here: {ran.stdout}")
    code, mounts = json.loads(after.read_text())
    return InChroot(code=code, out=ran.stdout, mounts=mounts)
