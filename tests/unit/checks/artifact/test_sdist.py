from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from support.refusals import refused
from support.sdists import PKG_INFO, sdist, special
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_sdist, check_sdist_vs_wheel, open_sdist, open_wheel, sdist_beside
from tox_prodsim.model.findings import CheckResult

EXTENSION = "setup(ext_modules=[Extension('a', ['a.c'])])"
DECLARED = "[[tool.setuptools.ext-modules]]\nname = 'a'\n"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXk" * 8 + "\n-----END OPENSSH PRIVATE KEY-----\n"
COPY = "is a copy that a file manager or a browser has made"
TOKEN = "password = pypi-AgE" + "IcHlwaS5vcmc" * 8 + "\n"


def told(checked: CheckResult) -> list[tuple[str, str, str, str]]:
    return [(found.level, found.code, found.subject, found.message) for found in checked.findings]


def findings(path: Path) -> list[tuple[str, str, str, str]]:
    return told(check_sdist(open_sdist(path)))


def shipped(path: Path, built: Path) -> list[tuple[str, str, str]]:
    checked = check_sdist_vs_wheel(open_sdist(path), open_wheel(built))
    return [(found.code, found.subject, found.message) for found in checked.findings]


# what an sdist says about itself


def test_a_sound_sdist_is_clean_and_says_what_it_is(tmp_path: Path) -> None:
    checked = check_sdist(open_sdist(sdist(tmp_path)))
    assert (checked.findings, checked.detail) == ((), "acme-1.0.tar.gz, 3 files")
    assert checked.codes == ("SDI203", "SDI204", "SDI205", "SDI206", "SDI212")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "acme-1.0.tar.gz").write_bytes(b"no archive")
    assert "cannot be read as an sdist" in refused(lambda: open_sdist(tmp_path / "acme-1.0.tar.gz")).message


@pytest.mark.parametrize(
    ("files", "sources"),
    [
        pytest.param({"acme/__init__.py": ""}, (), id="pure"),
        pytest.param({"src/a.c": "", "setup.py": EXTENSION}, ("src/a.c", "setup.py"), id="C"),
        pytest.param({"a.pyx": "", "setup.py": "setup(ext_modules=got)"}, ("a.pyx", "setup.py"), id="from elsewhere"),
        pytest.param({"a.pyx": "", "setup.py": "", "ext.py": EXTENSION}, ("a.pyx", "ext.py"), id="a helper"),
        pytest.param({"setup.py": "cythonize('acme/*.py')"}, ("setup.py",), id="Python that is compiled"),
        pytest.param({"setup.py": "setup(cffi_modules=['b.py:ffi'])"}, ("setup.py",), id="C in Python"),
        pytest.param({"a.c": "", "pyproject.toml": DECLARED}, ("a.c", "pyproject.toml"), id="pyproject.toml"),
    ],
)
def test_what_compiled_code_is_made_from_is_seen(
    tmp_path: Path, files: dict[str, str], sources: tuple[str, ...]
) -> None:
    assert open_sdist(sdist(tmp_path, files=files)).compiled_sources == sources


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"setup.py": EXTENSION, "acme/include/acme.h": ""}, id="a generic setup.py, and headers"),
        pytest.param({"setup.py": EXTENSION, "tests/leak.c": "", "docs/a.rs": "", "tools/a.c": ""}, id="tests"),
        pytest.param({"setup.py": "# Extension(", "acme/template.c": ""}, id="a comment, and C as data"),
        pytest.param({"setup.py": "", "acme/template.c": ""}, id="nothing is declared"),
        pytest.param({"setup.py": "if os.environ.get('FAST'):\n    mypycify([])\n"}, id="mypyc if it is asked for"),
        pytest.param({"setup.py": "if '--fast' in sys.argv:\n    ext_modules = cythonize(x)"}, id="Cython likewise"),
        pytest.param({"pyproject.toml": "[build-system]\nbuild-backend = 'maturin'", "src/lib.rs": ""}, id="Rust"),
        pytest.param({"pyproject.toml": "[build-system]\nbuild-backend = 'scikit_build_core.build'"}, id="CMake"),
    ],
)
def test_where_nothing_can_be_lost_silently_nothing_is_expected(tmp_path: Path, files: dict[str, str]) -> None:
    assert open_sdist(sdist(tmp_path, files=files)).compiled_sources == ()


# what must not be unpacked


