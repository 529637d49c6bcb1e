from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from packaging.markers import default_environment
from wheels import Ended, Env, subject_of, wheel

from tox_prodsim import installed
from tox_prodsim.errors import ProdsimError
from tox_prodsim.findings import Checked, Finding, Level
from tox_prodsim.installed import Subject, look

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
PROBE = Path(look.__file__).parent.parent / "_child" / "probe.py"
SEGFAULT = "import ctypes\nctypes.string_at(0)\n"
HANG = "while True: pass\n"


@pytest.fixture
def env(tmp_path: Path) -> Env:
    return Env.create(tmp_path / "env")


Put = Callable[..., Subject]


@pytest.fixture
def put(env: Env, tmp_path: Path) -> Put:
    """Install a wheel made of these files into the environment."""

    def install(files: dict[str, str] | None = None, *, extras: tuple[str, ...] = (), **options: object) -> Subject:
        return subject_of(env.install(wheel(tmp_path, files=files, **options)), extras=extras)  # type: ignore[arg-type]

    return install


def brief(checked: Checked) -> list[tuple[str, Level, str, str]]:
    return [(found.code, found.level, found.subject, found.message) for found in checked.findings]


def distribution(env: Env, subject: Subject) -> Checked:
    return installed.check_distribution(subject, env.run, env.python)


def imports(env: Env, subject: Subject, *, limit_s: float = 30.0) -> Checked:
    return installed.check_imports(subject, env.run, env.python, limit_s=limit_s).checked


def scripts(env: Env, subject: Subject, *, limit_s: float = 30.0, help_limit_s: float = 30.0) -> Checked:
    return installed.check_scripts(
        subject, env.run, env.python, env.scripts_dir, limit_s=limit_s, help_limit_s=help_limit_s
    )


# The set of distributions


def test_an_installed_wheel_whose_requirements_are_met_passes(env: Env, put: Put) -> None:
    put({"click.py": ""}, name="click", version="8.1")
    checked = distribution(
        env, put(requires=["click>=8", "colorama; sys_platform == 'win32'", "uvloop; extra == 'fast'"])
    )
    assert checked == Checked(
        detail="acme 1.0, requirements of 2 distributions met", codes=("DEP202", "DEP203", "DEP209", "IMP500")
    )


def test_a_requirement_of_the_wheel_that_is_not_installed_is_found(env: Env, put: Put) -> None:
    (found,) = distribution(env, put(requires=["click>=8"])).findings
    assert distribution(env, put(requires=["click>=8"])).detail == "acme 1.0, 1 distribution installed"
    assert found == Finding(
        code="DEP209",
        level=E,
        subject="click>=8",
        message="is required by the wheel, but click is not installed",
        hint="METADATA is what users get: let dependencies in pyproject.toml, from which tox installs, say the same",
    )


def test_a_requirement_of_the_wheel_that_is_not_satisfied_is_found(env: Env, put: Put) -> None:
    put({"click.py": ""}, name="click", version="7.1")
    message = "is required by the wheel, but click 7.1 is installed"
    assert brief(distribution(env, put(requires=["Click >= 8"]))) == [("DEP209", E, "Click>=8", message)]


def test_a_pre_release_satisfies_a_requirement_as_it_does_for_pip(env: Env, put: Put) -> None:
    put({"click.py": ""}, name="click", version="9.0rc1")
    assert brief(distribution(env, put(requires=["click>=8"]))) == []


def test_of_two_versions_of_a_distribution_the_one_that_is_imported_counts(env: Env, put: Put, tmp_path: Path) -> None:
    put({"click.py": ""}, name="click", version="8.1")
    old = tmp_path / "old" / "click-7.0.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: click\nVersion: 7.0\n")
    (env.site_packages / "old.pth").write_text(str(old.parent))
    assert brief(distribution(env, put(requires=["click>=8"]))) == []


def test_a_requirement_that_cannot_be_read_is_found(env: Env, put: Put) -> None:
    message = "is required by the wheel, but it is no requirement that can be read"
    assert brief(distribution(env, put(requires=["click>=8.*.1"]))) == [("DEP209", E, "click>=8.*.1", message)]


def test_a_requirement_of_an_extra_counts_only_when_the_extra_was_requested(env: Env, put: Put) -> None:
    requires = ["uvloop; extra == 'fast-loop'"]
    assert brief(distribution(env, put(requires=requires))) == []
    message = "is required by the wheel, but uvloop is not installed"
    subject = put(requires=requires, extras=("Fast_Loop",))
    assert brief(distribution(env, subject)) == [("DEP209", E, "uvloop", message)]


