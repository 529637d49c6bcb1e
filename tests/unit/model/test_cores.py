"""How many processors may be used, by affinity and by the quotas of control groups of both versions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tox_prodsim.model.cores import _quotas, usable_cores


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "150000 100000\n", "a/cpu.max": "max 100000\n"}, [1.5]),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, [0.5]),
        ("0::/\n", {"cpu.max": "400000 100000\n"}, [4.0]),
        ("0::/\n", {}, []),
        ("0::/gone\n", {"cpu.max": "odd\n"}, []),
        (
            "3:memory:/d\n2:cpu,cpuacct:/d\n",
            {"cpu/d/cpu.cfs_quota_us": "200000\n", "cpu/d/cpu.cfs_period_us": "100000\n"},
            [2.0],
        ),
        ("2:cpu,cpuacct:/d\n", {"cpu/d/cpu.cfs_quota_us": "-1\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, []),
    ],
)
def test_the_quotas_of_all_groups_count(
    tmp_path: Path, groups: str, files: dict[str, str], expected: list[float]
) -> None:
    (tmp_path / "groups").write_text(groups)
    for name, content in files.items():
        (tmp_path / "mounted" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mounted" / name).write_text(content)
    assert list(_quotas(tmp_path / "groups", tmp_path / "mounted")) == expected


def test_the_affinity_limits_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert usable_cores() == 1


def test_there_is_at_least_one() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