@pytest.mark.parametrize(
    ("name", "kind", "target", "message"),
    [
        pytest.param("/etc/acme", tarfile.REGTYPE, "", "would be written outside", id="an absolute path"),
        pytest.param("acme-1.0/../../x", tarfile.REGTYPE, "", "would be written outside", id="a path upwards"),
        pytest.param("acme-1.0/x", tarfile.SYMTYPE, "/etc/passwd", "is a link to /etc/passwd,", id="an absolute link"),
        pytest.param("acme-1.0/x", tarfile.SYMTYPE, "../x", "is a link to ../x,", id="a link upwards"),
        pytest.param("acme-1.0/x", tarfile.LNKTYPE, "../x", "is a link to ../x,", id="a hard link upwards"),
        pytest.param("acme-1.0/x", tarfile.FIFOTYPE, "", "is a device or a pipe", id="a pipe"),
    ],
)
def test_a_member_that_leads_out_is_found(tmp_path: Path, name: str, kind: bytes, target: str, message: str) -> None:
    found = [each for each in findings(sdist(tmp_path, edit=special(name, kind, target))) if each[1] == "SDI203"]
    assert [(level, code, subject) for level, code, subject, _ in found] == [("error", "SDI203", name)]
    assert message in found[0][3]


@pytest.mark.parametrize("target", ["../pyproject.toml", "b", "../acme/../pyproject.toml"])
def test_a_link_inside_is_a_file_like_any_other(tmp_path: Path, target: str) -> None:
    assert findings(sdist(tmp_path, edit=special("acme-1.0/acme/link", tarfile.SYMTYPE, target))) == []


# secrets and strays


@pytest.mark.parametrize(
    ("name", "text", "level", "message"),
    [
        pytest.param("notes.txt", TOKEN, "error", "holds a token of PyPI", id="a token"),
        pytest.param(".pypirc", "password: hunter2hunter2\n", "error", "holds a password for uploads", id="a password"),
        pytest.param(".pypirc", "[pypi]\n", "warning", "is a configuration of uploads", id="no password"),
        pytest.param("deploy/id_rsa", KEY, "error", "holds a private key", id="a key of ssh"),
        pytest.param("server.pem", KEY, "warning", "holds a private key", id="some key"),
        pytest.param(".env", "API_KEY=0123456789\n", "warning", "sets what looks like a secret", id="a setting"),
        pytest.param("a.py.orig", "", "warning", "was left by a merge or a patch", id="left of a merge"),
        pytest.param("acme/a.py.bak", "", "warning", "is a backup", id="a backup"),
        pytest.param("build.log", "", "warning", "is a log", id="a log"),
        pytest.param("setup (1).cfg", "", "warning", COPY, id="a copy of a browser"),
    ],
)
def test_a_secret_or_a_stray_is_found(tmp_path: Path, name: str, text: str, level: str, message: str) -> None:
    assert findings(sdist(tmp_path, files={name: text})) == [(level, "SDI204", name, message)]


def test_a_folder_that_lay_about_is_told_once(tmp_path: Path) -> None:
    files = {".git/HEAD": "", ".git/x": "", "env/pyvenv.cfg": "", "env/lib/a.py": "", "acme/node_modules/x/a.js": ""}
    told_of = [subject for _, _, subject, _ in findings(sdist(tmp_path, files=files))]
    assert told_of == [".git/", "acme/node_modules/", "env/"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("tests/certs/server.key", KEY, id="a key for tests"),
        pytest.param("src/greentest/3.14/server.key", KEY, id="a key for tests of another name"),
        pytest.param("docs/example.txt", TOKEN, id="a token in a manual"),
        pytest.param("id_rsa.pub", "ssh-rsa AAAA", id="a public key"),
        pytest.param(".env", "DEBUG=1\nSECRET=${SECRET}\n", id="settings without a secret"),
        pytest.param("acme/keys.py", "BEGIN = '-----BEGIN PRIVATE KEY-----'\n", id="code about keys"),
        pytest.param(".github/workflows/ci.yml", "", id="what git has"),
        pytest.param("pyproject.toml.orig", "", id="what a build back end has rewritten"),
        pytest.param("Cargo.toml.orig", "", id="what cargo has rewritten"),
    ],
)
def test_what_only_looks_like_a_secret_is_none(tmp_path: Path, name: str, text: str) -> None:
    assert findings(sdist(tmp_path, files={name: text})) == []


# what an sdist has to be


@pytest.mark.parametrize(
    ("options", "subject", "message"),
    [
        pytest.param({"pkg_info": None}, "acme-1.0.tar.gz", "has no acme-1.0/PKG-INFO", id="no PKG-INFO"),
        pytest.param(
            {"pkg_info": "Name: acme\n"}, "acme-1.0/PKG-INFO", "has no Metadata-Version and no Version", id="bare"
        ),
        pytest.param({"top": "acme"}, "acme-1.0.tar.gz", "holds the folder acme, not acme-1.0", id="folder"),
        pytest.param(
            {"file_name": "acme-1.1.tar.gz"}, "acme-1.1.tar.gz", "PKG-INFO says that it is acme 1.0", id="version"
        ),
        pytest.param(
            {"pkg_info": PKG_INFO.replace("2.2", "2.4") + "License-File: LICENSE\n"},
            "LICENSE",
            "is a License-File of PKG-INFO, but is not in the sdist",
            id="licence",
        ),
    ],
)
def test_an_sdist_that_an_index_refuses_is_found(
    tmp_path: Path, options: dict[str, str], subject: str, message: str
) -> None:
    assert findings(sdist(tmp_path, **options)) == [("error", "SDI205", subject, message)]  # type: ignore[arg-type]