def test_a_requirement_that_an_extra_of_our_own_asks_for_by_our_own_name_counts(env: Env, put: Put) -> None:
    requires = ["acme[fast]; extra == 'all'", "uvloop; extra == 'fast'"]
    message = "is required by the wheel, but uvloop is not installed"
    assert brief(distribution(env, put(requires=requires, extras=("all",)))) == [("DEP209", E, "uvloop", message)]


def test_a_conflict_between_other_distributions_is_found(env: Env, put: Put) -> None:
    put({"click.py": ""}, name="click", version="9.0.1")
    put({"plug.py": ""}, name="acme_plugins", version="1.4", requires=["click<9"])
    found = brief(distribution(env, put()))
    assert found == [("DEP203", E, "acme_plugins 1.4", "requires click<9, but click 9.0.1 is installed")]


def test_what_a_dependency_needs_for_the_extra_that_we_ask_for_is_missed(env: Env, put: Put) -> None:
    put({"web.py": ""}, name="web", requires=["h11; extra == 'http'", "h2; extra == 'http2'"])
    found = brief(distribution(env, put(requires=["web[http]"])))
    assert found == [("DEP203", E, "web 1.0", "requires h11, but h11 is not installed")]


def test_a_distribution_that_is_not_installed_is_found(env: Env) -> None:
    found = brief(distribution(env, Subject(name="acme", version="1.0")))
    assert found == [("DEP202", E, "acme", "is not installed in the environment")]


def test_another_version_than_that_of_the_wheel_is_found(env: Env, put: Put) -> None:
    put(version="0.9")
    found = brief(distribution(env, Subject(name="Acme", version="1.0")))
    assert found == [("DEP202", E, "Acme", "version 0.9 is installed, not 1.0 of the wheel under test")]


@pytest.mark.parametrize(
    ("file", "text", "evidence"),
    [
        pytest.param(
            "acme-1.0.dist-info/direct_url.json",
            '{"url": "file:///src/acme", "dir_info": {"editable": true}}',
            "direct_url.json says editable: file:///src/acme",
            id="PEP 610",
        ),
        pytest.param(
            "__editable__.acme-1.0.pth",
            "import __editable___acme_1_0_finder; __editable___acme_1_0_finder.install()",
            "__editable__.acme-1.0.pth: import __editable___acme_1_0_finder; __editable___acme_1_0_finder.install()",
            id="a finder of setuptools",
        ),
        pytest.param("_acme.pth", "{tmp_path}\n", "_acme.pth: {tmp_path}", id="a path to a working tree"),
    ],
)
def test_an_editable_install_is_found(env: Env, put: Put, tmp_path: Path, file: str, text: str, evidence: str) -> None:
    subject = put({"acme.py": "", file: text.replace("{tmp_path}", str(tmp_path))})
    message = f"is installed in editable mode, production will not be: {evidence.replace('{tmp_path}', str(tmp_path))}"
    assert brief(distribution(env, subject)) == [("IMP500", E, "acme", message)]


@pytest.mark.parametrize("text", ["import os", "acme/vendored", "/nonexistent/folder", ".", ""])
def test_a_pth_file_that_stays_inside_is_no_editable_install(env: Env, put: Put, text: str) -> None:
    assert brief(distribution(env, put({"acme/vendored/x.py": "", "acme.pth": text}))) == []


# Imports


def test_top_levels_that_import_from_site_packages_pass(env: Env, put: Put) -> None:
    checked = imports(env, put({"acme/__init__.py": "__version__ = '1.0'", "acme_core.py": ""}))
    codes = ("IMP501", "IMP502", "IMP503", "VER303", "IMP520", "IMP521", "IMP522", "IMP523", "IMP524")
    assert checked == Checked(detail="acme, acme_core from site-packages, no side effects", codes=codes)


def test_all_top_levels_are_imported_in_one_process(env: Env, put: Put) -> None:
    imports(env, put({"acme.py": "", "b.py": "", "c.py": "", "d.py": ""}))
    assert len(env.argvs) == 1


def test_many_top_levels_are_counted(env: Env, put: Put) -> None:
    checked = imports(env, put(dict.fromkeys(["a.py", "b.py", "c.py", "d.py", "e.py"], "")))
    assert checked.detail == "a, b, c and 2 more from site-packages, no side effects"


def test_nothing_to_import_is_said_and_not_called_a_success(env: Env, put: Put) -> None:
    checked = imports(env, put({"acme-stubs/__init__.pyi": ""}))
    assert (checked.detail, checked.codes, env.argvs) == ("no importable module", (), [])
    assert checked.not_checked[0] == ("IMP501", "no importable module")


