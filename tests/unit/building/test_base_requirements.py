"""Which requirements of another wheel are installed beside it, and at which versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from support.wheels import Ended

from tox_prodsim.building import base_requirements
from tox_prodsim.building.base_requirements import RequirementSource, pinned, unmet
from tox_prodsim.building.clone_env import Site
from tox_prodsim.model.errors import BuildError, CloneError

OLD = ["stone>=1", "pit-fruit"]
"""What another wheel requires: the first of them the environment does without."""
ON_39 = {**{name: str(value) for name, value in default_environment().items()}, "python_version": "3.9"}


@pytest.mark.parametrize(
    ("text", "extras", "expected"),
    [
        pytest.param("stone", (), ["stone"], id="not installed"),
        pytest.param("Pit_Fruit>=2", (), [], id="installed, by another spelling"),
        pytest.param("pit-fruit<2", (), ["pit-fruit<2"], id="installed, too new"),
        pytest.param("pit-fruit>=3", (), ["pit-fruit>=3"], id="installed, too old"),
        pytest.param("stone; python_version < '3.10'", (), ["stone"], id="the marker holds in the environment"),
        pytest.param("stone; python_version >= '3.10'", (), [], id="it does not, whatever this Python is"),
        pytest.param("stone; extra == 'hard'", (), [], id="of an extra"),
        pytest.param("stone; extra == 'hard'", ("hard",), ["stone"], id="of an extra that is installed"),
        pytest.param("stone (== what)", (), [], id="not valid"),
    ],
)
def test_what_nothing_installed_meets(text: str, extras: tuple[str, ...], expected: list[str]) -> None:
    found = unmet([text], extras, {"pit-fruit": "2.1"}, ON_39)
    assert [f"{each.name}{each.specifier}" for each in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Stone>=1; python_version > '3'", "Stone==1.4", id="recorded"),
        pytest.param("stone[hard,big]", "stone[big,hard]==1.4", id="with extras"),
        pytest.param("stone>=2", "stone>=2", id="the recorded one does not fit"),
        pytest.param("kernel>2,<3", "kernel<3,>2", id="not recorded"),
        pytest.param("stone @ https://example.org/s.whl", "stone @ https://example.org/s.whl", id="from a URL"),
    ],
)
def test_the_recorded_version_is_taken(text: str, expected: str) -> None:
    assert pinned(Requirement(text), {"stone": "1.4"}) == expected


class Environment:
    """A folder of installed distributions; ``asked`` is what was to be installed, ``refused`` is what cannot be."""

    def __init__(self, folder: Path, *refused: str) -> None:
        self.packages = folder / "site-packages"
        self.asked: list[tuple[list[str], list[str]]] = []
        self._refused = refused
        self.add("pit-fruit==2.1")
        self.site = Site(
            prefix=folder,
            python=folder / "python",
            site_packages=self.packages,
            scripts=folder,
            base_python=folder / "python",
        )

    def add(self, requirement: str) -> None:
        name, _, version = requirement.partition("==")
        info = self.packages / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def install(self, _python: Path, requirements: Sequence[str], constraints: Sequence[str]) -> None:
        self.asked.append((list(requirements), list(constraints)))
        for each in requirements:
            if each in self._refused:
                raise BuildError("base", "no such release", "")
            self.add(each if "==" in each else "stone==9")

    def installed(self, requires: Sequence[str], recorded: Mapping[str, str]) -> tuple[str, ...]:
        def run(_argv: Sequence[str], **_options: object) -> Ended:
            return Ended(0, timed_out=False, stdout=json.dumps({"python_version": "3.9"}).encode(), stderr=b"")

        source = RequirementSource(install=self.install, recorded=recorded)
        return base_requirements.install(source, requires, self.site, run)


def test_only_what_is_missing_is_installed_and_what_comes_with_it_has_its_version(tmp_path: Path) -> None:
    env = Environment(tmp_path)
    recorded = {"stone": "1.4", "kernel": "3", "pit-fruit": "2.0"}
    assert env.installed(OLD, recorded) == ("stone 1.4",)
    assert env.asked == [(["stone==1.4"], ["stone==1.4", "kernel==3"])]


def test_nothing_is_installed_when_nothing_is_missing(tmp_path: Path) -> None:
    env = Environment(tmp_path)
    assert env.installed(["pit-fruit"], {}) == ()
    assert env.asked == []


def test_another_version_is_taken_when_the_recorded_one_cannot_be_had(tmp_path: Path) -> None:
    env = Environment(tmp_path, "stone==1.4")
    assert env.installed(OLD, {"stone": "1.4"}) == ("stone 9",)


@pytest.mark.parametrize("recorded", [{}, {"stone": "1.4"}])
def test_a_requirement_that_cannot_be_installed_is_named(tmp_path: Path, recorded: dict[str, str]) -> None:
    env = Environment(tmp_path, "stone==1.4", "stone>=1")
    with pytest.raises(CloneError, match=r"^its requirement stone>=1 cannot be installed: no such release$"):
        env.installed(OLD, recorded)


def test_a_python_that_does_not_run_is_said(tmp_path: Path) -> None:
    def run(_argv: Sequence[str], **_options: object) -> Ended:
        return Ended(1, timed_out=False, stdout=b"", stderr=b"killed")

    env = Environment(tmp_path)
    with pytest.raises(CloneError, match="does not run"):
        base_requirements.install(RequirementSource(install=env.install), OLD, env.site, run)
