"""A build that failed, as findings and evidence: what there is to say when there is no wheel to test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.checks.artifact.build_log import evidence, is_absent_file, last_words
from tox_prodsim.checks.artifact.sdist import Sdist, check_sdist
from tox_prodsim.model.findings import CheckResult, Finding, error

_INCLUDE = {
    "setuptools": "name it in MANIFEST.in (include, recursive-include, graft)",
    "hatchling": "name it in 'include' or 'force-include' of [tool.hatch.build.targets.sdist]",
    "flit_core": "name it in 'include' of [tool.flit.sdist]",
    "poetry": "name it in 'include' of [tool.poetry], for the format sdist",
    "pdm": "name it in 'source-includes' of [tool.pdm.build]",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendOutput:
    """What a back end wrote; ``kind`` and ``text`` are its exception, where it is known apart."""

    output: str
    kind: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFailure:
    """What is to be reported: the checks of the step, and the lines that show it."""

    checked: CheckResult
    title: str
    lines: tuple[str, ...]


def no_sdist(said: BackendOutput, source: Path) -> BuildFailure:
    """Return the story of a source tree that builds no sdist."""
    words = last_words(said.output, source, kind=said.kind, text=said.text)
    hint = "run 'python -m build --sdist' in a clean checkout, it fails in the same way"
    finding = error("BLD101", "sdist", f"does not build: {words}", hint)
    return _story(CheckResult(detail="", codes=("BLD101",), findings=(finding,)), said, source)


def no_wheel(sdist: Sdist, said: BackendOutput, *, tree_builds: bool | None) -> BuildFailure:
    """Return the story of an sdist that builds no wheel; ``tree_builds`` None: there is no tree to compare with."""
    source = _unpacked(said, sdist)
    words = last_words(said.output, source, kind=said.kind, text=said.text)
    incomplete = is_absent_file(words) if tree_builds is None else tree_builds
    finding = _incomplete(sdist, words, tree_builds=tree_builds) if incomplete else _unbuildable(sdist, words)
    known = CheckResult(detail="", codes=("BLD102", "SDI201"), findings=(finding,))
    return _story(CheckResult.of(known, check_sdist(sdist)), said, source)


def _incomplete(sdist: Sdist, words: str, *, tree_builds: bool | None) -> Finding:
    also = "the wheel builds from the source tree, but not from it" if tree_builds else "no wheel builds from it"
    family = next((hint for name, hint in _INCLUDE.items() if sdist.backend.startswith(name)), "")
    hint = f"have the sdist include it: {family}" if family else "have the sdist include what the build reads"
    return error("SDI201", sdist.file_name, f"is incomplete, {also}: {words}", hint)


def _unbuildable(sdist: Sdist, words: str) -> Finding:
    hint = "unpack it elsewhere and run 'pip wheel .' there, it fails in the same way"
    return error("BLD102", sdist.file_name, f"builds no wheel: {words}", hint)


def _unpacked(said: BackendOutput, sdist: Sdist) -> Path:
    """Return where the back end saw the sources: below the name of the sdist's one folder, wherever that was."""
    for line in said.output.splitlines():
        before, found, _ = line.partition(f"/{sdist.top}/")
        if found and '"' in before:
            return Path(before.rpartition('"')[2]) / sdist.top
    return Path(sdist.top)


def _story(checked: CheckResult, said: BackendOutput, source: Path) -> BuildFailure:
    lines = evidence(said.output, source)
    return BuildFailure(checked=checked, title="the last words of the build", lines=lines)