def test_an_import_that_fails_is_found_with_its_place(env: Env, put: Put) -> None:
    checked = imports(env, put({"acme/__init__.py": "from acme import a\n", "acme/a.py": "\nimport numpy_\n"}))
    assert checked.detail == "nothing imports from site-packages"
    assert checked.findings == (
        Finding(
            code="IMP503",
            level=E,
            subject="acme",
            message="importing it fails: ModuleNotFoundError: No module named 'numpy_'",
            hint="declare the distribution that provides numpy_ in dependencies, or import it only where it is needed",
            file=str(Path("acme", "a.py")),
            line=2,
        ),
    )


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        pytest.param(
            "open(__file__ + '/rules.json')",
            "NotADirectoryError: [Errno 20] Not a directory: '{file}/rules.json'",
            "see it with: python -I -X faulthandler -c 'import acme', where only the wheel is installed",
            id="whatever it is",
        ),
        pytest.param(
            "open('data/rules.json')",
            "FileNotFoundError: [Errno 2] No such file or directory: 'data/rules.json'",
            "have the build include rules.json as package data, if it is the package's",
            id="a data file",
        ),
        pytest.param(
            "import acme.sub",
            "ModuleNotFoundError: No module named 'acme.sub'; 'acme' is not a package",
            "have the build include acme.sub, which is not in the wheel",
            id="a module of our own",
        ),
        pytest.param(
            "import pkg_resources",
            "ModuleNotFoundError: No module named 'pkg_resources'",
            "pkg_resources comes with setuptools, which a fresh environment does not have: declare it or do without",
            id="a part of setuptools",
        ),
        pytest.param(
            "import setuptools.build_meta",
            "ModuleNotFoundError: No module named 'setuptools'",
            "a fresh environment does not have setuptools: declare it or do without",
            id="setuptools",
        ),
        pytest.param(
            "import uvloop",
            "ModuleNotFoundError: No module named 'uvloop'",
            "uvloop comes with the extra fast only: set extras to test with it, or depend on it always",
            id="an extra",
        ),
        pytest.param(
            "from json import url_quote",
            "ImportError: cannot import name 'url_quote' from 'json' ({json})",
            "the json that is installed has no url_quote there: bound its version, or adapt to it",
            id="a name that a dependency dropped",
        ),
        pytest.param(
            "import json.shell",
            "ModuleNotFoundError: No module named 'json.shell'",
            "the json that is installed has no json.shell: bound its version, or adapt to it",
            id="a module that a dependency does not have yet",
        ),
        pytest.param(
            "raise SystemExit",
            "SystemExit",
            "put what should only happen when it is run below: if __name__ == '__main__':",
            id="an exit",
        ),
        pytest.param(
            "def f(:",
            "SyntaxError: invalid syntax (acme.py, line 1)",
            "see it with: python -I -X faulthandler -c 'import acme', where only the wheel is installed",
            id="a syntax error",
        ),
    ],
)
def test_the_hint_fits_the_failure(env: Env, put: Put, source: str, message: str, hint: str) -> None:
    (found,) = imports(env, put({"acme.py": source}, requires=["uvloop; extra == 'fast'", "json"])).findings
    message = message.replace("{file}", str(env.site_packages / "acme.py")).replace("{json}", str(json.__file__))
    assert (found.code, found.level) == ("IMP503", E)
    assert (found.message, found.hint) == (f"importing it fails: {message}", hint)
    assert (found.file, found.line) == ("acme.py", 1)


@pytest.mark.parametrize(
    ("source", "how"),
    [
        pytest.param(SEGFAULT, "died with SIGSEGV", id="a segmentation fault"),
        pytest.param("import os\nos._exit(0)\n", "exited with 0", id="an exit that nothing can catch"),
        pytest.param("import os\nos.kill(os.getpid(), 9)\n", "died with SIGKILL", id="a signal"),
        pytest.param(
            "import os\nos.closerange(3, 1024)\n",
            "lost a file descriptor that was not the package's to close",
            id="all file descriptors closed",
        ),
    ],
)
def test_an_import_that_ends_the_interpreter_is_found_and_the_others_go_on(
    env: Env, put: Put, source: str, how: str
) -> None:
    checked = imports(env, put({"acme/__init__.py": source, "before.py": "", "zlast.py": ""}))
    assert brief(checked) == [("IMP501", E, "acme", f"importing it fails: the interpreter {how}")]
    assert checked.detail.startswith("before, zlast from site-packages")


def test_a_crash_tells_where_it_happened(env: Env, put: Put) -> None:
    (found,) = imports(env, put({"acme.py": "import _acme\n", "_acme.py": SEGFAULT})).findings[:1]
    assert f"called from {env.site_packages / '_acme.py'}:2 in <module>" in found.hint


