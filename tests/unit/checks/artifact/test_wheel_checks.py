from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_wheel, open_wheel
from tox_prodsim.checks.artifact.wheel_checks import CODES
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import Finding, Level

PACKAGE = {"acme/__init__.py": "", "acme/cli.py": "def main(): ...\n"}


def findings(path: Path) -> list[tuple[str, str, str]]:
    return [(found.code, found.subject, found.message) for found in check_wheel(open_wheel(path)).findings]


def codes(path: Path) -> list[str]:
    return [code for code, _, _ in findings(path)]


# What a wheel says about itself


def test_a_wheel_tells_its_metadata_and_the_facts_of_its_file(tmp_path: Path) -> None:
    text = (
        "Metadata-Version: 2.1\nName: Acme.Web\nVersion: 1.0\nRequires-Python: >=3.9\nProvides-Extra: fast\n"
        "Requires-Dist: click>=8\nRequires-Dist: uvloop; extra == 'fast'\n"
    )
    path = wheel(tmp_path, name="acme_web", metadata=text)
    opened = open_wheel(path)
    assert (opened.name, opened.version, opened.requires_python) == ("Acme.Web", "1.0", ">=3.9")
    assert opened.requires == ("click>=8", "uvloop; extra == 'fast'")
    assert opened.provides_extras == ("fast",)
    assert opened.file_name == "acme_web-1.0-py3-none-any.whl"
    assert opened.size_bytes == len(path.read_bytes())
    assert opened.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_entry_points_keep_their_case_and_name_module_attribute_and_extras(tmp_path: Path) -> None:
    text = "[console_scripts]\nAcme = acme.cli:main [fast, web]\n[acme.plugins]\ncsv = acme\n"
    opened = open_wheel(wheel(tmp_path, files=PACKAGE, entry_points=text))
    assert opened.entry_points == (
        EntryPoint(group="console_scripts", name="Acme", module="acme.cli", attr="main", extras=("fast", "web")),
        EntryPoint(group="acme.plugins", name="csv", module="acme", attr=""),
    )
    assert [str(point) for point in opened.entry_points] == [
        "[console_scripts] Acme = acme.cli:main",
        "[acme.plugins] csv = acme",
    ]


def test_console_modules_are_the_modules_behind_commands_each_once(tmp_path: Path) -> None:
    text = (
        "[console_scripts]\na = acme.cli:a\nb = acme.cli:b\n[gui_scripts]\nc = acme:c\n[acme.plugins]\nd = acme.d:d\n"
    )
    assert open_wheel(wheel(tmp_path, entry_points=text)).console_modules == ("acme.cli", "acme")


@pytest.mark.parametrize(
    ("files", "top_levels"),
    [
        pytest.param(["acme/__init__.py", "acme/cli.py", "acme/sub/mod.py"], ("acme",), id="a regular package"),
        pytest.param(["acme.py", "_acme.py"], ("_acme", "acme"), id="modules"),
        pytest.param(
            ["google/cloud/x/__init__.py", "google/cloud/x/y.py"], ("google.cloud.x",), id="a namespace package"
        ),
        pytest.param(["ns/a.py", "ns/b/__init__.py"], ("ns.a", "ns.b"), id="a module below a namespace package"),
        pytest.param(["acme.cpython-311-x86_64-linux-gnu.so"], ("acme",), id="an extension module for one version"),
        pytest.param(["acme.abi3.so", "win.pyd"], ("acme", "win"), id="extension modules for many versions"),
        pytest.param(["acme-1.0.data/purelib/acme/__init__.py"], ("acme",), id="a package that .data moves"),
        pytest.param(["acme-1.0.data/scripts/acme.py"], (), id="a script is not a module"),
        pytest.param(["libacme.so", "acme.libs/libz.so.1", "acme.pth", "a-b/c.py"], (), id="what nobody can import"),
        pytest.param(["acme-stubs/__init__.pyi"], (), id="type stubs"),
        pytest.param(["__main__.py", "acme.py"], ("acme",), id="what a zip application would start"),
        pytest.param(["tests/__init__.py", "acme/__init__.py"], ("acme", "tests"), id="stray tests are top-levels"),
    ],
)
def test_top_levels_are_the_modules_without_a_parent_in_the_wheel(
    tmp_path: Path, files: list[str], top_levels: tuple[str, ...]
) -> None:
    assert open_wheel(wheel(tmp_path, files=dict.fromkeys(files, ""))).top_levels == top_levels


