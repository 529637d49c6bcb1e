"""Whether the modules of a wheel are valid in the oldest Python that it claims."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest
from support.versions import opened
from support.wheels import Ended

from tox_prodsim.checks.artifact import Tried, check_syntax
from tox_prodsim.model.findings import CheckResult, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
WALRUS = "x = (y := 1)\n"
BROKEN = "def f(:\n"


def brief(checked: CheckResult) -> list[tuple[str, Level, str, str]]:
    return [(each.code, each.level, each.subject, each.message) for each in checked.findings]


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
    assert (
        found.message == f"is not valid Python {HERE} syntax, the oldest version that the wheel claims: invalid syntax"
    )


def test_the_evidence_says_whether_the_very_python_compiled_it(tmp_path: Path) -> None:
    assert checked(tmp_path, {"acme.py": WALRUS}).detail == f"compiles on Python {HERE}"
    assert checked(tmp_path, {"acme.py": "x = 1\n"}, ">=3.7").detail == "syntax valid for Python 3.7"


def test_a_newer_python_sees_what_an_older_one_did_not_know(tmp_path: Path) -> None:
    found = brief(checked(tmp_path, {"acme.py": WALRUS}, ">=3.7"))
    message = (
        "is not valid Python 3.7 syntax, the oldest version that the wheel claims: "
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
    ("ended", "reason"),
    [
        pytest.param(Ended(-9, False, b"", b""), "was ended by a signal while it read the modules", id="a signal"),
        pytest.param(Ended(None, True, b"", b""), "took longer than 120 s to read the modules", id="the time limit"),
    ],
)
def test_a_python_that_did_not_come_to_its_end_is_not_said_to_be_absent(
    tmp_path: Path, ended: Ended, reason: str
) -> None:
    wheel = opened(tmp_path, requires=f">={HERE}", files={"acme/__init__.py": ""})
    result = check_syntax(wheel, Mock(return_value=ended), Path(sys.executable))
    assert result.not_checked == (("VER305", f"{Path(sys.executable).name} {reason}"),)


@pytest.mark.parametrize(
    ("tag", "requires", "reason"),
    [
        ("py3-none-any", "", "neither Requires-Python nor the tags say which Python is the oldest"),
        ("py2.py3-none-any", ">=2.7", "no Python 2.7 was found, and no newer one that can check it"),
        ("py3-none-any", ">=3.39", "no Python 3.39 was found, and no newer one that can check it"),
    ],
)
def test_without_a_python_that_can_tell_it_is_not_checked(tmp_path: Path, tag: str, requires: str, reason: str) -> None:
    found = checked(tmp_path, {"acme.py": ""}, requires, tag=tag)
    assert (found.codes, found.not_checked) == ((), (("VER305", reason),))


@pytest.mark.parametrize(
    ("tag", "requires", "evidence"),
    [
        ("cp38-abi3-linux_x86_64", "", "syntax valid for Python 3.8"),
        ("cp39-cp39-linux_x86_64", ">=3.7", "syntax valid for Python 3.9"),
        ("py2.py3-none-any", ">=3.8", "syntax valid for Python 3.8"),
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
    assert check_syntax(ours, machine, Path(sys.executable)).detail == "syntax valid for Python 3.8"
    assert machine.asked == [str(shim), sys.executable]


@pytest.mark.parametrize(
    ("file", "level"),
    [("acme/web.py", E), ("acme/old.py", N), ("acme/_py312.py", N), ("acme/_python3_13.py", N)],
)
def test_a_module_that_imports_elsewhere_is_an_error_unless_it_is_named_for_a_newer_python(
    tmp_path: Path, file: str, level: Level
) -> None:
    ours = opened(tmp_path, requires=f">={HERE}", files={"acme/__init__.py": "", file: BROKEN})
    found = check_syntax(ours, Machine(), Path(sys.executable), is_needed=lambda name: name != "acme.old").findings
    assert [(each.level, each.subject) for each in found] == [(level, file)]


def test_what_is_too_large_is_passed_over_and_named_and_the_others_are_checked(tmp_path: Path) -> None:
    files = {"acme/names.py": "a = b + c\n" * 500_000, "acme/long.py": "#" * 16_000_001, "acme/old.py": BROKEN}
    found = checked(tmp_path, {"acme/__init__.py": "import acme.old\n", **files})
    assert [each.subject for each in found.findings] == ["acme/old.py"]
    ((code, reason),) = found.not_checked
    assert (code, "acme/long.py is longer than 16 MB" in reason) == ("VER305", True)
    assert "acme/names.py needs more than 256 MB of memory" in reason


@pytest.mark.parametrize(
    ("oldest", "detail"),
    [(HERE, f"compiles on Python {HERE}"), ("3.8", "syntax valid for Python 3.8")],
)
def test_what_the_python_of_the_environment_has_compiled_is_not_compiled_again(
    tmp_path: Path, oldest: str, detail: str
) -> None:
    files = {"acme/__init__.py": "", "acme/known.py": BROKEN, "acme/left.py": BROKEN}
    ours, machine = opened(tmp_path, requires=f">={oldest}", files=files), Machine()
    asked = []

    def known(version: tuple[int, int], left: tuple[str, ...] = ()) -> tuple[str, ...]:
        asked.append(version)
        return left

    nothing = check_syntax(ours, machine, Path(sys.executable), tried=Tried(sys.version_info[:2], known))
    assert (nothing.detail, nothing.findings, machine.asked) == (detail, (), [])
    assert asked == [tuple(map(int, oldest.split(".")))]
    one = Tried(sys.version_info[:2], lambda version: known(version, ("acme/left.py",)))
    assert [each.subject for each in check_syntax(ours, machine, Path(sys.executable), tried=one).findings] == [
        "acme/left.py"
    ]
    unknown = Tried(sys.version_info[:2], lambda _: None)
    assert [each.subject for each in check_syntax(ours, machine, Path(sys.executable), tried=unknown).findings] == [
        "acme/known.py and 1 more"
    ]


def test_a_shim_of_pyenv_is_run_only_where_it_leads_to_a_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim, versions = tmp_path / "pyenv/shims/python3.8", tmp_path / "pyenv/versions"
    for folder in (shim.parent, versions):
        folder.mkdir(parents=True)
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.delenv("PYENV_VERSION", raising=False)
    monkeypatch.chdir(tmp_path)
    ours = opened(tmp_path, requires=">=3.8", files={"acme/__init__.py": ""})
    for text, is_run in (("3.80.1\n3.11.7", False), ("3.11.7\n3.8.18\n", True)):
        (tmp_path / "pyenv/version").write_text(text)
        machine = Machine()
        assert check_syntax(ours, machine, Path(sys.executable)).detail == "syntax valid for Python 3.8"
        assert (str(shim) in machine.asked) is is_run
