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
        codes=("ENT510", "ENT511", "ENT512", "ENT513", "ENT517", "VER306"),
        not_checked=(("ENT514", "no folders to look at"),),
    )


def test_a_wheel_without_commands_says_so(env: Env, put: Put) -> None:
    checked = scripts(env, put())
    assert (checked.detail, checked.codes, env.argvs) == ("no console scripts", (), [])
    assert checked.not_checked == (
        ("ENT510", "no commands"),
        ("ENT511", "no entry points but commands"),
        ("ENT512", "no commands"),
        ("ENT513", "no console scripts"),
        ("ENT514", "no console scripts"),
        ("ENT517", "no entry points"),
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


def test_a_command_may_name_a_function_of_a_module_that_its_script_imports(env: Env, put: Put) -> None:
    """An installer writes ``from acme import cli``, which imports the module; other entry points have no script."""
    files = {"acme/__init__.py": "", "acme/cli.py": "def main():\n    print('usage: acme')\n"}
    commands = scripts(env, put(files, entry_points="[console_scripts]\nacme = acme:cli.main\n"))
    assert "ENT510" not in {found.code for found in commands.findings}
    (found,) = scripts(env, put(files, entry_points="[acme.plugins]\nplum = acme:cli.main\n")).findings
    assert found.code == "ENT511"


def test_a_command_whose_module_nobody_shipped_is_the_same_finding_as_in_the_wheel(env: Env, put: Put) -> None:
    subject = put({"acme/__init__.py": ""}, entry_points="[console_scripts]\nacme = acme.cli:main\n")
    (found,) = scripts(env, subject).findings
    assert (found.code, found.subject) == ("ENT510", "[console_scripts] acme = acme.cli:main")


def test_a_module_that_the_wheel_itself_lacks_is_to_be_built_into_it(env: Env, put: Put) -> None:
    files = {"acme/__init__.py": "", "acme/cli.py": "from acme.report.text import render"}
    (found,) = scripts(env, put(files, entry_points="[console_scripts]\nacme = acme.cli:main\n")).findings
    assert found.hint == "have the build include acme.report, which is not in the wheel"


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
    assert brief(checked) == [("ENT510", N, POINT, "ends by itself, because click_ is not installed")]


@pytest.mark.parametrize(
    ("body", "level", "message", "hint"),
    [
        pytest.param("1/0", W, "exited with 1", "its last line: ZeroDivisionError: division by zero", id="traceback"),
        pytest.param("return 3", W, "exited with 3", "run acme --help by hand", id="silence"),
        pytest.param(
            "import os; os.kill(os.getpid(), 15)", W, "died with SIGTERM", "run acme --help by hand", id="a signal"
        ),
        pytest.param(
            "print('Usage: acme FILE'); return 2",
            N,
            "exited with 2",
            "its last line: Usage: acme FILE",
            id="its usage",
        ),
        pytest.param(
            "print('usage: acme {generate}'); return 32",
            N,
            "exited with 32",
            "its last line: usage: acme {generate}",
            id="its usage, with an exit code of its own",
        ),
        pytest.param(
            "print('usage: acme', flush=True); 1/0",
            W,
            "exited with 1",
            "its last line: ZeroDivisionError: division by zero",
            id="its usage and a traceback",
        ),
        pytest.param(
            "return 'pip install acme[cli]'",
            N,
            "exited with 1, because of what it lacks: pip install acme[cli]",
            "set extras = cli to have it checked with what it needs",
            id="the extra that it needs",
        ),
        pytest.param(
            "return 'pip install acme[other]'",
            W,
            "exited with 1",
            "its last line: pip install acme[other]",
            id="an extra that does not exist",
        ),
    ],
)
def test_a_command_that_does_not_answer_help_is_found(
    env: Env, put: Put, body: str, level: Level, message: str, hint: str
) -> None:
    source = f"def main():\n    {body}\n"
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT, requires=["click; extra == 'cli'"]))
    (found,) = checked.findings
    traceback = {"file": "acme.py", "line": 2} if "ZeroDivisionError" in hint else {}
    assert found == Finding(
        code="ENT512", level=level, subject=POINT, message=f"--help {message}", hint=hint, **traceback
    )


