"""Entry points: commands that load and answer, and plugins."""

from __future__ import annotations

import pytest
from support.installed import HANG, SEGFAULT, E, N, Put, W, brief, scripts
from support.wheels import Env

from tox_prodsim.model.findings import CheckResult, Finding, Level

CLI = "import sys\ndef main():\n    assert sys.argv[1:] == ['--help']\n    print('usage: acme')\n"
SCRIPT = "[console_scripts]\nacme = acme:main\n"
POINT = "[console_scripts] acme = acme:main"


def test_commands_that_load_and_answer_help_pass(env: Env, put: Put) -> None:
    points = SCRIPT + "acme2 = acme:main\n[acme.plugins]\nx = acme\n"
    checked = scripts(env, put({"acme.py": CLI}, entry_points=points))
    detail = "2 scripts load and answer --help, 1 other entry point loads"
    assert checked == CheckResult(
        detail=detail,
        codes=("ENT510", "ENT511", "ENT512", "ENT513", "VER306"),
        not_checked=(("ENT514", "no folders to look at"),),
    )


def test_a_wheel_without_commands_says_so(env: Env, put: Put) -> None:
    checked = scripts(env, put())
    assert (checked.detail, checked.codes, env.argvs) == ("no console scripts", (), [])
    assert checked.not_checked == (
        ("ENT510", "no commands"),
        ("ENT511", "no entry points but commands"),
        ("ENT512", "no console scripts"),
        ("ENT513", "no console scripts"),
        ("ENT514", "no console scripts"),
        ("VER306", "no console scripts"),
    )


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        pytest.param(
            "def mian(): ...",
            "does not load: AttributeError: module 'acme' has no attribute 'main'",
            "define main in acme, or correct the entry point in pyproject.toml",
            id="a function that is not there",
        ),
        pytest.param(
            "main = 1",
            "names something that cannot be called",
            "let the entry point name a function",
            id="no function",
        ),
        pytest.param(
            "import numpy_",
            "does not load: ModuleNotFoundError: No module named 'numpy_'",
            "declare the distribution that provides numpy_ in dependencies, or import it only where it is needed",
            id="a dependency that is not declared",
        ),
    ],
)
def test_a_command_that_does_not_load_is_found_and_not_run(
    env: Env, put: Put, source: str, message: str, hint: str
) -> None:
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT))
    assert brief(checked) == [("ENT510", E, POINT, message)]
    assert checked.findings[0].hint == hint
    assert checked.detail == "0 of 1 script loads and answers --help"
    assert not [argv for argv in env.argvs if "--help" in argv]


def test_a_command_whose_module_nobody_shipped_is_the_same_finding_as_in_the_wheel(env: Env, put: Put) -> None:
    subject = put({"acme/__init__.py": ""}, entry_points="[console_scripts]\nacme = acme.cli:main\n")
    (found,) = scripts(env, subject).findings
    assert (found.code, found.subject) == ("ENT510", "[console_scripts] acme = acme.cli:main")


def test_a_command_that_ends_the_interpreter_is_found_and_the_others_go_on(env: Env, put: Put) -> None:
    files = {"acme.py": CLI, "bad.py": SEGFAULT, "slow.py": HANG}
    points = "[console_scripts]\nbad = bad:main\nslow = slow:main\nacme = acme:main\n"
    checked = scripts(env, put(files, entry_points=points), limit_s=1.0)
    assert brief(checked) == [
        ("ENT510", E, "[console_scripts] bad = bad:main", "does not load: the interpreter died with SIGSEGV"),
        ("ENT510", E, "[console_scripts] slow = slow:main", "does not load: it does not end within 1 s"),
    ]
    assert checked.detail == "1 of 3 scripts load and answer --help"


def test_a_command_that_was_not_installed_is_found(env: Env, put: Put) -> None:
    subject = put({"acme.py": CLI}, entry_points=SCRIPT)
    (env.scripts_dir / "acme").unlink()
    assert brief(scripts(env, subject)) == [("ENT510", E, POINT, f"there is no acme in {env.scripts_dir}")]


def test_a_command_that_cannot_be_started_is_found(env: Env, put: Put) -> None:
    subject = put({"acme.py": CLI}, entry_points=SCRIPT)
    (env.scripts_dir / "acme").chmod(0o644)
    (found,) = scripts(env, subject).findings
    assert (found.code, found.level) == ("ENT510", E)
    assert found.message.startswith("does not start: ")


def test_a_command_of_an_extra_is_a_note_while_the_extra_was_not_requested(env: Env, put: Put) -> None:
    options = {"files": {"acme.py": "import aiohttp_"}, "entry_points": "[console_scripts]\nacme = acme:main [d]\n"}
    message = "needs the extra d, which was not asked for: ModuleNotFoundError: No module named 'aiohttp_'"
    assert brief(scripts(env, put(**options))) == [("ENT510", N, POINT, message)]
    message = "does not load: ModuleNotFoundError: No module named 'aiohttp_'"
    assert brief(scripts(env, put(**options, extras=("d",)))) == [("ENT510", E, POINT, message)]


@pytest.mark.parametrize(("extra", "level"), [("conch", W), ("dev", E), ("all-tests", E)])
def test_a_command_that_lacks_what_an_extra_for_users_brings_is_a_warning(
    env: Env, put: Put, extra: str, level: Level
) -> None:
    requires = [f"bcrypt_; extra == '{extra}'"]
    checked = scripts(env, put({"acme.py": "import bcrypt_"}, entry_points=SCRIPT, requires=requires))
    message = "does not load: ModuleNotFoundError: No module named 'bcrypt_'"
    assert brief(checked) == [("ENT510", level, POINT, message)]


