from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.sdists import sdist
from support.wheels import wheel

from tox_prodsim.checks.artifact import TreeWheel, check_equal, open_sdist
from tox_prodsim.checks.artifact.elf_sections import loaded_digest
from tox_prodsim.model.errors import TreeUnavailableError, UnreadableElfError
from tox_prodsim.model.findings import CheckResult

SAME = "builds the same wheel as the source tree (in 1.5 s, meanwhile)"


def never() -> Path:
    raise AssertionError("nothing differs, so nothing is built again")


def compared(
    tmp_path: Path,
    one: dict[str, str],
    other: dict[str, str],
    *,
    stale: frozenset[str] = frozenset(),
    manifest: frozenset[str] = frozenset(),
    again: Callable[[], Path] | None = None,
    **options: str,
) -> CheckResult:
    """Return how the wheel of an sdist that has all files of ``one`` differs from that of a tree."""
    for name in ("sdist", "tree"):
        (tmp_path / name).mkdir()
    source = open_sdist(sdist(tmp_path, files=one))
    from_sdist = wheel(tmp_path / "sdist", files=one)
    built = wheel(tmp_path / "tree", files=other, **options)  # type: ignore[arg-type]
    from_tree = TreeWheel(path=built, took_s=1.5, stale=stale, manifest=manifest)
    return check_equal(source, from_sdist, from_tree, rebuild=again or (lambda: from_sdist))


def told(checked: CheckResult) -> list[tuple[str, str, str]]:
    return [(found.code, found.subject, found.message) for found in checked.findings]


def test_equal_wheels_are_equal_and_nothing_is_built_again(tmp_path: Path) -> None:
    checked = compared(tmp_path, {"acme/a.py": "1"}, {"acme/a.py": "1"}, again=never)
    assert (told(checked), checked.detail, checked.codes) == ([], SAME, ("BLD104",))


def test_a_file_that_only_the_tree_has_is_found_and_a_stale_one_named_so(tmp_path: Path) -> None:
    files = {"acme/a.py": "1", "acme/gone.py": "", "acme/new.py": ""}
    assert told(compared(tmp_path, {"acme/a.py": "1"}, files, stale=frozenset({"acme/gone.py"}))) == [
        ("BLD104", "acme/gone.py", "is in the wheel from the source tree only, it comes from a stale build/"),
        ("BLD104", "acme/new.py", "is in the wheel from the source tree, but not in the one from the sdist"),
    ]


def test_a_file_that_only_the_sdist_has_is_found(tmp_path: Path) -> None:
    message = "is in the wheel from the sdist, but not in the one from the source tree"
    assert told(compared(tmp_path, {"a.py": "", "b.py": ""}, {"a.py": ""})) == [("BLD104", "b.py", message)]


def test_a_file_that_an_old_list_of_files_alone_brings_is_named_so(tmp_path: Path) -> None:
    message = "is in the wheel only because a stale *.egg-info/SOURCES.txt names it: a clean checkout builds without it"
    files = {"acme/a.py": "", "acme/rules.json": ""}
    checked = compared(tmp_path, files, {"acme/a.py": ""}, manifest=frozenset({"src/acme/rules.json"}))
    assert told(checked) == [("BLD104", "acme/rules.json", message)]


def test_another_content_is_found(tmp_path: Path) -> None:
    message = "has another content in the wheel from the source tree than in the one from the sdist"
    assert told(compared(tmp_path, {"a.py": "1"}, {"a.py": "2"})) == [("BLD104", "a.py", message)]


def test_another_version_shows_in_the_metadata(tmp_path: Path) -> None:
    found = told(compared(tmp_path, {"a.py": ""}, {"a.py": ""}, version="1.1"))
    assert [subject for _, subject, _ in found] == [".dist-info/METADATA"]


def test_many_differences_end_in_one_line(tmp_path: Path) -> None:
    found = told(compared(tmp_path, {"a.py": ""}, {"a.py": "", **{f"b{at}.py": "" for at in range(9)}}))
    assert len(found) == 6
    assert found[-1][1:] == ("b5.py and 3 more", "are in one of the two wheels only")