def test_modules_are_all_importable_names(tmp_path: Path) -> None:
    files = [
        "acme/__init__.py",
        "acme/__main__.py",
        "acme/a/b.py",
        "acme/c.abi3.so",
        "acme/__pycache__/x.pyc",
        "acme/d.txt",
    ]
    opened = open_wheel(wheel(tmp_path, files=dict.fromkeys(files, "")))
    assert opened.modules == ("acme", "acme.__main__", "acme.a.b", "acme.c")


# What is not a wheel


def test_a_file_that_is_no_zip_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "acme-1.0-py3-none-any.whl"
    path.write_text("<html>not found</html>")
    with pytest.raises(ProdsimError, match=r"^wheel: .*cannot be read as a wheel: File is not a zip file$"):
        open_wheel(path)


def test_an_absent_file_is_no_wheel(tmp_path: Path) -> None:
    with pytest.raises(ProdsimError, match=r"^wheel: .*No such file or directory"):
        open_wheel(tmp_path / "acme-1.0-py3-none-any.whl")


def test_a_file_named_otherwise_is_no_wheel(tmp_path: Path) -> None:
    with pytest.raises(ProdsimError, match=r"^wheel: acme\.whl is not the name of a wheel"):
        open_wheel(wheel(tmp_path, file_name="acme.whl"))


def test_an_archive_without_metadata_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme.py", "")
    with pytest.raises(ProdsimError, match=r"^wheel: .* is not a wheel: it has no \.dist-info folder$"):
        open_wheel(path)


def test_metadata_without_a_version_makes_no_wheel(tmp_path: Path) -> None:
    with pytest.raises(ProdsimError, match=r"^wheel: .*METADATA has no Version$"):
        open_wheel(wheel(tmp_path, metadata="Metadata-Version: 2.1\nName: acme\n"))


# Checks


def test_a_sound_wheel_passes_and_says_what_it_holds(tmp_path: Path) -> None:
    path = wheel(tmp_path, files=PACKAGE, entry_points="[console_scripts]\nacme = acme.cli:main\n")
    checked = check_wheel(open_wheel(path))
    assert checked.findings == ()
    assert checked.detail == "RECORD and METADATA ok, 2 modules, 1 console script"
    assert checked.codes == CODES
    assert sorted(CODES) == [
        *("DEP201", "DEP207", "DEP212", "ENT510", "ENT516", "IMP513"),
        *("WHL101", "WHL102", "WHL103", "WHL104", "WHL105", "WHL106", "WHL107", "WHL108"),
        *(
            "WHL110",
            "WHL120",
            "WHL121",
            "WHL130",
            "WHL131",
            "WHL133",
            "WHL135",
            "WHL136",
            "WHL141",
            "WHL142",
            "WHL152",
            "WHL154",
        ),
    ]


def test_a_record_that_only_lacks_quotes_is_one_warning(tmp_path: Path) -> None:
    (found,) = check_wheel(
        open_wheel(wheel(tmp_path, files={**PACKAGE, "acme/a,b.txt": "x", "acme/c,d": "y"}))
    ).findings
    assert (found.code, found.level, found.subject) == ("WHL101", Level.WARNING, "acme/a,b.txt and 1 more")
    assert found.message.startswith("the name has a comma, and its line in RECORD lacks the quotes")


def test_a_finding_has_a_level_and_a_hint(tmp_path: Path) -> None:
    (found,) = check_wheel(open_wheel(wheel(tmp_path, unrecorded=[("acme/late.py", "")]))).findings
    assert found == Finding(
        code="WHL101",
        level=Level.ERROR,
        subject="acme/late.py",
        message="is in the wheel, but RECORD does not list it",
        hint="build the wheel again, and let nothing change it afterwards; PyPI refuses it as it is",
    )


