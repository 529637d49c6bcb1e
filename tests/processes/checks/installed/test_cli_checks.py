"""What the commands of a wheel answer when they are asked for help, in ASCII too, and for their version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.wheels import Env, subject_of, wheel

from tox_prodsim.checks import installed
from tox_prodsim.checks.installed import Distribution
from tox_prodsim.checks.installed.cli_checks import printed_version
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.findings import CheckResult, Level

W, N = Level.WARNING, Level.NOTE
POINT = "[console_scripts] acme = acme:main"


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Env:
    return Env.create(tmp_path_factory.mktemp("asking") / "env")


Ask = Callable[..., CheckResult]


@pytest.fixture
def ask(env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Install a command acme that prints ``answers``, by option, when it has done what ``first`` says; ask it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")

    def install(answers: dict[str, str], *, first: str = "", **options: Any) -> CheckResult:
        source = f"import os, sys\ndef main():\n    {first or 'pass'}\n    print({answers!r}[sys.argv[1]])\n"
        points = "[console_scripts]\nacme = acme:main\n"
        subject = subject_of(env.install(wheel(tmp_path, files={"acme.py": source}, entry_points=points, **options)))
        script = env.scripts_dir / "acme"
        script.write_text(script.read_text().replace(" -I\n", "\n"))  # as installers write it: PYTHON… counts
        return installed.check_scripts(subject, env.run, env.python, env.scripts_dir, folders=[home])

    return install


def brief(checked: CheckResult) -> list[tuple[str, Level, str, str]]:
    return [(found.code, found.level, found.subject, found.message) for found in checked.findings]


def test_a_command_that_answers_everywhere_and_leaves_nothing_passes(env: Env, ask: Ask) -> None:
    checked = ask({"--help": "usage: acme [--version]", "--version": "acme 1.0"})
    codes = ("ENT510", "ENT512", "ENT513", "ENT514", "ENT517", "VER306")
    assert checked == CheckResult(
        detail="1 script loads and answers --help",
        codes=codes,
        not_checked=(("ENT511", "no entry points but commands"),),
    )
    assert sorted(" ".join(argv[1:]) for argv in env.argvs[-4:]) == ["--help", "--help", "--version", "-m acme --help"]


def test_help_that_cannot_be_printed_in_ascii_is_found(ask: Ask) -> None:
    checked = ask({"--help": "acme \u2014 the tool"})
    message = (
        "--help exited with 1 where only ASCII can be printed: UnicodeEncodeError: 'ascii' codec can't encode "
        "character '\\u2014' in position 5: ordinal not in range(128)"
    )
    assert brief(checked) == [("ENT513", W, POINT, message)]
    assert checked.findings[0].hint == "write the help in ASCII; see it with: LC_ALL=C PYTHONUTF8=0 acme --help"
    assert checked.detail == "1 script loads and answers --help"


def test_a_command_that_refuses_where_only_ascii_can_be_printed_is_a_note(ask: Ask) -> None:
    checked = ask({"--help": "usage"}, first="sys.getfilesystemencoding() == 'ascii' and sys.exit('no ASCII, please')")
    message = "--help exited with 1 where only ASCII can be printed: no ASCII, please"
    assert brief(checked) == [("ENT513", N, POINT, message)]


def test_help_that_fails_anyway_is_not_asked_for_again(env: Env, ask: Ask) -> None:
    checked = ask({"--help": "acme \u2014"}, first="raise ValueError")
    assert [found.code for found in checked.findings] == ["ENT512"]
    assert [argv[1:] for argv in env.argvs[-2:]].count(["--help"]) == 1


def test_files_that_help_leaves_are_noted(ask: Ask, tmp_path: Path) -> None:
    first = "os.makedirs(os.path.expanduser('~/.acme/cache'), exist_ok=True)"
    message = f"--help leaves .acme in {tmp_path / 'home'}"
    assert brief(ask({"--help": "usage"}, first=first)) == [("ENT514", N, POINT, message)]


def test_a_told_version_that_contradicts_metadata_is_found(ask: Ask) -> None:
    checked = ask({"--help": "usage: acme [--version]", "--version": "acme 0.9"})
    assert brief(checked) == [("VER306", W, POINT, "--version says 0.9, but METADATA says 1.0")]


def test_a_command_is_not_asked_for_a_version_that_its_help_does_not_offer(env: Env, ask: Ask) -> None:
    before = len(env.argvs)
    assert brief(ask({"--help": "usage: acme", "--version": "acme 0.9"})) == []
    assert ["--version"] not in [argv[1:] for argv in env.argvs[before:]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("acme-web 1.2", "1.2", id="name and version"),
        pytest.param("acme_web, version 1.2.3rc1", "1.2.3rc1", id="as click has it"),
        pytest.param("Acme Web v1.2 (Python 3.11.7)", "1.2", id="beside another version"),
        pytest.param("Python 3.11.7\nacme-web: 1.2", "1.2", id="in a list"),
        pytest.param("1.2", "1.2", id="alone, of a command that has the name"),
        pytest.param("acme-web 1.2\nplugin of acme-web 3.4", "", id="two versions"),
        pytest.param("other 1.2", "", id="of something else"),
        pytest.param("acme-web 1.11.1.git.kitware", "", id="no version of Python's kind"),
        pytest.param("acme-web is fast", "", id="none"),
    ],
)
def test_a_version_is_told_when_it_stands_behind_the_name(text: str, told: str) -> None:
    assert printed_version(Distribution(name="acme.web", version="1.2"), _command("acme-web"), text) == told


def test_a_version_alone_is_not_that_of_a_command_with_another_name() -> None:
    assert printed_version(Distribution(name="acme", version="1.2"), _command("npm"), "9.8.1") == ""


def _command(name: str) -> EntryPoint:
    return EntryPoint(group="console_scripts", name=name, module="acme", attr="main")