def test_an_import_that_does_not_end_is_found_and_the_others_go_on(env: Env, put: Put) -> None:
    checked = imports(env, put({"acme.py": HANG, "other.py": ""}), limit_s=1.0)
    message = "importing it fails: it does not end within 1 s"
    assert brief(checked) == [("IMP503", E, "acme", message)]
    assert checked.findings[0].hint == f"it was at {env.site_packages / 'acme.py'}:1 in <module>"
    assert checked.detail.startswith("other from site-packages")


def test_an_import_that_the_runner_had_to_end_does_not_end_either(env: Env, put: Put) -> None:
    def run(argv: Sequence[str], *, timeout_s: float) -> Ended:  # noqa: ARG001
        return Ended(None, True, b'tox-prodsim: {"begin": 0}\n', b"")

    checked = installed.check_imports(put({"acme.py": ""}), run, env.python, limit_s=2.0).checked
    assert brief(checked) == [("IMP503", E, "acme", "importing it fails: it does not end within 2 s")]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("print('tox-prodsim: {\"end\": 0}\\nand half a line', end='', flush=True)", id="printing"),
        pytest.param("import os\nos.closerange(3, 100)", id="closing low file descriptors"),
        pytest.param("import os\nos.close(1)\nos.close(2)", id="closing stdout and stderr"),
        pytest.param("import sys\nsys.stdout = sys.stderr = None", id="replacing stdout"),
        pytest.param("import os\nos.write = None\nimport json\njson.dumps = None", id="breaking what the probe uses"),
        pytest.param(
            "import threading\nthreading.Thread(target=threading.Event().wait).start()", id="a thread for ever"
        ),
        pytest.param("import atexit, time\natexit.register(time.sleep, 99)", id="an exit handler that hangs"),
        pytest.param("import sys\nassert sys.argv == ['-c']", id="reading the arguments"),
        pytest.param("import os\nassert not os.listdir()", id="looking at the working directory"),
    ],
)
def test_what_an_import_does_to_its_process_does_not_disturb_the_check(env: Env, put: Put, source: str) -> None:
    found = brief(imports(env, put({"acme.py": source, "other.py": ""}), limit_s=10.0))
    assert [each for each in found if each[0] != "IMP521"] == []
    assert [(ended.returncode, ended.timed_out) for ended in env.endings] == [(0, False)]


def test_a_failure_that_another_import_is_to_blame_for_does_not_count(env: Env, put: Put) -> None:
    files = {"acme.py": "import sys\nsys.modules['colorsys'] = None", "other.py": "import colorsys"}
    assert brief(imports(env, put(files))) == []


def test_what_the_probe_imports_does_not_help_a_package_that_forgot_to(env: Env, put: Put) -> None:
    (found,) = imports(env, put({"acme.py": "import importlib\nimportlib.metadata.version('acme')"})).findings
    assert found.message == "importing it fails: AttributeError: module 'importlib' has no attribute 'metadata'"


def test_a_module_that_the_standard_library_has_too_is_found(env: Env, put: Put) -> None:
    subject = put({"colorsys.py": ""}, name="colorsys")
    (found,) = imports(env, subject).findings
    assert (found.code, found.level, found.subject) == ("IMP502", E, "colorsys")
    assert found.message.startswith("is imported from ")
    assert found.message.endswith("colorsys.py instead of the environment's site-packages")


def test_a_package_that_comes_from_a_working_tree_is_found(env: Env, put: Put, tmp_path: Path) -> None:
    subject = put({"acme.py": ""})
    (env.site_packages / "acme.py").unlink()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "acme.py").touch()
    (env.site_packages / "dev.pth").write_text(str(tmp_path / "tree"))
    message = f"is imported from {tmp_path / 'tree' / 'acme.py'} instead of the environment's site-packages"
    assert brief(imports(env, subject)) == [("IMP502", E, "acme", message)]


def test_a_namespace_package_is_imported_at_its_first_regular_part(env: Env, put: Put) -> None:
    checked = imports(env, put({"ns/cloud/acme/__init__.py": ""}, name="ns_cloud_acme"))
    assert (brief(checked), checked.detail) == ([], "ns.cloud.acme from site-packages, no side effects")


# Which top-levels must import


def test_stray_top_levels_are_not_imported(env: Env, put: Put) -> None:
    checked = imports(env, put({"acme.py": "", "tests/__init__.py": "1/0", "setup.py": "1/0"}))
    assert (brief(checked), checked.detail) == ([], "acme from site-packages, no side effects")


def test_a_project_may_be_named_like_a_stray_top_level(env: Env, put: Put) -> None:
    assert (
        imports(env, put({"build/__init__.py": ""}, name="build")).detail == "build from site-packages, no side effects"
    )


