"""Whether compiled modules load: real ones, compiled here, sound and broken."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support.compiled import extension, library
from support.wheels import Ended, Env, subject_of, wheel

from tox_prodsim.checks.installed import Distribution, check_extensions
from tox_prodsim.model.findings import CheckResult, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
FREE = ("EXT414", "this Python is not free-threaded")
LAZY = "extern void acme_missing(void); void use(void) { acme_missing(); }"
BROKEN = "extern int acme_table; int *acme_address = &acme_table;"
SET_LAZY = "import os, sys\nsys.setdlopenflags(os.RTLD_LAZY)\n"
FALLBACK = "try:\n    from acme._x import x\nexcept ImportError:\n    x = None\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Env.create(tmp_path_factory.mktemp("extensions") / "env").folder


@pytest.fixture
def env(folder: Path) -> Env:
    """An environment in which nothing is installed: one for all tests."""
    for path in (folder / "lib").glob("python*/site-packages/acme*"):
        shutil.rmtree(path)
    return Env(folder)


def put(env: Env, **modules: bytes | str) -> Distribution:
    """Install the modules below acme: extensions for this Python, and Python's own as text."""
    files: dict[str, str | bytes] = {"acme/__init__.py": FALLBACK}
    for name, content in modules.items():
        files[f"acme/{name}.{'py' if isinstance(content, str) else 'abi3.so'}"] = content
    return subject_of(env.install(wheel(env.folder, files=files)))


def check(env: Env, subject: Distribution, *required: str, limit_s: float = 30.0) -> CheckResult:
    return check_extensions(subject, env.run, env.python, required=required, limit_s=limit_s).checked


def brief(checked: CheckResult) -> list[tuple[str, Level, str, str]]:
    return [(found.code, found.level, found.subject, found.message) for found in checked.findings]


def test_extensions_that_load_pass_in_three_processes(env: Env) -> None:
    checked = check(env, put(env, _x=extension("_x"), _y=extension("_y")))
    assert checked == CheckResult(
        detail="2 extensions load (all symbols resolve)",
        codes=("EXT405", "EXT406"),
        not_checked=(FREE,),
    )
    assert len(env.argvs) == 3  # the package, the extensions, and whether Python is free-threaded


def test_without_extensions_nothing_is_run_and_nothing_claimed(env: Env) -> None:
    assert check(env, put(env)) == CheckResult(detail="", codes=())
    assert env.argvs == []


@pytest.mark.parametrize("top", [pytest.param(BROKEN, id="of data"), pytest.param(LAZY, id="of a function")])
def test_an_undefined_symbol_is_found_although_the_package_falls_back(env: Env, top: str) -> None:
    checked = check(env, put(env, _x=extension("_x", top=top), _y=extension("_y")))
    place = env.site_packages / "acme" / "_x.abi3.so"
    (found,) = brief(checked)
    assert found[:3] == ("EXT405", E, "acme._x")
    assert found[3].startswith(f"does not load: ImportError: {place}: undefined symbol: acme_")
    assert checked.detail == "1 extension loads (all symbols resolve)"


def test_a_symbol_that_is_missing_only_when_it_is_used_is_found(env: Env) -> None:
    checked = check(env, put(env, __init__=SET_LAZY, _x=extension("_x", top=LAZY), _y=extension("_y")))
    place = env.site_packages / "acme" / "_x.abi3.so"
    message = f"loads, but not all of its symbols resolve: ImportError: {place}: undefined symbol: acme_missing"
    assert brief(checked) == [("EXT406", W, "acme._x", message)]
    assert checked.detail == "2 extensions load"


def test_what_the_package_imports_late_is_told_once(env: Env) -> None:
    subject = put(env, __init__=f"{SET_LAZY}import acme._x", _x=extension("_x", top=LAZY), _y=extension("_y"))
    assert [(code, level, name) for code, level, name, _ in brief(check(env, subject))] == [("EXT406", W, "acme._x")]


