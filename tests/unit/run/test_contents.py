"""The step ``contents``: what a wheel has lost since the accepted one, and what is said about the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support.baselines import ACME
from support.findings import printed
from support.wheels import wheel

from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.checks import artifact, installed
from tox_prodsim.model.findings import CheckResult, Level
from tox_prodsim.run import contents
from tox_prodsim.run.context import BaselineFiles
from tox_prodsim.timing.baseline import store
from tox_prodsim.timing.baseline.contents import MOST, Contents

SPEED = "acme/_speed.cpython-311-x86_64-linux-gnu.so"
FILES = {
    "acme/__init__.py": "",
    "acme/cli.py": "",
    SPEED: "",
    "acme/py.typed": "",
    "acme/sub/__init__.py": "",
    "acme/sub/a.py": "",
    "acme/sub/b.py": "",
    "acme/templates/en/page.html": "",
    "acme/templates/en/mail.html": "",
    "acme/templates/fr/page.html": "",
}
POINTS = "[console_scripts]\nacme = acme.cli:main\nacme-sync = acme.cli:sync\n[acme.plugins]\ncsv = acme.cli\n"


def held(
    folder: Path, files: Mapping[str, str] = FILES, *, points: str = POINTS, version: str = "1.4.0", **options: str
) -> Contents:
    path = wheel(folder, files=files, entry_points=points, version=version, **options)
    return contents.contents_of(artifact.open_wheel(path), "2026-11-22")


def without(*names: str) -> dict[str, str]:
    return {name: text for name, text in FILES.items() if not name.startswith(names)}


def checked(
    then: Contents | None, now: Contents, *, accepting: bool = False, dists: tuple[str, ...] = ()
) -> CheckResult:
    stored = replace(ACME, contents=then.folded() if then is not None else None)
    new = replace(ACME, contents=now, dists=dists or ACME.dists)
    return contents.check_contents(stored, new, accepting=accepting)


def told(checked: CheckResult) -> list[str]:
    return [f"{found.code} {found.subject}: {found.message}" for found in checked.findings]


# --- what is remembered of a wheel


def test_what_a_wheel_holds(tmp_path: Path) -> None:
    assert held(tmp_path) == Contents(
        version="1.4.0",
        created="2026-11-22",
        modules=frozenset({"acme", "acme.cli", "acme._speed", "acme.sub", "acme.sub.a", "acme.sub.b"}),
        extensions=frozenset({"acme._speed"}),
        entry_points=frozenset({"[console_scripts] acme", "[console_scripts] acme-sync", "[acme.plugins] csv"}),
        data=frozenset({"acme/py.typed", *(name for name in FILES if name.startswith("acme/templates/"))}),
    )


def test_no_name_changes_from_release_to_release(tmp_path: Path) -> None:
    def files(version: str, abi: str, digest: str) -> dict[str, str]:
        return {
            "acme/__init__.py": "",
            f"acme/_speed.{abi}.so": "",
            f"acme/static/main.{digest}.js": "",
            f"acme/static/{digest[:4]}.{digest}.chunk.js": "",
            "acme/static/index.html": "",
            f"acme.libs/libz-{digest}.so.1.3": "",
            f"acme/.dylibs/libz.{digest}.dylib": "",
            "acme/__pycache__/cli.cpython-311.pyc": "",
            f"acme/_vendor/six-{version}.dist-info/METADATA": "",
            f"{digest}aaaabbbb__mypyc.{abi}.so": "",
            f"acme-{version}.data/data/share/man/man1/acme.1": "",
            f"acme-{version}.data/scripts/acme.sh": "",
            "acme/migrations/0001_initial.py": "",
            "acme/versions/ae1027a6acf_add.py": "",
            "acme/versions/0a1b2c3d4e_add.py": "",
        }

    old = held(tmp_path, files("1.4.0", "cpython-311-x86_64-linux-gnu", "0a1b2c3d"), version="1.4.0", points="")
    new = held(tmp_path, files("1.5.0", "abi3", "9f8e7d6c"), version="1.5.0", points="")
    assert replace(new, version="1.4.0") == old
    assert old.modules == {"acme", "acme._speed", "acme.versions.ae1027a6acf_add"}
    assert old.entry_points == {"[scripts] acme.sh"}
    assert old.data == {
        "acme/static/*.js",
        "acme/static/*.html",
        "data:share/man/man1/acme.1",
        "acme/migrations/0001_initial.py",
        "acme/versions/0a1b2c3d4e_add.py",
    }


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("logo-2x.png", id="a size"),
        pytest.param("report-20240101.json", id="a date"),
        pytest.param("jquery-3.7.1.min.js", id="a version"),
        pytest.param("bootstrap.bundle.js", id="long words"),
        pytest.param("deadbeef.js", id="a word of hexadecimal letters"),
        pytest.param("README-Template.txt", id="a word with a capital letter"),
    ],
)
def test_an_ordinary_name_of_an_asset_is_remembered_as_it_is(tmp_path: Path, name: str) -> None:
    assert held(tmp_path, {"acme/__init__.py": "", f"acme/static/{name}": ""}).data == {f"acme/static/{name}"}


# --- what is lost


def test_a_release_that_lost_nothing_says_so_and_what_is_new(tmp_path: Path) -> None:
    then = replace(held(tmp_path), descriptors=0)
    more = {**FILES, "acme/report.py": "", "acme/data/rules.json": "", "acme/sub/a.cpython-311-darwin.so": ""}
    points = f"{POINTS}json = acme.cli\n"
    now = held(tmp_path, more, points=points, version="1.5.0")
    found = checked(then, replace(now, descriptors=2), dists=("acme==1.5.0", "click==8.5.1", "flask==3.1.2"))
    assert found.findings == ()
    assert found.codes == ("WHL132", "WHL134", "EXT404", "ENT515")
    assert found.not_checked == ()
    assert found.detail == (
        "nothing lost since 1.4.0 (2026-11-22): "
        "7 modules, 2 extensions, 2 scripts, 2 other entry points, 5 data files; "
        "new: acme.report, acme.sub.a (compiled), [acme.plugins] json, acme/data/rules.json; "
        "descriptors left open: 0 -> 2"
    )


def test_of_much_that_is_new_some_is_named(tmp_path: Path) -> None:
    more = {**FILES, **{f"acme/r{at}.py": "" for at in range(6)}}
    detail = checked(held(tmp_path), held(tmp_path, more)).detail
    assert detail.endswith("; new: acme.r0, acme.r1, acme.r2, acme.r3 and 2 more")


@pytest.mark.parametrize(
    ("files", "points", "expected"),
    [
        pytest.param(
            without("acme/py.typed"),
            POINTS,
            ["WHL132 acme/py.typed: was in 1.4.0, and it is no longer in the wheel"],
            id="a data file",
        ),
        pytest.param(
            without("acme/templates/"),
            POINTS,
            ["WHL132 acme/templates/: had 3 data files in 1.4.0, and none of them is in the wheel"],
            id="a folder of data files",
        ),
        pytest.param(
            without("acme/templates/en/page", "acme/templates/fr"),
            POINTS,
            [
                "WHL132 acme/templates/en/page.html: was in 1.4.0, and it is no longer in the wheel",
                "WHL132 acme/templates/fr/page.html: was in 1.4.0, and it is no longer in the wheel",
            ],
            id="a part of a folder, and a folder of one file",
        ),
        pytest.param(
            without("acme/cli"), POINTS, ["WHL134 acme.cli: was in 1.4.0, and is no longer in the wheel"], id="a module"
        ),
        pytest.param(
            without("acme/sub/"),
            POINTS,
            ["WHL134 acme.sub: was in 1.4.0, with 2 modules below it, and is no longer in the wheel"],
            id="a package",
        ),
        pytest.param(
            without(SPEED),
            POINTS,
            ["EXT404 acme._speed: was an extension of 1.4.0, and is no longer in the wheel"],
            id="an extension, which is not a lost module as well",
        ),
        pytest.param(
            {**without(SPEED), "acme/_speed.py": ""},
            POINTS,
            ["EXT404 acme._speed: was an extension of 1.4.0, and is not compiled any more"],
            id="an extension that fell back to its source",
        ),
        pytest.param(
            FILES,
            "[gui_scripts]\nacme = acme.cli:main\n",
            [
                "ENT515 [acme.plugins] csv: was an entry point of 1.4.0, and the wheel announces it no longer",
                "ENT515 [console_scripts] acme-sync: was a command of 1.4.0, and the wheel announces it no longer",
            ],
            id="entry points, but no command that lost its console",
        ),
        pytest.param(
            {**without("acme/cli"), "acme/main.py": ""},
            POINTS,
            ["WHL134 acme.cli: was in 1.4.0, and is no longer in the wheel"],
            id="a module that was renamed",
        ),
    ],
)
def test_what_is_lost_is_an_error(tmp_path: Path, files: dict[str, str], points: str, expected: list[str]) -> None:
    found = checked(held(tmp_path), held(tmp_path, files, points=points, version="1.5.0"))
    assert told(found) == expected
    assert {each.level for each in found.findings} == {Level.ERROR}
    assert all("accept it with --prodsim-update-baseline" in each.hint for each in found.findings)
    assert found.detail.startswith(f"{len(expected)} lost since 1.4.0 (2026-11-22): ")


def test_what_was_renamed_is_lost_and_new(tmp_path: Path) -> None:
    found = checked(held(tmp_path), held(tmp_path, {**without("acme/cli"), "acme/main.py": ""}))
    assert [each.subject for each in found.findings] == ["acme.cli"]
    assert found.detail.endswith("; new: acme.main")


def test_a_script_that_became_an_entry_point_is_not_lost(tmp_path: Path) -> None:
    then = held(tmp_path, {**FILES, "acme-1.4.0.data/scripts/acme-sync": ""}, points="[console_scripts]\nacme = acme:a")
    assert checked(then, held(tmp_path)).findings == ()


def test_of_too_many_files_the_number_that_is_left_is_told(tmp_path: Path) -> None:
    many = {f"acme/locale/{at}/acme.mo": "" for at in range(MOST)}
    then = held(tmp_path, {**FILES, **many})
    del many["acme/locale/7/acme.mo"]
    assert told(checked(then, held(tmp_path, {**FILES, **many}))) == [
        "WHL132 acme/locale/**/*.mo: 999 files are left of the 1000 that 1.4.0 had"
    ]


def test_a_release_that_accepts_the_loss_says_it_as_a_note(tmp_path: Path) -> None:
    found = checked(held(tmp_path), held(tmp_path, without("acme/cli", "acme/py.typed")), accepting=True)
    assert [(each.code, each.level, each.hint) for each in found.findings] == [
        ("WHL134", Level.NOTE, "this run accepts that"),
        ("WHL132", Level.NOTE, "this run accepts that"),
    ]


# --- what cannot be compared


def test_without_a_baseline_nothing_is_checked(tmp_path: Path) -> None:
    found = contents.check_contents(None, replace(ACME, contents=held(tmp_path)), accepting=False)
    assert (found.codes, found.findings, found.detail) == ((), (), "no baseline yet")
    assert found.not_checked == tuple((code, "no baseline yet") for code in contents.CODES)


def test_a_baseline_of_an_older_version_remembers_nothing(tmp_path: Path) -> None:
    found = checked(None, held(tmp_path))
    assert found.codes == ()
    assert found.detail == ("the baseline has no contents: accept it with --prodsim-update-baseline=contents")


def test_a_kind_of_which_there_was_nothing_does_not_count_as_checked(tmp_path: Path) -> None:
    then = held(tmp_path, {"acme/__init__.py": ""}, points="")
    found = checked(then, held(tmp_path))
    assert found.codes == ("WHL134",)
    assert found.not_checked == (
        ("WHL132", "1.4.0 had no data files"),
        ("EXT404", "1.4.0 had no extensions"),
        ("ENT515", "1.4.0 had no entry points"),
    )


# --- the pages


def test_the_examples_are_what_the_findings_really_look_like(tmp_path: Path) -> None:
    pages = {f"acme/templates/{at}.html": "" for at in range(12)}
    files = {
        "acme/__init__.py": "",
        **pages,
        "acme/export/__init__.py": "",
        **{f"acme/export/m{at}.py": "" for at in range(4)},
        "acme/_speedups.abi3.so": "",
    }
    then = held(tmp_path, files, points="[console_scripts]\nacme-sync = acme:sync\n", version="2.0.9")
    found = checked(then, held(tmp_path, {"acme/__init__.py": ""}, points="", version="2.1.0"))
    shown = {code: CATALOGUE[code].example for code in contents.CODES}
    # The page of EXT404 shows the wheel that lacks what a key asks for.
    shown["EXT404"] = "FAIL EXT404 acme._speedups: was an extension of 2.0.9, and is no longer in the wheel"
    assert {each.code: printed(each) for each in found.findings} == shown


def test_what_imported_when_the_baseline_was_stored_is_known(tmp_path: Path) -> None:
    path = tmp_path / "prodsim/key.json"
    contents_now = held(tmp_path)
    now = replace(ACME, contents=contents_now)
    baselines = baselines_of(path, now)
    assert baselines.stored_imports == frozenset()
    imported = installed.Imported(
        checked=CheckResult(detail="", codes=()),
        modules=frozenset({"acme", "acme.cli", "click"}),
        descriptors=3,
        failed={"acme.sub": "no file /a/b.json"},
    )
    known = baselines.with_checks(imported, frozenset({"IMP504 acme.sub: fails", "WHL131 a: is so"}))
    assert known.now.contents == replace(
        contents_now,
        imported=frozenset({"acme", "acme.cli"}),
        descriptors=3,
        failed={"acme.sub": "no file b.json"},
        notes=frozenset({"WHL131 a: is so"}),
    )
    assert replace(baselines, stored=known.now).stored_imports == {"acme", "acme.cli"}
    assert replace(baselines, stored=replace(ACME)).stored_imports == frozenset()


def baselines_of(path: Path, now: store.Baseline) -> BaselineFiles:
    folder = path.parent
    return BaselineFiles(stored=None, path=path, candidate=folder / "c.json", now=now, root=folder, wheels=folder)
