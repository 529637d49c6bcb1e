"""Times: measured beside a control, compared with what is stored, and never in the way of anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.project import PLAIN, UV, Project

from tox_prodsim.model.events import Change, Series
from tox_prodsim.timing import measure

SPIN = "import time\nuntil = time.process_time() + 0.03\nwhile time.process_time() < until:\n    pass\n"
"""So much work at the import that no busy machine can hide it: the control takes about 0.1 s."""
SERVICE = """\
import http.server, sys
{spin}
print("up", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
AS_INSTALLED = [
    "import acme as installed: 1 modules have no bytecode yet",
    "import acme.cli as installed: 2 modules have no bytecode yet",
    "start-up as installed",
]
SERVED = "deploy_files = app.py\ndeploy = python app.py {port} TAG\nready = http://127.0.0.1:{port}/"


def config(project: Project, *lines: str) -> None:
    project.write("tox.ini", "\n".join(["[testenv:prodsim]", *lines]).replace("TAG", project.tag))


def metrics(project: Project) -> list[str]:
    return [measurement["metric"] for measurement in project.report()["measurements"]]


def compared(project: Project, metric: str) -> dict[str, Any]:
    """Return how one metric compared in the last run."""
    (comparison,) = [each for each in project.report()["comparisons"] if each["metric"] == metric]
    assert isinstance(comparison, dict)
    return comparison


def replayed(project: Project) -> Change:
    """Return what the rule says once more of the series in the saved report."""
    (comparison,) = project.report()["comparisons"]
    return measure.replayed([Series(**{**each, "change": Change(each["change"])}) for each in comparison["series"]])


def baselines(project: Project) -> list[Path]:
    return sorted((project.folder / ".prodsim").rglob("*.json"))


def test_the_first_run_has_nothing_to_compare_with_and_writes_a_candidate(any_project: Project) -> None:
    any_project.write("app.py", SERVICE.format(spin=""))
    config(any_project, SERVED, "ignore = RUN")
    wheel = any_project.wheel(
        files={"acme/__init__.py": "", "acme/cli.py": "def main():\n    pass\n"},
        entry_points="[console_scripts]\nacme = acme.cli:main\n",
    )
    result = any_project.prodsim("--installpkg", wheel).passed()
    assert any_project.left() == []
    assert metrics(any_project) == ["import acme", "import acme.cli", "start-up"]
    for measurement in any_project.report()["measurements"]:
        assert len(measurement["samples_s"]) == len(measurement["control_samples_s"]) == measurement["rounds"] == 4
        assert all(sample > 0 for sample in measurement["samples_s"] + measurement["control_samples_s"])
        assert measurement["ratio"] == pytest.approx(measurement["value_s"] / measurement["control_s"])
    (finding,) = any_project.findings()
    assert (finding["code"], finding["level"]) == ("PRF705", "note")
    assert "import acme, import acme.cli, start-up" in finding["message"]
    candidate = any_project.folder / ".tox/prodsim/prodsim/candidate.json"
    content = json.loads(candidate.read_text())
    assert set(content["metrics"]) == set(metrics(any_project))
    assert content["env"] == "prodsim"
    assert [row[0] for row in content["modules"]] == ["acme", "acme.cli"]
    [step] = [each for each in any_project.report()["steps"] if each["step"] == "compare"]
    first = [each["detail"] for each in step["timeline"]]
    assert first == {PLAIN: [], UV: AS_INSTALLED}[any_project.installer], "pip compiles, uv does not"
    assert "candidate written to" in result.out
    assert baselines(any_project) == []


def test_an_accepted_baseline_is_compared_with_and_stays_as_it_is_when_nothing_changed(quick_project: Project) -> None:
    config(quick_project)
    wheel = quick_project.wheel()
    in_ci = {"CI": "true"}
    update = ("--prodsim-update-baseline", "--installpkg", wheel)
    quick_project.prodsim(*update, "--prodsim-allow-ci-update", env=in_ci).passed()
    (path,) = baselines(quick_project)
    assert path.parent == quick_project.folder / ".prodsim/baselines/prodsim"
    before = path.read_bytes()
    assert quick_project.findings() == []

    result = quick_project.prodsim("--installpkg", wheel).passed()
    comparison = compared(quick_project, "import acme")
    assert (comparison["change"], comparison["reason"]) == ("unknown", "too short to compare")
    assert "name modules in measure_imports" in result.out
    assert quick_project.codes() == []

    result = quick_project.prodsim(*update).passed()
    assert "baseline unchanged:" in result.out
    assert path.read_bytes() == before

    shown = quick_project.tox("prodsim", "baseline", "show").passed()
    assert "import acme" in shown.out
    assert " bytecodes" in shown.out

    candidate = quick_project.folder / ".tox/prodsim/prodsim"
    path.unlink()
    accept = ("prodsim", "baseline", "accept", candidate)
    assert "--prodsim-allow-ci-update" in quick_project.tox(*accept, env=in_ci).failed().out
    assert f"baseline stored: {path.relative_to(quick_project.folder)}" in quick_project.tox(*accept).passed().out
    assert path.read_bytes() == before
    assert "is not a folder" in quick_project.tox("prodsim", "baseline", "accept", "nowhere").failed().out


def test_the_history_is_that_of_the_file_in_git(quick_project: Project) -> None:
    config(quick_project)
    assert "no baseline is stored yet" in quick_project.tox("prodsim", "history").passed().out
    quick_project.prodsim("--prodsim-update-baseline", "--installpkg", quick_project.wheel()).passed()
    result = quick_project.tox("prodsim", "history").failed()
    assert "history: git knows nothing of " in result.out

    for command in ("init -q", "add .prodsim", "-c user.name=a -c user.email=a@example.org commit -q -m times"):
        subprocess.run(["git", *command.split()], cwd=quick_project.folder, check=True)
    result = quick_project.tox("prodsim", "history", "--svg", "times.svg").passed()
    assert "  import acme, beside the newest control (stdlib-1)" in result.out
    assert (quick_project.folder / "times.svg").read_text().startswith("<svg ")


def test_an_import_that_got_slower_fails_until_it_is_accepted(quick_project: Project) -> None:
    config(quick_project)
    quick_project.prodsim("--prodsim-update-baseline", "--installpkg", quick_project.wheel()).passed()
    (path,) = baselines(quick_project)
    before = path.read_bytes()

    slow = quick_project.wheel(files={"acme/__init__.py": SPIN})
    result = quick_project.prodsim("--installpkg", slow).failed()
    assert quick_project.codes() == ["PRF701"]
    assert compared(quick_project, "import acme")["change"] == "slower"
    assert "FAIL PRF701 import acme is slower than its baseline: " in result.out
    assert path.read_bytes() == before
    [finding] = quick_project.findings()
    assert "; acme [acme 1.0] does more, +" in finding["message"]
    assert " bytecodes, in acme/__init__.py, and explains " in finding["message"]
    assert finding["file"] == "acme/__init__.py"
    assert replayed(quick_project) == Change.SLOWER

    elsewhere = json.loads(before)
    elsewhere["machine"]["cpu"] = "Another 9000"
    elsewhere["built"]["created"] = "2020-02-02"
    path.write_text(json.dumps(elsewhere))
    result = quick_project.prodsim("--installpkg", slow).passed()
    assert quick_project.codes() == ["PRF701", "PRF712"]
    assert "WARN PRF701 import acme is slower" in result.out
    assert "the baseline is of another CPU (Another 9000, here " in " ".join(result.out.split())
    path.write_bytes(before)

    tolerant = "testenv:prodsim.time_tolerance_percent=10000"
    quick_project.prodsim("--installpkg", slow, "-x", tolerant).passed()
    quick_project.prodsim("--prodsim-update-baseline", "--installpkg", slow).passed()
    stored = json.loads(path.read_text())["metrics"]["import acme"]
    assert stored["value_ms"] > 5 * json.loads(before)["metrics"]["import acme"]["value_ms"]
    assert len(stored["history"]) == 2


@pytest.mark.times
def test_a_start_that_got_slower_fails(quick_project: Project) -> None:
    quick_project.write("app.py", "print('it')")
    config(quick_project, "deploy_files = app.py", "deploy = python app.py TAG", "expect_output = it")
    quick_project.prodsim("--prodsim-update-baseline", "--installpkg", quick_project.wheel()).passed()
    quick_project.write("app.py", f"{SPIN}print('it')")
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).failed()
    assert quick_project.codes() == ["PRF702"]
    assert "FAIL PRF702 start-up is slower than its baseline: " in result.out
    assert quick_project.left() == []


