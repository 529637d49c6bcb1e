"""Times are measured beside the file that the baseline recorded; any other release is neither installed nor run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import index as indexes
from support.index import Index
from support.project import Project

CONFIG = """\
[tox]
env_list = prodsim, prodsim-off

[testenv:prodsim]
select = PRF
measure_imports = json

[testenv:prodsim-off]
reference_release = false
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with indexes.served(tmp_path / "index") as made:
        made.add("acme", "1.0")
        yield made


def forged(project: Project, env_name: str, text: str) -> None:
    """Make the stored baseline one of a machine on which everything was much faster, of a wheel that nobody has."""
    (path,) = project.folder.glob(".prodsim/baselines/prodsim/*.json")
    content: dict[str, Any] = json.loads(path.read_text())
    content["built"] |= {"wheel_sha256": text, "commit": ""}
    content["env"] = env_name
    for metric in content["metrics"].values():
        metric["ratio"] /= 5
        metric["history"] = [metric["ratio"]]
    target = project.folder / ".prodsim" / "baselines" / env_name / path.name
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(content))


def test_a_release_that_is_another_file_is_refused_and_none_is_asked_for_when_that_is_off(
    quick_project: Project, index: Index
) -> None:
    quick_project.write("tox.ini", CONFIG)
    wheel = quick_project.wheel()
    quick_project.prodsim("--installpkg", wheel, "--prodsim-update-baseline=times").passed()
    for env_name in ("prodsim-off", "prodsim"):
        forged(quick_project, env_name, "ab" * 32)
    result = quick_project.tox("run", "--installpkg", wheel, env=index.variables).failed()

    (refused,) = [each for each in quick_project.findings() if each["code"] == "PRF730"]
    assert refused["level"] == "warning"
    assert "acme==1.0 of the index has sha256 " in refused["message"]
    assert "the baseline recorded abababababab: it is neither installed nor run" in refused["message"]
    (compared,) = quick_project.report()["comparisons"]
    assert compared["detail"].endswith(f"; not beside the baseline's own wheel: {refused['message']}")
    assert not (quick_project.folder / ".tox/prodsim/prodsim/base").exists()

    (compared,) = quick_project.report("prodsim-off")["comparisons"]
    assert compared["detail"].endswith("; not beside the baseline's own wheel: reference_release is off")
    assert "PRF730" not in quick_project.codes("prodsim-off")
    assert "Traceback" not in result.out
    result = quick_project.tox("prodsim", "compare", "1.0", "-e", "prodsim-off", "--installpkg", wheel).failed()
    assert "prodsim: reference_release: false means that no other version is fetched, built or run" in result.out
