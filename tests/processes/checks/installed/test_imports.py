"""Imports of the top-levels, which of them must import, and their versions."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.installed import HANG, SEGFAULT, E, N, Put, W, brief, imports
from support.wheels import Ended, Env, wheel

from tox_prodsim.checks import installed
from tox_prodsim.model.answers import mark
from tox_prodsim.model.findings import CheckResult, Finding
from tox_prodsim.model.runner import CHILD_SCRIPTS


def test_top_levels_that_import_from_site_packages_pass(env: Env, put: Put) -> None:
    checked = imports(env, put({"acme/__init__.py": "__version__ = '1.0'", "acme_core.py": ""}))
    codes = ("IMP501", "IMP502", "IMP503", "IMP506", "VER303", "IMP520", "IMP521", "IMP522", "IMP523", "IMP524")
    assert checked == CheckResult(detail="acme, acme_core from site-packages, no side effects", codes=codes)


def test_all_top_levels_are_imported_in_one_process(env: Env, put: Put) -> None:
    imports(env, put({"acme.py": "", "b.py": "", "c.py": "", "d.py": ""}))
    assert len(env.argvs) == 1


def test_what_is_reported_as_not_the_projects_is_not_imported(env: Env, put: Put) -> None:
    wrong = dict.fromkeys(["utils/__init__.py", "config.py", "tests/__init__.py", "setup.py"], "1 / 0")
    assert imports(env, put({"acme.py": "", **wrong})).detail == "acme from site-packages, no side effects"


def test_a_general_name_is_the_projects_if_there_is_no_other(env: Env, put: Put) -> None:
    assert imports(env, put({"utils/__init__.py": ""})).detail == "utils from site-packages, no side effects"


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
            reason="ModuleNotFoundError: No module named 'numpy_' at acme/a.py:2",
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
            "pkg_resources comes with setuptools before version 82, which a fresh environment lacks: "
            "use importlib.metadata and importlib.resources, or require setuptools<82",
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
        pytest.param(
            "import os\nprint('no licence', flush=True)\nos._exit(1)\n", "exited with 1: no licence", id="a reason"
        ),
        pytest.param("import os\nos.kill(os.getpid(), 9)\n", "died with SIGKILL", id="a signal"),
        pytest.param(
            "import os\nos.closerange(3, 1024)\n",
            "closed a file descriptor that does not belong to the package",
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
        return Ended(None, True, mark(json.loads(argv[-1])["nonce"]) + b'{"begin": 0, "pid": 1}\n', b"")

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
    assert [each for each in found if each[0] not in {"IMP521", "IMP523"}] == []
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


# which top-levels must import


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


# versions


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


def test_the_own_line_comes_before_that_of_a_dependency(env: Env, put: Put, tmp_path: Path) -> None:
    env.install(wheel(tmp_path, name="Lib_X", version="3.0", files={"lib_x.py": "\ndef check():\n    1 / 0\n"}))
    files = {"acme/__init__.py": "from acme import rules", "acme/rules.py": "import lib_x\n\nlib_x.check()\n"}
    (found,) = imports(env, put(files, requires=["lib-x"])).findings
    assert (found.file, found.line) == ("acme/rules.py", 3)
    message = "ZeroDivisionError: division by zero, raised in Lib_X 3.0 (lib_x.py:3)"
    assert found.message == f"importing it fails: {message}"


def test_a_dependency_that_fails_to_import_is_named_with_its_version(env: Env, put: Put, tmp_path: Path) -> None:
    env.install(wheel(tmp_path, name="lib_x", version="3.0", files={"lib_x/__init__.py": "from json import gone_"}))
    (found,) = imports(env, put({"acme/__init__.py": "\nimport lib_x"}, requires=["lib-x"])).findings
    assert (found.file, found.line) == ("acme/__init__.py", 2)
    assert found.message.endswith(", raised in lib_x 3.0 (lib_x/__init__.py:1)")


def test_a_folder_of_packages_need_not_exist(env: Env, tmp_path: Path) -> None:
    """Debian's Python names ``dist-packages`` in an environment that has none."""
    code = f"import owners; print([owners.owner({str(tmp_path / 'none' / 'x.py')!r}, [{str(tmp_path / 'none')!r}])])"
    ran = subprocess.run([env.python, "-c", code], cwd=CHILD_SCRIPTS, capture_output=True, text=True, check=True)
    assert ran.stdout == "['']\n"


