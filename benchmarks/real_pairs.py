"""Pairs of real releases of which one imports slower: what a run finds, in both directions, and the cause it names.

For each pair a project without a source tree accepts the older wheel as its baseline, then runs the newer one with
``--installpkg``, as a maintainer's CI would; the dependencies are those of the day. Printed is what the run said of the
import. The direction was known beforehand from the modules that each release loads, counted with ``sys.modules``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two releases, and whether the newer imports slower or faster."""

    name: str
    older: str
    newer: str
    change: str
    module: str = ""

    @property
    def timed(self) -> str:
        """Return the module whose import is timed."""
        return self.module or self.name


PAIRS = (
    Pair(name="whenever", older="0.9.5", newer="0.10.0", change="slower"),
    Pair(name="jsonschema", older="4.17.3", newer="4.18.6", change="slower"),
    Pair(name="dnspython", older="2.2.1", newer="2.7.0", change="slower", module="dns.resolver"),
    Pair(name="typer", older="0.16.1", newer="0.17.3", change="faster"),
    Pair(name="tenacity", older="8.2.3", newer="8.3.0", change="faster"),
    Pair(name="pluggy", older="1.0.0", newer="1.6.0", change="faster"),
    Pair(name="packaging", older="21.3", newer="22.0", change="faster", module="packaging.requirements"),
)
_CODES = {"slower": "PRF701", "faster": "PRF704"}


def main() -> int:
    """Run the pairs, print a line for each; with ``--check`` one that is not found is exit code 1."""
    options = _options()
    chosen = [pair for pair in PAIRS if not options.pair or pair.name in options.pair]
    found = 0
    with tempfile.TemporaryDirectory(prefix="prodsim-pairs-") as folder:
        for pair in chosen:
            said, seconds = _said(pair, Path(folder) / f"{pair.name}-{pair.newer}")
            found += said["change"] == pair.change
            word = "found" if said["change"] == pair.change else "MISSED"
            print(f"{pair.name} {pair.older} -> {pair.newer}: {pair.change}, {word} in {seconds:.0f} s", flush=True)
            print(*(f"    {line}" for line in _lines(pair, said)), sep="\n", flush=True)
    print(f"{found} of {len(chosen)} found")
    return 1 if options.check and found < len(chosen) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show what a run says of real releases that got slower or faster.")
    parser.add_argument("--pair", action="append", choices=[pair.name for pair in PAIRS], help="again for more")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every change is found")
    return parser.parse_args()


def _said(pair: Pair, folder: Path) -> tuple[dict[str, Any], float]:
    """Return the comparison of the newer release with its findings, and the seconds of that run."""
    folder.mkdir()
    older, newer = (_wheel(f"{pair.name}=={version}", folder) for version in (pair.older, pair.newer))
    # Other findings of these releases are not what is shown here.
    (folder / "tox.ini").write_text(f"[testenv:prodsim]\nmeasure_imports = {pair.timed}\nselect = PRF\n", "utf-8")
    _tox(folder, "--installpkg", str(older), "--prodsim-update-baseline", codes={0})
    began = time.monotonic()
    _tox(folder, "--installpkg", str(newer), codes={0, 1})
    report = json.loads((folder / ".tox/prodsim/prodsim/report.json").read_text("utf-8"))
    (comparison,) = report["comparisons"]
    return {**comparison, "findings": report["findings"]}, time.monotonic() - began


def _wheel(requirement: str, folder: Path) -> Path:
    into = folder / requirement
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--only-binary=:all:", "-d", str(into)]
    subprocess.run([*pip, requirement], check=True)
    (wheel,) = into.iterdir()
    return wheel


def _tox(folder: Path, *arguments: str, codes: set[int]) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TOX_", "__TOX", "PYTHON"))}
    argv = [sys.executable, "-m", "tox", "run", "-e", "prodsim", *arguments]
    environ.pop("CI", None)
    done = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _lines(pair: Pair, said: dict[str, Any]) -> Iterator[str]:
    findings: Sequence[dict[str, Any]] = said["findings"]
    told = [each for each in findings if each["code"] == _CODES[pair.change]]
    yield from (f"{each['code']} {each['message']}" for each in told)
    if not told:
        yield said["detail"]


if __name__ == "__main__":
    sys.exit(main())