def test_a_failure_beside_the_main_top_level_is_a_note(env: Env, put: Put) -> None:
    message = (
        "importing it fails: ModuleNotFoundError: No module named 'pytest_', "
        "but neither the project's name nor a command leads to it"
    )
    checked = imports(env, put({"acme.py": "", "acme_pytest.py": "import pytest_"}))
    assert brief(checked) == [("IMP504", N, "acme_pytest", message)]


def test_a_top_level_behind_a_command_must_import(env: Env, put: Put) -> None:
    files = {"acme.py": "", "acme_server/__init__.py": "1/0", "acme_server/cli.py": ""}
    checked = imports(env, put(files, entry_points="[console_scripts]\nserve = acme_server.cli:main\n"))
    assert [(found.code, found.subject) for found in checked.findings] == [("IMP503", "acme_server")]


def test_a_top_level_behind_a_command_of_an_extra_need_not_import(env: Env, put: Put) -> None:
    files = {"acme.py": "", "acmed.py": "import aiohttp_"}
    checked = imports(env, put(files, entry_points="[console_scripts]\nacmed = acmed:main [d]\n"))
    assert [(found.code, found.level) for found in checked.findings] == [("IMP504", N)]


def test_where_no_name_matches_every_public_top_level_must_import(env: Env, put: Put) -> None:
    checked = imports(env, put({"yaml.py": "1/0", "_yaml.py": "1/0"}, name="pyyaml"))
    assert [(found.code, found.subject) for found in checked.findings] == [("IMP503", "yaml"), ("IMP504", "_yaml")]


def test_where_no_name_matches_one_may_lack_an_optional_dependency_when_another_imports(env: Env, put: Put) -> None:
    checked = imports(env, put({"yaml.py": "", "yaml_numpy.py": "import numpy_"}, name="pyyaml"))
    assert [(found.code, found.subject) for found in checked.findings] == [("IMP504", "yaml_numpy")]


def test_where_no_name_matches_and_nothing_imports_it_is_an_error(env: Env, put: Put) -> None:
    checked = imports(env, put({"yaml.py": "import numpy_", "yaml_numpy.py": "import numpy_"}, name="pyyaml"))
    assert [(found.code, found.subject) for found in checked.findings] == [("IMP503", "yaml"), ("IMP503", "yaml_numpy")]


def test_a_private_part_of_a_namespace_is_not_the_main_one(env: Env, put: Put) -> None:
    files = {"ns/acme/__init__.py": "", "ns/_acme/__init__.py": "import grpc_"}
    checked = imports(env, put(files, name="ns_acme"))
    assert [(found.code, found.subject) for found in checked.findings] == [("IMP504", "ns._acme")]


def test_a_top_level_that_refuses_to_be_imported_in_its_own_words_is_an_error_too(env: Env, put: Put) -> None:
    (found,) = imports(env, put({"acme.py": "raise ImportError('other is too old')"})).findings
    assert (found.code, found.level, found.message) == (
        "IMP503",
        E,
        "importing it fails: ImportError: other is too old",
    )


# Versions


def test_a_version_that_contradicts_metadata_is_found(env: Env, put: Put) -> None:
    message = "__version__ is '0.9', but METADATA says 1.0"
    assert brief(imports(env, put({"acme.py": "__version__ = '0.9'"}))) == [("VER303", E, "acme", message)]


@pytest.mark.parametrize(
    ("source", "version"),
    [
        pytest.param("__version__ = '1.0.0'", "1.0", id="written otherwise"),
        pytest.param("__version__ = '1.0-rc.1'", "1.0rc1", id="a pre-release written otherwise"),
        pytest.param("__version__ = '1.0+cu118'", "1.0", id="a local part"),
        pytest.param("__version__ = '1.0 (dt dec pq3)'", "1.0", id="words behind it"),
        pytest.param("__version__ = (0, 9)", "1.0", id="no text"),
        pytest.param("", "1.0", id="absent"),
        pytest.param("def __getattr__(name): raise RuntimeError", "1.0", id="not readable"),
        pytest.param(
            "import warnings\nwarnings.simplefilter('error')\n"
            "def __getattr__(name):\n    warnings.warn('old', DeprecationWarning)\n    return '1.0'",
            "1.0",
            id="deprecated",
        ),
    ],
)
def test_a_version_that_agrees_or_is_none_passes(env: Env, put: Put, source: str, version: str) -> None:
    assert brief(imports(env, put({"acme.py": source}, version=version))) == []


