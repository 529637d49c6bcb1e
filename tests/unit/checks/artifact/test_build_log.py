from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.checks.artifact.build_log import (
    NO_BACKEND,
    absent_module,
    build_error,
    error_lines,
    is_absent_file,
    readable,
)

SETUP = """\
Traceback (most recent call last):
  File "/env/pyproject_api/_backend.py", line 95, in run
    result["return"] = backend_proxy(cmd)
  File "/env/setuptools/build_meta.py", line 317, in run_setup
    exec(code, locals())
    ^^^^^^^^^^^^^^^^^^^^
  File "<string>", line 16, in <module>
FileNotFoundError: [Errno 2] No such file or directory: 'LICENSE'
Backend: Wrote response {} to /tmp/x.json
"""
OWN = """\
Traceback (most recent call last):
  File "/env/hook.py", line 3, in <module>
  File "/src/acme-1.0/backend.py", line 7, in build_wheel
    raise RuntimeError("no compiler")
RuntimeError: no compiler
"""
GCC = """\
running build_ext
src/fast.c:2:10: fatal error: lost.h: No such file or directory
compilation terminated.
"""
FAILS = """\
Traceback (most recent call last):
  File "/src/acme-1.0/setup.py", line 9, in <module>
    build()
distutils.errors.CompileError: command '/usr/bin/gcc' failed with exit code 1
"""
STUB = """\
Traceback (most recent call last):
  File "/env/setuptools/build_meta.py", line 317, in run_setup
    exec(code, locals())
  File "<string>", line 1, in <module>
  File "/env/setuptools/__init__.py", line 117, in setup
    return distutils.core.setup(**attrs)
ValueError: invalid pyproject.toml config: `project`.
configuration error: `project` must not contain {'licence'} properties
"""
DEEPER = """\
Traceback (most recent call last):
  File "/env/setuptools/build_meta.py", line 317, in run_setup
    exec(code, locals())
  File "<string>", line 155, in <module>
  File "<string>", line 28, in find_package
Exception: there is no package acme
"""
PROGRAM = """\
Traceback (most recent call last):
  File "/src/acme-1.0/setup.py", line 4, in <module>
  File "/usr/lib/python3.11/subprocess.py", line 1955, in _execute_child
FileNotFoundError: [Errno 2] No such file or directory: 'protoc'
"""


@pytest.mark.parametrize(
    ("output", "words"),
    [
        pytest.param(SETUP, "FileNotFoundError 'LICENSE' (setup.py:16)", id="setup.py, which has no name there"),
        pytest.param(OWN, "RuntimeError: no compiler (backend.py:7)", id="a back end of the project"),
        pytest.param("error: command 'gcc' failed\n", "error: command 'gcc' failed", id="no traceback"),
        pytest.param("", "no reason was given", id="nothing"),
        pytest.param(GCC + FAILS, "fatal error: lost.h: No such file or directory (src/fast.c:2)", id="a compiler"),
        pytest.param(GCC + SETUP, "FileNotFoundError 'LICENSE' (setup.py:16)", id="a compiler that did not matter"),
        pytest.param(
            STUB,
            "ValueError: invalid pyproject.toml config: `project`. "
            "configuration error: `project` must not contain {'licence'} properties",
            id="no setup.py",
        ),
        pytest.param(DEEPER, "Exception: there is no package acme (setup.py:28)", id="deeper in setup.py"),
        pytest.param(PROGRAM, "FileNotFoundError: no program 'protoc' (setup.py:4)", id="a program that is not there"),
    ],
)
def test_the_error_and_its_place_are_told(output: str, words: str) -> None:
    assert build_error(output, Path("/src/acme-1.0")) == words


def test_an_error_that_is_known_apart_counts() -> None:
    assert (
        build_error(OWN, Path("/src/acme-1.0"), exception="OSError", message="no space")
        == "OSError: no space (backend.py:7)"
    )


@pytest.mark.parametrize(
    ("exception", "message", "words"),
    [
        ("SystemExit", "1", "fatal error: lost.h: No such file or directory (src/fast.c:2)"),
        ("missing Exception type", "", "fatal error: lost.h: No such file or directory (src/fast.c:2)"),
        ("KeyError", "'version'", "KeyError: 'version'"),
    ],
)
def test_a_compiler_is_asked_when_the_exception_has_no_reason(exception: str, message: str, words: str) -> None:
    assert build_error(GCC, Path("/src/acme-1.0"), exception=exception, message=message) == words


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("failed to start backend\n", NO_BACKEND),
        (
            "failed to start backend\nModuleNotFoundError: No module named 'hatch'",
            "ModuleNotFoundError: No module named 'hatch'",
        ),
    ],
)
def test_a_back_end_that_does_not_start_may_not_come_to_its_reason(output: str, words: str) -> None:
    assert build_error(output, Path("/src"), exception="FailedToStart", message="could not start backend") == words


def test_the_words_of_a_failed_command_are_those_of_the_back_end() -> None:
    message = "error: command 'swig' failed: No such file or directory"
    assert build_error("", Path("/src"), exception="SystemExit", message=message) == message


def test_the_folder_of_the_build_need_not_be_known() -> None:
    output = OWN.replace("/src/", "/tmp/of tox/")
    assert build_error(output, Path("acme-1.0")) == "RuntimeError: no compiler (backend.py:7)"


def test_an_absent_module_has_its_name() -> None:
    assert absent_module("ModuleNotFoundError: No module named 'numpy.core' (setup.py:3)") == "numpy.core"
    assert absent_module("KeyError: 'numpy'") == ""


def test_a_log_has_no_colors_and_no_messages_of_tox() -> None:
    assert readable("started backend x\n\x1b[31mred\x1b[0m  \nBackend: run command y\nlast") == "red\nlast\n"


def test_an_absent_file_is_told_from_other_trouble() -> None:
    assert is_absent_file(build_error(SETUP, Path("/src")))
    assert not is_absent_file(build_error(OWN, Path("/src")))
    assert not is_absent_file(build_error(PROGRAM, Path("/src/acme-1.0")))
    assert not is_absent_file(build_error(SETUP.replace("'LICENSE'", "'/usr/include/acme.h'"), Path("/src")))


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        pytest.param(
            SETUP, ['  File "setup.py", line 16, in <module>', SETUP.splitlines()[-2]], id="from the sources on"
        ),
        pytest.param(OWN.replace("/src/", "/usr/"), OWN.replace("/src/", "/usr/").splitlines()[1:], id="never there"),
        pytest.param("error: command 'gcc' failed\n", ["error: command 'gcc' failed"], id="no traceback"),
        pytest.param(GCC + FAILS, GCC.splitlines()[1:], id="a compiler"),
    ],
)
def test_the_evidence_is_what_happened_in_the_sources(output: str, lines: list[str]) -> None:
    assert list(error_lines(output, Path("/src/acme-1.0"))) == lines