def test_the_user_says_what_is_timed(quick_project: Project) -> None:
    quick_project.write("app.py", SERVICE.format(spin=""))
    config(quick_project, SERVED, "ignore = RUN", "measure_imports = json", "measure_startup = false")
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    assert metrics(quick_project) == ["import json"]


def test_an_import_that_works_when_it_is_checked_and_fails_when_it_is_timed_is_an_error(quick_project: Project) -> None:
    config(quick_project)
    source = "import sys\nif not sys.flags.isolated:\n    raise ImportError('not today')\n"
    quick_project.prodsim("--installpkg", quick_project.wheel(files={"acme.py": source})).failed()
    [finding] = [each for each in quick_project.findings() if each["code"] == "IMP515"]
    message = "imports when it is checked, and fails when it is timed: import acme: ImportError: not today"
    assert (finding["subject"], finding["level"], finding["message"]) == ("acme", "error", message)


def test_what_cannot_be_stored_is_named_with_the_reason_and_what_is_not_stored_is_no_other_python(
    quick_project: Project,
) -> None:
    config(quick_project, "measure_imports = acme, acme.nowhere")
    wheel = quick_project.wheel()
    quick_project.prodsim("--installpkg", wheel, "--prodsim-update-baseline").passed()
    assert metrics(quick_project) == ["import acme"]
    assert "PRF706" in quick_project.codes()
    assert "No module named 'acme.nowhere'" in compared(quick_project, "import acme.nowhere")["detail"]
    detail = quick_project.report()["steps"][-1]["detail"]
    assert "; not stored: import acme.nowhere (not measured: " in detail
    assert detail.endswith("; work of the imports not stored: acme.nowhere could not be recorded")

    config(quick_project, "measure_imports = json")
    quick_project.prodsim("--installpkg", wheel).passed()
    expected = "no baseline with this time: the one of version 1.0 lacks it"
    assert compared(quick_project, "import json")["detail"] == expected
    (missing,) = quick_project.findings(of_the_machine=True)
    assert missing["message"].startswith("that of 1.0 has no import json; accept this run")