def test_a_deprecated_version_is_compared(env: Env, put: Put) -> None:
    source = (
        "import warnings\nwarnings.simplefilter('error')\n"
        "def __getattr__(name):\n    warnings.warn('old', DeprecationWarning)\n    return '0.9'"
    )
    assert [found.code for found in imports(env, put({"acme.py": source})).findings] == ["VER303"]


def test_the_version_of_another_top_level_is_its_own_affair(env: Env, put: Put) -> None:
    assert brief(imports(env, put({"acme.py": "", "vendored.py": "__version__ = '7.3'"}))) == []


def test_the_version_of_a_module_named_otherwise_is_only_a_warning(env: Env, put: Put) -> None:
    subject = put({"cv2.py": "__version__ = '4.7'"}, name="opencv", version="4.8.0.74")
    assert [(found.code, found.level) for found in imports(env, subject).findings] == [("VER303", W)]


def test_the_version_of_a_module_named_otherwise_may_be_a_part_of_that_of_the_project(env: Env, put: Put) -> None:
    assert brief(imports(env, put({"cv2.py": "__version__ = '4.8.0'"}, name="opencv", version="4.8.0.74"))) == []


def test_a_module_named_like_the_project_may_not_have_only_a_part_of_the_version(env: Env, put: Put) -> None:
    subject = put({"acme.py": "__version__ = '1.0'"}, version="1.0.1")
    assert [(found.code, found.level) for found in imports(env, subject).findings] == [("VER303", E)]


def test_a_post_release_of_the_same_software_is_only_noted(env: Env, put: Put) -> None:
    message = "__version__ is '2.0', but METADATA says 2.0.post1"
    subject = put({"acme.py": "__version__ = '2.0'"}, version="2.0.post1")
    assert brief(imports(env, subject)) == [("VER303", N, "acme", message)]
    other = put({"acme.py": "__version__ = '1.9'"}, version="2.0.post2")
    assert [(found.code, found.level) for found in imports(env, other).findings] == [("VER303", E)]
    unreleased = put({"acme.py": "__version__ = '2.0'"}, version="2.0.post3.dev1")
    assert [(found.code, found.level) for found in imports(env, unreleased).findings] == [("VER303", E)]


# Entry points

CLI = "import sys\ndef main():\n    assert sys.argv[1:] == ['--help']\n    print('usage: acme')\n"
SCRIPT = "[console_scripts]\nacme = acme:main\n"
POINT = "[console_scripts] acme = acme:main"


def test_commands_that_load_and_answer_help_pass(env: Env, put: Put) -> None:
    points = SCRIPT + "acme2 = acme:main\n[acme.plugins]\nx = acme\n"
    checked = scripts(env, put({"acme.py": CLI}, entry_points=points))
    detail = "2 scripts load and answer --help, 1 other entry point loads"
    assert checked == Checked(
        detail=detail,
        codes=("ENT510", "ENT511", "ENT512", "ENT513", "VER306"),
        not_checked=(("ENT514", "no folders to look at"),),
    )


def test_a_wheel_without_commands_says_so(env: Env, put: Put) -> None:
    checked = scripts(env, put())
    assert (checked.detail, checked.codes, env.argvs) == ("no console scripts", (), [])
    assert checked.not_checked == (
        ("ENT510", "no commands"),
        ("ENT511", "no entry points but commands"),
        ("ENT512", "no console scripts"),
        ("ENT513", "no console scripts"),
        ("ENT514", "no console scripts"),
        ("VER306", "no console scripts"),
    )


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        pytest.param(
            "def mian(): ...",
            "does not load: AttributeError: module 'acme' has no attribute 'main'",
            "define main in acme, or correct the entry point in pyproject.toml",
            id="a function that is not there",
        ),
        pytest.param(
            "main = 1",
            "names something that cannot be called",
            "let the entry point name a function",
            id="no function",
        ),
        pytest.param(
            "import numpy_",
            "does not load: ModuleNotFoundError: No module named 'numpy_'",
            "declare the distribution that provides numpy_ in dependencies, or import it only where it is needed",
            id="a dependency that is not declared",
        ),
    ],
)
def test_a_command_that_does_not_load_is_found_and_not_run(
    env: Env, put: Put, source: str, message: str, hint: str
) -> None:
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT))
    assert brief(checked) == [("ENT510", E, POINT, message)]
    assert checked.findings[0].hint == hint
    assert checked.detail == "0 of 1 script loads and answers --help"
    assert not [argv for argv in env.argvs if "--help" in argv]


def test_a_command_whose_module_nobody_shipped_is_the_same_finding_as_in_the_wheel(env: Env, put: Put) -> None:
    subject = put({"acme/__init__.py": ""}, entry_points="[console_scripts]\nacme = acme.cli:main\n")
    (found,) = scripts(env, subject).findings
    assert (found.code, found.subject) == ("ENT510", "[console_scripts] acme = acme.cli:main")