def test_a_command_that_declines_to_run_without_an_extra_is_a_note(env: Env, put: Put) -> None:
    source = "try:\n    import click_\nexcept ImportError:\n    raise SystemExit('pip install acme[cli]')\n"
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT))
    assert brief(checked) == [("ENT510", N, POINT, "ends of its own accord, because click_ is not installed")]


@pytest.mark.parametrize(
    ("body", "level", "message", "hint"),
    [
        pytest.param("1/0", W, "exited with 1", "its last words: ZeroDivisionError: division by zero", id="traceback"),
        pytest.param("return 3", W, "exited with 3", "run acme --help by hand", id="silence"),
        pytest.param(
            "import os; os.kill(os.getpid(), 15)", W, "died with SIGTERM", "run acme --help by hand", id="a signal"
        ),
        pytest.param(
            "print('Usage: acme FILE'); return 2",
            N,
            "exited with 2",
            "its last words: Usage: acme FILE",
            id="its usage",
        ),
        pytest.param(
            "print('usage: acme {generate}'); return 32",
            N,
            "exited with 32",
            "its last words: usage: acme {generate}",
            id="its usage, with an exit code of its own",
        ),
        pytest.param(
            "print('usage: acme', flush=True); 1/0",
            W,
            "exited with 1",
            "its last words: ZeroDivisionError: division by zero",
            id="its usage and a traceback",
        ),
        pytest.param(
            "return 'pip install acme[cli]'",
            N,
            "exited with 1",
            "its last words: pip install acme[cli]",
            id="the extra that it needs",
        ),
        pytest.param(
            "return 'pip install acme[other]'",
            W,
            "exited with 1",
            "its last words: pip install acme[other]",
            id="an extra that does not exist",
        ),
    ],
)
def test_a_command_that_does_not_answer_help_is_found(
    env: Env, put: Put, body: str, level: Level, message: str, hint: str
) -> None:
    source = f"def main():\n    {body}\n"
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT, requires=["click; extra == 'cli'"]))
    assert checked.findings == (
        Finding(code="ENT512", level=level, subject=POINT, message=f"--help {message}", hint=hint),
    )


def test_help_that_does_not_end_is_found(env: Env, put: Put) -> None:
    subject = put({"acme.py": f"def main():\n    {HANG}"}, entry_points=SCRIPT)
    assert brief(scripts(env, subject, help_limit_s=0.5)) == [("ENT512", W, POINT, "--help does not end within 0.5 s")]


def test_a_command_with_a_window_is_loaded_but_not_run(env: Env, put: Put) -> None:
    checked = scripts(env, put({"acme.py": CLI}, entry_points="[gui_scripts]\nacme = acme:main\n"))
    assert (checked.codes, brief(checked)) == (("ENT510",), [])
    assert not [argv for argv in env.argvs if "--help" in argv]


def test_a_plugin_that_does_not_load_is_a_warning(env: Env, put: Put) -> None:
    checked = scripts(env, put(entry_points="[acme.plugins]\ncsv = acme.csv:Format\n"))
    message = "does not load: ModuleNotFoundError: No module named 'acme.csv'"
    assert brief(checked) == [("ENT511", W, "[acme.plugins] csv = acme.csv:Format", message)]
    assert checked.detail == "no console scripts, 0 of 1 other entry point loads"


def test_a_plugin_of_a_host_that_is_not_installed_is_a_note(env: Env, put: Put) -> None:
    checked = scripts(env, put({"acme.py": "import pytest_"}, entry_points="[pytest11]\nacme = acme\n"))
    message = "was not loaded, because pytest_ is not installed"
    assert brief(checked) == [("ENT511", N, "[pytest11] acme = acme", message)]


def test_a_plugin_that_says_in_its_own_words_that_its_host_is_absent_is_a_note(env: Env, put: Put) -> None:
    source = (
        "class NotEnabled(Exception): ...\ntry:\n    import pytest_\nexcept ImportError:\n    raise NotEnabled('!')\n"
    )
    checked = scripts(env, put({"acme.py": source}, entry_points="[pytest11]\nacme = acme\n"))
    message = "was not loaded, because pytest_ is not installed"
    assert brief(checked) == [("ENT511", N, "[pytest11] acme = acme", message)]


def test_a_plugin_that_names_a_module_as_an_attribute_is_a_note(env: Env, put: Put) -> None:
    files = {"acme/__init__.py": "", "acme/csv.py": ""}
    checked = scripts(env, put(files, entry_points="[acme.plugins]\ncsv = acme:csv\n"))
    point, message = "[acme.plugins] csv = acme:csv", "loads only once something has imported acme.csv"
    assert brief(checked) == [("ENT511", N, point, message)]
    assert checked.findings[0].hint == "write it as csv = acme.csv"


def test_an_error_of_ours_does_not_pass_for_an_absent_host(env: Env, put: Put) -> None:
    source = "try:\n    import pytest_\nexcept ImportError:\n    open('/nonexistent')\n"
    checked = scripts(env, put({"acme.py": source}, entry_points="[pytest11]\nacme = acme\n"))
    assert [(found.code, found.level) for found in checked.findings] == [("ENT511", W)]
