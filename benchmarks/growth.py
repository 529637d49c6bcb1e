"""What a whole check costs as a wheel grows: modules, megabytes, requirements, scripts and extras.

Two virtual environments are made in a temporary folder, one with tox and tox-uv, one with this tree as well. For each
point a wheel is made. A round has it once with plain tox (``tox run -r -e plain``: an environment, the installation,
one import), once with us (``tox run -r -e prodsim``, without times), in random order, and once a control: one process
of the environment under test that compiles and imports every module once. With pip, which compiles what it installs,
the target is 1.5 times plain tox; with tox-uv, which compiles nothing, 1.5 times plain tox and the control.

CPU is that of all processes. Under load it is the steadier of the two: the last column says whether *it* meets the
target. ``tox`` is the peak memory of the process of tox with us, less that of plain tox.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from overhead import ROOT, environ, environment, tox_version

RATIO_TARGET = 1.5
MEMORY_TARGET_MB = 64
INSTALLERS = {"pip": {"TOX_DISABLED_EXTERNAL_PLUGINS": "tox-uv"}, "tox-uv": {}}
MODULE = "import os\n\n\ndef f{at}(x):\n    return [os.path.join(str(x), str(y)) for y in range({at})]\n"
TOX_INI = """\
[testenv:plain]
commands = python -c "import acme"

[testenv:prodsim]
ignore = PRF
"""
CONTROL = """\
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
for path in sorted(root.rglob("acme/**/*.py")):
    importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts).replace(".__init__", ""))
"""
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Point:
    """A wheel of the curve."""

    kind: str
    size: int


@dataclass(kw_only=True, slots=True)
class Cost:
    """What something took: seconds on the clock, of CPU with all its processes, and the peak memory of its process."""

    wall_s: float
    cpu_s: float
    peak_mb: float = 0.0


@dataclass(kw_only=True, slots=True)
class Series:
    """The rounds of a point with one installer."""

    point: Point
    installer: str
    plain: list[Cost] = field(default_factory=list)
    ours: list[Cost] = field(default_factory=list)
    control: list[Cost] = field(default_factory=list)


POINTS = [
    *(Point("modules", count) for count in (10, 100, 1_000, 10_000, 30_000, 100_000)),
    *(Point("bytes", count) for count in (1_000, 1_000_000, 100_000_000, 1_000_000_000)),
    *(Point("requirements", count) for count in (1, 20, 200)),
    *(Point("scripts", count) for count in (1, 20, 200)),
    *(Point("extras", count) for count in (1, 20, 200)),
]


def main() -> int:
    """Measure, print the table; with ``--check`` a target that is not met is exit code 1."""
    options = _options()
    points = [each for each in POINTS if each.kind in options.kinds and options.least <= each.size <= options.most]
    met = True
    with tempfile.TemporaryDirectory(prefix="prodsim-growth-") as name:
        folder = Path(name)
        alone = environment(folder / "alone", "tox", "tox-uv")
        with_us = environment(folder / "with", "tox", "tox-uv", str(ROOT))
        print(
            f"tox {tox_version(alone)}, {options.rounds} rounds, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
        )
        print("| wheel | with | plain s (CPU) | ours s (CPU) | control s | CPU ratio | tox MB | target |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for point in points:
            for installer in options.installers:
                series = _measured(folder, (alone, with_us), point, installer, options.rounds)
                met &= _row(series)
    return 1 if options.check and not met else 0


def _options() -> argparse.Namespace:
    kinds = list(dict.fromkeys(each.kind for each in POINTS))
    parser = argparse.ArgumentParser(description="Measure what a whole check costs as a wheel grows.")
    parser.add_argument("--kinds", nargs="*", default=kinds, choices=kinds, help="what grows (default: everything)")
    parser.add_argument("--installers", nargs="*", default=list(INSTALLERS), choices=list(INSTALLERS))
    parser.add_argument("--least", type=int, default=0, help="no point below it")
    parser.add_argument("--most", type=int, default=max(each.size for each in POINTS), help="no point beyond it")
    parser.add_argument("--rounds", type=int, default=3, help="how often each point is repeated (default: 3)")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every target is met")
    return parser.parse_args()


def _measured(folder: Path, pythons: tuple[Path, Path], point: Point, installer: str, rounds: int) -> Series:
    project = folder / f"{point.kind}-{point.size}-{installer}"
    project.mkdir()
    (project / "tox.ini").write_text(TOX_INI)
    (project / "control.py").write_text(CONTROL)
    wheel = make_wheel(project, point)
    series = Series(point=point, installer=installer)
    for _ in range(rounds):
        for env, python in random.sample([("plain", pythons[0]), ("prodsim", pythons[1])], 2):
            work = project / f"work-{env}"
            argv = [python, "-m", "tox", "run", "-r", "-e", env, "--workdir", work, "--installpkg", wheel]
            cost = _cost(list(map(str, argv)), project, INSTALLERS[installer])
            (series.plain if env == "plain" else series.ours).append(cost)
        (site,) = (project / "work-plain/plain").glob("lib/python*/site-packages")
        control = [str(project / "work-plain/plain/bin/python"), "-B", str(project / "control.py"), str(site)]
        series.control.append(_cost(control, project, {"PYTHONPYCACHEPREFIX": str(project / "none")}))
    return series


def _cost(argv: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> Cost:
    """Return what a program took; exits when it fails."""
    with (cwd / "output.txt").open("w+b") as output:
        before, began = _children_s(), time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**environ(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        peak = _Peak(process.pid)
        code = process.wait()
        cost = Cost(wall_s=time.perf_counter() - began, cpu_s=_children_s() - before, peak_mb=peak.mb)
        if code != 0:
            output.seek(0)
            sys.exit(f"{' '.join(argv)} ended with {code}:\n{output.read().decode(errors='replace')}")
    return cost


class _Peak(threading.Thread):
    """Watches the peak memory of a process until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{pid}/status")
        self.mb = 0.0
        self.start()

    def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                lines = self._status.read_text().splitlines()
            except OSError:
                return
            peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
            if not peak:
                return
            self.mb = peak[0] / 1000
            time.sleep(POLL_S)