def test_a_crash_takes_no_other_along(env: Env) -> None:
    crash = extension("_x", body="*(volatile int *)0 = 1")
    checked = check(env, put(env, __init__="", _x=crash, _y=extension("_y"), _z=extension("_z", top=BROKEN)))
    found = brief(checked)
    assert found[0] == ("EXT405", E, "acme._x", "does not load: the interpreter died with SIGSEGV")
    assert [name for _, _, name, _ in found] == ["acme._x", "acme._z"]
    assert checked.detail == "1 extension loads (all symbols resolve)"


def test_a_module_that_makes_none_is_found(env: Env) -> None:
    message = "does not load: SystemError: initialization of _x failed without raising an exception"
    assert brief(check(env, put(env, __init__="", _x=extension("_x", body="return 0")))) == [
        ("EXT405", E, "acme._x", message)
    ]


def test_a_file_that_is_no_library_is_found(env: Env) -> None:
    ((code, level, _, message),) = brief(check(env, put(env, _x=b"no ELF file")))
    assert (code, level) == ("EXT405", E)
    assert message.endswith(("file too short", "invalid ELF header"))


def test_an_import_that_does_not_end_is_found(env: Env) -> None:
    checked = check(env, put(env, __init__="", _x=extension("_x", body="for (;;) {}")), limit_s=1.0)
    assert brief(checked) == [("EXT405", E, "acme._x", "does not load: it does not end within 1 s")]
    assert checked.detail == "no extension loads"


def test_a_library_for_ctypes_is_no_module(env: Env) -> None:
    subject = put(env, __init__="", _x=library("int acme(void) { return 1; }"))
    assert (check(env, subject).findings, check(env, subject).detail) == ((), "")
    ((code, level, _, message),) = brief(check(env, subject, "acme._x"))
    assert (code, level) == ("EXT405", E)
    assert "dynamic module does not define module export function" in message


RAISES = """
extern void *PyImport_ImportModule(const char *);
#define NEEDS(module) if (!PyImport_ImportModule(module)) return 0
"""


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        pytest.param("numpy_", "does not load: ModuleNotFoundError: No module named 'numpy_'", id="a distribution"),
        pytest.param("acme.host", "does not load: RuntimeError: to be imported from acme only", id="to come first"),
    ],
)
def test_what_a_module_wants_beside_its_file_is_a_note_unless_it_must_load(env: Env, needs: str, message: str) -> None:
    module = extension("_x", top=RAISES, body=f'NEEDS("{needs}")')
    subject = put(env, __init__="", host="raise RuntimeError('to be imported from acme only')", _x=module)
    assert brief(check(env, subject)) == [("EXT405", N, "acme._x", message)]
    assert brief(check(env, subject, "acme._x")) == [("EXT405", E, "acme._x", message)]


def test_what_loads_is_told_apart_from_what_is_only_noted(env: Env) -> None:
    needs = {name: extension(name, top=RAISES, body='NEEDS("numpy_")') for name in ("_x", "_y")}
    subject = put(env, __init__="", _z=extension("_z"), **needs)
    assert check_extensions(subject, env.run, env.python).modules == {"acme._z"}


def test_modules_that_want_the_same_are_one_note(env: Env) -> None:
    needs = {name: extension(name, top=RAISES, body='NEEDS("numpy_")') for name in ("_x", "_y", "_z")}
    message = "does not load: ModuleNotFoundError: No module named 'numpy_'"
    assert brief(check(env, put(env, __init__="", **needs))) == [("EXT405", N, "acme._x and 2 more modules", message)]


def test_a_library_of_the_system_that_is_absent_is_a_note(env: Env, tmp_path: Path) -> None:
    (tmp_path / "libdriver.so.1").write_bytes(library("int driver(void) { return 1; }", "-Wl,-soname,libdriver.so.1"))
    needs = extension("_x", str(tmp_path / "libdriver.so.1"), top="int driver(void);", body="driver()")
    (finding,) = check(env, put(env, __init__="", _x=needs)).findings
    missing = "libdriver.so.1: cannot open shared object file: No such file or directory"
    assert (finding.level, finding.message) == (N, f"does not load: ImportError: {missing}")
    assert finding.hint == (
        "ship libdriver.so.1 with the wheel ('auditwheel repair'), or let the documentation say who needs it"
    )


