"""Compiled modules in a run: what must be there, and what must load although the package does without it."""

from __future__ import annotations

from support.compiled import extension
from support.project import Project

FALLBACK = "try:\n    from acme._speedups import escape\nexcept ImportError:\n    escape = str\n"
CONFIG = "[testenv:prodsim]\nignore = PRF\nextensions = acme._speedups\n"


def run(project: Project, **compiled: bytes) -> str:
    """Run a wheel with these modules below acme; return the output without its line ends."""
    project.write("tox.ini", CONFIG)
    files: dict[str, str | bytes] = {"acme/__init__.py": FALLBACK}
    files |= {f"acme/{name}.abi3.so": content for name, content in compiled.items()}
    wheel = project.wheel(files=files, tag="cp39-abi3-linux_x86_64")
    return " ".join(project.prodsim("--installpkg", wheel).out.split())


def test_an_extension_that_must_load_and_does_is_the_evidence_of_the_run(quick_project: Project) -> None:
    out = run(quick_project, _speedups=extension("_speedups"))
    assert quick_project.codes() == ["EXT420"], out
    evidence = [step["detail"] for step in quick_project.report()["steps"] if step["step"] == "import"]
    assert evidence == ["acme from site-packages, no side effects, 1 extension loads (all symbols resolve)"]


def test_an_extension_that_the_package_does_without_fails_the_run(quick_project: Project) -> None:
    out = run(quick_project, _speedups=extension("_speedups", top="extern int table; int *address = &table;"))
    assert quick_project.codes() == ["EXT405", "EXT420"], out
    assert "undefined symbol: table" in out


def test_an_extension_that_was_not_compiled_fails_the_run(quick_project: Project) -> None:
    out = run(quick_project)
    assert quick_project.codes() == ["EXT403", "EXT404", "EXT420"], out
    assert "acme._speedups: is not in the wheel, but extensions names it as compiled" in out