def test_an_attribute_that_a_dependency_dropped_is_said_with_its_version(env: Env, put: Put, tmp_path: Path) -> None:
    env.install(wheel(tmp_path, name="lib_x", version="3.0", files={"lib_x/__init__.py": ""}))
    (found,) = imports(env, put({"acme/__init__.py": "import lib_x\nlib_x.old"}, requires=["lib-x"])).findings
    assert found.hint == "adapt to lib_x 3.0, or bound its version"


def test_a_plugin_without_its_host_is_a_note(env: Env, put: Put) -> None:
    metadata = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nClassifier: Framework :: Sphinx :: Extension\n"
    (found,) = imports(env, put({"acme/__init__.py": "import docutils_", "acme/a.py": ""}, metadata=metadata)).findings
    assert (found.code, found.level) == ("IMP503", E)
    (found,) = imports(env, put({"acme/__init__.py": "import sphinx.ext_"}, metadata=metadata)).findings
    assert (found.code, found.level, found.hint) == (
        "IMP506", N, "to have it checked, add sphinx to deps of this environment",
    )  # fmt: skip


def test_a_declared_setuptools_that_lacks_pkg_resources_is_not_to_be_declared(env: Env, put: Put) -> None:
    (found,) = imports(env, put({"acme/__init__.py": "import pkg_resources"}, requires=["setuptools"])).findings
    assert found.hint == (
        "setuptools has no pkg_resources since version 82: "
        "use importlib.metadata and importlib.resources, or require setuptools<82"
    )


FORGE = """\
import json, os
request = json.loads(open("/proc/self/cmdline", "rb").read().split(b"\\0")[-2])
mark = "tox-prodsim %s: " % request["nonce"]
for fd in range(200, 210):
    try:
        os.write(fd, (mark + {answer!r} % os.getpid() + "\\n").encode())
    except OSError:
        pass
{then}
"""
LOADED = '{"end": 0, "outcome": "loaded", "elsewhere": "", "version": "1.0", "callable": false, "pid": %d}'


@pytest.mark.parametrize(
    ("answer", "then", "how"),
    [
        pytest.param(LOADED, "", "answered twice", id="double"),
        pytest.param(LOADED, "raise ValueError('broken')", "answered twice", id="the opposite"),
        pytest.param('{"end": 0, "pid": %d}', "", "gave no valid answer", id="an answer without an outcome"),
        pytest.param('{"end": 0, "outcome": "loaded", "pid": %d', "", "gave no valid answer", id="half a record"),
        pytest.param('{"end": 1, "outcome": "loaded", "pid": %d}', "", "gave no valid answer", id="not asked"),
        pytest.param(LOADED.replace('"1.0"', "1.0"), "", "gave no valid answer", id="a number for a text"),
    ],
)
def test_an_import_that_answers_for_itself_is_a_failure(env: Env, put: Put, answer: str, then: str, how: str) -> None:
    checked = imports(env, put({"acme.py": FORGE.format(answer=answer, then=then)}))
    [(code, level, _, message), *_] = brief(checked)
    assert (code, level) == ("IMP501", E)
    assert message.startswith(f"importing it fails: the interpreter {how}")


def test_an_import_that_forks_is_answered_once_and_at_once(env: Env, put: Put) -> None:
    began = time.monotonic()
    checked = imports(env, put({"acme.py": "import os\nif not os.fork():\n    pass\n"}))
    assert checked.detail.startswith("acme from site-packages")
    assert time.monotonic() - began < 50, "the fork held the helper until its limit of 60 s"


def test_an_exception_with_odd_attributes_is_answered(env: Env, put: Put) -> None:
    odd = "problem = ModuleNotFoundError('gone')\nproblem.name = 7\nproblem.path = [1]\nraise problem\n"
    assert [each[0] for each in brief(imports(env, put({"acme.py": odd})))] == ["IMP503"]


def test_only_so_many_processes_are_started_for_imports_that_end_them(
    env: Env, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tox_prodsim.checks.installed.probe._MOST_PROCESSES", 3)
    sources = {f"a{number}.py": "import os\nos._exit(3)\n" for number in range(6)}
    found = [message for *_, message in brief(imports(env, put(sources)))]
    assert len(env.endings) <= 6
    assert sum("the interpreter exited with 3" in message for message in found) == 3
    assert sum("the interpreter was not started again: 3 others have ended it" in message for message in found) == 3