def test_a_wheel_with_a_wrong_record_is_not_called_ok(tmp_path: Path) -> None:
    checked = check_wheel(open_wheel(wheel(tmp_path, unrecorded=[("acme/late.py", "")])))
    assert checked.detail == "METADATA ok, 2 modules, no console scripts"


def test_a_wheel_without_record_is_found(tmp_path: Path) -> None:
    message = "is absent, so the files of the wheel cannot be verified"
    path = wheel(tmp_path, edit_record=lambda _: None)
    assert findings(path) == [("WHL101", "acme-1.0.dist-info/RECORD", message)]


def test_a_signature_of_record_needs_no_line_in_it(tmp_path: Path) -> None:
    assert findings(wheel(tmp_path, unrecorded=[("acme-1.0.dist-info/RECORD.jws", "{}")])) == []


def test_a_folder_needs_no_line_in_record(tmp_path: Path) -> None:
    assert findings(wheel(tmp_path, unrecorded=[("acme/", "")])) == []


def test_a_line_of_record_without_its_file_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, edit_record=lambda lines: [*lines, "acme/gone.py,sha256=AAAA,3"])
    assert findings(path) == [("WHL102", "acme/gone.py", "is listed in RECORD, but is not in the wheel")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("sha256=AAAA,", "has another content than RECORD says (sha256 differs)", id="another hash"),
        pytest.param("sha256=AAAA,7", "has 0 bytes, but RECORD says 7", id="another size"),
        pytest.param(",", "has no usable hash in RECORD", id="no hash"),
        pytest.param("crc32=AAAA,0", "has no usable hash in RECORD", id="an unknown hash"),
    ],
)
def test_a_member_that_differs_from_its_line_in_record_is_found(tmp_path: Path, line: str, message: str) -> None:
    path = wheel(tmp_path, edit_record=lambda lines: [f"acme/__init__.py,{line}", *lines[1:]])
    assert findings(path) == [("WHL103", "acme/__init__.py", message)]


def test_a_member_that_cannot_be_unpacked_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, files={"acme.py": "NAME = 'to be damaged'\n"})
    path.write_bytes(path.read_bytes().replace(b"to be damaged", b"to be repaired"[:13]))
    assert findings(path) == [("WHL103", "acme.py", "cannot be unpacked: Bad CRC-32 for file 'acme.py'")]


def test_a_module_that_others_may_not_read_when_it_is_unpacked_is_found(tmp_path: Path) -> None:
    checked = check_wheel(open_wheel(wheel(tmp_path, files=PACKAGE, mode=0o100700)))
    assert [(found.code, found.level, found.subject, found.message) for found in checked.findings] == [
        (
            "WHL107",
            Level.WARNING,
            "acme/__init__.py and 1 more",
            "others may not read what unzip makes of it (mode 0700)",
        )
    ]


def test_a_mode_that_is_not_stored_says_nothing(tmp_path: Path) -> None:
    assert findings(wheel(tmp_path, mode=0)) == []


def test_metadata_that_others_may_not_read_harms_nobody(tmp_path: Path) -> None:
    assert findings(wheel(tmp_path, files={"acme-1.0.data/scripts/acme": "#!/bin/sh\n"}, mode=0o600)) == []


def test_a_member_that_is_there_twice_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, unrecorded=[("acme/__init__.py", "")])
    assert findings(path) == [("WHL104", "acme/__init__.py", "is in the wheel 2 times")]


def test_two_members_that_are_installed_at_one_place_are_found(tmp_path: Path) -> None:
    other = "acme-1.0.data/purelib/acme/__init__.py"
    message = f"is where acme/__init__.py and {other} are installed: the last one that an installer writes stays"
    path = wheel(tmp_path, files={"acme/__init__.py": "", other: "", "acme-1.0.data/data/acme/__init__.py": ""})
    assert findings(path) == [("WHL104", "acme/__init__.py", message)]


@pytest.mark.parametrize(
    ("file_name", "message"),
    [
        pytest.param("acme-1.1-py3-none-any.whl", "METADATA says that its version is 1.0", id="version"),
        pytest.param("acmes-1.0-py3-none-any.whl", "METADATA says that its name is acme", id="name"),
    ],
)
def test_a_file_name_that_contradicts_metadata_is_found(tmp_path: Path, file_name: str, message: str) -> None:
    found = findings(wheel(tmp_path, file_name=file_name))
    assert found == [
        ("WHL105", file_name, message),
        ("WHL105", "acme-1.0.dist-info", f"does not belong to {file_name}, pip refuses such a wheel"),
    ]


