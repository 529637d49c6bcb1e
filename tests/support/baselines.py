"""Baselines to compare with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.timing.baseline.store import Baseline, Built, StoredMetric

KEY = "cpython-3.13-linux-x86_64"
IMPORT_ACME = Metric.of_import("acme")


def metric(ratio: float = 1.964, **changes: object) -> StoredMetric:
    plain = StoredMetric(
        ratio=ratio,
        rel_error=0.011,
        rounds=16,
        value_ms=146.2,
        control_ms=75.1,
        clock="effective wall",
        history=(ratio,),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


SHA256 = "ab12" * 16
ACME = Baseline(
    key=KEY,
    python="3.13.0",
    built=Built(version="1.4.0", wheel_sha256=SHA256, commit="4ebf3a1", created="2026-11-22"),
    control="stdlib-1",
    metrics=MappingProxyType({START_UP: metric(2.941), IMPORT_ACME: metric()}),
    dists=("flask==3.1.2", "click==8.4.2"),
    machine=MappingProxyType({"os": "Linux 6.18", "cpu": "Xeon", "cpus": "2"}),
)


TEXT = """\
{
  "built": {"commit": "4ebf3a1", "created": "2026-11-22", "version": "1.4.0", "wheel_sha256": "SHA256"},
  "control": "stdlib-1",
  "dists": [
    "click==8.4.2",
    "flask==3.1.2"
  ],
  "key": "cpython-3.13-linux-x86_64",
  "machine": {"cpu": "Xeon", "cpus": "2", "os": "Linux 6.18"},
  "metrics": {
    "import acme": {"clock": "effective wall", "control_ms": 75.1, "history": [1.964], "ratio": 1.964, \
"rel_error": 0.011, "rounds": 16, "value_ms": 146.2},
    "start-up": {"clock": "effective wall", "control_ms": 75.1, "history": [2.941], "ratio": 2.941, \
"rel_error": 0.011, "rounds": 16, "value_ms": 146.2}
  },
  "python": "3.13.0",
  "schema": 3
}
""".replace("SHA256", SHA256)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


RESTORE = "; restore it, or delete it and record it again"