@pytest.mark.parametrize(
    ("lines", "reason", "code"),
    [
        pytest.param("ignore = PRF", "PRF is ignored", 0, id="PRF is ignored"),
        pytest.param('deploy = python -c "1/0"', "the run has failed already", 1, id="the job failed"),
        pytest.param('commands = python -c "1/0"', "the run has failed already", 1, id="a command failed"),
    ],
)
def test_no_times_are_taken_in_vain(quick_project: Project, lines: str, reason: str, code: int) -> None:
    config(quick_project, lines)
    result = quick_project.prodsim("--installpkg", quick_project.wheel())
    assert result.code == code, result.out
    assert metrics(quick_project) == []
    assert f"compare  not checked: {reason}" in result.out


def test_a_failed_run_is_not_accepted(quick_project: Project) -> None:
    config(quick_project, 'commands = python -c "1/0"')
    result = quick_project.prodsim("--prodsim-update-baseline", "--installpkg", quick_project.wheel())
    assert baselines(quick_project) == []
    assert "the run has failed already; baseline not stored: RUN605 must be mended first" in result.out


def test_a_job_that_takes_too_long_to_be_repeated_says_so(quick_project: Project) -> None:
    job = "import time; time.sleep(6); print('it')"
    config(
        quick_project,
        f'deploy = python -c "{job}"',
        "expect_output = it",
        "measure_imports = acme",
        "compare_timeout = 20",
    )
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    assert metrics(quick_project) == ["import acme"]
    detail = compared(quick_project, "start-up")["detail"]
    assert detail.startswith("not compared: one round takes 6.")
    assert " s, 4 would take more than the " in detail
    assert not (quick_project.folder / ".tox/prodsim/prodsim/startup.log").exists()