def test_an_archive_of_several_folders_is_no_sdist(tmp_path: Path) -> None:
    path = sdist(tmp_path, edit=special("other/file", tarfile.REGTYPE))
    assert findings(path) == [("error", "SDI205", path.name, "does not hold exactly one folder")]


def test_an_unusual_spelling_of_the_file_name_is_accepted(tmp_path: Path) -> None:
    info = PKG_INFO.replace("acme", "Acme.Web")
    path = sdist(tmp_path, pkg_info=info, top="Acme.Web-1.0", file_name="Acme.Web-1.0.tar.gz")
    assert findings(path) == []


@pytest.mark.parametrize("top", ["Acme.Web-1.0", "acme-web-1.0", "acme_web-1.0.0"])
def test_a_folder_may_be_spelt_in_any_way(tmp_path: Path, top: str) -> None:
    info = PKG_INFO.replace("acme", "Acme.Web")
    assert findings(sdist(tmp_path, pkg_info=info, top=top, file_name="acme_web-1.0.tar.gz")) == []


def test_names_that_not_every_system_can_hold_are_found(tmp_path: Path) -> None:
    files = {"acme/nul.txt": "", "acme/a.py": "", "acme/A.py": "", "tests/con.txt": "", "docs/A": "", "docs/a": ""}
    assert [found[1:3] for found in findings(sdist(tmp_path, files=files))] == [
        ("SDI206", "acme/nul.txt"),
        ("SDI206", "acme/A.py, acme/a.py"),
    ]


# what the wheel keeps of it


def metadata(*lines: str) -> str:
    return PKG_INFO + "".join(f"{line}\n" for line in lines)


def test_a_requirement_that_only_the_wheel_has_is_found(tmp_path: Path) -> None:
    message = "PKG-INFO says nothing where METADATA of the wheel built from it says tomli>=2"
    assert shipped(sdist(tmp_path), wheel(tmp_path, requires=["tomli>=2"])) == [("SDI202", "Requires-Dist", message)]


def test_a_version_that_changed_on_the_way_is_found(tmp_path: Path) -> None:
    message = "PKG-INFO says 1.0 where METADATA of the wheel built from it says 0.0"
    assert shipped(sdist(tmp_path), wheel(tmp_path, version="0.0")) == [("SDI202", "Version", message)]


def test_no_hint_makes_a_version_dynamic(tmp_path: Path) -> None:
    source, built = open_sdist(sdist(tmp_path)), wheel(tmp_path, version="0.0", requires=["tomli"])
    hints = {found.subject: found.hint for found in check_sdist_vs_wheel(source, open_wheel(built)).findings}
    assert "dynamic" not in hints["Version"]
    assert "add 'dependencies' to dynamic of [project]" in hints["Requires-Dist"]


@pytest.mark.parametrize(
    "info",
    [
        pytest.param(metadata("Dynamic: Requires-Dist"), id="dynamic"),
        pytest.param(metadata().replace("2.2", "2.1"), id="before metadata said so"),
        pytest.param(metadata("Requires-Dist: Tomli (>=2)"), id="the same in other words"),
    ],
)
def test_metadata_that_may_differ_is_left_alone(tmp_path: Path, info: str) -> None:
    assert shipped(sdist(tmp_path, pkg_info=info), wheel(tmp_path, requires=["tomli>=2"])) == []


def test_a_metadata_version_that_is_none_is_no_crash(tmp_path: Path) -> None:
    path = sdist(tmp_path, pkg_info=PKG_INFO.replace("2.2", "new"))
    assert findings(path) == []
    assert shipped(path, wheel(tmp_path, requires=["tomli>=2"])) == []


SOURCES = {
    "src/acme/__init__.py": "",
    "src/acme/engine.py": "from acme.rules import check\n",
    "src/acme/rules.py": "def check(): ...\n",
}


def test_a_module_that_is_imported_and_not_shipped_is_found(tmp_path: Path) -> None:
    built = wheel(tmp_path, files={"acme/__init__.py": "", "acme/engine.py": SOURCES["src/acme/engine.py"]})
    message = "is in the sdist (src/acme/rules.py) and acme/engine.py imports it, but it is not in the wheel"
    assert shipped(sdist(tmp_path, files=SOURCES), built) == [("WHL111", "acme.rules", message)]