def test_help_that_does_not_end_is_found(env: Env, put: Put) -> None:
    subject = put({"acme.py": f"def main():\n    {HANG}"}, entry_points=SCRIPT)
    assert brief(scripts(env, subject, help_limit_s=0.5)) == [("ENT512", W, POINT, "--help does not end within 0.5 s")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("print(os.environ['DISPLAY'] or 'no display', flush=True); os.abort()", [], id="no display"),
        pytest.param("1/0", [], id="something else that it may lack"),
        pytest.param("qqq", [("ENT512", E, "--help ends in NameError: name 'qqq' is not defined")], id="a mistake"),
    ],
)
def test_a_command_with_a_window_is_run_without_a_display_and_only_for_mistakes(
    env: Env, put: Put, monkeypatch: pytest.MonkeyPatch, body: str, expected: list[object]
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    files = {"acme.py": f"import os\ndef main():\n    {body}\n"}
    checked = scripts(env, put(files, entry_points="[gui_scripts]\nacme = acme:main\n"))
    assert (checked.codes, [(each.code, each.level, each.message) for each in checked.findings]) == (
        ("ENT510", "ENT512", "ENT517"),
        expected,
    )
    assert b":0" not in env.endings[-1].stdout


@pytest.mark.parametrize(
    ("source", "level", "message"),
    [
        pytest.param("def main(argv): ...", E, "TypeError: main() missing 1 required positional argument: 'argv'"),
        pytest.param("def main(): usage()", E, "NameError: name 'usage' is not defined"),
        pytest.param("def main(): import acme_", E, "ModuleNotFoundError: No module named 'acme_'"),
        pytest.param("import os\ndef main(): os.sep.no", E, "AttributeError: 'str' object has no attribute 'no'"),
        pytest.param("def main(): import click_", W, "ModuleNotFoundError: No module named 'click_'"),
    ],
)
def test_help_that_ends_in_a_mistake_is_an_error(env: Env, put: Put, source: str, level: Level, message: str) -> None:
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT, requires=["click_; extra == 'cli'"]))
    assert brief(checked) == [("ENT512", level, POINT, f"--help ends in {message}")]
    assert "cli" in checked.findings[0].hint or level is E


def test_help_that_misses_a_setting_of_production_is_a_warning(env: Env, put: Put) -> None:
    source = "import os\ndef main(): int(os.environ.get('ACME_PORT'))\n"
    (found,) = scripts(env, put({"acme.py": source}, entry_points=SCRIPT)).findings
    assert (found.code, found.level, found.message) == ("ENT512", W, "--help exited with 1")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        pytest.param("async def main(): print('usage')", "an async function", id="async"),
        pytest.param("def main():\n    yield 1", "a generator function", id="generator"),
    ],
)
def test_a_function_whose_call_does_nothing_is_an_error(env: Env, put: Put, source: str, what: str) -> None:
    ((code, level, _, message),) = brief(scripts(env, put({"acme.py": source}, entry_points=SCRIPT)))
    assert (code, level) == ("ENT510", E)
    assert message.startswith(f"names {what}: ")


def test_an_async_function_that_something_runs_passes(env: Env, put: Put) -> None:
    source = (
        "import asyncio, functools\n"
        "def runs(f):\n    return functools.wraps(f)(lambda: asyncio.run(f()))\n"
        "@runs\nasync def main():\n    print('usage')\n"
    )
    assert brief(scripts(env, put({"acme.py": source}, entry_points=SCRIPT))) == []


def test_a_command_that_makes_a_coroutine_and_does_nothing_is_an_error(env: Env, put: Put) -> None:
    source = "async def run(): print('usage')\ndef main():\n    run()\n"
    message = "--help does nothing: the coroutine run is never awaited"
    assert brief(scripts(env, put({"acme.py": source}, entry_points=SCRIPT))) == [("ENT512", E, POINT, message)]


def test_a_command_that_says_what_it_lacks_is_a_note_that_quotes_it(env: Env, put: Put) -> None:
    source = "def main(): raise RuntimeError('please set the environment variable ACME_HOME')\n"
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT))
    words = "RuntimeError: please set the environment variable ACME_HOME"
    message = f"--help exited with 1, because of what it lacks: {words}"
    assert brief(checked) == [("ENT512", N, POINT, message)]


def test_an_absent_module_of_a_script_is_not_somebody_elses(env: Env, put: Put) -> None:
    points = "[console_scripts]\na = acme_cli:main\nb = src.acme.cli:main\n"
    checked = scripts(env, put({"acme/__init__.py": "", "acme/cli.py": ""}, entry_points=points))
    assert [found.hint for found in checked.findings] == [
        "have the build include acme_cli, which is not in the wheel, or correct the entry point",
        "the wheel has it as acme.cli: write b = acme.cli:main",
    ]


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