def test_each_timed_start_finds_the_scratch_folder_as_the_first_one_did(quick_project: Project) -> None:
    quick_project.write("once.py", "import pathlib; pathlib.Path('been.here').touch(exist_ok=False); print('it')")
    config(quick_project, "deploy_files = once.py", "deploy = python once.py", "expect_output = it")
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    assert "start-up" in metrics(quick_project)


def test_a_ci_system_does_not_accept_times_by_accident(quick_project: Project) -> None:
    config(quick_project)
    update = ("--prodsim-update-baseline", "--installpkg", quick_project.wheel())
    result = quick_project.prodsim(*update, env={"CI": "true"}).failed()
    assert "--prodsim-allow-ci-update" in result.out
    assert "measured" not in result.out
    assert baselines(quick_project) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a place where even root can store nothing")
def test_a_baseline_that_cannot_be_stored_is_one_line_and_commands_post_runs_all_the_same(
    quick_project: Project,
) -> None:
    quick_project.write(
        "tox.ini",
        "[testenv:prodsim]\nprodsim_baseline_dir = /proc/nowhere\ncommands_post = python -c \"print('PO' + 'ST')\"\n",
    )
    result = quick_project.prodsim("--prodsim-update-baseline", "--installpkg", quick_project.wheel()).failed()
    assert "\nPOST\n" in result.out
    [line] = [line for line in result.out.splitlines() if "failed with" in line]
    assert line.startswith("prodsim: failed with baseline: /proc/nowhere/prodsim/")
    assert line.endswith("cannot be written: No such file or directory; the stored baseline is unchanged")
    assert quick_project.report()["summary"]["verdict"] == "incomplete"


COUNTED = """\
import http.server, os, sys
with open(os.environ["STARTS"], "a") as file:
    file.write("start\\n")
if os.environ.get("KEEPS_STATE"):
    open("state.db", "a").close()
print("up", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def counted_starts(project: Project, *lines: str, keeps_state: str = "") -> tuple[int, int, str]:
    """Return how many starts a service made in a run, how many are samples of its start-up, and what is said of it."""
    project.write("app.py", COUNTED)
    starts = project.folder / "starts.txt"
    variables = f"set_env =\n    STARTS = {starts}\n    KEEPS_STATE = {keeps_state}"
    config(project, SERVED, variables, "measure_imports = json", "ignore = RUN", *lines)
    project.prodsim("--installpkg", project.wheel()).passed()
    (start_up,) = [each for each in project.report()["measurements"] if each["metric"] == "start-up"]
    (step,) = [each for each in project.report()["steps"] if each["step"] == "compare"]
    return starts.read_text().count("start"), start_up["rounds"], step["detail"]


def test_starts_that_are_made_anyway_are_timed_and_no_others(quick_project: Project) -> None:
    made, timed, said = counted_starts(quick_project, "restarts = 3", "crash = true")
    assert made == 5, "the first one, three restarts, and one after SIGKILL: none for its time alone"
    assert timed in {4, 5}
    assert "of the deployment timed" not in said


def test_a_start_that_finds_what_the_first_one_left_is_not_timed(quick_project: Project) -> None:
    made, timed, said = counted_starts(quick_project, keeps_state="1")
    assert timed == 4
    assert made == 2 + 3, "the first one counts, the restart does not, and three are made"
    assert "1 of 2 starts of the deployment timed (state.db is not as it was before the first start)" in said