@pytest.mark.parametrize(
    "line",
    ["from . import rules", "from .rules import check", "import acme.rules", "def f():\n    from acme import rules"],
)
def test_every_way_to_import_it_counts(tmp_path: Path, line: str) -> None:
    built = wheel(tmp_path, files={"acme/__init__.py": line, "acme/engine.py": ""})
    assert [found[:2] for found in shipped(sdist(tmp_path, files=SOURCES), built)] == [("WHL111", "acme.rules")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "try:\n    from acme import rules\nexcept ImportError:\n    rules = None\n", id="its absence is expected"
        ),
        pytest.param("import sys\nif sys.platform == 'win32':\n    import acme.rules\n", id="elsewhere"),
        pytest.param("", id="nobody imports it"),
    ],
)
def test_a_module_that_nobody_needs_may_stay_behind(tmp_path: Path, text: str) -> None:
    built = wheel(tmp_path, files={"acme/__init__.py": "", "acme/engine.py": text})
    assert shipped(sdist(tmp_path, files=SOURCES), built) == []


def test_a_name_of_the_package_is_no_module_of_it(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "rules = 1\n", "acme/engine.py": "from acme import rules\n"}
    assert shipped(sdist(tmp_path, files=SOURCES), wheel(tmp_path, files=files)) == []


def test_a_package_that_is_not_shipped_is_found_once_and_tests_are_not_missed(tmp_path: Path) -> None:
    files = {
        f"acme/{name}": "" for name in ("__init__.py", "sub/__init__.py", "sub/deep/__init__.py", "tests/__init__.py")
    }
    found = shipped(sdist(tmp_path, files=files), wheel(tmp_path))
    message = "is a package in the sdist (acme/sub/__init__.py), but it is not in the wheel"
    assert found == [("WHL111", "acme.sub", message)]


def test_a_module_that_was_compiled_is_there(tmp_path: Path) -> None:
    files = {
        "acme/__init__.py": "import acme.rules\n",
        "acme/engine.py": "",
        "acme/rules.cpython-312-x86_64-linux-gnu.so": "",
    }
    assert shipped(sdist(tmp_path, files=SOURCES), wheel(tmp_path, files=files)) == []


def test_without_the_sources_of_a_package_its_modules_are_not_checked(tmp_path: Path) -> None:
    checked = check_sdist_vs_wheel(open_sdist(sdist(tmp_path, files={})), open_wheel(wheel(tmp_path)))
    assert checked.codes == ("SDI202",)
    assert checked.not_checked == (("WHL111", "the sdist has no folder from which a package of the wheel comes"),)


def test_a_marker_of_types_that_is_not_shipped_is_found(tmp_path: Path) -> None:
    path = sdist(tmp_path, files={"src/acme/__init__.py": "", "src/acme/py.typed": ""})
    message = "is in the sdist (src/acme/py.typed), but not in the wheel: type checkers ignore its types"
    assert shipped(path, wheel(tmp_path)) == [("WHL120", "acme/py.typed", message)]
    assert shipped(path, wheel(tmp_path, files={"acme/__init__.py": "", "acme/py.typed": ""})) == []


def test_a_lost_marker_is_a_warning_and_one_that_is_claimed_is_reported_elsewhere(tmp_path: Path) -> None:
    source = open_sdist(sdist(tmp_path, files={"acme/__init__.py": "", "acme/py.typed": ""}))
    (finding,) = check_sdist_vs_wheel(source, open_wheel(wheel(tmp_path))).findings
    assert (finding.code, finding.level) == ("WHL120", "warning")
    claimed = wheel(
        tmp_path,
        metadata="Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"
        "Requires-Python: >=3.8\nClassifier: Typing :: Typed\n",
    )
    assert check_sdist_vs_wheel(source, open_wheel(claimed)).findings == ()


def test_a_marker_that_git_tracks_and_the_sdist_lacks_is_found(tmp_path: Path) -> None:
    tracked = {"src/acme/__init__.py", "src/acme/py.typed"}
    checked = check_sdist_vs_wheel(open_sdist(sdist(tmp_path)), open_wheel(wheel(tmp_path)), tracked)
    message = "is tracked by git (src/acme/py.typed), but not in the wheel: type checkers ignore its types"
    assert [(found.subject, found.message) for found in checked.findings] == [("acme/py.typed", message)]


def test_the_sdist_beside_a_wheel_is_the_one_of_its_release(tmp_path: Path) -> None:
    built = wheel(tmp_path)
    assert sdist_beside(built) is None
    sdist(tmp_path, file_name="acme-1.1.tar.gz")
    (tmp_path / "acme-1.0.0.tar.gz").write_bytes(b"no archive")
    assert sdist_beside(built) is None
    path = sdist(tmp_path)
    assert sdist_beside(built) == path
