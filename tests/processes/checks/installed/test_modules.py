"""The modules below the top-levels: which import, and how much it weighs when one does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.wheels import Env, subject_of, wheel

from tox_prodsim.checks import installed
from tox_prodsim.checks.installed import Distribution, Imported
from tox_prodsim.model.findings import CheckResult, Level
from tox_prodsim.model.internal_imports import InternalImports

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
SEGFAULT = "import ctypes\nctypes.string_at(0)\n"


@pytest.fixture
def env(tmp_path: Path) -> Env:
    return Env.create(tmp_path / "env")


Put = Callable[..., Distribution]


@pytest.fixture
def put(env: Env, tmp_path: Path) -> Put:
    """Install a wheel made of these files, in which acme is a package."""

    def install(files: dict[str, str], **options: Any) -> Distribution:
        return subject_of(env.install(wheel(tmp_path, files={"acme/__init__.py": "", **files}, **options)))

    return install


def modules(env: Env, subject: Distribution, **options: Any) -> Imported:
    return installed.check_modules(subject, env.run, env.python, **options)


def brief(checked: CheckResult) -> list[tuple[str, Level, str, str]]:
    return [(found.code, found.level, found.subject, found.message) for found in checked.findings]


def test_all_modules_are_imported_in_one_process(env: Env, put: Put) -> None:
    subject = put({"acme/a.py": "", "acme/b/__init__.py": "", "acme/b/c.py": ""})
    imported = modules(env, subject)
    assert imported.checked == CheckResult(detail="4 of 4 modules import", codes=("IMP504",))
    assert imported.modules == {"acme", "acme.a", "acme.b", "acme.b.c"}
    assert len(env.argvs) == 1


def test_the_process_of_the_top_levels_imports_the_others_too(env: Env, put: Put) -> None:
    files = {
        "acme/a.py": "raise ValueError('no')",
        "acme/b.py": "import threading\n",
        "acme/c.py": SEGFAULT,
        "acme/d.py": "",
    }
    subject = put(files)
    alone = modules(env, subject, imported=frozenset({"acme"}))
    env.argvs.clear()
    behind = installed.modules_behind(subject, frozenset())
    tops = installed.check_imports(subject, env.run, env.python, behind=behind)
    assert (tops.checked.detail, len(env.argvs)) == ("acme from site-packages, no side effects", 1)
    assert [*behind.outcomes] == ["acme", "acme.a", "acme.b", "acme.c"]
    assert modules(env, subject, imported=tops.modules, behind=behind) == alone


@pytest.mark.parametrize("top", ["raise ValueError('no')", SEGFAULT, "import acme.x"])
def test_behind_a_top_level_that_fails_nothing_is_taken_as_imported(env: Env, put: Put, top: str) -> None:
    subject = put({"acme/__init__.py": top, "acme/a.py": ""})
    behind = installed.modules_behind(subject, frozenset())
    tops = installed.check_imports(subject, env.run, env.python, behind=behind)
    assert (tops.modules, dict(behind.outcomes)) == (frozenset(), {})
    assert tops.checked.findings == installed.check_imports(subject, env.run, env.python).checked.findings


def test_what_has_imported_already_is_not_imported_again(env: Env, put: Put) -> None:
    imported = modules(env, put({}), imported=frozenset({"acme"}))
    assert (imported.checked, env.argvs) == (CheckResult(detail="", codes=("IMP504",)), [])
    assert imported.modules == {"acme"}


def test_modules_that_lack_the_same_are_one_note(env: Env, put: Put) -> None:
    subject = put({"acme/a.py": "import trio_", "acme/b.py": "import trio_", "acme/c.py": ""})
    imported = modules(env, subject)
    message = "importing them fails: ModuleNotFoundError: No module named 'trio_'"
    assert brief(imported.checked) == [("IMP504", N, "acme.a and 1 more module", message)]
    assert imported.checked.findings[0].hint == (
        "declare the distribution that provides trio_ in dependencies, or import it only where it is needed; "
        "they are acme.a, acme.b"
    )
    assert imported.checked.detail == "2 of 4 modules import"
    assert imported.modules == {"acme", "acme.c"}


def test_what_another_system_has_need_not_be_declared(env: Env, put: Put) -> None:
    (found,) = modules(env, put({"acme/_windows.py": "import winreg"})).checked.findings
    assert found.hint == "winreg is not in every standard library: import it only where it is needed"


def test_what_is_not_installed_is_one_note_whatever_it_is(env: Env, put: Put) -> None:
    files = {"acme/a.py": "import trio_", "acme/b.py": "import curio_", "acme/c.py": "import acme.a"}
    subject = put({**files, "acme/d.py": "1/0"})
    wanting, other = modules(env, subject).checked.findings
    assert (wanting.level, wanting.subject) == (N, "acme.a and 2 more modules")
    assert wanting.message == "importing them fails, because these are not installed: trio_, curio_"
    assert wanting.hint == "to have them checked: add what provides them to deps; they are acme.a, acme.b, acme.c"
    assert (other.subject, other.message) == ("acme.d", "importing it fails: ZeroDivisionError: division by zero")


def test_what_is_not_installed_and_no_extra_brings_can_be_added(env: Env, put: Put) -> None:
    (found,) = modules(env, put({f"acme/m{at}.py": f"import other{at}_" for at in range(10)})).checked.findings
    assert found.message.endswith(": other0_, other1_, other2_, other3_, other4_, other5_, other6_, other7_ and 2 more")
    assert found.hint.startswith("to have them checked: add what provides them to deps; they are acme.m0, acme.m1, ")


def test_what_another_system_has_in_a_module_need_not_be_declared(env: Env, put: Put) -> None:
    (found,) = modules(env, put({"acme/_windows.py": "from ctypes import NotOnEverySystem"})).checked.findings
    hint = "not every ctypes of the standard library has NotOnEverySystem: import it only where it is needed"
    assert found.hint == hint


def test_a_message_begins_where_its_words_do(env: Env, put: Put) -> None:
    (found,) = modules(
        env, put({"acme/book.py": "raise LookupError('\\n*****\\n  no corpus\\n*****')"})
    ).checked.findings
    assert found.message == "importing it fails: LookupError: no corpus"


def test_many_reasons_are_folded(env: Env, put: Put) -> None:
    subject = put({f"acme/m{number}.py": f"raise ValueError({number})" for number in range(9)})
    findings = modules(env, subject).checked.findings
    assert [found.subject for found in findings[:-1]] == [f"acme.m{number}" for number in range(3)]
    assert (findings[-1].subject, findings[-1].message) == (
        "acme.m3 and 5 more modules",
        "importing them fails for various reasons",
    )


def test_the_file_that_lacks_a_name_is_told_only_when_it_is_not_the_installed_one(env: Env, put: Put) -> None:
    files = {"acme/a.py": "from acme import speedups", "acme/b.py": "from json import faster"}
    ours, theirs = modules(env, put(files)).checked.findings
    assert ours.message == "importing it fails: ImportError: cannot import name 'speedups' from 'acme'"
    assert theirs.message.startswith("importing it fails: ImportError: cannot import name 'faster' from 'json' (/")


def test_a_module_that_did_import_and_does_not_any_more_is_an_error(env: Env, put: Put) -> None:
    subject = put({"acme/a.py": "import trio_", "acme/b.py": "import trio_"})
    message = "importing it fails: ModuleNotFoundError: No module named 'trio_'"
    found = brief(modules(env, subject, remembered=frozenset({"acme", "acme.a", "acme.gone"})).checked)
    assert found == [
        ("IMP504", E, "acme.a", f"{message}, but it did import when the baseline was accepted"),
        ("IMP504", N, "acme.b", message),
    ]


def test_a_secondary_top_level_that_did_import_and_does_not_any_more_is_an_error(env: Env, put: Put) -> None:
    subject = put({"acme_trio.py": "import trio_"})
    remembered = frozenset({"acme_trio"})
    checked = installed.check_imports(subject, env.run, env.python, remembered=remembered).checked
    message = "ModuleNotFoundError: No module named 'trio_', but it did import when the baseline was accepted"
    assert brief(checked) == [("IMP504", E, "acme_trio", f"importing it fails: {message}")]
    assert brief(modules(env, subject, remembered=remembered).checked) == []


def test_a_module_that_looks_for_a_file_of_the_package_in_vain_is_a_warning(env: Env, put: Put) -> None:
    source = "import os\nopen(os.path.join(os.path.dirname(__file__), 'rules.json'))"
    (found,) = modules(env, put({"acme/rules.py": source})).checked.findings
    assert (found.level, found.subject) == (W, "acme.rules")
    assert found.hint == "have the build include rules.json as package data, if it is the package's"


def test_a_module_that_looks_for_a_file_elsewhere_in_vain_is_a_note(env: Env, put: Put) -> None:
    (found,) = modules(env, put({"acme/rules.py": "open('settings.json')"})).checked.findings
    assert (found.level, found.subject) == (N, "acme.rules")


@pytest.mark.parametrize(
    ("source", "how"),
    [
        pytest.param(SEGFAULT, "the interpreter died with SIGSEGV", id="a crash"),
        pytest.param("import os\nos._exit(0)", "the interpreter exited with 0", id="an exit"),
        pytest.param(
            "import os\nos.write(2, b'acme: no licence\\n')\nos._exit(1)",
            "the interpreter exited with 1: acme: no licence",
            id="an exit with a last line",
        ),
        pytest.param("while True: pass", "it does not end within 0.5 s", id="a hang"),
    ],
)
def test_a_module_that_takes_the_interpreter_along_does_not_take_the_others(
    env: Env, put: Put, source: str, how: str
) -> None:
    subject = put({"acme/bad/__init__.py": source, "acme/bad/inner.py": "", "acme/good.py": ""})
    imported = modules(env, subject, limit_s=0.5)
    assert brief(imported.checked) == [("IMP504", N, "acme.bad and 1 more module", f"importing them fails: {how}")]
    assert imported.modules == {"acme", "acme.good"}
    assert len(env.argvs) <= 5


def test_the_last_line_of_another_module_is_not_quoted(env: Env, put: Put) -> None:
    files = {"acme/a.py": "import os\nos.write(2, b'loud\\n')", "acme/b.py": "import os\nos._exit(3)"}
    (found,) = modules(env, put(files)).checked.findings
    assert (found.subject, found.message) == ("acme.b", "importing it fails: the interpreter exited with 3")


def test_what_was_not_reached_in_time_is_not_called_checked(env: Env, put: Put) -> None:
    subject = put({"acme/a.py": "import time\ntime.sleep(0.6)", "acme/b.py": "", "acme/c.py": "1/0"})
    imported = modules(env, subject, budget_s=0.5)
    reason = "2 of 4 modules were not reached within 0.5 s"
    assert imported.checked == CheckResult(detail="2 of 4 modules import", codes=(), not_checked=(("IMP504", reason),))


def test_a_failure_that_another_module_is_to_blame_for_does_not_count(env: Env, put: Put) -> None:
    files = {"acme/a.py": "import sys\nsys.modules['colorsys'] = None", "acme/b.py": "from colorsys import rgb_to_hsv"}
    imported = modules(env, put(files))
    assert (brief(imported.checked), imported.checked.detail) == ([], "3 of 3 modules import")


@pytest.mark.parametrize(
    "name",
    [
        "acme/__main__.py",
        "acme/tests/test_a.py",
        "acme/_tests/test_a.py",
        "acme/conftest.py",
        "tests/test_b.py",
        "acme/examples/run.py",
    ],
)
def test_what_is_run_or_collected_is_not_imported(env: Env, put: Put, name: str) -> None:
    imported = modules(env, put({name: "1/0", "acme/a.py": ""}))
    assert (brief(imported.checked), imported.modules) == ([], {"acme", "acme.a"})


def test_a_module_that_an_extra_is_for_is_no_finding(env: Env, put: Put) -> None:
    subject = put({"acme/a.py": "import trio_", "acme/b.py": "import yaml_.nodes"}, requires=["trio_; extra == 'trio'"])
    checked = modules(env, subject).checked
    assert [found.subject for found in checked.findings] == ["acme.b"]
    assert checked.detail == "1 of 3 modules import; 1 module needs the extra trio"


def gone(env: Env, tmp_path: Path) -> None:
    """Install a library that no longer has what its users import."""
    env.install(wheel(tmp_path, name="lib_x", version="3.0", files={"lib_x/__init__.py": ""}))


def test_a_module_that_lacks_what_a_required_distribution_dropped_is_a_warning(
    env: Env, put: Put, tmp_path: Path
) -> None:
    gone(env, tmp_path)
    files = {f"acme/m{at}.py": "" for at in range(6)}
    files |= {"acme/a.py": "from lib_x import old", "acme/b.py": "import lib_x\nlib_x.old", "acme/c.py": "import cgi_"}
    found = modules(env, put({**files, "acme/d.py": "import urllib2"}, requires=["lib-x>=1"])).checked.findings
    assert [(each.level, each.subject) for each in found] == [
        (W, "acme.a"), (W, "acme.b"), (W, "acme.d"), (N, "acme.c"),
    ]  # fmt: skip
    assert found[0].hint == "lib_x 3.0, which is installed, has no old there: bound its version, or adapt to it"
    assert found[2].hint == (
        "the standard library of Python 3 has no urllib2: replace it, or exclude that Python in requires-python"
    )


def test_it_is_a_note_where_the_distribution_is_not_required(env: Env, put: Put, tmp_path: Path) -> None:
    gone(env, tmp_path)
    (found,) = modules(env, put({"acme/a.py": "from lib_x import old"})).checked.findings
    assert found.level is N


def test_it_is_a_note_where_the_package_itself_needs_the_module_only_at_times(env: Env, put: Put) -> None:
    own = InternalImports(is_optional=lambda name: name == "acme.a")
    (found,) = modules(env, put({"acme/a.py": "import urllib2"}), own=own).checked.findings
    assert found.level is N


def test_it_is_an_error_if_most_modules_fail_like_that(env: Env, put: Put) -> None:
    (found,) = modules(env, put({f"acme/m{at}.py": "import urllib2" for at in range(3)})).checked.findings
    assert (found.level, found.subject) == (E, "acme.m0 and 2 more modules")
    assert found.message.endswith("No module named 'urllib2', and most modules of the package fail like that")


def test_what_lacks_a_name_that_is_reported_already_is_left_out(env: Env, put: Put) -> None:
    files = {"acme/a.py": "import acme.gone", "acme/b.py": "from acme import lost"}
    reported = frozenset({"acme.gone", "acme.lost"})
    assert brief(modules(env, put(files), reported=reported).checked) == []
