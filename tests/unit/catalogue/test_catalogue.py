"""The catalogue: every code that can be reported has a page, and no other code has one."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from support.examples import EXAMPLES
from support.findings import printed

from tox_prodsim.catalogue import CATALOGUE, FAMILIES, RETIRED, Check, listing, page
from tox_prodsim.model.findings import Level
from tox_prodsim.plugin.config.values import codes

ROOT = Path(str(files("tox_prodsim")))
TESTS = Path(__file__).parents[2]
WORDS = {Level.ERROR: "FAIL", Level.WARNING: "WARN", Level.NOTE: "NOTE"}
checks = pytest.mark.parametrize("check", CATALOGUE.values(), ids=CATALOGUE.keys())


def codes_in(text: str) -> set[str]:
    return set(re.findall(rf"\b(?:{'|'.join(FAMILIES)})[0-9]{{3}}\b", text))


def test_the_codes_of_the_source_are_those_of_the_catalogue() -> None:
    sources = [path for path in ROOT.rglob("*.py") if path.parent.name != "catalogue"]
    reported = set().union(*(re.findall(r'"([A-Z]{3}[0-9]{3})"', path.read_text("utf-8")) for path in sources))
    assert reported == set(CATALOGUE)


def test_no_code_has_two_pages() -> None:
    sources = (ROOT / "catalogue").glob("*.py")
    pages = [code for path in sources for code in re.findall(r'code="([A-Z]{3}[0-9]{3})"', path.read_text("utf-8"))]
    assert len(pages) == len(CATALOGUE)


def test_a_former_code_has_no_page_and_can_still_be_ignored() -> None:
    assert set(RETIRED).isdisjoint(CATALOGUE)
    assert codes("ignore", ["RUN627"]) == ("RUN627",)


def test_the_codes_stand_in_the_order_of_their_families_and_numbers() -> None:
    families = list(FAMILIES)
    assert list(CATALOGUE) == sorted(CATALOGUE, key=lambda code: (families.index(code[:3]), code))


def test_nobody_can_change_the_catalogue() -> None:
    with pytest.raises(TypeError):
        CATALOGUE["RUN999"] = CATALOGUE["RUN601"]  # type: ignore[index]


@checks
def test_a_page_has_all_sections_and_can_be_read_in_any_terminal(check: Check) -> None:
    text = page(check)
    titles = ["WHY IT MATTERS", "EXAMPLE", "COMMON CAUSES", "WHAT TO DO", "IF IT IS MEANT TO BE SO"]
    if check.project or check.no_project:
        titles.insert(4, "A PROJECT THAT SHOWS IT" if check.project else "WHY NO SHORT PROJECT SHOWS IT")
    assert re.findall(r"^[A-Z ]+$", text, re.MULTILINE) == titles
    assert text.startswith(f"{check.code}: {check.title}\n{FAMILIES[check.code[:3]]}, {check.level}")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100


@checks
def test_an_entry_says_something_everywhere(check: Check) -> None:
    assert len(check.why) > 60
    assert check.causes
    assert check.solution
    assert not check.title.endswith(".")
    assert not any(text.endswith(".") for text in (*check.causes, *check.solution))


@checks
def test_an_example_is_a_line_as_it_is_printed(check: Check) -> None:
    word = "FAIL" if check.exception.startswith("an error") else WORDS[check.level]
    assert re.match(rf"{word} {check.code} \S.+", check.example)


@checks
def test_a_page_shows_a_short_project_or_says_why_there_is_none(check: Check) -> None:
    assert bool(check.project) != bool(check.no_project)
    assert len(check.project.splitlines()) <= 18


def test_a_project_is_of_a_code() -> None:
    assert {path.stem for path in (ROOT / "catalogue" / "projects").iterdir()} <= set(CATALOGUE)


ELSEWHERE = {
    **dict.fromkeys(("WHL132", "WHL134", "ENT515"), "test_contents.py"),
    **dict.fromkeys(
        ("EXT401", "EXT402", "EXT403", "EXT404", "EXT410", "EXT411", "EXT412", "EXT413", "EXT415", "EXT420", "EXT421"),
        "test_native.py",
    ),
}
"""Codes whose example needs a compiler, or a baseline: the test that renders it."""


def test_every_example_is_rendered_from_a_finding_somewhere() -> None:
    assert set(EXAMPLES) | set(ELSEWHERE) == set(CATALOGUE)
    for name in set(ELSEWHERE.values()):
        assert any("CATALOGUE[code].example" in path.read_text("utf-8") for path in TESTS.rglob(name))


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_an_example_is_what_the_finding_really_looks_like(code: str, tmp_path: Path) -> None:
    found = [printed(finding) for finding in EXAMPLES[code](tmp_path) if finding.code == code]
    assert CATALOGUE[code].example in [line.replace(str(tmp_path), "/tmp") for line in found]


@checks
def test_a_page_names_no_code_that_does_not_exist(check: Check) -> None:
    assert codes_in(page(check)) <= set(CATALOGUE)


def test_a_page_in_full() -> None:
    assert page(CATALOGUE["RUN624"]) == (
        "RUN624: the output has a traceback or an error, although the exit code says success\n"
        "deployment, warning (does not fail the run). An error when it is a traceback in the output of a job\n"
        "that ended as a success.\n"
        "\n"
        "WHY IT MATTERS\n"
        "  A traceback went by, and the exit code does not show it. A script whose 'finally:' calls\n"
        "  sys.exit(0) ends with 0 after any exception. For a job a traceback is therefore an error; a\n"
        "  service may log one about a bad request and be right.\n"
        "\n"
        "EXAMPLE\n"
        "  FAIL RUN624 deploy.log: counts as a success, but printed a traceback: ValueError: no such table\n"
        "       (app.py:12)\n"
        "\n"
        "COMMON CAUSES\n"
        "  - sys.exit(0), os._exit(0) or 'return' in a 'finally:' block swallows the exception\n"
        "  - an 'except Exception:' logs the error and goes on\n"
        "  - a thread or a task raised, and its result was never read\n"
        "\n"
        "WHAT TO DO\n"
        "  - let the exception pass, or end with another exit code than 0\n"
        "  - ask for the result of what runs beside: Future.result(), await task\n"
        "  - a traceback that is expected: log the message alone, without exc_info\n"
        "\n"
        "A PROJECT THAT SHOWS IT\n"
        "  # pyproject.toml\n"
        "  [project]\n"
        '  name = "acme"\n'
        '  version = "1.0"\n'
        "  # acme/__init__.py\n"
        "  # acme/__main__.py\n"
        "  import traceback\n"
        "  try:\n"
        "      print(1 / 0)\n"
        "  except ZeroDivisionError:\n"
        "      traceback.print_exc()\n"
        "  # tox.ini\n"
        "  [testenv:prodsim]\n"
        "  deploy = python -m acme\n"
        "  $ tox run -e prodsim\n"
        "\n"
        "IF IT IS MEANT TO BE SO\n"
        "  Put it on the list of the environment: ignore = RUN624 (or warn = RUN624, to keep it as a warning)\n"
    )


def test_what_cannot_fail_the_run_needs_no_warn() -> None:
    assert "warn = " not in page(CATALOGUE["IMP521"])
    assert "warn = WHL101" in page(CATALOGUE["WHL101"])
    assert "warn = IMP504" in page(CATALOGUE["IMP504"])


def test_the_listing_groups_the_codes_by_family_with_their_levels() -> None:
    chosen = [CATALOGUE[code] for code in ("ENT510", "WHL110", "WHL104", "RUN624", "IMP504")]
    assert listing(chosen) == (
        "WHL: the wheel file\n"
        "  WHL110  E* there is nothing to import in the wheel\n"
        "  WHL104  E  two members of the wheel have the same name\n"
        "\n"
        "IMP: imports\n"
        "  IMP504  N* another module of the wheel cannot be imported\n"
        "\n"
        "ENT: entry points and scripts\n"
        "  ENT510  E* a console script does not load\n"
        "\n"
        "RUN: deployment\n"
        "  RUN624  W* the output has a traceback or an error, although the exit code says success\n"
        "\n"
        "E error, fails the run; W warning; N note; * with an exception\n"
        "tox prodsim explain CODE shows the rest\n"
    )


def test_the_listing_leaves_nothing_out() -> None:
    assert codes_in(listing(CATALOGUE.values())) == set(CATALOGUE)
