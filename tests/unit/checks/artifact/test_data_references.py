from __future__ import annotations

from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_references, open_wheel
from tox_prodsim.model.findings import Finding


def found(folder: Path, source: str, *there: str, module: str = "acme/engine.py") -> tuple[Finding, ...]:
    files = {"acme/__init__.py": "", module: source, **dict.fromkeys(there, "")}
    checked = check_references(open_wheel(wheel(folder, files=files)))
    assert checked.codes == ("WHL113",)
    return checked.findings


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("RULES = Path(__file__).with_name('rules.json')", id="named"),
        pytest.param("def f():\n    return (Path(__file__).parent / 'rules.json').read_text()", id="in a function"),
        pytest.param("open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'rules.json'))", id="os.path"),
        pytest.param("HERE = Path(__file__).resolve().parent\nwith (HERE / 'rules.json').open(): ...", id="a constant"),
        pytest.param("from importlib.resources import files\nfiles('acme').joinpath('rules.json')", id="files"),
        pytest.param("from importlib import resources\nresources.files(__package__) / 'rules.json'", id="its package"),
        pytest.param("from importlib import resources\nresources.open_text('acme', 'rules.json')", id="open_text"),
        pytest.param("import pkgutil\npkgutil.get_data('acme', 'rules.json')", id="pkgutil"),
        pytest.param("import pkg_resources\npkg_resources.resource_string(__name__, 'rules.json')", id="pkg_resources"),
    ],
)
def test_every_way_to_name_a_file_is_understood(tmp_path: Path, source: str) -> None:
    (finding,) = found(tmp_path, source)
    assert (finding.level, finding.subject, finding.file) == ("warning", "acme/rules.json", "acme/engine.py")
    assert finding.message == f"is read by acme/engine.py (line {finding.line}), but it is not in the wheel"
    assert found(tmp_path, source, "acme/rules.json") == ()


def test_a_file_of_any_kind_that_is_read_is_found(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, "import pkgutil\n\nDATA = pkgutil.get_data(__name__, 'table.bin')\n")
    assert (finding.subject, finding.line) == ("acme/table.bin", 3)


def test_a_folder_of_files_that_is_not_there_is_found_once(tmp_path: Path) -> None:
    source = "from importlib.resources import files\nDATA = files('acme.data')\n"
    assert [each.subject for each in found(tmp_path, source)] == ["acme/data"]
    source += "X = files('acme.data') / 'x.json'\n"
    assert [each.subject for each in found(tmp_path, source)] == ["acme/data/x.json"]
    assert found(tmp_path, source, "acme/data/x.json") == ()


def test_what_a_module_lacks_is_one_finding(tmp_path: Path) -> None:
    names = "".join(f"open(Path(__file__).with_name('{name}.json'))\n" for name in "abcd")
    assert [each.subject for each in found(tmp_path, names)] == ["acme/a.json, acme/b.json, acme/c.json and 1 more"]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("RULES = Path(__file__).with_name('r.json')\nif RULES.exists():\n    open(RULES)", id="asked for"),
        pytest.param("try:\n    open(Path(__file__).with_name('r.json'))\nexcept OSError:\n    pass", id="in a try"),
        pytest.param("if DEBUG:\n    open(Path(__file__).with_name('r.json'))", id="below an if"),
        pytest.param("with suppress(OSError):\n    open(Path(__file__).with_name('r.json'))", id="suppressed"),
        pytest.param("open(Path(__file__).with_name('r.json'), 'w')", id="written"),
        pytest.param("R = Path(__file__).with_name('r.json')\nR.write_text('')", id="written by its name"),
        pytest.param("R = Path(__file__).parent / 'r_cache.json'", id="made at run time"),
        pytest.param("R = Path(__file__).parent / 'state'", id="a folder"),
        pytest.param("open(Path(__file__).parent.parent / 'VERSION')", id="outside of the package"),
        pytest.param("open(Path(__file__).parent.parent / 'other/x.json')", id="of another project"),
        pytest.param("open(Path(__file__).parent / name)", id="not written out"),
        pytest.param("R = Path(__file__).parent\nR = Path.cwd()\nopen(R / 'r.json')", id="assigned twice"),
        pytest.param("def f(path):\n    open(path / 'r.json')\npath = Path(__file__).parent", id="an argument"),
        pytest.param("style.get_data('acme', 'r.json')", id="another get_data"),
        pytest.param("this is not Python __file__", id="no Python"),
    ],
)
def test_what_may_be_absent_is_not_missed(tmp_path: Path, source: str) -> None:
    assert found(tmp_path, source) == ()


@pytest.mark.parametrize(
    "module",
    [
        "acme/tests/test_a.py",
        "acme/conftest.py",
        "acme/core/test_rules.py",
        "acme/_ffi_build.py",
        "acme/ffibuild.py",
        "acme.py",
    ],
)
def test_modules_that_run_in_the_source_tree_are_passed_over(tmp_path: Path, module: str) -> None:
    assert found(tmp_path, "open(Path(__file__).with_name('rules.json'))", module=module) == ()


def test_what_a_requirement_brings_is_not_missed(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "from importlib.resources import files\nX = files('acme.core') / 'x.json'\n"}
    assert check_references(open_wheel(wheel(tmp_path, files=files, requires=["acme-core>=1"]))).findings == ()
    assert len(check_references(open_wheel(wheel(tmp_path, files=files))).findings) == 1


def test_what_is_known_is_not_reported_again(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "open(Path(__file__).with_name('rules.json'))"}
    assert check_references(open_wheel(wheel(tmp_path, files=files)), {"acme/rules.json"}).findings == ()
