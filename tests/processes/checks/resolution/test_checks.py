"""What an installer would take, asked of the real ones by an index of our own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest
from support import index as indexes
from support.index import Index
from support.wheels import wheel

from tox_prodsim.checks import resolution
from tox_prodsim.checks.artifact import open_wheel
from tox_prodsim.checks.resolution import Impossible, IndexUnreachable, Installer, LowestVersions, Pip
from tox_prodsim.checks.resolution.pip_output import parse_log
from tox_prodsim.checks.resolution.results import Resolved, VersionUnavailable
from tox_prodsim.checks.resolution.uv_output import parse_error
from tox_prodsim.model.findings import CheckResult, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
PIP, UV = "pip", "uv"
BUILT = "a fresh install takes its sdist, so that every user has to build it"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with indexes.served(tmp_path_factory.mktemp("index")) as made:
        made.add("plain", "1.0", "1.5", "2.0", "3.0")
        made.add("needy", "1.0", "2.0", requires=["plain>=1.5"])
        made.add("old", "1.0", requires=["plain<2"])
        made.add("windows", "1.0", tag="py3-none-win_amd64")
        made.add("broken", "1.0", yanked="it eats data")
        made.add("early", "1.0rc1")
        made.add_sdist("source", "1.0")
        made.add("picky", "1.0", requires=["plain>=2"])
        made.add("narrow", "1.0", requires=["plain>=1.5,<3"])
        made.add("narrower", "1.0", requires=["plain>=1.2,<2"])
        made.add("moved", "2.0")
        made.add_sdist("moved", "1.0", more="import nothing")
        yield made


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Pip:
    return indexes.unpacked(indexes.pip(), tmp_path_factory.mktemp("pip"))


@pytest.fixture(params=[PIP, UV])
def installer(request: pytest.FixtureRequest, pip: Pip) -> Installer:
    return pip if request.param == PIP else indexes.uv()


@pytest.fixture
def check(index: Index, tmp_path: Path) -> Check:
    return Check(index, tmp_path)


class Check:
    """Makes a wheel, and asks an installer about it."""

    def __init__(self, index: Index, folder: Path) -> None:
        self._index = index
        self._folder = folder

    def __call__(
        self,
        installer: Installer,
        *requires: str,
        extras: Mapping[str, str] | None = None,
        requested: tuple[str, ...] = (),
        limit_s: float = 120.0,
        variables: Mapping[str, str] | None = None,
    ) -> CheckResult:
        lines = [
            "Metadata-Version: 2.1",
            "Name: acme",
            "Version: 1.0",
            *(f"Requires-Dist: {text}" for text in requires),
        ]
        for extra, text in (extras or {}).items():
            lines += [f"Provides-Extra: {extra}", f'Requires-Dist: {text}; extra == "{extra}"']
        made = open_wheel(wheel(self._folder, metadata="\n".join(lines) + "\n"))
        request = resolution.ResolutionRequest(
            wheel=made.path,
            name="acme",
            requires=made.requires,
            provided=made.provides_extras,
            requested=requested,
        )
        run = indexes.runner({**self._index.variables, **(variables or {})})
        return resolution.check_resolution(request, installer, run, self._folder, limit_s=limit_s)


def brief(checked: CheckResult) -> list[tuple[str, Level, str, str]]:
    return [(found.code, found.level, found.subject, found.message) for found in checked.findings]


def test_a_wheel_whose_requirements_and_extras_can_be_had_passes(check: Check, installer: Installer) -> None:
    checked = check(installer, "needy", extras={"more": "plain>=2"})
    assert brief(checked) == []
    assert checked.codes == ("DEP205", "DEP206")
    assert checked.detail == "installing it pulls in 2 packages, 1 of 1 extra resolve"


def test_what_users_would_rather_not_get_is_found(check: Check, installer: Installer) -> None:
    checked = check(installer, "broken==1.0", "source", "early", "plain[fsat]")
    assert sorted(brief(checked), key=lambda found: found[2]) == [
        ("DEP205", W, "broken 1.0", "a fresh install takes it, although it was yanked: it eats data"),
        ("DEP205", N, "early 1.0rc1", "a fresh install takes this pre-release"),
        ("DEP206", W, "plain[fsat]", "is required, but plain 3.0 has no such extra, so nothing is installed for it"),
        ("DEP205", W, "source 1.0", BUILT),
    ]


def test_an_extra_that_excludes_the_dependencies_is_an_error_and_one_for_another_platform_a_note(
    check: Check, installer: Installer
) -> None:
    checked = check(installer, "plain>=2", extras={"a": "plain<2", "b": "windows"})
    assert [(found.level, found.subject) for found in checked.findings] == [(E, "acme[a]"), (N, "acme[b]")]
    assert checked.findings[0].message.startswith("cannot be installed: acme")
    assert "plain<2" in checked.findings[0].message
    assert checked.findings[1].message.startswith("cannot be installed here: windows")
    assert checked.detail == "installing it pulls in 1 package, 0 of 2 extras resolve"


def test_extras_that_exclude_each_other_are_no_trouble(check: Check) -> None:
    checked = check(indexes.uv(), "needy", extras={"a": "plain<2", "b": "plain>=3", "c": "old"})
    assert brief(checked) == []
    assert checked.detail == "installing it pulls in 2 packages, 3 of 3 extras resolve"


def test_what_an_extra_needs_that_is_not_released_yet_is_a_warning(check: Check, installer: Installer) -> None:
    checked = check(installer, "plain", extras={"a": "plain>=4"})
    assert [(found.code, found.level, found.subject) for found in checked.findings] == [("DEP206", W, "acme[a]")]
    assert checked.findings[0].message.startswith("cannot be installed yet: ")
    assert "plain>=4" in checked.findings[0].message


def test_an_extra_that_is_listed_in_two_spellings_is_asked_for_once(check: Check) -> None:
    checked = check(indexes.uv(), "plain", extras={"a-b": "windows", "a_b": "windows"})
    assert [(found.level, found.subject) for found in checked.findings] == [(N, "acme[a_b]")]


def test_what_was_never_released_is_an_error(check: Check) -> None:
    checked = check(indexes.uv(), extras={"a": "plain>=1.1,<1.4"})
    assert [(found.code, found.level, found.subject) for found in checked.findings] == [("DEP206", E, "acme[a]")]
    checked = check(indexes.uv(), "nowhere", extras={"a": "plain"})
    assert [(found.code, found.level, found.subject) for found in checked.findings] == [("DEP206", E, "acme")]
    assert checked.not_checked == (("DEP205", "the wheel cannot be resolved"),)


def test_pip_in_its_wheel_knows_what_was_never_released(check: Check) -> None:
    checked = check(indexes.pip(), "plain>=4")
    message = "cannot be installed: no release of plain satisfies plain>=4"
    assert brief(checked) == [("DEP206", E, "acme", message)]


def test_an_extra_that_is_requested_must_be_one_of_the_wheel(check: Check) -> None:
    checked = check(indexes.uv(), "plain", extras={"Web.UI": "old"}, requested=("web-ui", "wbe"))
    assert brief(checked) == [("DEP206", E, "acme[wbe]", "the wheel has no such extra; it has Web.UI")]


def test_without_an_index_nothing_is_said_and_soon(check: Check, installer: Installer) -> None:
    closed = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/"}
    checked = check(installer, "plain", variables={**closed, "UV_NO_CACHE": "1"})
    assert checked.codes == ()
    assert checked.not_checked == tuple((code, "the index cannot be reached") for code in ("DEP205", "DEP206"))
    checked = check(installer, extras={"a": "plain", "b": "old"}, variables={**closed, "UV_NO_CACHE": "1"})
    assert checked.not_checked == (("DEP206", "acme[a,b]: the index cannot be reached"),)
    assert checked.detail == "installing it pulls in nothing else, 0 of 2 extras resolve, 2 not known"


def test_what_requires_nothing_needs_no_index(tmp_path: Path) -> None:
    request = resolution.ResolutionRequest(wheel=tmp_path, name="acme", requires=(), provided=())
    nobody: Installer = resolution.Uv(python=Path("none"), program=Path("none"))
    checked = resolution.check_resolution(request, nobody, indexes.runner({}), tmp_path)
    assert (checked.codes, checked.not_checked) == (("DEP205", "DEP206"), ())


def test_halves_of_extras_that_exclude_each_other_are_resolved_side_by_side(check: Check) -> None:
    both = threading.Barrier(2)

    class Waiting:
        def resolve(self, requirements: list[str], *_: object, **__: object) -> Resolved | Impossible:
            if requirements[0].startswith(("acme[a] ", "acme[b] ")):
                both.wait(30.0)
            return (
                Impossible(reason="they exclude each other") if "[a" in requirements[0] else Resolved(distributions=())
            )

    checked = check(cast("Installer", Waiting()), "plain", extras={"a": "old", "b": "plain"})
    assert [each[2] for each in brief(checked)] == ["acme[a]"]
    assert checked.detail == "installing it pulls in nothing else, 1 of 2 extras resolve"


def test_extras_for_which_there_is_no_time_are_not_called_checked(check: Check) -> None:
    class Instant:
        def resolve(self, requirements: list[str], *_: object, **__: object) -> Resolved | Impossible:
            return Impossible(reason="both") if "[a,b]" in requirements[0] else Resolved(distributions=())

    checked = check(cast("Installer", Instant()), "plain", extras={"a": "old", "b": "plain"}, limit_s=0.0)
    assert brief(checked) == []
    assert checked.codes == ("DEP205",)
    assert checked.not_checked == (("DEP206", "acme[a,b]: no answer within 0 s"),)


# the lowest


def lowest(index: Index, folder: Path, installer: Installer, *requires: str) -> object:
    return resolution.resolve_lowest(installer, requires, indexes.runner(index.variables), folder)


def test_the_lowest_are_taken_that_can_be_together_and_what_has_no_lower_bound_is_free(
    index: Index, tmp_path: Path, installer: Installer
) -> None:
    wanted = ("plain>=1.0,<3", "needy>=1", "source", "windows>=1; sys_platform == 'win32'")
    found = lowest(index, tmp_path, installer, *wanted)
    assert isinstance(found, LowestVersions)
    assert (found.pinned, found.unbounded) == ((("plain", "1.5"), ("needy", "1.0")), ("source",))
    assert list(map(str, found.requirements)) == [
        "plain==1.5",
        "needy==1.0",
        'windows>=1; sys_platform == "win32"',
        "source",
    ]


@pytest.mark.parametrize(("free", "version"), [("picky", "2.0"), ("narrow", "1.5"), ("narrow<2", "1.5")])
def test_what_has_no_lower_bound_limits_the_lowest_too(
    index: Index, tmp_path: Path, installer: Installer, free: str, version: str
) -> None:
    found = lowest(index, tmp_path, installer, "plain>=1", free)
    assert isinstance(found, LowestVersions)
    assert found.pinned == (("plain", version),)


def test_what_else_is_installed_limits_the_lowest_and_is_not_lowered(
    index: Index, tmp_path: Path, installer: Installer
) -> None:
    run = indexes.runner(index.variables)
    beside = ["picky>=1", "./a/path", "plain @ https://acme.dev/plain-9.tar.gz"]
    found = resolution.resolve_lowest(installer, ["plain>=1"], run, tmp_path, beside=beside)
    assert isinstance(found, LowestVersions)
    assert (found.pinned, list(map(str, found.requirements))) == ((("plain", "2.0"),), ["plain==2.0"])


def test_a_release_that_must_be_built_is_not_the_lowest_because_another_project_has_no_wheels(
    index: Index, tmp_path: Path, installer: Installer
) -> None:
    found = lowest(index, tmp_path, installer, "moved>=1", "source>=1")
    assert isinstance(found, LowestVersions)
    assert found.pinned == (("moved", "2.0"), ("source", "1.0"))


def test_only_what_applies_here_is_lowered(index: Index, tmp_path: Path, installer: Installer) -> None:
    run = indexes.runner(index.variables)
    wanted = ["plain>=2; python_version >= '3.8'", "plain>=1; python_version < '3.8'", "plain<3; os_name != 'dos'"]
    environment = {"python_version": "3.11", "os_name": "posix"}
    found = resolution.resolve_lowest(installer, wanted, run, tmp_path, environment=environment)
    assert isinstance(found, LowestVersions)
    assert (found.pinned, list(map(str, found.requirements))) == ((("plain", "2.0"),), ["plain==2.0"])


def test_a_search_that_does_not_end_lowers_less_and_accuses_nobody(
    index: Index, tmp_path: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tox_prodsim.checks.resolution.lowest._ROUNDS", 1)
    found = lowest(index, tmp_path, pip, "plain>=1", "needy>=1")
    assert isinstance(found, LowestVersions)
    assert found.unbounded == ()
    assert found.not_lowered
    assert "not lowered" in resolution.check_lowest(found, ("plain==1.0", "needy==1.0")).detail


def test_what_nobody_can_have_together_has_no_lowest(index: Index, tmp_path: Path) -> None:
    found = lowest(index, tmp_path, indexes.uv(), "plain>=2", "old>=1")
    assert isinstance(found, Impossible)
    assert "plain" in found.reason
    assert [(each.code, each.level) for each in resolution.check_lowest(found, ()).findings] == [("DEP208", E)]


def test_without_an_index_there_is_no_lowest(index: Index, tmp_path: Path) -> None:
    run = indexes.runner({**index.variables, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/", "UV_NO_CACHE": "1"})
    assert isinstance(resolution.resolve_lowest(indexes.uv(), ["plain>=1"], run, tmp_path), IndexUnreachable)


def test_the_lowest_are_shown_as_far_as_they_apply_here() -> None:
    found = LowestVersions(requirements=(), pinned=(("Click", "8.0.0"), ("pywin32", "300")), unbounded=("six",))
    checked = resolution.check_lowest(found, ("click==8.0.0", "six==1.17.0"))
    assert checked.codes == ("DEP208",)
    assert checked.detail == "lowest: Click 8.0.0; no lower bound, so the newest: six"


# in the words of the installers


CONFLICT = """\
2026-01-01T10:00:00,000   Found link https://i.org/click-8.1.0-py3-none-any.whl (from https://i.org/), version: 8.1.0
2026-01-01T10:00:00,000   Skipping link: {why}: https://i.org/click-9.0-py3-none-any.whl (from https://i.org/)
2026-01-01T10:00:01,000 The conflict is caused by:
2026-01-01T10:00:01,000     acme[web] 1.0 depends on click>={bound}; extra == "web"
2026-01-01T10:00:01,000     The user requested click!=8.1.0
2026-01-01T10:00:01,000
2026-01-01T10:00:01,000 To fix this you could try to:
2026-01-01T10:00:01,000 ERROR: ResolutionImpossible: for help visit https://example.org
"""
OTHER_PYTHON = "9.0 Requires-Python >=3.15"


def test_a_conflict_that_a_release_for_another_python_would_solve_is_not_certain() -> None:
    reason = "acme 1.0 asks for click>=8; the request asks for click!=8.1.0"
    found = parse_log(CONFLICT.format(why=OTHER_PYTHON, bound="8"), "")
    assert isinstance(found, VersionUnavailable)
    assert found.reason == reason
    assert isinstance(parse_log(CONFLICT.format(why="not a file", bound="8"), ""), Impossible)
    assert isinstance(parse_log(CONFLICT.format(why=OTHER_PYTHON, bound="9.1"), ""), Impossible)


def test_an_index_that_refuses_is_none_that_lacks_something() -> None:
    log = "2026-01-01T10:00:00,000 Could not fetch URL https://i.org/click/: 403 Client Error: Forbidden - skipping\n"
    more = "ERROR: Could not find a version that satisfies the requirement click (from versions: none)\n"
    assert isinstance(parse_log(log + more, ""), IndexUnreachable)
    assert parse_log(log.replace("403", "404") + more, "") == Impossible(reason="the index has no click")


def test_what_does_not_build_here_is_no_fault_of_who_requires_it() -> None:
    stderr = "ERROR: Failed to build 'mysqlclient' when getting requirements to build wheel\n"
    reason = "Failed to build 'mysqlclient' when getting requirements to build wheel"
    assert parse_log("", stderr) == VersionUnavailable(reason=reason)


def test_of_a_build_that_fails_uv_is_heard_to_the_last_words() -> None:
    told = (
        "error: Failed to build `qpid-python==1.36.0.post1`\n  cause: The build backend returned an error\n"
        "  cause: Call to `setuptools.build_meta.get_requires_for_build_wheel` failed (exit status: 1)\n\n"
        '         [stderr]\n         Traceback (most recent call last):\n           File "<string>", line 42\n'
        "         SyntaxError: invalid syntax\n\nhint: Build failures usually indicate a problem with the package\n"
    )
    assert parse_error(told) == VersionUnavailable(
        reason="qpid-python==1.36.0.post1 does not build: SyntaxError: invalid syntax"
    )


@pytest.mark.parametrize(
    "because",
    [
        "the current Python version (3.11.7) does not satisfy Python>=3.12 and ipython==9.11.0 depends on Python>=3.12",
        "pywin32>=303 has no wheels with a matching platform tag (e.g., `manylinux_2_36_x86_64`)",
        "click==8.2.2 was yanked (reason: broken)",
    ],
)
def test_what_uv_cannot_have_here_is_not_certain(because: str) -> None:
    told = f"error: No solution found when resolving dependencies\n  cause: Because {because} and you require it, "
    told += "we can conclude that your requirements are unsatisfiable.\n"
    assert parse_error(told) == VersionUnavailable(reason=because)
