"""What a wheel's file tells of its compiled part: on real binaries, compiled here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.binaries import LINUX, NAME, check, found, header
from support.compiled import extension, library

from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.model.findings import CheckResult, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE


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
            "does not say whether its stack must be executable, so the loader makes it executable",
        ),
    ]


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


OLD = "acme/_speedups.cpython-39-x86_64-linux-gnu.so"
ANY_ABI = "acme/_speedups.abi3.so"
EXPORTS = "void free(void *p) { } void *malloc(long n) { return 0; }"
DLOPEN = "void *dlopen(const char *, int);"
DEBUG = 'char much[1850000] = {1}; __asm__(".section .debug_acme; .zero 11700000; .previous");'
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
        pytest.param("EXT411", lambda: {NAME: extension("_speedups", top=DEBUG)}, LINUX, id="EXT411"),
        pytest.param("EXT412", lambda: {ANY_ABI: extension("_speedups", top=EXPORTS)}, LINUX, id="EXT412"),
        pytest.param("EXT413", lambda: {ANY_ABI: extension("_speedups", "-Wl,-z,execstack")}, LINUX, id="EXT413"),
        pytest.param("EXT415", lambda: {ANY_ABI: extension("_renamed")}, LINUX, id="EXT415"),
        pytest.param("EXT420", dict, LOCAL, id="EXT420"),
        pytest.param(
            "EXT421",
            lambda: {ANY_ABI: extension("_speedups", top=DLOPEN, body="dlopen(0, 1)")},
            "cp311-abi3-manylinux2014_x86_64",
            id="EXT421",
        ),
    ],
)
def test_an_example_of_the_catalogue_is_what_is_really_found(
    tmp_path: Path, code: str, files: Callable[[], dict[str, str | bytes]], tag: str
) -> None:
    checked = check(tmp_path, files(), tag, required=("acme._speedups",))
    (finding,) = (each for each in checked.findings if each.code == code)
    word = {E: "FAIL", W: "WARN", N: "NOTE"}[finding.level]
    assert f"{word} {code} {finding.subject}: {finding.message}" == CATALOGUE[code].example
