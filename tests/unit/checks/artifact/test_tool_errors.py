"""The first error of a compiler or build tool, in outputs as these programs write them."""

from __future__ import annotations

import pytest

from tox_prodsim.checks.artifact.tool_errors import first_error

GCC = """\
running build_ext
gcc -c src/fast.c -o build/fast.o
src/fast.c: In function 'total':
src/fast.c:9:12: error: 'count' undeclared (first use in this function)
    9 |     return count;
src/fast.c:12:1: error: expected ';' before '}' token
error: command '/usr/bin/gcc' failed with exit code 1
"""
INCLUDED = """\
In file included from /usr/include/acme/all.h:3,
                 from src/fast.c:2:
/usr/include/acme/part.h:7:10: fatal error: acme/lost.h: No such file or directory
compilation terminated.
"""
TRIED_OUT = """\
/tmp/probe123/test.c:1:10: fatal error: sys/event.h: No such file or directory
compilation terminated.
src/fast.c:3:10: fatal error: Python.h: No such file or directory
"""
LINKER = """\
src/fast.c:4:9: warning: unused variable 'error: not one' [-Wunused-variable]
/usr/bin/ld: cannot find -lacme: No such file or directory
collect2: error: ld returned 1 exit status
"""
UNDEFINED = """\
/usr/bin/ld: build/fast.o: in function `total':
src/fast.c:6: undefined reference to `acme_total'
collect2: error: ld returned 1 exit status
"""
CMAKE = """\
-- Configuring incomplete, errors occurred!
CMake Error at CMakeLists.txt:9 (find_package):
  Could not find a package "Acme" with any of
  the following names:
    AcmeConfig.cmake
*** CMake configuration failed
"""
CMAKE_MODULE = """\
CMake Error at /usr/share/cmake/Modules/FindPackageHandleStandardArgs.cmake:230 (message):
  Could NOT find Acme (missing: ACME_LIBRARY)
Call Stack (most recent call first):
  /usr/share/cmake/Modules/FindAcme.cmake:60 (find_package_handle_standard_args)
  native/CMakeLists.txt:5 (find_package)
"""
CMAKE_PLAIN = "CMake Error: CMAKE_C_COMPILER not set, after EnableLanguage\n"
MESON = """\
../meson.build:4: WARNING: deprecated
../native/meson.build:3:0: ERROR: Unknown compiler(s): [['cython']]
A full log can be found at /tmp/x/meson-log.txt
"""
CYTHON = """\
Error compiling Cython file:
------------------------------------------------------------
...
    return total
           ^
------------------------------------------------------------
acme/fast.pyx:3:11: undeclared name not builtin: total
Traceback (most recent call last):
"""
CARGO = """\
   Compiling acme v1.0.0
warning: unused import
error[E0308]: mismatched types
 --> src/lib.rs:7:20
  |
error: could not compile `acme` (lib) due to 1 previous error
error: `cargo rustc --lib` failed with code 101
"""
CARGO_CAUSES = """\
error: failed to parse manifest at `/tmp/acme/Cargo.toml`
Caused by:
  no targets specified
Caused by:
  neither src/lib.rs nor src/main.rs is there
cargo failed
"""
SCRIPT = "./autogen.sh: line 2: autoreconf: command not found"
PKG_CONFIG = """\
Package acme was not found in the pkg-config search path.
Perhaps you should add the directory containing `acme.pc'
Command '['pkg-config', '--exists', 'acme']' returned non-zero exit status 1.
"""
PIP = """\
ERROR: Ignored the following yanked versions: 59.1.0
ERROR: Could not find a version that satisfies the requirement acme-build>=9 (from versions: 1.0)
ERROR: No matching distribution found for acme-build>=9
"""
UV = """\
error: No solution found when resolving dependencies
  cause: Because only acme-build<=1.0 is available ...
"""
FORTRAN = """\
src/solve.f90:3:6:
    3 |   use linear
Fatal Error: Cannot open module file 'linear.mod' for reading: No such file
compilation terminated.
"""


def inside(file: str) -> str:
    return "" if file.startswith("/") else file.removeprefix("../")


@pytest.mark.parametrize(
    ("output", "text", "place"),
    [
        (GCC, "error: 'count' undeclared (first use in this function)", "src/fast.c:9"),
        (INCLUDED, "fatal error: acme/lost.h: No such file or directory", "src/fast.c:2"),
        (TRIED_OUT, "fatal error: Python.h: No such file or directory", "src/fast.c:3"),
        (LINKER, "linker: cannot find -lacme: No such file or directory", ":0"),
        (UNDEFINED, "undefined reference to `acme_total'", "src/fast.c:6"),
        (
            CMAKE,
            'CMake Error: Could not find a package "Acme" with any of the following names:',
            "CMakeLists.txt:9",
        ),
        (CMAKE_MODULE, "CMake Error: Could NOT find Acme (missing: ACME_LIBRARY)", "native/CMakeLists.txt:5"),
        (CMAKE_PLAIN, "CMake Error: CMAKE_C_COMPILER not set, after EnableLanguage", ":0"),
        (MESON, "Meson: Unknown compiler(s): [['cython']]", "../native/meson.build:3"),
        (CYTHON, "Cython: undeclared name not builtin: total", "acme/fast.pyx:3"),
        (CARGO, "error[E0308]: mismatched types", "src/lib.rs:7"),
        (
            CARGO_CAUSES,
            "error: failed to parse manifest at `/tmp/acme/Cargo.toml`; neither src/lib.rs nor src/main.rs is there",
            ":0",
        ),
        (FORTRAN, "Fatal Error: Cannot open module file 'linear.mod' for reading: No such file", "src/solve.f90:3"),
        ("sh: 1: cmake: not found\n", "sh: 1: cmake: not found", ":0"),
        (SCRIPT, SCRIPT, ":0"),
        (PKG_CONFIG, PKG_CONFIG.splitlines()[0], ":0"),
        (PIP, "ERROR: No matching distribution found for acme-build>=9", ":0"),
        (
            UV,
            "error: No solution found when resolving dependencies; Because only acme-build<=1.0 is available ...",
            ":0",
        ),
    ],
    ids=[
        *("gcc", "a foreign header", "a probe of the machine", "a library", "a symbol", "cmake", "a module of cmake"),
        *(
            "cmake without a place",
            "meson",
            "cython",
            "cargo",
            "causes of cargo",
            "fortran",
            "a shell",
            "a script",
            "pkg-config",
            "pip",
            "uv",
        ),
    ],
)
def test_the_first_error_is_found_with_its_place(output: str, text: str, place: str) -> None:
    error = first_error(output.splitlines(), inside)
    assert error is not None
    assert (error.text, f"{error.file}:{error.line}") == (text, place)


@pytest.mark.parametrize(
    "output",
    [
        "error: command 'swig' failed: No such file or directory\n",
        "collect2: error: ld returned 1 exit status\n",
        "src/fast.c:4:9: warning: 'error: not one' is unused\n",
        '    5 |   printf("error: %s", text);\n',
        "ValueError: invalid pyproject.toml config\n",
        "",
    ],
)
def test_what_only_reports_a_failure_is_no_error_of_its_own(output: str) -> None:
    assert first_error(output.splitlines(), inside) is None


def test_the_lines_of_an_error_begin_where_the_program_says_what_it_works_on() -> None:
    lines = GCC.splitlines()
    error = first_error(lines, inside)
    assert error is not None
    assert lines[error.at] == "src/fast.c: In function 'total':"
