"""What the files of a wheel do as Python starts."""

from __future__ import annotations

import importlib.util

import pytest
from support.installed import E, N, Put, W, brief
from support.wheels import Env

from tox_prodsim.checks import installed
from tox_prodsim.model.findings import CheckResult

INIT = {"acme/__init__.py": ""}
SLOW = "import sys; sum(range(20_000_000))\n"


def start(env: Env, put: Put, files: dict[str, str]) -> CheckResult:
    return installed.check_start(put({**INIT, **files}), env.run, env.python)


def test_a_wheel_without_a_part_in_the_start_is_not_asked(env: Env, put: Put) -> None:
    assert start(env, put, {"acme/acme.pth": "import nothing_"}) == CheckResult(detail="", codes=())
    assert env.argvs == []


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"acme.pth": "import os; os.environ.get('ACME') and __import__('acme')\n"}, id="a hook"),
        pytest.param({"acme.pth": "acme\n\n# words\nnowhere\n"}, id="paths"),
        pytest.param({"sitecustomize.py": "import acme\n"}, id="sitecustomize"),
    ],
)
def test_a_start_that_works_passes(env: Env, put: Put, files: dict[str, str]) -> None:
    checked = start(env, put, files)
    assert checked == CheckResult(detail="", codes=("IMP510", "IMP511", "IMP512"))


@pytest.mark.parametrize(
    ("files", "subject", "message", "hint"),
    [
        pytest.param(
            {"acme.pth": "# a comment\nimport acme_\n"},
            "acme.pth",
            "fails whenever Python starts, at line 2: ModuleNotFoundError: No module named 'acme_', "
            "and the rest of it is ignored",
            "declare the distribution that provides acme_ in dependencies, or import it only where it is needed",
            id="a line of a .pth",
        ),
        pytest.param(
            {"sitecustomize.py": "1/0\n"},
            "sitecustomize.py",
            "fails whenever Python starts: ZeroDivisionError: division by zero",
            "see it with: python -c pass",
            marks=pytest.mark.skipif(
                bool(importlib.util.find_spec("sitecustomize")), reason="this system's own sitecustomize comes first"
            ),
            id="sitecustomize",
        ),
    ],
)
def test_what_fails_is_an_error(
    env: Env, put: Put, files: dict[str, str], subject: str, message: str, hint: str
) -> None:
    checked = start(env, put, files)
    assert brief(checked) == [("IMP510", E, subject, message)]
    assert checked.findings[0].hint == hint


def test_what_another_distribution_does_is_not_counted(env: Env, put: Put) -> None:
    (env.site_packages / "other.pth").write_text("import other_\nimport sys; print('other')\n")
    assert brief(start(env, put, {"acme.pth": "acme\n"})) == []


def test_what_is_printed_is_a_warning(env: Env, put: Put) -> None:
    (found,) = brief(start(env, put, {"acme.pth": "import sys; print('acme is here')\n"}))
    assert found == ("IMP511", W, "acme.pth", "prints 'acme is here' whenever Python starts")


def test_what_takes_much_longer_is_a_note_and_the_environment_stays_as_it_was(env: Env, put: Put) -> None:
    ((code, level, subject, message),) = brief(start(env, put, {"acme.pth": SLOW}))
    assert (code, level, subject) == ("IMP512", N, "acme.pth")
    assert "times the CPU time" in message
    assert not [*env.site_packages.rglob("__pycache__")]


def test_a_file_that_ends_the_interpreter_is_an_error(env: Env, put: Put) -> None:
    (found,) = brief(start(env, put, {"acme.pth": "import os; os._exit(3)\n"}))
    message = "with it in the environment, Python exited with 3 before it runs anything"
    assert found == ("IMP510", E, "acme.pth", message)
