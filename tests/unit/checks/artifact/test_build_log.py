from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.checks.artifact.build_log import build_error, error_lines, is_absent_file

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


@pytest.mark.parametrize(
    ("output", "words"),
    [
        pytest.param(SETUP, "FileNotFoundError 'LICENSE' (setup.py:16)", id="setup.py, which has no name there"),
        pytest.param(OWN, "RuntimeError: no compiler (backend.py:7)", id="a back end of the project"),
        pytest.param("error: command 'gcc' failed\n", "error: command 'gcc' failed", id="no traceback"),
        pytest.param("", "no reason was given", id="nothing"),
    ],
)
def test_the_error_and_its_place_are_told(output: str, words: str) -> None:
    assert build_error(output, Path("/src/acme-1.0")) == words


def test_an_error_that_is_known_apart_counts() -> None:
    assert (
        build_error(OWN, Path("/src/acme-1.0"), exception="OSError", message="no space")
        == "OSError: no space (backend.py:7)"
    )


def test_an_absent_file_is_told_from_other_trouble() -> None:
    assert is_absent_file(build_error(SETUP, Path("/src")))
    assert not is_absent_file(build_error(OWN, Path("/src")))


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        pytest.param(
            SETUP, ['  File "setup.py", line 16, in <module>', SETUP.splitlines()[-2]], id="from the sources on"
        ),
        pytest.param(OWN.replace("/src/", "/usr/"), OWN.replace("/src/", "/usr/").splitlines()[1:], id="never there"),
        pytest.param("error: command 'gcc' failed\n", ["error: command 'gcc' failed"], id="no traceback"),
    ],
)
def test_the_evidence_is_what_happened_in_the_sources(output: str, lines: list[str]) -> None:
    assert list(error_lines(output, Path("/src/acme-1.0"))) == lines