def test_a_command_that_ends_the_interpreter_is_found_and_the_others_go_on(env: Env, put: Put) -> None:
    files = {"acme.py": CLI, "bad.py": SEGFAULT, "slow.py": HANG}
    points = "[console_scripts]\nbad = bad:main\nslow = slow:main\nacme = acme:main\n"
    checked = scripts(env, put(files, entry_points=points), limit_s=1.0)
    assert brief(checked) == [
        ("ENT510", E, "[console_scripts] bad = bad:main", "does not load: the interpreter died with SIGSEGV"),
        ("ENT510", E, "[console_scripts] slow = slow:main", "does not load: it does not end within 1 s"),
    ]
    assert checked.detail == "1 of 3 scripts load and answer --help"


def test_a_command_that_was_not_installed_is_found(env: Env, put: Put) -> None:
    subject = put({"acme.py": CLI}, entry_points=SCRIPT)
    (env.scripts_dir / "acme").unlink()
    assert brief(scripts(env, subject)) == [("ENT510", E, POINT, f"there is no acme in {env.scripts_dir}")]


def test_a_command_that_cannot_be_started_is_found(env: Env, put: Put) -> None:
    subject = put({"acme.py": CLI}, entry_points=SCRIPT)
    (env.scripts_dir / "acme").chmod(0o644)
    (found,) = scripts(env, subject).findings
    assert (found.code, found.level) == ("ENT510", E)
    assert found.message.startswith("does not start: ")


def test_a_command_of_an_extra_is_a_note_while_the_extra_was_not_requested(env: Env, put: Put) -> None:
    options = {"files": {"acme.py": "import aiohttp_"}, "entry_points": "[console_scripts]\nacme = acme:main [d]\n"}
    message = "needs the extra d, which was not asked for: ModuleNotFoundError: No module named 'aiohttp_'"
    assert brief(scripts(env, put(**options))) == [("ENT510", N, POINT, message)]
    message = "does not load: ModuleNotFoundError: No module named 'aiohttp_'"
    assert brief(scripts(env, put(**options, extras=("d",)))) == [("ENT510", E, POINT, message)]


@pytest.mark.parametrize(("extra", "level"), [("conch", W), ("dev", E), ("all-tests", E)])
def test_a_command_that_lacks_what_an_extra_for_users_brings_is_a_warning(
    env: Env, put: Put, extra: str, level: Level
) -> None:
    requires = [f"bcrypt_; extra == '{extra}'"]
    checked = scripts(env, put({"acme.py": "import bcrypt_"}, entry_points=SCRIPT, requires=requires))
    message = "does not load: ModuleNotFoundError: No module named 'bcrypt_'"
    assert brief(checked) == [("ENT510", level, POINT, message)]


def test_a_command_that_declines_to_run_without_an_extra_is_a_note(env: Env, put: Put) -> None:
    source = "try:\n    import click_\nexcept ImportError:\n    raise SystemExit('pip install acme[cli]')\n"
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT))
    assert brief(checked) == [("ENT510", N, POINT, "ends of its own accord, because click_ is not installed")]


@pytest.mark.parametrize(
    ("body", "level", "message", "hint"),
    [
        pytest.param("1/0", W, "exited with 1", "its last words: ZeroDivisionError: division by zero", id="traceback"),
        pytest.param("return 3", W, "exited with 3", "run acme --help by hand", id="silence"),
        pytest.param(
            "import os; os.kill(os.getpid(), 15)", W, "died with SIGTERM", "run acme --help by hand", id="a signal"
        ),
        pytest.param(
            "print('Usage: acme FILE'); return 2",
            N,
            "exited with 2",
            "its last words: Usage: acme FILE",
            id="its usage",
        ),
        pytest.param(
            "print('usage: acme {generate}'); return 32",
            N,
            "exited with 32",
            "its last words: usage: acme {generate}",
            id="its usage, with an exit code of its own",
        ),
        pytest.param(
            "print('usage: acme', flush=True); 1/0",
            W,
            "exited with 1",
            "its last words: ZeroDivisionError: division by zero",
            id="its usage and a traceback",
        ),
        pytest.param(
            "return 'pip install acme[cli]'",
            N,
            "exited with 1",
            "its last words: pip install acme[cli]",
            id="the extra that it needs",
        ),
        pytest.param(
            "return 'pip install acme[other]'",
            W,
            "exited with 1",
            "its last words: pip install acme[other]",
            id="an extra that does not exist",
        ),
    ],
)
def test_a_command_that_does_not_answer_help_is_found(
    env: Env, put: Put, body: str, level: Level, message: str, hint: str
) -> None:
    source = f"def main():\n    {body}\n"
    checked = scripts(env, put({"acme.py": source}, entry_points=SCRIPT, requires=["click; extra == 'cli'"]))
    assert checked.findings == (
        Finding(code="ENT512", level=level, subject=POINT, message=f"--help {message}", hint=hint),
    )


