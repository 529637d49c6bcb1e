"""Whether PyPI can show the description of a wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import open_wheel
from tox_prodsim.checks.artifact.description import check_description
from tox_prodsim.model.findings import CheckResult, Level

SOUND = "Acme\n====\n\n.. code-block:: no-such-language\n\n   x = 1\n\n.. image:: https://acme.dev/badge.svg\n"


def checked(folder: Path, text: str, kind: str, *, more: str = "") -> CheckResult:
    declared = f"Description-Content-Type: {kind}\n" if kind else ""
    fields = f"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n{more}{declared}\n{text}"
    ours = open_wheel(wheel(folder, metadata=fields))
    with zipfile.ZipFile(ours.path) as archive:
        return check_description(ours, archive)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(SOUND, "text/x-rst", id="reStructuredText, as PyPI shows it"),
        pytest.param(SOUND, "", id="without a type"),
        pytest.param("# Acme\n\n:ref:`usage` `x\n", "text/markdown; charset=UTF-8", id="Markdown always renders"),
        pytest.param(":ref:`usage`\n", "text/plain", id="plain text, too"),
        pytest.param("", "text/x-rst", id="nothing to show"),
        pytest.param("# Acme\n\nIt is `fast`.\n", "", id="Markdown that happens to be reStructuredText"),
    ],
)
def test_a_description_that_renders_is_not_accused(tmp_path: Path, text: str, kind: str) -> None:
    assert checked(tmp_path, text, kind) == CheckResult(detail="", codes=("WHL141",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Acme\n====\n\nSee :ref:`usage`.\n", 'line 4: Unknown interpreted text role "ref"'),
        (".. raw:: html\n\n   <p>\n", 'line 1: "raw" directive disabled'),
        (".. include:: CHANGES.rst\n", 'line 1: "include" directive disabled'),
        ("Acme software\n=======\n", "line 2: Title underline too short"),
        ("x\n\ny `z\n", "line 3: Inline interpreted text or phrase reference start-string without end-string"),
    ],
)
def test_a_description_that_does_not_render_is_found_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = checked(tmp_path, text, "text/x-rst; charset=UTF-8").findings
    assert (found.code, found.level) == ("WHL141", Level.ERROR)
    assert found.message == f"PyPI refuses it: it does not render as text/x-rst, {problem}"
    (found,) = checked(tmp_path, text, "").findings
    assert found.level is Level.WARNING
    assert found.message.endswith(f"without a content type it has to be reStructuredText, {problem}")
    (found,) = checked(tmp_path, text, "text/x-rst", more="Classifier: Private :: Do Not Upload\n").findings
    assert found.level is Level.NOTE


def test_the_files_of_this_machine_are_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("x")
    (found,) = checked(tmp_path, f".. include:: {secret}\n", "text/x-rst").findings
    assert "directive disabled" in found.message