def test_names_and_versions_are_compared_in_their_normal_form(tmp_path: Path) -> None:
    text = "Metadata-Version: 2.1\nName: Acme.Web\nVersion: 1.0.0-rc1\n"
    assert findings(wheel(tmp_path, name="acme_web", version="1.0rc1", metadata=text)) == []


def test_a_second_metadata_folder_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, files={"acme.py": "", "aaa-2.0.dist-info/METADATA": ""})
    message = "does not belong to acme-1.0-py3-none-any.whl, pip refuses such a wheel"
    assert findings(path) == [("WHL105", "aaa-2.0.dist-info", message)]


def test_tags_that_contradict_the_file_name_are_found(tmp_path: Path) -> None:
    name = "acme-1.0-cp312-cp312-linux_x86_64.whl"
    message = "WHEEL says py3-none-any where the file name says cp312-cp312-linux_x86_64"
    assert findings(wheel(tmp_path, file_name=name)) == [("WHL106", name, message)]


def test_a_wheel_without_tags_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, wheel_file="Wheel-Version: 1.0\n")
    assert findings(path) == [("WHL106", "acme-1.0.dist-info/WHEEL", "is absent or names no tag")]


def test_tags_may_be_written_one_by_one_or_compressed(tmp_path: Path) -> None:
    lines = "Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n"
    assert findings(wheel(tmp_path, tag="py2.py3-none-any", wheel_file=lines)) == []
    assert findings(wheel(tmp_path, tag="py2.py3-none-any")) == []


def test_a_wheel_without_any_file_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, files={})
    assert findings(path) == [("WHL110", path.name, "holds nothing but its metadata")]


def test_a_wheel_of_scripts_only_is_not_empty(tmp_path: Path) -> None:
    assert findings(wheel(tmp_path, files={"acme-1.0.data/scripts/acme": "#!/bin/sh\n"})) == []


@pytest.mark.parametrize("group", ["console_scripts", "gui_scripts"])
def test_a_command_to_a_module_that_nobody_shipped_is_found_without_importing(tmp_path: Path, group: str) -> None:
    path = wheel(tmp_path, entry_points=f"[{group}]\nacme = acme.cli:main\n")
    assert findings(path) == [("ENT510", f"[{group}] acme = acme.cli:main", "there is no module acme.cli in the wheel")]


def test_a_command_to_a_module_of_a_dependency_is_left_to_the_import(tmp_path: Path) -> None:
    assert findings(wheel(tmp_path, entry_points="[console_scripts]\nacme = click.shell:main\n")) == []


def test_a_command_that_names_no_function_is_found(tmp_path: Path) -> None:
    message = "names no function, so that no command can be made of it"
    path = wheel(tmp_path, files=PACKAGE, entry_points="[console_scripts]\nacme = acme.cli\nbad = acme cli\n")
    assert findings(path) == [
        ("ENT510", "[console_scripts] acme = acme.cli", message),
        ("ENT510", "[console_scripts] bad = acme cli", message),
    ]


def test_entry_points_that_cannot_be_read_are_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, entry_points="acme = acme.cli:main\n")
    assert findings(path) == [("ENT510", "entry_points.txt", "cannot be read: File contains no section headers.")]


def test_every_fault_is_reported_in_one_go(tmp_path: Path) -> None:
    path = wheel(
        tmp_path,
        file_name="acme-1.1-py2-none-any.whl",
        entry_points="[console_scripts]\nacme = acme.cli:main\n",
        edit_record=lambda lines: ["acme/__init__.py,sha256=AAAA,", "acme/gone.py,,", *lines[1:]],
        unrecorded=[("acme/late.py", ""), ("acme/late.py", "")],
    )
    assert set(codes(path)) == {"WHL101", "WHL102", "WHL103", "WHL104", "WHL105", "WHL106", "ENT510"}
