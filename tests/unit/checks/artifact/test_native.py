"""What a wheel's file tells of its compiled part: on real binaries, and on headers of such."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from support.binaries import LINUX, NAME, check, found, header

from tox_prodsim.model.findings import Finding, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
ABI3 = "cp39-abi3-manylinux_2_17_x86_64"
MACHO = b"\xcf\xfa\xed\xfe" + bytes(60)
WINDOWS = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"


# A tag that fits every machine


def test_an_extension_in_a_wheel_for_every_machine_is_found(tmp_path: Path) -> None:
    message = "is compiled, but the tag py3-none-any lets every machine install the wheel (and 1 more)"
    files: dict[str, str | bytes] = {NAME: header(), "acme/libacme.so.1": header()}
    assert found(check(tmp_path, files, "py3-none-any"), "EXT401") == [(E, NAME, message)]


@pytest.mark.parametrize(
    ("member", "content", "level"),
    [
        pytest.param("acme/_speedups.pyd", WINDOWS, E, id="an extension for Windows"),
        pytest.param("acme-1.0.data/purelib/acme/_x.abi3.so", header(), E, id="one that an installer puts there"),
        pytest.param("acme/libacme.dylib", MACHO, W, id="a library for macOS"),
        pytest.param("acme/tool", header(kind=2), W, id="a program, whatever it is called"),
    ],
)
def test_what_counts_as_compiled(tmp_path: Path, member: str, content: bytes, level: Level) -> None:
    message = "is compiled, but the tag py2.py3-none-any lets every machine install the wheel"
    assert found(check(tmp_path, {member: content}, "py2.py3-none-any"), "EXT401") == [(level, member, message)]


@pytest.mark.parametrize(
    ("member", "content"),
    [
        pytest.param("acme/launcher.exe", WINDOWS, id="a starter for scripts on Windows"),
        pytest.param("acme/Acme.Runtime.dll", WINDOWS, id="a library for .NET"),
        pytest.param("acme/Acme.class", b"\xca\xfe\xba\xbe\0\0\0\x37", id="a class for Java"),
        pytest.param("acme/filter.o", header(machine=247, kind=1), id="an object for the kernel's BPF"),
        pytest.param("acme/tests/data/a.dylib", MACHO, id="what a test reads"),
        pytest.param("acme/acme.wasm", b"\0asm\1\0\0\0", id="WebAssembly"),
        pytest.param("acme/names.dat", b"MZ and other initials", id="data that begins like a program"),
        pytest.param("acme/empty", b"", id="an empty file"),
    ],
)
def test_what_runs_anywhere_or_is_passed_over_may_be_in_a_wheel_for_every_machine(
    tmp_path: Path, member: str, content: bytes
) -> None:
    checked = check(tmp_path, {member: content}, "py3-none-any")
    assert found(checked, "EXT401") == []
    assert "EXT401" in checked.codes


def test_binaries_for_several_systems_are_a_note(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"acme/linux/tool": header(), "acme/mac/tool": MACHO, "acme/win/tool.exe": WINDOWS}
    message = "is one of the binaries for ELF and Mach-O and PE (and 1 more) in a wheel for py3-none-any"
    assert found(check(tmp_path, files, "py3-none-any"), "EXT401") == [(N, "acme/linux/tool", message)]


# Names, tags, formats


@pytest.mark.parametrize(
    ("name", "tag", "message"),
    [
        pytest.param(
            "_x.cpython-39-x86_64-linux-gnu.so",
            LINUX,
            "has a name that CPython 3.9 alone loads, but the wheel says cp311-cp311",
            id="another version",
        ),
        pytest.param(
            "_x.cpython-39-x86_64-linux-gnu.so",
            ABI3,
            "has a name that CPython 3.9 alone loads, but the wheel says cp39-abi3",
            id="one version in a wheel for many",
        ),
        pytest.param(
            "_x.cpython-313-x86_64-linux-gnu.so",
            "cp313-cp313t-manylinux_2_17_x86_64",
            "has a name that CPython 3.13 alone loads, but the wheel says cp313-cp313t",
            id="with a GIL in a wheel for those without",
        ),
        pytest.param(
            "_x.abi3.so",
            "cp313-cp313t-manylinux_2_17_x86_64",
            "has the suffix abi3, which a free-threaded Python does not load",
            id="the stable ABI in a wheel for free-threaded Python",
        ),
        pytest.param(
            "_x.pypy310-pp73-x86_64-linux-gnu.so",
            LINUX,
            "has a name that pypy310_pp73 alone loads, but the wheel says cp311-cp311",
            id="PyPy",
        ),
    ],
)
def test_an_extension_that_no_python_of_the_tag_loads_is_found(
    tmp_path: Path, name: str, tag: str, message: str
) -> None:
    assert found(check(tmp_path, {f"acme/{name}": header()}, tag), "EXT402") == [(E, f"acme/{name}", message)]


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        pytest.param("_x.cpython-311-x86_64-linux-gnu.so", LINUX, id="its version"),
        pytest.param("_x.cpython-311-x86_64-linux-gnu.so", "cp310.cp311-none-manylinux1_x86_64", id="without an ABI"),
        pytest.param("_x.cpython-36m-x86_64-linux-gnu.so", "cp36-cp36m-manylinux1_x86_64", id="with a flag"),
        pytest.param("_x.cpython-313t-x86_64-linux-gnu.so", "cp313-cp313t-manylinux1_x86_64", id="free-threaded"),
        pytest.param("_x.abi3.so", LINUX, id="the stable ABI in a wheel for one version"),
        pytest.param("_x.abi3.so", ABI3, id="the stable ABI"),
        pytest.param("_x.so", LINUX, id="no suffix"),
        pytest.param("_x.pypy310-pp73-x86_64-linux-gnu.so", "pp310-pypy310_pp73-manylinux1_x86_64", id="PyPy"),
        pytest.param("_x.cpython-39-x86_64-linux-gnu.so", "py3-none-manylinux1_x86_64", id="one of many, perhaps"),
        pytest.param("libx.cpython-39-x86_64-linux-gnu.so.1", LINUX, id="a library"),
    ],
)
def test_an_extension_that_a_python_of_the_tag_loads_passes(tmp_path: Path, name: str, tag: str) -> None:
    checked = check(tmp_path, {f"acme/{name}": header()}, tag)
    assert found(checked, "EXT402") == []
    assert "EXT402" in checked.codes


def test_a_file_for_another_version_beside_the_right_one_is_a_warning(tmp_path: Path) -> None:
    old = "acme/_speedups.cpython-39-x86_64-linux-gnu.so"
    message = "has a name that CPython 3.9 alone loads, but the wheel says cp311-cp311"
    assert found(check(tmp_path, {NAME: header(), old: header()}), "EXT402") == [(W, old, message)]


def test_a_file_for_each_version_is_right_for_many_versions(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"acme/_x.cpython-3{n}-x86_64-linux-gnu.so": header() for n in (9, 10, 11)}
    assert found(check(tmp_path, files, ABI3), "EXT402") == []


@pytest.mark.parametrize(
    ("content", "tag", "message"),
    [
        pytest.param(
            header(183), LINUX, "is compiled for aarch64, but the wheel is for manylinux_2_17_x86_64", id="ARM"
        ),
        pytest.param(MACHO, LINUX, "is a Mach-O file, but the wheel is for manylinux_2_17_x86_64", id="macOS"),
        pytest.param(b"", LINUX, "is not an ELF file, but the wheel is for manylinux_2_17_x86_64", id="nothing"),
        pytest.param(
            header(),
            "cp311-cp311-macosx_11_0_arm64",
            "is an ELF file, but the wheel is for macosx_11_0_arm64",
            id="an ELF file for macOS",
        ),
    ],
)
def test_an_extension_for_another_machine_than_the_wheel_is_found(
    tmp_path: Path, content: bytes, tag: str, message: str
) -> None:
    assert found(check(tmp_path, {"acme/_x.so": content}, tag), "EXT402") == [(E, "acme/_x.so", message)]


@pytest.mark.parametrize(
    ("content", "tag"),
    [
        pytest.param(header(183), "cp311-cp311-manylinux_2_17_aarch64", id="ARM"),
        pytest.param(header(3), "cp311-cp311-musllinux_1_2_i686", id="32 bits"),
        pytest.param(header(9999), "cp311-cp311-linux_vax", id="a processor that we do not know"),
        pytest.param(MACHO, "cp311-cp311-macosx_10_9_universal2", id="macOS"),
        pytest.param(WINDOWS, "cp311-cp311-win_amd64", id="Windows"),
    ],
)
def test_an_extension_for_the_machine_of_the_wheel_passes(tmp_path: Path, content: bytes, tag: str) -> None:
    assert found(check(tmp_path, {"acme/_x.so": content}, tag), "EXT402") == []


@pytest.mark.parametrize("platform", ["linux_x86_64", "openbsd_7_4_amd64"])
def test_a_platform_that_pypi_refuses_is_a_note(tmp_path: Path, platform: str) -> None:
    name, message = f"acme-1.0-cp311-cp311-{platform}.whl", f"PyPI does not take the platform tag {platform}"
    assert found(check(tmp_path, {"acme/_x.so": header()}, f"cp311-cp311-{platform}"), "EXT420") == [(N, name, message)]


@pytest.mark.parametrize(
    "platform",
    [
        "any",
        "manylinux2014_x86_64.manylinux_2_17_x86_64",
        "musllinux_1_2_aarch64",
        "macosx_10_9_x86_64",
        "win_amd64",
        "win32",
        "linux_armv7l",
    ],
)
def test_a_platform_that_pypi_takes_passes(tmp_path: Path, platform: str) -> None:
    checked = check(tmp_path, {"acme/_x.so": header()}, f"cp311-cp311-{platform}")
    assert found(checked, "EXT420") == []
    assert "EXT420" in checked.codes


# Nothing compiled

SILENT = "has the tag of one platform, but nothing in it is compiled: compilation probably failed silently"


def test_a_wheel_for_one_platform_without_anything_compiled_is_found(tmp_path: Path) -> None:
    assert found(check(tmp_path, {}), "EXT403") == [(W, f"acme-1.0-{LINUX}.whl", SILENT)]


def test_a_wheel_for_one_platform_and_any_python_may_bring_data_only(tmp_path: Path) -> None:
    tag = "py3-none-manylinux_2_17_x86_64"
    assert found(check(tmp_path, {"acme/acme.h": ""}, tag), "EXT403") == [(N, f"acme-1.0-{tag}.whl", SILENT)]


@pytest.mark.parametrize(
    ("member", "content"),
    [
        pytest.param(NAME, header(), id="an extension"),
        pytest.param("acme/libacme.so.1", header(), id="a library for ctypes"),
        pytest.param("acme-1.0.data/scripts/acme", header(kind=2), id="a program"),
        pytest.param("acme/libacme.a", b"!<arch>\n", id="a library to link"),
        pytest.param("acme/acme.exe", WINDOWS, id="a program for Windows"),
    ],
)
def test_a_wheel_for_one_platform_with_something_compiled_passes(tmp_path: Path, member: str, content: bytes) -> None:
    checked = check(tmp_path, {member: content})
    assert found(checked, "EXT403") == []
    assert "EXT403" in checked.codes


def test_a_wheel_for_every_machine_whose_sdist_has_c_sources_is_found(tmp_path: Path) -> None:
    sources = ("src/acme/_speedups.c", "src/acme/_more.pyx")
    message = "holds no compiled code, but the sdist has src/acme/_speedups.c and 1 more: " + SILENT.partition(": ")[2]
    checked = check(tmp_path, {}, "py3-none-any", compiled_sources=sources)
    assert found(checked, "EXT403") == [(W, "acme-1.0-py3-none-any.whl", message)]


def test_a_wheel_for_every_machine_whose_sdist_has_no_sources_to_compile_passes(tmp_path: Path) -> None:
    checked = check(tmp_path, {}, "py3-none-any", compiled_sources=())
    assert found(checked, "EXT403") == []
    assert "EXT403" in checked.codes


def test_without_an_sdist_it_is_not_known_whether_something_was_to_be_compiled(tmp_path: Path) -> None:
    checked = check(tmp_path, {}, "py3-none-any")
    assert "EXT403" not in checked.codes
    assert checked.not_checked == (("EXT403", "without an sdist it is not known whether something was to be compiled"),)


# What must be there


def test_required_extensions_that_are_absent_are_found(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {NAME: header(), "acme/_slow.py": ""}
    checked = check(tmp_path, files, required=("acme._speedups", "acme._slow", "acme._gone"))
    assert found(checked, "EXT404") == [
        (E, "acme._slow", "is in the wheel as Python source only, but extensions names it as compiled"),
        (E, "acme._gone", "is not in the wheel, but extensions names it as compiled"),
    ]


def test_required_extensions_that_are_there_pass_and_without_any_nothing_is_claimed(tmp_path: Path) -> None:
    checked = check(tmp_path, {NAME: header()}, required=("acme._speedups",))
    assert found(checked, "EXT404") == []
    assert "EXT404" in checked.codes
    assert "EXT404" not in check(tmp_path, {NAME: header()}).codes


# What the loader reads

READ = ("EXT410", "EXT411", "EXT412", "EXT413", "EXT415", "EXT421")


def test_on_arm_a_stack_of_which_nothing_is_said_is_no_executable_one(tmp_path: Path) -> None:
    tag = "cp311-cp311-manylinux_2_17_aarch64"
    assert found(check(tmp_path, {"acme/libacme.so": header(183)}, tag), "EXT413") == []


@pytest.mark.parametrize(
    ("content", "tag", "reason"),
    [
        pytest.param(MACHO, "cp311-cp311-macosx_11_0_arm64", "no Mach-O file is looked into", id="macOS"),
        pytest.param(WINDOWS, "cp311-cp311-win_amd64", "no PE file is looked into", id="Windows"),
    ],
)
def test_other_formats_are_not_checked(tmp_path: Path, content: bytes, tag: str, reason: str) -> None:
    checked = check(tmp_path, {"acme/_x.pyd": content}, tag)
    assert checked.not_checked == tuple((code, reason) for code in READ)
    assert not set(READ) & set(checked.codes)


def test_without_pyelftools_what_needs_it_is_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "elftools", None)
    checked = check(tmp_path, {NAME: header(183)})
    assert checked.not_checked == tuple((code, "needs tox-prodsim[native]") for code in READ)
    assert not set(READ) & set(checked.codes)
    assert [finding.code for finding in checked.findings] == ["EXT402"]


def test_a_finding_says_what_to_do(tmp_path: Path) -> None:
    (finding,) = check(tmp_path, {}).findings
    assert finding == Finding(
        code="EXT403",
        level=W,
        subject=f"acme-1.0-{LINUX}.whl",
        message=SILENT,
        hint="read the output of the build; extensions = acme._speedups makes a module that must be there an error",
    )