def test_what_differs_from_build_to_build_says_nothing_about_the_tree(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = wheel(tmp_path / "again", files={"a.py": "3"})
    checked = compared(tmp_path, {"a.py": "1"}, {"a.py": "2"}, again=lambda: again)
    assert told(checked) == [("BLD105", "a.py", "comes out differently each time the same sdist is built")]
    assert checked.codes == ("BLD104", "BLD105")


def test_what_the_build_writes_anew_is_left_open(tmp_path: Path) -> None:
    """As the version file of setuptools-scm, in which only a tree with git has a commit."""
    source = open_sdist(sdist(tmp_path, files={"a.py": "written by the build of the sdist"}))
    made = {}
    for name, text in {"sdist": "commit = None", "tree": "commit = 'g1234'"}.items():
        (tmp_path / name).mkdir()
        made[name] = wheel(tmp_path / name, files={"a.py": text})
    from_tree = TreeWheel(path=made["tree"], took_s=1.5, stale=frozenset())
    checked = check_equal(source, made["sdist"], from_tree, rebuild=lambda: made["sdist"])
    assert told(checked) == []
    assert checked.not_checked == (("BLD104", "a.py is generated by the build, and not the same from the sdist"),)


def test_what_is_no_wheel_is_not_compared(tmp_path: Path) -> None:
    built = tmp_path / "acme-1.0-py3-none-any.whl"
    built.write_bytes(b"garbage")
    from_tree = TreeWheel(path=built, took_s=1.5, stale=frozenset())
    (tmp_path / "sdist").mkdir()
    with pytest.raises(
        TreeUnavailableError, match=rf"^the wheel that is compared with, {built.name}, cannot be read: "
    ):
        check_equal(open_sdist(sdist(tmp_path)), wheel(tmp_path / "sdist"), from_tree, rebuild=never)


def test_a_lost_permission_to_execute_is_found(tmp_path: Path) -> None:
    made = {}
    for name, mode in {"sdist": 0o644, "tree": 0o775}.items():
        made[name] = tmp_path / f"{name}.whl"
        with zipfile.ZipFile(made[name], "w") as archive:
            for member, its_mode in {"run.sh": mode, "a.py": mode & 0o664}.items():
                info = zipfile.ZipInfo(member)
                info.external_attr = its_mode << 16
                archive.writestr(info, "")
    source = open_sdist(sdist(tmp_path, files={"run.sh": "", "a.py": ""}))
    from_tree = TreeWheel(path=made["tree"], took_s=1.5, stale=frozenset())
    message = "is executable in the wheel from the source tree, but not in the one from the sdist"
    found = check_equal(source, made["sdist"], from_tree, rebuild=lambda: made["sdist"])
    assert told(found) == [("BLD104", "run.sh", message)]


# compiled files


def elf(code: bytes, debug: bytes, build_id: bytes, *, wide: bool = True) -> bytes:
    """Return an ELF file of three sections and their names."""
    names = b"\0.text\0.debug_info\0.note.gnu.build-id\0"
    word, header = ("Q", 64) if wide else ("I", 52)
    contents = [(b".text", 2, code), (b".debug_info", 0, debug), (b".note.gnu.build-id", 2, build_id), (b"", 0, names)]
    body, entries, at = b"", b"", header
    for name, flags, content in contents:
        entries += struct.pack(f"<II{word * 4}", names.index(name), 1, flags, 0, at, len(content))
        entries += bytes((64 if wide else 40) - (40 if wide else 24))
        body, at = body + content, at + len(content)
    start = b"\x7fELF" + bytes([2 if wide else 1, 1]) + bytes((40 if wide else 32) - 6)
    front = start + struct.pack(f"<{word}", at)
    front += bytes((58 if wide else 46) - len(front)) + struct.pack("<HHH", 64 if wide else 40, 4, 3)
    return front + body + entries


@pytest.mark.parametrize("wide", [True, False])
def test_of_a_compiled_file_counts_what_is_loaded(wide: bool) -> None:
    base = loaded_digest(elf(b"code", b"/home/a/x.c", b"1", wide=wide))
    assert loaded_digest(elf(b"code", b"/tmp/b/x.c", b"2", wide=wide)) == base
    assert loaded_digest(elf(b"edoc", b"/home/a/x.c", b"1", wide=wide)) != base


@pytest.mark.parametrize("data", [b"", b"text", b"\x7fELF", elf(b"code", b"", b"")[:-70]])
def test_what_is_no_whole_elf_file_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableElfError, match="ELF"):
        loaded_digest(data)
