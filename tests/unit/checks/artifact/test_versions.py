"""What a wheel says of versions: of itself, and of the Pythons that it runs on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support.wheels import Ended, wheel

from tox_prodsim.checks.artifact import Wheel, check_syntax, check_versions, open_wheel
from tox_prodsim.model.findings import CheckResult, Level
from tox_prodsim.plugin.context.build import _tested_pythons

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
WALRUS = "x = (y := 1)\n"
BROKEN = "def f(:\n"


def opened(
    folder: Path, *classified: str, requires: str = "", version: str = "1.0", more: str = "", **options: object
) -> Wheel:
    """Return a wheel with classifiers for these Pythons."""
    lines = ["Metadata-Version: 2.1", "Name: acme", f"Version: {version}"]
    lines += [f"Classifier: Programming Language :: Python :: {python}" for python in classified]
    lines += [f"Requires-Python: {requires}"] if requires else []
    text = "\n".join([*lines, more]).rstrip() + "\n"
    return open_wheel(wheel(folder, version=version, metadata=text, **options))  # type: ignore[arg-type]


def brief(checked: CheckResult) -> list[tuple[str, Level, str, str]]:
    return [(each.code, each.level, each.subject, each.message) for each in checked.findings]


# classifiers, Requires-Python, tags


def test_a_classifier_that_requires_python_excludes_is_found(tmp_path: Path) -> None:
    ours = opened(tmp_path, "3", "3 :: Only", "3.9", "3.11", "3.12", requires=">=3.9,<3.11")
    message = "a classifier claims it, but Requires-Python >=3.9,<3.11 excludes it"
    assert brief(check_versions(ours, None)) == [("VER301", E, "Python 3.11, 3.12", message)]


@pytest.mark.parametrize("requires", [">=3.9", ">=3.9,<4", ">=3.9.1", "!=3.9.7,>=3.8", ">3.8", "~=3.9", "==3.*", ""])
def test_a_classifier_of_which_some_release_fits_is_none(tmp_path: Path, requires: str) -> None:
    assert brief(check_versions(opened(tmp_path, "3.9", "3.12", requires=requires), None)) == []


@pytest.mark.parametrize(
    ("tag", "requires", "fits"),
    [
        ("cp38-cp38-linux_x86_64", ">=3.9", False),
        ("py2-none-any", ">=3.8", False),
        ("cp38-abi3-linux_x86_64", ">=3.9", True),
        ("py2.py3-none-any", ">=3.8", True),
        ("py36.py37-none-any", ">=3.9", True),
        ("cp311-cp311-linux_x86_64", ">=3.9", True),
    ],
)
def test_some_python_fits_both_the_tags_and_requires_python(
    tmp_path: Path, tag: str, requires: str, *, fits: bool
) -> None:
    ours = opened(tmp_path, requires=requires, tag=tag)
    message = f"no Python takes a wheel of this name that Requires-Python {requires} lets in"
    assert brief(check_versions(ours, None)) == ([] if fits else [("VER301", E, ours.file_name, message)])


def test_a_local_version_is_found(tmp_path: Path) -> None:
    found = ("VER302", W, "1.0+g3f2a1c9", "is a local version, which PyPI refuses")
    assert brief(check_versions(opened(tmp_path, version="1.0+g3f2a1c9"), None)) == [found]
    private = opened(tmp_path, version="1.0+g3f2a1c9", more="Classifier: Private :: Do Not Upload")
    assert [each.level for each in check_versions(private, None).findings] == [N]


# env_list


def test_what_is_claimed_and_what_is_tested_are_compared_both_ways(tmp_path: Path) -> None:
    ours = opened(tmp_path, "3.9", "3.10", "3.11")
    assert brief(check_versions(ours, frozenset({"3.11", "3.12"}))) == [
        ("VER304", N, "Python 3.9, 3.10", "a classifier claims it, but no environment of env_list tests it"),
        ("VER304", N, "Python 3.12", "env_list tests it, but no classifier claims it"),
    ]
    same = check_versions(ours, frozenset({"3.9", "3.10", "3.11"}))
    assert (same.findings, same.codes, same.not_checked) == ((), ("VER301", "VER302", "VER304"), ())


@pytest.mark.parametrize(
    ("classified", "tested", "reason"),
    [
        (["3.9"], None, "env_list names no Python version"),
        (["3"], frozenset({"3.9"}), "no classifier names one"),
    ],
)
def test_with_nothing_to_compare_it_is_not_called_checked(
    tmp_path: Path, classified: list[str], tested: frozenset[str] | None, reason: str
) -> None:
    checked = check_versions(opened(tmp_path, *classified), tested)
    assert (checked.codes, checked.not_checked) == (("VER301", "VER302"), (("VER304", reason),))


def test_the_names_of_environments_say_which_pythons_are_tested() -> None:
    names = ["py39", "3.10", "py3.11-prodsim", "lint-cp312", "3.13t", "pypy38", "py", "py3", "lint", "a312"]
    assert _tested_pythons(names) == {"3.9", "3.10", "3.11", "3.12", "3.13", "3.8"}
    assert _tested_pythons(["py", "lint", "prodsim"]) is None


# syntax


class Machine:
    """Runs what it is told to; a Python of ``absent`` cannot be started."""

    def __init__(self, *absent: str) -> None:
        self.absent = absent
        self.asked: list[str] = []

    def __call__(self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = {}) -> Ended:
        self.asked.append(argv[0])
        if argv[0] in self.absent:
            return Ended(127, False, b"", b"not found")
        ran = subprocess.run(argv, capture_output=True, timeout=timeout_s, check=False, env={**variables})
        return Ended(ran.returncode, False, ran.stdout, ran.stderr)


@pytest.fixture(autouse=True)
def _nothing_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def checked(folder: Path, files: Mapping[str, str], requires: str = f">={HERE}", **options: object) -> CheckResult:
    ours = opened(folder, requires=requires, files=files, **options)
    return check_syntax(ours, Machine(), Path(sys.executable))


def test_a_module_that_the_oldest_python_does_not_understand_is_found(tmp_path: Path) -> None:
    (found,) = checked(tmp_path, {"acme/__init__.py": "from acme import web\n", "acme/web.py": f"\n{BROKEN}"}).findings
    assert (found.code, found.level, found.subject) == ("VER305", E, "acme/web.py")
    assert (found.file, found.line) == ("acme/web.py", 2)
    assert found.message == f"is no valid Python {HERE}, the oldest that the wheel claims: invalid syntax"


def test_the_evidence_says_whether_the_very_python_compiled_it(tmp_path: Path) -> None:
    assert checked(tmp_path, {"acme.py": WALRUS}).detail == f"compiles on {HERE}"
    assert checked(tmp_path, {"acme.py": "x = 1\n"}, ">=3.7").detail == "parses as 3.7"


def test_a_newer_python_sees_what_an_older_one_did_not_know(tmp_path: Path) -> None:
    found = brief(checked(tmp_path, {"acme.py": WALRUS}, ">=3.7"))
    message = (
        "is no valid Python 3.7, the oldest that the wheel claims: "
        "Assignment expressions are only supported in Python 3.8 and greater"
    )
    assert found == [("VER305", E, "acme.py", message)]
    assert brief(checked(tmp_path, {"acme.py": WALRUS}, ">=3.8")) == []


@pytest.mark.parametrize(
    ("init", "level"),
    [
        ("from .web import app\n", E),
        ("from . import web\n", E),
        ("import acme.web\n", E),
        ("from acme.sub import x\n", E),
        ("try:\n    from . import web\nexcept ImportError:\n    web = None\n", E),
        ("try:\n    from . import web\nexcept Exception:\n    web = None\n", N),
        ("import sys\nif sys.version_info >= (3, 99):\n    from . import web\n", N),
        ("def serve():\n    from . import web\n", N),
        ("", N),
    ],
)
def test_only_what_is_imported_whatever_the_circumstances_is_an_error(tmp_path: Path, init: str, level: Level) -> None:
    files = {"acme/__init__.py": init, "acme/sub/__init__.py": "from .. import web\n", "acme/web.py": BROKEN}
    (found,) = checked(tmp_path, files).findings
    assert (found.level, found.subject) == (level, "acme/web.py")


def test_a_module_behind_a_command_is_imported(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "", "acme/cli.py": BROKEN}
    (found,) = checked(tmp_path, files, entry_points="[console_scripts]\nacme = acme.cli:main\n").findings
    assert found.level is E


def test_what_is_no_module_is_not_looked_at(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "", "acme/templates/{{name}}/main.py": BROKEN, "acme/bad-names/x.py": BROKEN}
    assert brief(checked(tmp_path, files)) == []


def test_broken_modules_of_one_kind_are_one_finding(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "", "acme/a.py": BROKEN, "acme/b.py": BROKEN}
    assert [each[:3] for each in brief(checked(tmp_path, files))] == [("VER305", N, "acme/a.py and 1 more")]


@pytest.mark.parametrize(
    ("tag", "requires", "reason"),
    [
        ("py3-none-any", "", "neither Requires-Python nor the tags say which Python is the oldest"),
        ("py2.py3-none-any", ">=2.7", "no Python 2.7 was found, and none that could speak for it"),
        ("py3-none-any", ">=3.39", "no Python 3.39 was found, and none that could speak for it"),
    ],
)
def test_without_a_python_that_can_tell_it_is_not_checked(tmp_path: Path, tag: str, requires: str, reason: str) -> None:
    found = checked(tmp_path, {"acme.py": ""}, requires, tag=tag)
    assert (found.codes, found.not_checked) == ((), (("VER305", reason),))


@pytest.mark.parametrize(
    ("tag", "requires", "evidence"),
    [
        ("cp38-abi3-linux_x86_64", "", "parses as 3.8"),
        ("cp39-cp39-linux_x86_64", ">=3.7", "parses as 3.9"),
        ("py2.py3-none-any", ">=3.8", "parses as 3.8"),
    ],
)
def test_the_tags_say_which_python_is_the_oldest_too(tmp_path: Path, tag: str, requires: str, evidence: str) -> None:
    assert checked(tmp_path, {"acme.py": ""}, requires, tag=tag).detail == evidence


def test_the_python_on_path_is_asked_first_and_one_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "bin" / "python3.8"
    shim.parent.mkdir()
    shim.touch(0o755)
    machine = Machine(str(shim))
    ours = opened(tmp_path, requires=">=3.8", files={"acme.py": ""})
    assert check_syntax(ours, machine, Path(sys.executable)).detail == "parses as 3.8"
    assert machine.asked == [str(shim), sys.executable]
