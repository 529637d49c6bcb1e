"""Imports that no requirement of the wheel accounts for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.wheels import Env, subject_of, wheel

from tox_prodsim.checks import installed
from tox_prodsim.model.findings import CheckResult, Finding, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
IF_OWN = "have the build include config if it is a module of the project"


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Env:
    """An environment with web, which requires markup, pinned to one version core, and has a stray tool beside it."""
    folder = tmp_path_factory.mktemp("undeclared")
    made = Env.create(folder / "env")
    requires = ["Markup-Safe>=2", "web_core==1.0", "speed; extra == 'fast'"]
    made.install(wheel(folder, name="web", files={"web.py": ""}, requires=requires))
    made.install(wheel(folder, name="Markup_Safe", files={"markup/__init__.py": ""}))
    made.install(wheel(folder, name="web_core", files={"core.py": ""}))
    made.install(wheel(folder, name="ns_one", files={"ns/one.py": ""}))
    made.install(wheel(folder, name="ns_two", files={"ns/two.py": ""}))
    made.install(wheel(folder, name="stray", files={"tool.py": ""}))
    return made


Undeclared = Callable[..., CheckResult]


@pytest.fixture
def undeclared(env: Env, tmp_path: Path) -> Undeclared:
    """Check a wheel made of these files that requires web; all its modules have ``imported`` unless some are given."""

    def check(files: dict[str, str], *, imported: set[str] | None = None, **options: Any) -> CheckResult:
        path = wheel(tmp_path, files=files, **{"requires": ["web>=1"], **options})
        subject = subject_of(env.install(path))
        known = frozenset(subject.modules if imported is None else imported)
        return installed.check_undeclared(subject, env.run, env.python, path, imported=known)

    return check


def brief(checked: CheckResult) -> list[tuple[Level, str, str]]:
    assert checked.codes == ("DEP204",)
    return [(found.level, found.subject, found.message) for found in checked.findings]


def test_what_is_declared_own_or_of_the_standard_library_passes(undeclared: Undeclared) -> None:
    source = "import json, web, acme.b\nfrom acme import b\nfrom . import b\nfrom .b import x\nimport distutils\n"
    assert brief(undeclared({"acme/__init__.py": source, "acme/b.py": "x = 1"})) == []


def test_nothing_is_asked_of_the_environment_where_nothing_foreign_is_imported(
    env: Env, undeclared: Undeclared
) -> None:
    before = len(env.argvs)
    undeclared({"acme.py": "import json"})
    assert len(env.argvs) == before


def test_what_only_a_dependency_brings_is_a_warning(undeclared: Undeclared) -> None:
    checked = undeclared({"acme/__init__.py": "from acme import html", "acme/html.py": "\nfrom markup import safe"})
    assert checked.findings == (
        Finding(
            code="DEP204",
            level=W,
            subject="markup",
            message=(
                "is imported by acme.html, but no requirement names it: "
                "Markup_Safe is here only because web requires it"
            ),
            hint="add Markup_Safe to the dependencies of the project",
            file="acme/html.py",
            line=2,
            reason="lacks markup",
        ),
    )


def test_what_a_dependency_pins_to_one_version_is_a_part_of_it(undeclared: Undeclared) -> None:
    message = "is imported by acme, but no requirement names it: web_core is here only because web requires it"
    assert brief(undeclared({"acme.py": "import core"})) == [(N, "core", message)]


def test_what_only_the_environment_has_is_an_error(undeclared: Undeclared) -> None:
    message = "is imported by acme, but no requirement names it: stray is here only because this environment has it"
    assert brief(undeclared({"acme.py": "import tool"})) == [(E, "tool", message)]


def test_of_a_namespace_the_distribution_that_is_named_like_the_module_is_told(undeclared: Undeclared) -> None:
    message = "is imported by acme, but no requirement names it: ns_two is here only because this environment has it"
    assert brief(undeclared({"acme.py": "import ns.two"})) == [(E, "ns", message)]
    assert brief(undeclared({"acme.py": "import ns.two"}, requires=["ns-two"])) == []


def test_what_is_not_there_at_all_is_an_error_when_the_import_that_leads_to_it_fails(undeclared: Undeclared) -> None:
    files = {"acme/__init__.py": "import acme.a, acme.b", "acme/a.py": "import yaml", "acme/b.py": "import toml_"}
    message = "but no requirement names it: nothing that is installed provides it"
    assert brief(undeclared(files, imported=set())) == [
        (E, "toml_", f"is imported by acme.b, {message}"),
        (E, "yaml", f"is imported by acme.a, {message}"),
    ]
    assert brief(undeclared(files)) == []


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("yaml", "declare PyYAML in dependencies"),
        ("config", f"declare the distribution that provides config in dependencies; {IF_OWN}"),
    ],
)
def test_a_distribution_is_named_only_if_it_is_known(undeclared: Undeclared, module: str, hint: str) -> None:
    (found,) = undeclared({"acme/__init__.py": f"import {module}"}, imported=set()).findings
    assert (found.level, found.hint) == (E, hint)


def test_the_host_of_a_plugin_need_not_be_declared(undeclared: Undeclared) -> None:
    metadata = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nClassifier: Framework :: Sphinx :: Extension\n"
    assert brief(undeclared({"acme/__init__.py": "import docutils, sphinx"}, imported=set(), metadata=metadata)) == []


def test_what_a_requirement_may_provide_that_is_not_installed_is_no_finding(undeclared: Undeclared) -> None:
    files = {"acme.py": "import yaml, bs4"}
    requires = ["PyYAML; sys_platform == 'win32'", "beautifulsoup4; extra == 'html'"]
    assert brief(undeclared(files, imported=set(), requires=requires)) == []


def test_a_command_leads_to_what_it_imports(undeclared: Undeclared) -> None:
    files = {"acme/__init__.py": "", "acme/cli.py": "import markup", "acme/other.py": "import tool"}
    found = brief(undeclared(files, entry_points="[console_scripts]\nacme = acme.cli:main\n"))
    assert [(level, name) for level, name, _ in found] == [(W, "markup"), (N, "tool")]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("try:\n    import markup\nexcept ImportError:\n    markup = None", id="in try"),
        pytest.param("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import markup", id="for typing"),
        pytest.param("import sys\nif sys.version_info < (3, 4):\n    import markup", id="in if"),
        pytest.param("def f():\n    import markup", id="in a function"),
        pytest.param('"""An example:\n\nimport markup\n"""', id="in a text"),
        pytest.param("import markup\nthis is no Python", id="in what cannot be read"),
    ],
)
def test_an_import_that_is_not_always_made_is_no_finding(undeclared: Undeclared, source: str) -> None:
    assert brief(undeclared({"acme.py": source})) == []


def test_a_vendored_module_is_no_finding(undeclared: Undeclared) -> None:
    files = {
        "acme/__init__.py": "import sys\nsys.path.append(__path__[0])\nimport markup",
        "acme/_vendor/markup.py": "",
    }
    assert brief(undeclared(files)) == []


def test_an_import_over_several_lines_is_followed(undeclared: Undeclared) -> None:
    files = {
        "acme/__init__.py": "from . import (  # all\n    a,\n    b as c,\n)",
        "acme/a.py": "",
        "acme/b.py": "import markup",
    }
    assert [level for level, _, _ in brief(undeclared(files))] == [W]


def test_a_wheel_without_sources_is_not_called_checked(undeclared: Undeclared) -> None:
    checked = undeclared({"acme.cpython-311-x86_64-linux-gnu.so": ""})
    assert (checked.codes, checked.not_checked) == ((), (("DEP204", "no Python source in the wheel"),))
