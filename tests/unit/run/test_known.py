"""What stays silent because the accepted run had found it already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tox_prodsim.model.findings import Finding, Level, error, note, warning
from tox_prodsim.run.known import NOTHING, Known, described, is_remembered, notes_of, stable, without_failures
from tox_prodsim.timing.baseline.contents import Contents

LACKS = "lacks winreg"
KNOWN = Known(version="2.3", failed={"plum.win32": LACKS}, notes=frozenset({"VER302 {version}: is local"}))


def test_a_failure_is_known_until_the_module_or_the_reason_is_another() -> None:
    assert KNOWN.has_failure(Level.NOTE, "plum.win32", LACKS)
    assert not KNOWN.has_failure(Level.NOTE, "plum.win32", "lacks msvcrt")
    assert not KNOWN.has_failure(Level.NOTE, "plum.nt", LACKS)
    assert not KNOWN.has_failure(Level.ERROR, "plum.win32", LACKS), "an error is never silent"


def test_a_note_is_known_whatever_the_version_of_the_release() -> None:
    assert KNOWN.has(note("VER302", "2.4.dev1+g12", "is local", ""), "2.4.dev1+g12")
    assert not KNOWN.has(note("VER302", "2.4.dev1+g12", "is local", ""), "2.4.dev1")
    assert not KNOWN.has(warning("VER302", "2.4", "is local", ""), "2.4"), "a warning is reported each time"


@pytest.mark.parametrize(
    ("found", "remembered"),
    [
        (note("WHL131", "plum", "is so", ""), True),
        (warning("IMP504", "plum.a", "fails", ""), True),
        (warning("WHL131", "plum", "is so", ""), False),
        (error("IMP504", "plum.a", "fails", ""), False),
    ],
)
def test_notes_and_modules_that_fail_are_remembered(found: Finding, *, remembered: bool) -> None:
    assert is_remembered(found) is remembered
    assert bool(notes_of([found], "1")) is remembered


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no file '/home/me/.tox/prodsim/lib/plum/x.json' there", "no file 'x.json' there"),
        ("<object at 0x7f3a12cc> is not a Plum", "<object at 0x…> is not a Plum"),
        ("see https://example.org/a/b, and a/b", "see https://example.org/a/b, and a/b"),
        ("two\nlines", "two lines"),
        ("half of a pair \ud800", "half of a pair ?"),
    ],
)
def test_what_another_machine_has_not_is_left_out(text: str, expected: str) -> None:
    assert stable(text) == expected


def test_only_the_whole_version_is_left_out() -> None:
    assert (
        described(note("A", "2.3", "has 2.3.1, 12.3 and 2.3", ""), "2.3")
        == "A {version}: has 2.3.1, 12.3 and {version}"
    )


def test_modules_that_fail_are_no_notes_as_well() -> None:
    notes = {"IMP504 plum.win32 and 2 more modules: fail", "IMP504 pit: fails", "WHL131 a: is so"}
    assert without_failures(notes, {"plum.win32": LACKS}) == {"IMP504 pit: fails", "WHL131 a: is so"}


def test_without_contents_nothing_is_known() -> None:
    assert Known.of(None) is NOTHING
    held = Contents(version="2.3", created="2026-10-02", failed=KNOWN.failed, notes=KNOWN.notes)
    assert Known.of(held) == KNOWN
    assert Known.of(replace(held, failed={}, notes=frozenset())) == Known(version="2.3")