def test_a_file_for_another_python_is_a_note(env: Env) -> None:
    subject = put(env, __init__="", _y=extension("_y"))
    (env.site_packages / "acme" / "_y.abi3.so").rename(env.site_packages / "acme" / "_y.cpython-27-x.so")
    (finding,) = check(env, subject).findings
    assert (finding.code, finding.level, finding.subject) == ("EXT405", N, "acme._y")
    assert finding.hint == "it is compiled for another Python or system than that of this environment"


def test_the_source_that_is_loaded_in_place_of_an_extension_is_not_counted_as_one(env: Env) -> None:
    subject = put(env, __init__="", _x=extension("_x"), _y=extension("_y"))
    package = env.site_packages / "acme"
    (package / "_y.abi3.so").rename(package / "_y.cpython-27-x.so")
    (package / "_y.py").write_text("")
    checked = check(env, subject)
    assert (checked.findings, checked.detail) == ((), "1 of 2 extensions loads, Python source is loaded for acme._y")
    message = "is not what is loaded, but Python source of the same name"
    assert brief(check(env, subject, "acme._y")) == [("EXT405", E, "acme._y", message)]


def test_the_extensions_of_a_package_that_does_not_import_are_not_checked(env: Env) -> None:
    subject = put(env, __init__="import numpy_", _x=extension("_x"), _y=extension("_y"))
    reason = "its package does not import"
    assert check(env, subject) == CheckResult(
        detail="",
        codes=(),
        not_checked=(("EXT405", f"acme._x: {reason}"), ("EXT405", f"acme._y: {reason}"), FREE),
    )
    message = "does not load: ModuleNotFoundError: No module named 'numpy_'"
    assert brief(check(env, subject, "acme._x")) == [("EXT405", E, "acme._x", message)]


def test_on_a_free_threaded_python_the_module_that_brings_the_gil_back_is_found(env: Env) -> None:
    """No such Python is needed for it: what one says is put into the mouth of this one."""
    said = (
        b"<frozen importlib>:488: RuntimeWarning: The global interpreter lock (GIL) has been enabled to load "
        b"module 'acme._x', which has not declared that it can run safely without the GIL. To override this behavior "
        b"and keep the GIL disabled (at your own risk), run with PYTHON_GIL=0 or -Xgil=0.\n"
    )

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] | None = None) -> Ended:
        if "Py_GIL_DISABLED" in argv[-1]:
            return Ended(0, False, b"1\n", b"")
        ran = env.run(argv, timeout_s=timeout_s, variables=variables)
        return Ended(ran.returncode, ran.timed_out, ran.stdout, said)

    checked = check_extensions(put(env, _x=extension("_x")), run, env.python).checked
    assert brief(checked) == [("EXT414", W, "acme._x", "importing it re-enables the GIL")]
    assert "EXT414" in checked.codes
    assert checked.not_checked == ()


def test_that_of_a_dependency_is_not_held_against_us(env: Env) -> None:
    said = b"RuntimeWarning: The global interpreter lock (GIL) has been enabled to load module 'numpy.core', which ..."

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] | None = None) -> Ended:
        ran = env.run(argv, timeout_s=timeout_s, variables=variables)
        return Ended(ran.returncode, ran.timed_out, b"1" if "Py_GIL_DISABLED" in argv[-1] else ran.stdout, said)

    checked = check_extensions(put(env, _x=extension("_x")), run, env.python).checked
    assert (checked.findings, checked.codes[-1]) == ((), "EXT414")


def test_a_call_of_what_is_missing_really_ends_the_process(env: Env) -> None:
    """The reason for EXT406: no exception, but the loader's own end."""
    put(env, __init__=SET_LAZY, _x=extension("_x", top=LAZY))
    code = "import os, ctypes, acme._x; ctypes.PyDLL(acme._x.__file__, os.RTLD_LAZY).use()"
    ran = subprocess.run([env.python, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 127
    assert "symbol lookup error" in ran.stderr
