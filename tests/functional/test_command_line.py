"""What the user types, and what the terminal and the files then say."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support.project import UV, Project, Result
from support.schema import SCHEMA, violations

from tox_prodsim.catalogue import CATALOGUE

BROKEN = {"entry_points": "[console_scripts]\nacme = acme:nothing\n"}
"""A wheel whose console script does not load: ENT510."""
CONFIG = "[testenv:prodsim]\nignore = PRF\n"
STAGES = ["env", "sdist", "wheel", "install", "import", "scripts", "contents", "deploy", "compare"]


def ours(out: str) -> list[str]:
    """Return the lines from the first of ours to the summary."""
    lines = out.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("prodsim: tox-prodsim"))
    last = next(at for at, line in enumerate(lines) if re.match(r"prodsim: (passed|FAILED) ", line))
    return lines[first : last + 1]


def stages(out: str) -> list[str]:
    """Return the stages that the output has a line for, in their order, each once."""
    found = re.findall(r"^  (\w+) +\S", re.sub(r"\x1b\[\d+m", "", out), re.MULTILINE)
    return list(dict.fromkeys(name for name in found if name in STAGES))


def one_line(result: Result, *texts: str) -> None:
    """Assert a refusal of one line with all the texts, and that nothing was started."""
    result.failed()
    assert "tox-prodsim" not in result.out.replace("tox prodsim", ""), result.out
    assert any(all(text in line for text in texts) for line in result.out.splitlines()), result.out


# a run, shown in all its forms


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Result]:
    """A run with a warning, and the project it was made in."""
    project = Project(tmp_path_factory.mktemp("shown"), installer=UV)
    project.write(
        "tox.ini",
        CONFIG + "reports = sarif, github:found.txt\n"
        "warn = ENT510\ndeploy = python -c \"print('rows: 12')\"\nexpect_output = rows\n",
    )
    result = project.prodsim("--installpkg", project.wheel(**BROKEN), "--result-json", "result.json")
    return project, result.passed()


def test_every_stage_has_a_line_and_the_summary_stands_directly_above_the_line_of_tox(
    shown: tuple[Project, Result],
) -> None:
    _, result = shown
    assert stages(result.out) == STAGES
    *_, last = ours(result.out)
    lines = result.out.splitlines()
    assert re.fullmatch(
        r"prodsim: passed  \d+ of \d+ checks applied, 1 warning · report \.tox/prodsim/prodsim/report\.json", last
    )
    assert lines[lines.index(last) + 1].startswith("  prodsim: OK ")


def test_a_finding_is_shown_with_what_to_do(shown: tuple[Project, Result]) -> None:
    _, result = shown
    lines = result.out.splitlines()
    at = next(
        at
        for at, line in enumerate(lines)
        if line.startswith("WARN ENT510 [console_scripts] acme = acme:nothing: does not load")
    )
    below = lines[at + 1 : lines.index("     tox prodsim explain ENT510")]
    assert any(line.startswith("     hint: ") for line in below)
    assert all(line.startswith("     ") for line in below)


def test_the_report_shows_again_what_the_run_has_shown(shown: tuple[Project, Result]) -> None:
    project, result = shown
    assert ours(project.tox("prodsim", "report").passed().out) == ours(result.out)


def test_the_report_as_json_is_the_file_and_as_the_schema_says(shown: tuple[Project, Result]) -> None:
    project, _ = shown
    document = json.loads(project.tox("prodsim", "report", "--format", "json").passed().out)
    assert document == project.report()
    assert list(violations(document, SCHEMA)) == []
    assert [finding["code"] for finding in document["findings"]] == ["ENT510"]
    assert [step["step"] for step in document["steps"]] == STAGES


def test_the_report_in_another_format_is_written_to_a_file_and_to_stdout(shown: tuple[Project, Result]) -> None:
    project, _ = shown
    result = project.tox("prodsim", "report", "--format", "junit", "--output", "junit.xml").passed()
    root = ET.parse(project.folder / "junit.xml").getroot()
    outcomes = {case.attrib["name"]: [child.tag for child in case] for case in root.iter("testcase")}
    assert outcomes["WHL101 a file in the wheel is not listed in RECORD"] == []
    assert json.loads((project.folder / ".tox/prodsim/prodsim/report.sarif").read_text())["version"] == "2.1.0"
    (warned,) = (tags for name, tags in outcomes.items() if name.startswith("ENT510 "))
    assert warned == ["system-out"]
    assert root.findall(".//failure") + root.findall(".//error") == []
    assert (project.folder / "junit.xml").stat().st_mode & 0o044
    assert "testsuite" not in result.out
    annotations = (project.folder / "found.txt").read_text("utf-8")
    assert project.tox("prodsim", "report", "--format", "github").passed().out == annotations
    (line,) = (line for line in annotations.splitlines() if line.startswith("::warning "))
    assert ",title=ENT510 in prodsim::[console_scripts] acme = acme%3A" not in line
    assert ",title=ENT510 in prodsim::[console_scripts] acme = acme:nothing: does not load" in line


def test_the_report_opens_in_the_browser_of_the_user(shown: tuple[Project, Result]) -> None:
    project, _ = shown
    browser = project.write("browser", '#!/bin/sh\nprintf %s "$1" > opened\necho noise >&2\n')
    browser.chmod(0o755)
    page = project.folder / ".tox/prodsim/prodsim/report.html"
    result = project.tox("prodsim", "report", "--open", env={"BROWSER": str(browser)}).passed()
    assert result.out.splitlines() == ["opened .tox/prodsim/prodsim/report.html"]
    assert (project.folder / "opened").read_text() == page.as_uri()
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert page.stat().st_mode & 0o077 == 0
    (line,) = project.tox("prodsim", "report", "--open", env={"BROWSER": "/nonexistent"}).failed().out.splitlines()
    assert line.endswith(f"--open: no browser could be started, open this file in one: {page}")
    (line,) = project.tox("prodsim", "report", "--open", "--format", "json").failed().out.splitlines()
    assert "--open: a browser shows the format html" in line
    project.tox("prodsim", "report", "--open", "--output", "mine.html", env={"BROWSER": str(browser)}).passed()
    assert (project.folder / "opened").read_text() == (project.folder / "mine.html").as_uri()


def test_reports_of_other_machines_are_one_report_with_a_matrix(shown: tuple[Project, Result]) -> None:
    project, _ = shown
    mine = project.report()
    files = {name: copy.deepcopy(mine) for name in ("arm", "beta", "other")}
    files["arm"]["environment"]["platform"] = "linux aarch64"
    files["beta"]["wheel"]["name"] = "beta-1.0-py3-none-any.whl"
    files["other"]["files"][0]["sha256"] = "0" * 64
    for name, document in files.items():
        project.write(f"{name}/report.json", json.dumps(document))
    here = ".tox/prodsim/prodsim/report.json"
    both = json.loads(project.tox("prodsim", "report", here, "arm/report.json", "--format", "json").passed().out)
    assert list(violations(both, SCHEMA)) == []
    assert both["runs"] == [mine, files["arm"]]
    assert [row["label"] for row in both["matrix"]] == [
        f"prodsim ({mine['environment']['platform']})",
        "prodsim (linux aarch64)",
    ]
    _, table = project.tox("prodsim", "report", "arm/report.json", here).passed().out.split("prodsim: 2 environments\n")
    assert table.splitlines()[-1].startswith("prodsim: passed  2 of 2 environments passed")
    name = mine["files"][0]["name"]
    for file, reason in (  # each is refused in one line
        ("beta/report.json", "beta/report.json is a report of beta 1.0, .tox/prodsim/prodsim/report.json of acme 1.0"),
        ("other/report.json", f"other/report.json has another {name} (sha256 000000000000) than"),
        ("found.txt", "found.txt: it cannot be read: it is not JSON"),
        ("nowhere.json", "nowhere.json: it cannot be read: No such file or directory"),
    ):
        (line,) = project.tox("prodsim", "report", here, file).failed().out.splitlines()
        assert reason in line


def test_the_journal_of_tox_holds_the_report(shown: tuple[Project, Result]) -> None:
    project, _ = shown
    journal = json.loads((project.folder / "result.json").read_text())
    assert journal["testenvs"]["prodsim"]["prodsim"] == project.report()


def test_the_folder_of_the_environment_keeps_the_events_the_report_and_the_output(
    shown: tuple[Project, Result],
) -> None:
    project, _ = shown
    folder = project.folder / ".tox" / "prodsim" / "prodsim"
    events = [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert (events[0], events[-1]) == ("RunStarted", "RunFinished")
    assert (folder / "report.json").is_file()
    assert (folder / "deploy.log").read_text() == "rows: 12\n"


# how much is said, and in what signs


@pytest.fixture
def broken(quick_project: Project) -> Project:
    """A project whose wheel has an error."""
    quick_project.write("tox.ini", CONFIG)
    quick_project.wheel(**BROKEN)
    return quick_project


def run(project: Project, *arguments: str, **env: str) -> Result:
    wheel = next(project.folder.glob("dist/*.whl"))
    return project.prodsim("--installpkg", wheel, *arguments, env=env)


def test_quiet_says_what_went_wrong_and_the_summary(broken: Project) -> None:
    out = run(broken, "-q").failed().out
    assert stages(out) == []
    assert "\nFAIL ENT510 " in f"\n{out}"
    assert "prodsim: FAILED  1 error, " in out


def test_very_quiet_says_nothing_and_still_fails_and_reports(broken: Project) -> None:
    result = run(broken, "-qq").failed()
    assert result.code == 1
    assert not result.out.strip()
    assert broken.codes() == ["ENT510"]


def test_verbose_names_keys_that_the_user_has_set_in_vain(broken: Project) -> None:
    broken.write("tox.ini", CONFIG + "nonsense = 1\n")
    out = run(broken, "-v").failed().out
    assert "[testenv:prodsim] unused config key(s): nonsense\n" in out


@pytest.mark.parametrize(
    ("arguments", "env", "colored"),
    [
        pytest.param([], {}, False, id="a pipe has none"),
        pytest.param([], {"FORCE_COLOR": "1"}, True, id="FORCE_COLOR"),
        pytest.param([], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, id="NO_COLOR wins"),
        pytest.param(["--colored", "yes"], {"NO_COLOR": "1"}, True, id="the option wins"),
        pytest.param(["--colored", "no"], {"FORCE_COLOR": "1"}, False, id="the option wins the other way"),
    ],
)
def test_colours_are_those_that_tox_was_asked_for(
    broken: Project, arguments: list[str], env: dict[str, str], colored: bool
) -> None:
    out = run(broken, *arguments, **env).failed().out
    assert ("\x1b[31mFAIL\x1b[0m ENT510" in out) is colored
    assert ("\x1b[" in out) is colored
    assert stages(out) == STAGES


def test_signs_that_the_encoding_does_not_have_are_written_in_ascii(broken: Project) -> None:
    out = run(broken, LC_ALL="C", PYTHONIOENCODING="ascii").failed().out
    assert out.isascii()
    assert re.search(r"^prodsim: tox-prodsim \S+ - CPython ", out, re.MULTILINE)
    again = broken.tox("prodsim", "report", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}).passed().out
    assert ours(again) == ours(out)


def test_environments_in_parallel_do_not_mix_their_output_and_show_it_also_on_success(quick_project: Project) -> None:
    slow = "import time; [(print('TICK', n, flush=True), time.sleep(0.1)) for n in range(8)]"
    quick_project.write("tox.ini", f'[tox]\nenv_list = prodsim-a, prodsim-b\n{CONFIG}commands = python -c "{slow}"\n')
    out = quick_project.tox("p", "--installpkg", quick_project.wheel()).passed().out
    said = re.findall(r"^(prodsim-\w: tox-prodsim|TICK|prodsim-\w: passed) ", out, re.MULTILINE)
    one, other = ([f"prodsim-{x}: tox-prodsim", *["TICK"] * 8, f"prodsim-{x}: passed"] for x in "ab")
    assert said in (one + other, other + one), out


# what counts, and how it ends


@pytest.mark.parametrize(
    ("keys", "code", "word"),
    [
        pytest.param("", 1, "FAIL", id="an error fails"),
        pytest.param("ignore = PRF, ENT510", 0, "", id="ignored by its code"),
        pytest.param("ignore = PRF ENT", 0, "", id="ignored by a prefix"),
        pytest.param("warn = ENT5", 0, "WARN", id="a warning does not fail"),
        pytest.param("select = WHL, IMP", 0, "", id="not selected"),
        pytest.param("select = ENT", 1, "FAIL", id="selected"),
        pytest.param("ignore_outcome = true", 0, "FAIL", id="tox ignores the outcome"),
    ],
)
def test_which_findings_count_is_the_users_choice(broken: Project, keys: str, code: int, word: str) -> None:
    config = "[testenv:prodsim]\n" + ("" if "ignore = " in keys else "ignore = PRF\n") + keys
    broken.write("tox.ini", config)
    result = run(broken)
    assert result.code == code, result.out
    assert re.findall(r"^(\w+) ENT510 ", result.out, re.MULTILINE) == ([word] if word else [])
    verdict = broken.report()["summary"]["verdict"]
    assert verdict == ("failed" if word == "FAIL" else "passed")


def test_the_exit_code_of_a_command_is_that_of_tox(quick_project: Project) -> None:
    quick_project.write("tox.ini", CONFIG + 'commands = python -c "raise SystemExit(3)"\n')
    quick_project.wheel()
    assert run(quick_project).failed().code == 3
    assert quick_project.codes() == ["RUN605"]


@pytest.mark.parametrize(
    ("name", "what", "full"),
    [
        pytest.param("report.json", "the report", False, id="a folder is in the place of the report"),
        pytest.param("events.jsonl", "the event log", False, id="a folder is in the place of the event log"),
        pytest.param("events.jsonl", "the event log", True, id="the disk of the event log is full"),
    ],
)
def test_a_file_of_the_report_that_cannot_be_written_costs_one_line(
    quick_project: Project, name: str, what: str, full: bool
) -> None:
    place = quick_project.folder / ".tox" / "prodsim" / "prodsim" / name
    if full:
        place.parent.mkdir(parents=True)
        place.symlink_to("/dev/full")
    else:
        place.mkdir(parents=True)
    quick_project.write("tox.ini", CONFIG + "recreate = false\n")
    quick_project.wheel()
    out = run(quick_project).passed().out
    refused = [line for line in out.splitlines() if " cannot be written: " in line]
    assert len(refused) == 1
    assert refused[0].startswith(f"prodsim: {what} cannot be written: .tox/prodsim/prodsim/{name}: ")
    assert "Traceback" not in out
    other = {"report.json": "events.jsonl", "events.jsonl": "report.json"}[name]
    assert place.with_name(other).stat().st_size > 500


# what others pay


def test_a_run_of_another_environment_imports_nothing_of_ours_but_the_words_of_the_command_line(
    project: Project,
) -> None:
    project.write("tox.ini", CONFIG + "[testenv:lint]\nskip_install = true\ncommands = python -c pass\n")
    assert imported(project.tox("run", "-e", "lint", env=IMPORTS).passed()) == {
        "tox_prodsim.plugin.hooks",
        "tox_prodsim.plugin.cli",
        "tox_prodsim.plugin.cli.install_option",
        "tox_prodsim.plugin.cli.parser",
    }
    assert imported(project.tox("config", "-e", "prodsim", env=IMPORTS).passed()) > {"tox_prodsim.plugin.config.keys"}


IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}


def imported(result: Result) -> set[str]:
    """Return the modules of ours that a run has imported, but for the hooks, which pluggy imports by another way."""
    return set(re.findall(r"^import time:.*\| +(tox_prodsim\.\S+)$", result.out, re.MULTILINE))


# tox prodsim


def test_checks_lists_every_code(project: Project) -> None:
    out = project.tox("prodsim", "checks").passed().out
    assert re.findall(r"^  ([A-Z]{3}\d{3})  [EWN]", out, re.MULTILINE) == list(CATALOGUE)


def test_explain_shows_the_pages_of_codes_in_any_case(project: Project) -> None:
    out = project.tox("prodsim", "explain", "run607", "WHL101").passed().out
    assert re.findall(r"^([A-Z]{3}\d{3}): ", out, re.MULTILINE) == ["RUN607", "WHL101"]
    assert out.count("WHAT TO DO") == 2


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        pytest.param(
            ["explain", "RUN670"], ["RUN670: there is no such code; did you mean RUN6"], id="a code nearly right"
        ),
        pytest.param(
            ["explain", "run627"], ["run627: this code is not reported any more: whether a thread "], id="a former code"
        ),
        pytest.param(["explain", "nonsense"], ["nonsense: there is no such code", "tox prodsim checks"], id="no code"),
        pytest.param(["explain"], ["tox prodsim explain: error: ", "required: CODE"], id="explain what"),
        pytest.param([], ["tox prodsim: error: ", "required: COMMAND"], id="nothing"),
        pytest.param(["baseline", "burn"], ["invalid choice: 'burn'", "'update'"], id="an unknown word"),
        pytest.param(["report"], ["there is no run to report", "tox run -e prodsim"], id="no run yet"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(project: Project, words: list[str], texts: list[str]) -> None:
    one_line(project.tox("prodsim", *words), *texts)


def test_the_help_names_the_commands_with_examples(project: Project) -> None:
    out = project.tox("prodsim", "--help").passed().out
    names = re.findall(
        r"^  ((?:[a-z]+ )+(?:CODE|DIR|REF|\[REPORT \.\.\.\])?) +[a-z]", out[: out.index("examples:")], re.MULTILINE
    )
    assert [name.strip() for name in names] == [
        "checks",
        "explain CODE",
        "baseline show",
        "baseline update",
        "baseline accept DIR",
        "compare REF",
        "history",
        "report [REPORT ...]",
    ]
    assert "  tox prodsim explain RUN607\n" in out


def test_a_report_of_a_damaged_log_says_where_it_is_damaged(project: Project) -> None:
    project.write(".tox/prodsim/prodsim/events.jsonl", '{"event": "Nonsense"}\n')
    one_line(project.tox("prodsim", "report"), "the last run cannot be read, run it again", "events.jsonl:1")


def test_a_report_of_an_older_version_is_refused_as_such(project: Project) -> None:
    project.write(".tox/prodsim/prodsim/events.jsonl", '{"event": "RunStarted", "version": "0.1.0"}\n')
    *_, last = project.tox("prodsim", "report").failed().out.splitlines()
    assert last.endswith("| the last run was recorded by an older tox-prodsim, run it again")


def test_the_help_of_a_command_is_its_own_also_where_the_configuration_is_broken(project: Project) -> None:
    project.write("tox.ini", "[tox\n")
    out = project.tox("prodsim", "compare", "--help").passed().out
    assert out.startswith("usage: tox prodsim compare ")
    assert "--import NAME" in out
    assert "--svg" not in out


def test_baselines_are_accepted_shown_and_named_when_broken(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\n")
    assert "no baseline is stored yet" in quick_project.tox("prodsim", "baseline", "show").passed().out
    quick_project.tox("prodsim", "baseline", "update", "--installpkg", quick_project.wheel()).passed()
    path = next(Path(quick_project.folder).glob(".prodsim/baselines/prodsim/cpython-*.json"))
    out = quick_project.tox("prodsim", "baseline", "show").passed().out
    assert re.search(r"^  import acme +\d+\.\d ms, 0\.\d+ of stdlib-1, \d+ rounds$", out, re.MULTILINE), out
    path.write_text("{")
    one_line(quick_project.tox("prodsim", "baseline", "show"), path.name)
    assert path.read_text() == "{"


def test_accepting_is_refused_where_ci_is_set_before_anything_is_made(quick_project: Project) -> None:
    quick_project.write("tox.ini", CONFIG)
    result = quick_project.tox("prodsim", "baseline", "update", "--installpkg", quick_project.wheel(), env={"CI": "1"})
    one_line(result, "--prodsim-update-baseline", "--prodsim-allow-ci-update")
    assert not (quick_project.folder / ".prodsim").exists()
