"""What README and docs say can be done is done here, and what they show is what came of it.

With ``PRODSIM_UPDATE_DOCS=1`` the outputs in the README are written instead of compared.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from support.documents import (
    DOCS,
    DOCUMENTS,
    HOW,
    README,
    ROOT,
    UPDATE,
    console_commands,
    document,
    named_commands,
    show,
    shown,
)
from support.pictures import MOST_COLUMNS, picture, text_of
from support.project import Project, Result

MAIN = "python -m pip install . && tox run -c examples/guestbook -e prodsim"
TESTS = "python -m pip install . && tox run -e test"
ACCEPT = "tox run -e prodsim --prodsim-update-baseline"
SHOW = "tox prodsim baseline show"
WORKS = 'await send({"type": message["type"] + ".complete"})'
FAILS = 'await send({"type": message["type"] + ".failed", "message": "no such table: entries"})'
LIBRARY = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "acme"
version = "1.0"
requires-python = ">=3.9"
"""


@pytest.fixture
def clone(project: Project) -> Project:
    """A folder with as much of a clone as the main job needs."""
    ignore = shutil.ignore_patterns(".tox", "__pycache__")
    shutil.copytree(ROOT / "examples", project.folder / "examples", ignore=ignore)
    return project


def do(project: Project, command: str) -> Result:
    """Run a command of the documents: what comes before ``&&`` was done when this tox was installed."""
    tox, *arguments = shlex.split(command.rpartition("&& ")[2])
    assert tox == "tox"
    return project.tox(*arguments)


def output(project: Project, result: Result) -> str:
    """Return what the user sees from the first line of ours on, in a folder that has a name worth reading."""
    text = result.out[result.out.index("prodsim: tox-prodsim") :]
    return text.replace(str(project.folder), "/home/ada/tox-prodsim")


PICTURE = ROOT / "docs" / "images" / "run.svg"
SUPERVISION = document("supervision.md")


def masked(text: str) -> list[str]:
    """Return the lines without what differs between two runs and two machines: numbers, platform, blanks."""
    text = re.sub(r"sha256 \w+", "sha256 #", text).replace("compiles on Python", "syntax valid for Python")
    text = re.sub(r"CPython \S+ · \w+ \w+|cpython-\S+\.json", "CPython #", text)
    text = re.sub(r"<?(?<![A-Za-z\d])\d[\d.]*( (ms|s)\b)?", "#", text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if not line.endswith("(# of #)")]  # progress, on a machine that is slow


def hold(name: str, text: str) -> None:
    """Compare an output with what the documents show, or write it there."""
    if UPDATE:
        show(name, text)
    assert masked(shown(name)) == masked(text), HOW


def test_the_commands_of_the_documents_are_those_that_are_run_here() -> None:
    """Those of the tutorial and of how-to pages that are projects of their own are run by ``test_howtos``."""
    assert [*console_commands(README), *console_commands(document("adopt.md"))] == [MAIN, TESTS, ACCEPT, SHOW]
    played = {README, document("adopt.md"), document("tutorial.md"), *(DOCS / "howto").glob("*.md")}
    assert [path for path in DOCUMENTS if path not in played and [*console_commands(path)]] == []


@pytest.mark.index
def test_the_main_job_on_the_example_is_as_the_readme_shows_it(clone: Project) -> None:
    result = do(clone, MAIN).passed()
    hold("passing", output(clone, result))


def test_the_picture_in_the_readme_is_of_the_run_that_the_documents_show() -> None:
    drawn = picture(f"$ {MAIN.rpartition('&& ')[2]}\n{shown('passing')}", "A run of tox -e prodsim that passes")
    if UPDATE:
        PICTURE.write_text(drawn, "utf-8")
    assert PICTURE.read_text("utf-8") == drawn, HOW
    assert text_of(drawn).splitlines()[1:] == [line[:MOST_COLUMNS] for line in shown("passing").splitlines()]
    assert f"]({PICTURE.relative_to(ROOT)})" in README.read_text("utf-8")


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) < 150


@pytest.mark.index
def test_a_failure_of_the_example_is_as_the_readme_shows_it(clone: Project) -> None:
    web = clone.folder / "examples/guestbook/src/guestbook/web.py"
    assert WORKS in web.read_text()
    web.write_text(web.read_text().replace(WORKS, FAILS))
    result = do(clone, MAIN).failed()
    hold("failing", output(clone, result))


def test_a_job_that_hangs_is_told_as_the_documents_show_it(project: Project) -> None:
    sources = r"```python\n# nightly.py\n(.*?)```\n\n```ini\n(.*?)```"
    (example,) = re.findall(sources, SUPERVISION.read_text("utf-8"), re.DOTALL)
    for name, text in zip(("nightly.py", "tox.ini"), example, strict=True):
        project.write(name, text)
    for _ in range(3):  # on a busy machine one of the two looks may see a little of a CPU used, and tells it
        result = project.prodsim("--installpkg", project.wheel()).failed()
        told = output(project, result).replace(str(project.folder), "/home/ada/acme")
        if masked(shown("hang")) == masked(told):
            break
    hold("hang", told)


def test_the_checks_of_a_change_set_up_and_test_as_the_readme_says() -> None:
    steps = [line.replace(" --quiet", "") for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    setup, test = TESTS.split(" && ")
    assert setup in steps
    assert test in steps[steps.index(setup) :]


@pytest.mark.index
def test_a_library_needs_no_configuration_and_its_baseline_is_accepted_and_shown(project: Project) -> None:
    project.write("pyproject.toml", LIBRARY)
    project.write("acme/__init__.py", "")
    do(project, ACCEPT).passed()
    assert "import acme " in do(project, SHOW).passed().out
    for command in ("tox list", "tox prodsim report", "tox prodsim checks", "tox prodsim explain RUN602"):
        do(project, command).passed()


def test_every_command_that_a_document_names_is_there(project: Project) -> None:
    for command in set(named_commands()):
        do(project, f"{command.replace('COMMAND', 'report')} --help").passed()


def test_the_documents_name_every_command_there_is(project: Project) -> None:
    usage = project.tox("prodsim", "--help").passed().out
    hold("usage", usage[usage.index("usage:") :])
    words = re.findall(r"^  ((?:[a-z]+ ?)+)", usage[usage.index("commands:") : usage.index("examples:")], re.MULTILINE)
    documented = README.read_text("utf-8") + Path(ROOT / "CHANGELOG.md").read_text("utf-8")
    assert words
    assert [word for word in words if word.strip().split()[-1] not in documented] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("0.004  spawn   pid 1", "12.5  spawn  pid 4711", id="times and pids"),
        pytest.param("0.004 s, 99 ms (<1 %)", "1 s, 1.42 s (2 %)", id="units"),
        pytest.param("sha256 00ff00", "sha256 12ab34", id="hashes"),
        pytest.param("CPython 3.11.7 · linux x86_64", "CPython 3.14.0rc1 · linux aarch64", id="platforms"),
    ],
)
def test_what_differs_between_two_runs_is_masked(one: str, other: str) -> None:
    assert masked(one) == masked(other)


def test_what_is_said_is_not_masked() -> None:
    assert masked("FAIL RUN602 uvicorn: exit code 3") != masked("FAIL RUN603 uvicorn: exit code 3")
    assert masked("  install  ok    0.16 s") == ["install ok #"]
