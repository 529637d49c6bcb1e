"""What a wheel's file tells of its compiled part: on real binaries, and on headers of such."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.compiled import extension, library
from support.wheels import wheel

from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.checks.artifact import check_native, open_wheel
from tox_prodsim.model.findings import CheckResult, Finding, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
LINUX = "cp311-cp311-manylinux_2_17_x86_64"
ABI3 = "cp39-abi3-manylinux_2_17_x86_64"
MACHO = b"\xcf\xfa\xed\xfe" + bytes(60)
WINDOWS = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
NAME = "acme/_speedups.cpython-311-x86_64-linux-gnu.so"


def header(machine: int = 62, kind: int = 3) -> bytes:
    """Return the header of an ELF file that has nothing in it."""
    return b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0)


def check(folder: Path, files: dict[str, str | bytes], tag: str = LINUX, **options: Any) -> CheckResult:
    return check_native(open_wheel(wheel(folder, files={"acme/__init__.py": "", **files}, tag=tag)), **options)


def found(checked: CheckResult, code: str) -> list[tuple[Level, str, str]]:
    return [(each.level, each.subject, each.message) for each in checked.findings if each.code == code]


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
        pytest.param(b"", LINUX, "is no ELF file, but the wheel is for manylinux_2_17_x86_64", id="nothing"),
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

SILENT = "has the tag of one platform, but nothing in it is compiled: did the compiler fail without a word?"


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
    assert checked.not_checked == (("EXT403", "there is no sdist to tell whether something was to be compiled"),)


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


def test_a_sound_extension_passes(tmp_path: Path) -> None:
    checked = check(tmp_path, {NAME: extension("_speedups", "-Wl,-rpath,$ORIGIN/../acme.libs:/usr/lib/acme")})
    codes = ("EXT401", "EXT402", "EXT420", "EXT403", *READ)
    assert checked == CheckResult(detail="1 extension", codes=codes)


@pytest.mark.parametrize(
    ("folders", "level", "message"),
    [
        pytest.param("/home/me/lib", W, "looks for its libraries in /home/me/lib first", id="at home"),
        pytest.param(
            "$ORIGIN:/opt/acme/lib:/tmp/build",
            W,
            "looks for its libraries in /tmp/build and 1 more first",
            id="the worst is named",
        ),
        pytest.param("lib", W, "looks for its libraries in lib first", id="relative to the working folder"),
        pytest.param(
            "$ORIGIN::/usr/lib", W, "looks for its libraries in the working folder first", id="the working folder"
        ),
        pytest.param("/opt/acme/lib", N, "looks for its libraries in /opt/acme/lib first", id="of an administrator"),
    ],
)
def test_a_folder_of_the_build_machine_is_found(tmp_path: Path, folders: str, level: Level, message: str) -> None:
    checked = check(tmp_path, {NAME: extension("_speedups", f"-Wl,-rpath,{folders}")})
    assert found(checked, "EXT410") == [(level, NAME, message)]


def test_a_folder_of_the_python_that_built_it_is_a_note_of_a_wheel_that_is_not_for_the_index(tmp_path: Path) -> None:
    home = extension("_speedups", "-Wl,-rpath,/home/me/.pyenv/versions/3.11.7/lib")
    message = "looks for its libraries in /home/me/.pyenv/versions/3.11.7/lib first"
    assert found(check(tmp_path, {NAME: home}, LOCAL), "EXT410") == [(N, NAME, message)]


@pytest.mark.parametrize("kind", ["--enable-new-dtags", "--disable-new-dtags"])
def test_both_ways_to_say_where_libraries_are_count(tmp_path: Path, kind: str) -> None:
    checked = check(tmp_path, {NAME: extension("_speedups", "-Wl,-rpath,/home/me", f"-Wl,{kind}")})
    assert len(found(checked, "EXT410")) == 1


def test_an_executable_stack_is_found(tmp_path: Path) -> None:
    checked = check(tmp_path, {NAME: extension("_speedups", "-Wl,-z,execstack"), "acme/libacme.so": header()})
    assert found(checked, "EXT413") == [
        (W, NAME, "asks for an executable stack, which glibc 2.41 and newer and hardened systems refuse"),
        (
            W,
            "acme/libacme.so",
            "does not say that its stack need not be executable, which the loader takes for a wish",
        ),
    ]


def test_on_arm_a_stack_of_which_nothing_is_said_is_no_executable_one(tmp_path: Path) -> None:
    tag = "cp311-cp311-manylinux_2_17_aarch64"
    assert found(check(tmp_path, {"acme/libacme.so": header(183)}, tag), "EXT413") == []


def test_names_of_the_c_library_that_are_exported_are_found(tmp_path: Path) -> None:
    top = "double log(double x) { return x; } void free(void *p) { } void *malloc(long n) { return 0; }"
    checked = check(tmp_path, {NAME: extension("_speedups", top=top)})
    assert found(checked, "EXT412") == [(W, NAME, "exports free, log, malloc of the C library")]


def test_names_of_the_c_library_that_are_used_or_hidden_pass(tmp_path: Path) -> None:
    top = '__attribute__((visibility("hidden"))) int close(int x) { return x; } static int read_(void) { return 0; }'
    top += "void *malloc(long); void free(void *);"
    body = "free(malloc(1)); close(read_())"
    assert found(check(tmp_path, {NAME: extension("_speedups", top=top, body=body)}), "EXT412") == []


def test_a_library_may_be_an_allocator(tmp_path: Path) -> None:
    allocator = library("void *malloc(long n) { return 0; }")
    assert found(check(tmp_path, {"acme/liballocator.so": allocator}), "EXT412") == []


@pytest.mark.parametrize(
    "flags",
    [pytest.param((), id="of another name"), pytest.param(("-Wl,--exclude-libs,ALL", "-s"), id="stripped")],
)
def test_a_module_without_its_function_is_found(tmp_path: Path, flags: tuple[str, ...]) -> None:
    message = "exports no PyInit__speedups, so that it cannot be imported as acme._speedups"
    checked = check(tmp_path, {NAME: extension("_renamed", *flags)})
    assert found(checked, "EXT415") == [(E, NAME, message)]


def test_a_library_with_the_name_of_a_module_need_not_be_one(tmp_path: Path) -> None:
    checked = check(tmp_path, {NAME: library("int acme(void) { return 1; }")})
    assert found(checked, "EXT415") == []
    assert "EXT415" in checked.codes


def test_much_debug_information_is_a_note(tmp_path: Path) -> None:
    table = "char much[1500000] = {1};"
    heavy = extension("_speedups", top=f'{table} __asm__(".section .debug_acme; .zero 1200000; .previous");')
    ((level, subject, message),) = found(check(tmp_path, {NAME: heavy}), "EXT411")
    assert (level, subject) == (N, NAME)
    assert message == "1.2 MB of 2.7 MB are debug information"
    checked = check(tmp_path, {NAME: heavy, NAME.replace("_speedups", "_other"): heavy})
    ((_, _, message),) = found(checked, "EXT411")
    assert message == "2.4 MB of 5.4 MB are debug information, in this file and 1 more"


def test_a_little_debug_information_passes(tmp_path: Path) -> None:
    assert found(check(tmp_path, {NAME: extension("_speedups", "-g")}), "EXT411") == []


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        pytest.param("manylinux1_x86_64", "manylinux1_x86_64", id="PEP 513"),
        pytest.param("manylinux_2_5_x86_64.manylinux_2_40_x86_64", "manylinux_2_5_x86_64", id="the oldest counts"),
        pytest.param("manylinux_2_99_x86_64", "", id="a newer one"),
        pytest.param("linux_x86_64", "", id="one that promises nothing"),
    ],
)
def test_a_newer_glibc_than_the_tag_promises_is_found(tmp_path: Path, tag: str, expected: str) -> None:
    top = "void *memcpy(void *, const void *, unsigned long);"
    needy = extension("_speedups", top=top, body="memcpy(&definition, &definition, 8)")
    findings = found(check(tmp_path, {NAME: needy}, f"cp311-cp311-{tag}"), "EXT421")
    if not expected:
        assert findings == []
    else:
        ((level, subject, message),) = findings
        assert (level, subject) == (E, NAME)
        assert message.endswith(f", but the wheel's tag {expected} promises less")


def test_a_damaged_file_is_not_checked_and_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    whole = extension("_speedups", "-Wl,-z,execstack")
    checked = check(tmp_path, {NAME: whole, "acme/_cut.so": whole[:900]})
    assert [subject for _, subject, _ in found(checked, "EXT413")] == [NAME]
    ((code, reason), *_) = checked.not_checked
    assert code == "EXT410"
    assert reason.startswith("acme/_cut.so is damaged: ")


def test_damage_anywhere_is_survived(tmp_path: Path) -> None:
    whole = extension("_speedups")
    for at in range(16, len(whole), len(whole) // 40):
        check(tmp_path, {NAME: whole[:at] + b"\xff\xff\xff\x7f" + whole[at + 4 :]})


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


OLD = "acme/_speedups.cpython-39-x86_64-linux-gnu.so"
ANY_ABI = "acme/_speedups.abi3.so"
EXPORTS = "void free(void *p) { } void *malloc(long n) { return 0; }"
LOCAL = "cp311-cp311-linux_x86_64"


@pytest.mark.parametrize(
    ("code", "files", "tag"),
    [
        pytest.param("EXT401", lambda: {NAME: header()}, "py3-none-any", id="EXT401"),
        pytest.param("EXT402", lambda: {OLD: header()}, LINUX, id="EXT402"),
        pytest.param("EXT403", dict, LOCAL, id="EXT403"),
        pytest.param("EXT404", dict, LOCAL, id="EXT404"),
        pytest.param(
            "EXT410",
            lambda: {NAME: extension("_speedups", "-Wl,-rpath,/home/me/.pyenv/versions/3.11.7/lib")},
            LINUX,
            id="EXT410",
        ),
        pytest.param("EXT412", lambda: {ANY_ABI: extension("_speedups", top=EXPORTS)}, LINUX, id="EXT412"),
        pytest.param("EXT413", lambda: {ANY_ABI: extension("_speedups", "-Wl,-z,execstack")}, LINUX, id="EXT413"),
        pytest.param("EXT415", lambda: {ANY_ABI: extension("_renamed")}, LINUX, id="EXT415"),
        pytest.param("EXT420", dict, LOCAL, id="EXT420"),
    ],
)
def test_an_example_of_the_catalogue_is_what_is_really_found(
    tmp_path: Path, code: str, files: Callable[[], dict[str, str | bytes]], tag: str
) -> None:
    checked = check(tmp_path, files(), tag, required=("acme._speedups",))
    (finding,) = (each for each in checked.findings if each.code == code)
    word = {E: "FAIL", W: "WARN", N: "NOTE"}[finding.level]
    assert f"{word} {code} {finding.subject}: {finding.message}" == CATALOGUE[code].example
