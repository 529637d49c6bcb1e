"""The set of installed distributions: what is missing, in conflict, or somewhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.installed import E, Put, brief, distribution
from support.wheels import Env

from tox_prodsim.checks.installed import Distribution, versions_in
from tox_prodsim.model.findings import CheckResult, Finding


def test_an_installed_wheel_whose_requirements_are_met_passes(env: Env, put: Put) -> None:
    put({"click.py": ""}, name="click", version="8.1")
    checked = distribution(
        env, put(requires=["click>=8", "colorama; sys_platform == 'win32'", "uvloop; extra == 'fast'"])
    )
    assert checked == CheckResult(
        detail="acme 1.0, requirements of 2 distributions met", codes=("DEP202", "DEP203", "DEP209", "DEP210", "IMP500")
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


def test_a_name_with_a_comma_that_lacks_its_quotes_does_not_hide_the_distribution(env: Env, put: Put) -> None:
    subject = put({"acme/__init__.py": "", "acme/a,b.txt": "x"})
    assert brief(distribution(env, subject)) == []


def test_a_python_that_requires_python_excludes_is_found(env: Env, put: Put) -> None:
    subject = replace(put(), requires_python="<3")
    ((code, level, name, message),) = brief(distribution(env, subject))
    assert (code, level, name) == ("DEP210", E, "acme")
    assert message.startswith("cannot be installed with this Python by pip: 3.")
    assert brief(distribution(env, replace(put(), requires_python=">=3.8"))) == []
    assert brief(distribution(env, replace(put(), requires_python="no specifier"))) == []


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
    message = "is required by the wheel, but it is not a requirement that can be read"
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
    found = brief(distribution(env, Distribution(name="acme", version="1.0")))
    assert found == [("DEP202", E, "acme", "is not installed in the environment")]


def test_another_version_than_that_of_the_wheel_is_found(env: Env, put: Put) -> None:
    put(version="0.9")
    found = brief(distribution(env, Distribution(name="Acme", version="1.0")))
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


def test_a_distribution_whose_metadata_is_not_utf_8_is_installed_all_the_same(env: Env, put: Put) -> None:
    put({"click.py": ""}, name="click", version="8.1", requires=["colorama"])
    (metadata,) = env.site_packages.glob("click-*/METADATA")
    metadata.write_bytes(metadata.read_bytes() + b"Author: Jos\xe9\n")
    subject = put(requires=["click>=9"])
    message = "is required by the wheel, but click 8.1 is installed"
    assert ("DEP209", E, "click>=9", message) in brief(distribution(env, subject))
    assert versions_in(str(env.site_packages)) == ("acme==1.0", "click==8.1")
    assert "colorama" in str([each.message for each in distribution(env, subject).findings])