def test_help_that_does_not_end_is_found(env: Env, put: Put) -> None:
    subject = put({"acme.py": f"def main():\n    {HANG}"}, entry_points=SCRIPT)
    assert brief(scripts(env, subject, help_limit_s=0.5)) == [("ENT512", W, POINT, "--help does not end within 0.5 s")]


def test_a_command_with_a_window_is_loaded_but_not_run(env: Env, put: Put) -> None:
    checked = scripts(env, put({"acme.py": CLI}, entry_points="[gui_scripts]\nacme = acme:main\n"))
    assert (checked.codes, brief(checked)) == (("ENT510",), [])
    assert not [argv for argv in env.argvs if "--help" in argv]


def test_a_plugin_that_does_not_load_is_a_warning(env: Env, put: Put) -> None:
    checked = scripts(env, put(entry_points="[acme.plugins]\ncsv = acme.csv:Format\n"))
    message = "does not load: ModuleNotFoundError: No module named 'acme.csv'"
    assert brief(checked) == [("ENT511", W, "[acme.plugins] csv = acme.csv:Format", message)]
    assert checked.detail == "no console scripts, 0 of 1 other entry point loads"


def test_a_plugin_of_a_host_that_is_not_installed_is_a_note(env: Env, put: Put) -> None:
    checked = scripts(env, put({"acme.py": "import pytest_"}, entry_points="[pytest11]\nacme = acme\n"))
    message = "was not loaded, because pytest_ is not installed"
    assert brief(checked) == [("ENT511", N, "[pytest11] acme = acme", message)]


def test_a_plugin_that_says_in_its_own_words_that_its_host_is_absent_is_a_note(env: Env, put: Put) -> None:
    source = (
        "class NotEnabled(Exception): ...\ntry:\n    import pytest_\nexcept ImportError:\n    raise NotEnabled('!')\n"
    )
    checked = scripts(env, put({"acme.py": source}, entry_points="[pytest11]\nacme = acme\n"))
    message = "was not loaded, because pytest_ is not installed"
    assert brief(checked) == [("ENT511", N, "[pytest11] acme = acme", message)]


def test_a_plugin_that_names_a_module_as_an_attribute_is_a_note(env: Env, put: Put) -> None:
    files = {"acme/__init__.py": "", "acme/csv.py": ""}
    checked = scripts(env, put(files, entry_points="[acme.plugins]\ncsv = acme:csv\n"))
    point, message = "[acme.plugins] csv = acme:csv", "loads only once something has imported acme.csv"
    assert brief(checked) == [("ENT511", N, point, message)]
    assert checked.findings[0].hint == "write it as csv = acme.csv"


def test_an_error_of_ours_does_not_pass_for_an_absent_host(env: Env, put: Put) -> None:
    source = "try:\n    import pytest_\nexcept ImportError:\n    open('/nonexistent')\n"
    checked = scripts(env, put({"acme.py": source}, entry_points="[pytest11]\nacme = acme\n"))
    assert [(found.code, found.level) for found in checked.findings] == [("ENT511", W)]


# The environment's Python


def test_more_items_than_one_process_takes_are_all_answered(env: Env, put: Put) -> None:
    checked = imports(env, put({f"acme{number:03}.py": "" for number in range(450)}))
    detail = "acme000, acme001, acme002 and 447 more from site-packages, no side effects"
    assert (checked.detail, len(env.argvs)) == (detail, 3)


def test_a_python_that_does_not_run_is_one_line(env: Env) -> None:
    def run(argv: Sequence[str], *, timeout_s: float) -> Ended:  # noqa: ARG001
        return Ended(-signal.SIGILL, False, b"", b"")

    with pytest.raises(ProdsimError, match=r"python: cannot be asked what is installed: it died with SIGILL$"):
        installed.check_distribution(Subject(name="acme", version="1.0"), run, env.python)


def test_the_probe_sees_the_markers_that_packaging_sees() -> None:
    request = json.dumps({"limit_s": 30, "budget_s": None, "items": [{"kind": "survey", "name": "acme"}]})
    ran = subprocess.run([sys.executable, "-I", PROBE, request], capture_output=True, check=True)
    answer = json.loads(ran.stdout.splitlines()[-1].removeprefix(b"tox-prodsim: "))
    assert answer["environment"] == dict(default_environment())