def _children_s() -> float:
    """Return the CPU seconds of all children that have ended, and of those that these have waited for."""
    times = os.times()
    return times.children_user + times.children_system


def _row(series: Series) -> bool:
    """Print what a point came to, and return whether the targets are met."""
    plain, ours, control = (
        Cost(
            wall_s=statistics.median(each.wall_s for each in costs),
            cpu_s=statistics.median(each.cpu_s for each in costs),
            peak_mb=statistics.median(each.peak_mb for each in costs),
        )
        for costs in (series.plain, series.ours, series.control)
    )
    base_s = plain.cpu_s + (control.cpu_s if series.installer == "tox-uv" else 0.0)
    ratio, more_mb = ours.cpu_s / base_s, ours.peak_mb - plain.peak_mb
    met = ratio <= RATIO_TARGET and more_mb <= MEMORY_TARGET_MB
    print(
        f"| {series.point.size:,} {series.point.kind} | {series.installer} | {plain.wall_s:.1f} ({plain.cpu_s:.1f}) "
        f"| {ours.wall_s:.1f} ({ours.cpu_s:.1f}) | {control.cpu_s:.1f} | {ratio:.2f} | {more_mb:+.0f} "
        f"| {'met' if met else 'missed'} |",
        flush=True,
    )
    return met


def make_wheel(folder: Path, point: Point) -> Path:
    """Make the wheel of a point; what it requires is for no system, so that no index is measured."""
    path = folder / "acme-1.0-py3-none-any.whl"
    files = {"acme/__init__.py": b"", "acme/cli.py": b"def main():\n    return None\n"}
    metadata = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nRequires-Python: >=3.9\n"
    points = ""
    match point.kind:
        case "modules":
            files |= {f"acme/p{at // 500}/m{at}.py": MODULE.format(at=at).encode() for at in range(point.size)}
        case "bytes":
            files["acme/data.bin"] = random.Random(1).randbytes(1 << 16) * (point.size >> 16) or bytes(point.size)
        case "requirements":
            metadata += "".join(f'Requires-Dist: acme-{at}>=1; sys_platform == "none"\n' for at in range(point.size))
        case "extras":
            metadata += "".join(f"Provides-Extra: e{at}\n" for at in range(point.size))
        case "scripts":
            points = "[console_scripts]\n" + "".join(f"acme-{at} = acme.cli:main\n" for at in range(point.size))
    _write(path, {**files, "acme-1.0.dist-info/METADATA": metadata.encode()}, points)
    return path


def _write(path: Path, files: Mapping[str, bytes], points: str) -> None:
    info = "acme-1.0.dist-info"
    whole = {**files, f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    whole |= {f"{info}/entry_points.txt": points.encode()} if points else {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in whole.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/RECORD", "\n".join([*_record(whole), f"{info}/RECORD,,\n"]))


def _record(files: Mapping[str, bytes]) -> Iterator[str]:
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        yield f"{name},sha256={digest},{len(content)}"


if __name__ == "__main__":
    sys.exit(main())
