"""The files of a run are its own: whatever is in their place is named in one line, hangs nothing and is left alone."""

from __future__ import annotations

import os
from pathlib import Path

from support.project import Project, Result

REPLACES = """\
import os, sys
os.unlink(sys.argv[1])
os.mkfifo(sys.argv[1])
"""
CONFIG = """\
[tox]
env_list = prodsim-{pipes, log, candidate, folder, replaced, reports, planted}

[testenv:prodsim]
recreate = false
select = RUN
deploy_files = replaces.py
deploy = python -c "print('up')"
commands = python -c "print('smoke')"

[testenv:prodsim-replaced]
deploy = python replaces.py {env_dir}/prodsim/deploy.log

[testenv:prodsim-reports]
reports = json:report.pipe

[testenv:prodsim-planted]
deploy = python replaces.py {tox_root}/planted.xml
reports = junit:planted.xml
"""


def lines(result: Result, env_name: str) -> list[str]:
    """Return what a run said of one environment, without the names of folders."""
    named = (line for line in result.out.splitlines() if line.startswith(f"{env_name}: "))
    return [line.partition(": ")[2] for line in named]


def run_folder(project: Project, env_name: str) -> Path:
    folder = project.folder / ".tox" / env_name / "prodsim"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_what_is_no_file_of_ours_is_one_line_and_hangs_nothing(quick_project: Project) -> None:
    quick_project.write("tox.ini", CONFIG)
    quick_project.write("replaces.py", REPLACES)
    precious = quick_project.write("elsewhere/precious", "precious")
    pipes = [run_folder(quick_project, "prodsim-pipes") / name for name in ("events.jsonl", "report.json")]
    pipes += [pipes[0].with_name("commands-0.log"), run_folder(quick_project, "prodsim-log") / "deploy.log"]
    for pipe in pipes:
        os.mkfifo(pipe)
    (run_folder(quick_project, "prodsim-candidate") / "candidate.json").symlink_to(precious)
    run_folder(quick_project, "prodsim-folder").rmdir()
    (quick_project.folder / ".tox" / "prodsim-folder" / "prodsim").symlink_to(precious.parent)
    os.mkfifo(quick_project.folder / "report.pipe")
    quick_project.write("planted.xml", "of an earlier run")
    ledger = quick_project.folder / ".tox" / ".prodsim-runs"
    (ledger / "folder.json").mkdir(parents=True)
    (ledger / "broken.json").write_text("[" * 100_000)

    names = ("pipes", "log", "candidate", "folder", "replaced", "reports", "planted")
    environments = ",".join(f"prodsim-{name}" for name in names)
    result = quick_project.tox("run", "-e", environments, "--installpkg", quick_project.wheel()).failed()

    said = {name: "\n".join(lines(result, f"prodsim-{name}")) for name in names}
    for pipe in pipes[:3]:
        assert said["pipes"].count(f"a FIFO is in the place of '{pipe.name}', remove it") == 1, result.out
    assert f"{pipes[3]}: a FIFO is in its place, remove it" in said["log"]
    assert "a symbolic link is in the place of 'candidate.json', remove it" in said["candidate"]
    assert "prodsim-folder/prodsim: a symbolic link is in its place, remove it" in said["folder"]
    assert quick_project.codes("prodsim-replaced") == ["RUN657"]
    assert f"left alone: {ledger}/folder.json cannot be read: a folder is in the place of" in said["pipes"]
    assert f"left alone: {ledger}/broken.json is not a record" in said["pipes"]

    assert "reports: report.pipe cannot be written: it is a FIFO, name a file" in said["reports"]
    assert "a FIFO is in the place of 'planted.xml', remove it" in said["planted"]

    assert all(pipe.is_fifo() for pipe in pipes)
    assert [(path.name, path.read_text()) for path in precious.parent.iterdir()] == [("precious", "precious")]
    log = quick_project.folder / ".tox" / "prodsim-candidate" / "prodsim" / "deploy.log"
    assert log.stat().st_mode & 0o777 == 0o600
