"""What the formats of reports cost a run that asks for none of them.

Two copies of this tree are made in a temporary folder; one lacks the modules of the formats that are only imported when
they are asked for. A run of tox records its events. A round reports this run once with each copy, in random order, each
in a fresh interpreter: the events are read, go to the terminal and to the event log, and ``report.json`` is written.
The CPU times of a pair make a difference, and the figure is the median difference as a share of the CPU time of the
whole run of tox, all of its processes included. The spread is that of ``overhead.py``.

Whole runs side by side would need hundreds of rounds for a figure of this size: their CPU times differ by several
percent.
"""

from __future__ import annotations

import argparse
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from overhead import OK, RESAMPLES, ROOT, WHEEL, environ, word

TARGET = 0.01
FORMATS = ("github", "gitlab", "html", "junit", "markdown", "sarif", "text", "trace")
"""All that is not always imported."""
TOX_INI = """\
[testenv:prodsim]
ignore = PRF, WHL
reports =
"""
REPORT = """\
import pathlib, sys
from tox_prodsim.report import FORMATS, RenderOptions, event_log, json, terminal
events = list(event_log.read(pathlib.Path(sys.argv[1])))
folder = pathlib.Path(sys.argv[2])
log, shown = event_log.EventLog(folder / "events.jsonl"), terminal.TerminalReporter(lambda text: None, RenderOptions())
for event in events:
    log.handle(event)
    shown.handle(event)
log.close()
(folder / "report.json").write_text(json.dumps(json.report(events)))
"""


def main() -> int:
    """Make the copies and the run, measure, print the row; with ``--check`` a missed target is exit code 1."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="prodsim-formats-") as name:
        folder = Path(name)
        copies = [_copy(folder / each, without=each == "without") for each in ("with", "without")]
        run_s, events = _run(folder)
        pairs = [_pair(copies, events, folder) for _ in range(options.rounds)]
    more_s = [with_formats - without for with_formats, without in pairs]
    shares = [each / run_s for each in more_s]
    share, low, high = _spread(shares)
    result = word(share, low, TARGET)
    print(f"{platform.python_implementation()} {platform.python_version()}, {options.rounds} rounds, CPU times")
    print(f"{'':<22}{'without':>11}{'with':>11}   {'of the whole run (spread)':<32}{'target':<14}")
    times = "".join(f"{1000 * statistics.median(pair[at] for pair in pairs):>8.1f} ms" for at in (1, 0))
    figure = f"{share:+.2%} ({low:+.2%} to {high:+.2%}) of {1000 * run_s:.0f} ms"
    print(f"{'report of one run':<22}{times}   {figure:<32}  at most {TARGET:.0%}  {result}")
    return 1 if options.check and result != OK else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what formats cost a run that asks for none of them.")
    parser.add_argument("--rounds", type=int, default=60, help="how often each copy reports the run (default: 60)")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless the target is met")
    return parser.parse_args()


def _copy(folder: Path, *, without: bool) -> Path:
    """Copy the package; what needs a module that is missing fails."""
    package = folder / "tox_prodsim"
    shutil.copytree(ROOT / "src" / "tox_prodsim", package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FORMATS if without else ():
        file = package / "report" / f"{name}.py"
        if file.exists():
            file.unlink()
        else:
            shutil.rmtree(package / "report" / name)
    return folder


def _run(folder: Path) -> tuple[float, Path]:
    """Run tox on a small wheel, and return the CPU time of all its processes, and the events."""
    (folder / "tox.ini").write_text(TOX_INI, encoding="utf-8")
    wheel = folder / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in WHEEL.items():
            archive.writestr(name, text)
    argv = [sys.executable, "-m", "tox", "run", "-e", "prodsim", "--installpkg", str(wheel)]
    _cpu_s(argv, folder)  # fills the caches
    return _cpu_s(argv, folder), folder / ".tox" / "prodsim" / "prodsim" / "events.jsonl"


def _pair(copies: list[Path], events: Path, folder: Path) -> tuple[float, float]:
    taken: dict[Path, float] = {}
    for copy in random.sample(copies, len(copies)):
        target = folder / f"{copy.name}-report"
        target.mkdir(exist_ok=True)
        program = f"import sys; sys.path.insert(0, {str(copy)!r})\n{REPORT}"
        taken[copy] = _cpu_s([sys.executable, "-I", "-c", program, str(events), str(target)], folder)
    return taken[copies[0]], taken[copies[1]]


def _cpu_s(argv: list[str], cwd: Path) -> float:
    """Run a program and return the CPU time of it and its children; exits when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(argv, cwd=cwd, env=environ(), capture_output=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(argv)} ended with {ran.returncode}:\n{(ran.stdout + ran.stderr).decode(errors='replace')}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _spread(shares: list[float]) -> tuple[float, float, float]:
    """Return the median, and the bounds of the central 95 % over resamples."""
    resampled = sorted(statistics.median(random.choices(shares, k=len(shares))) for _ in range(RESAMPLES))
    return statistics.median(shares), resampled[RESAMPLES * 25 // 1000], resampled[RESAMPLES * 975 // 1000 - 1]


if __name__ == "__main__":
    sys.exit(main())
