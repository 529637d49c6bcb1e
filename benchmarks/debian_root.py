"""A root of Debian's unstable release with the Pythons that this machine lacks, made once and kept.

It is made by root with debootstrap, in the cache folder. A command in it runs in a mount namespace of its own, with
/proc, /sys and /dev of this machine: nothing stays mounted. ``/`` in it is not a mount point, as in the roots of
package builders.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
RELEASE = "sid"
SOURCES = "trixie"
"""The release whose source of Python is built with free threading: those of unstable come and go."""
FREE_THREADED = "3.13t"
VERSIONS = ("3.13", "3.14", "3.15")
TOOLS = (
    *(f"python{version}{part}" for version in VERSIONS for part in ("-venv", "-dev")),
    *("pypy3-venv", "pypy3-dev", "gcc", "libc6-dev", "git", "procps", "iproute2", "util-linux", "ca-certificates"),
)
TO_BUILD = (
    *("dpkg-dev", "make", "pkg-config", "xz-utils", "zlib1g-dev", "libffi-dev", "libssl-dev", "libbz2-dev"),
    *("liblzma-dev", "libsqlite3-dev"),
)
PYTHONS = {
    **{version: f"/usr/bin/python{version}" for version in VERSIONS},
    "pypy3": "/usr/bin/pypy3",
    FREE_THREADED: f"/opt/python{FREE_THREADED}/bin/python{FREE_THREADED}",
}
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
APT = "apt-get -q -y -o Acquire::Check-Valid-Until=false"
"""A mirror may be older than its promise; the signatures are checked all the same."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENTER = """\
mount -t proc proc "$0/proc" && mount --rbind /sys "$0/sys" && mount --rbind /dev "$0/dev" &&
exec chroot "$0" "$@"
"""
BUILD = f"""\
set -e
echo 'deb-src {MIRROR} {SOURCES} main' > /etc/apt/sources.list.d/sources.list
{APT} update
{APT} install --no-install-recommends {" ".join(TO_BUILD)}
rm -rf /usr/src/python && mkdir -p /usr/src/python && cd /usr/src/python
apt-get -q source --download-only python{FREE_THREADED[:-1]}/{SOURCES}
dpkg-source -x python{FREE_THREADED[:-1]}_*.dsc tree
cd tree
./configure -q --prefix=/opt/python{FREE_THREADED} --disable-gil --with-ensurepip=no --disable-test-modules
make -s -j"$(nproc)"
make -s altinstall
"""


@dataclass(frozen=True)
class DebianRoot:
    """The folder of a root, and how commands are run in it."""

    folder: Path

    def command(self, argv: Sequence[str], env: Mapping[str, str], cwd: str = "/") -> list[str]:
        """Return the command that runs another one in the root, with these variables only."""
        own = {"HOME": "/root", "LANG": "C.UTF-8", "PATH": PATH, "SSL_CERT_FILE": str(CERTIFICATES)}
        inner = ["env", "-i", "-C", cwd, *(f"{name}={value}" for name, value in {**own, **env}.items()), *argv]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, str(self.folder), *inner]

    def has(self, path: str) -> bool:
        """Return whether the root has a file."""
        return os.path.lexists(f"{self.folder}{path}")

    def make(self, log: Path, wanted: Sequence[str]) -> str:
        """Make what is missing of the root; return why that is not to be had, nothing when it is."""
        if not set(wanted) & PYTHONS.keys():
            return ""
        problem = "" if self.has("/etc/prodsim-root") else self._make_base(log)
        if not problem and FREE_THREADED in wanted and not self.has(PYTHONS[FREE_THREADED]):
            self._run(["sh", "-c", BUILD], log)  # a Python that cannot be built is one that is not found
        return problem

    def _make_base(self, log: Path) -> str:
        if os.geteuid() != 0:
            return "only root can make a root"
        if not shutil.which("debootstrap"):
            return "debootstrap is not installed"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            made = subprocess.run(
                ["debootstrap", "--variant=minbase", RELEASE, self.folder, MIRROR],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False,
            )  # fmt: skip
        if made.returncode:
            return f"debootstrap failed, see {log}"
        install = f"set -e; {APT} update; {APT} install --no-install-recommends {' '.join(TOOLS)}"
        if self._run(["sh", "-c", install], log):
            return f"the packages cannot be installed, see {log}"
        shutil.copy(CERTIFICATES, f"{self.folder}{CERTIFICATES}")  # those of this machine: its index may need its own
        (self.folder / "etc" / "prodsim-root").touch()
        return ""

    def _run(self, argv: Sequence[str], log: Path) -> int:
        with log.open("ab") as output:
            command = self.command(argv, {"DEBIAN_FRONTEND": "noninteractive"})
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            ).returncode
