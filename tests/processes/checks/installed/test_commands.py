"""Commands that are not entry points: ``python -m`` and the scripts folder of the wheel."""

from __future__ import annotations

import pytest
from support.installed import E, N, Put, W, brief, scripts
from support.wheels import Env

from tox_prodsim.checks import installed
from tox_prodsim.model.findings import Level

FILE = "acme-1.0.data/scripts/acme-run"
MAIN = "acme/__main__.py"
INIT = {"acme/__init__.py": ""}
USAGE = "import sys\nassert sys.argv[1:] == ['--help']\nprint('usage')\n"


def test_a_package_that_can_be_run_is_asked_for_help(env: Env, put: Put) -> None:
    checked = scripts(env, put({**INIT, MAIN: USAGE}))
    assert (checked.detail, brief(checked)) == ("no console scripts, python -m acme answers --help", [])
    assert checked.codes == ("ENT510", "ENT512", "ENT513", "ENT517", "VER306")
    assert [argv[1:] for argv in env.argvs] == [["-m", "acme", "--help"]] * 2


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("qqq()", [(E, "--help ends in NameError: name 'qqq' is not defined")], id="a mistake"),
        pytest.param("1/0", [(W, "--help exited with 1")], id="another exception"),
        pytest.param("[][1]", [], id="other arguments"),
        pytest.param("raise SystemExit('what?')", [], id="no help, maybe on purpose"),
        pytest.param(
            "import click_", [(W, "--help ends in ModuleNotFoundError: No module named 'click_'")], id="a dependency"
        ),
        pytest.param(
            "import rich_", [(N, "--help ends in ModuleNotFoundError: No module named 'rich_'")], id="of an extra"
        ),
        pytest.param(
            "import curses.no",
            [(N, "--help ends in ModuleNotFoundError: No module named 'curses.no'")],
            id="of the system",
        ),
    ],
)
def test_what_is_wrong_with_it_is_found(env: Env, put: Put, source: str, expected: list[tuple[Level, str]]) -> None:
    checked = scripts(env, put({**INIT, MAIN: source}, requires=["rich_; extra == 'cli'"]))
    assert brief(checked) == [("ENT512", level, "python -m acme", message) for level, message in expected]


def test_help_of_it_is_asked_for_in_ascii(env: Env, put: Put) -> None:
    (found,) = brief(scripts(env, put({**INIT, MAIN: "print('usage: \u2014')"})))
    assert found[:3] == ("ENT513", W, "python -m acme")
    assert brief(scripts(env, put({**INIT, MAIN: "print('a demo: \u2014')"}))) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param("qqq()", "ENT512", id="a mistake"),
        pytest.param("1/0", "ENT512", id="another exception"),
        pytest.param(
            "print('usage: [--version]' if sys.argv[1] == '--help' else 'acme 0.9')", "VER306", id="a version"
        ),
    ],
)
def test_it_does_not_repeat_what_the_command_said(env: Env, put: Put, body: str, code: str) -> None:
    main = f"import sys\ndef main():\n    {body}\n"
    files = {**INIT, "acme/cli.py": main, MAIN: "from acme.cli import main\nmain()\n"}
    checked = scripts(env, put(files, entry_points="[console_scripts]\nacme = acme.cli:main\n"))
    subject = "[console_scripts] acme = acme.cli:main"
    assert [(found.code, found.subject) for found in checked.findings] == [(code, subject)]
    assert ("python -m acme answers" in checked.detail) is (code != "ENT512")


@pytest.mark.parametrize(
    ("guard", "messages"),
    [
        pytest.param(
            "if __name__ == '__main__':\n    qqq()\n", ["--help ends in NameError: name 'qqq' is not defined"]
        ),
        pytest.param("", []),
    ],
)
def test_the_single_module_of_a_script_is_run_as_well(env: Env, put: Put, guard: str, messages: list[str]) -> None:
    source = f"def main():\n    print('usage')\n{guard}"
    checked = scripts(env, put({"acme.py": source}, entry_points="[console_scripts]\nacme = acme:main\n"))
    assert [(found.subject, found.message) for found in checked.findings] == [("python -m acme", m) for m in messages]
    assert checked.detail == "1 script loads and answers --help"


def test_it_is_not_run_when_a_command_shows_that_it_does_not_load(env: Env, put: Put) -> None:
    points = "[console_scripts]\nacme = acme.__main__:main\n"
    checked = scripts(env, put({**INIT, MAIN: "raise SystemExit('pip install click_')\n"}, entry_points=points))
    assert [found.subject for found in checked.findings] == ["[console_scripts] acme = acme.__main__:main"]


def test_it_is_not_run_when_the_package_does_not_import(env: Env, put: Put) -> None:
    subject = put({"acme/__init__.py": "1/0", MAIN: ""})
    environment = (subject, env.run, env.python, env.scripts_dir)
    assert installed.check_scripts(*environment, imported=()).findings == ()


def test_a_script_of_the_wheel_is_tried_like_a_command(env: Env, put: Put) -> None:
    checked = scripts(env, put({**INIT, FILE: f"#!python\n{USAGE}"}))
    assert (checked.detail, brief(checked)) == ("1 script loads and answers --help", [])
    checked = scripts(env, put({**INIT, FILE: "#!python\nimport acme\nacme.main()\n"}))
    message = "--help ends in AttributeError: module 'acme' has no attribute 'main'"
    assert brief(checked) == [("ENT512", E, "[scripts] acme-run", message)]
    assert checked.detail == "0 of 1 script loads and answers --help"


def test_a_script_that_was_not_installed_is_found(env: Env, put: Put) -> None:
    subject = put({**INIT, FILE: "#!python\n"})
    (env.scripts_dir / "acme-run").unlink()
    message = f"there is no acme-run in {env.scripts_dir}"
    assert brief(scripts(env, subject)) == [("ENT510", E, "[scripts] acme-run", message)]


@pytest.mark.parametrize("line", ["#!/bin/sh", "#!/nobody/bin/python", "# to be sourced"])
def test_what_is_no_script_of_this_python_is_not_run(env: Env, put: Put, line: str) -> None:
    assert brief(scripts(env, put({**INIT, FILE: f"{line}\nexit 3\n"}))) == []
    assert env.argvs == []
