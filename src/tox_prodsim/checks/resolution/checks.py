"""Whether what a wheel requires can be had: for a fresh install, for each of its extras, at its lowest versions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tox_prodsim.checks.resolution.answers import Answer, Impossible, Resolved, Taken, Unreachable, VersionUnavailable
from tox_prodsim.checks.resolution.installers import Installer
from tox_prodsim.checks.resolution.lowest import Lowest
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import Runner

LIMIT_S = 60.0
"""What all questions for one wheel may take; what is not answered by then is not checked."""
_SHOWN = 5
_TRY = "try it with: pip install --dry-run"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolutionRequest:
    """The wheel, what its METADATA says, and the extras with which it is installed here."""

    wheel: Path
    name: str
    requires: tuple[str, ...]
    provided: tuple[str, ...]
    requested: tuple[str, ...] = ()

    def requirement(self, extras: Iterable[str]) -> str:
        """Return the wheel with extras as a requirement."""
        return f"{self.shown(extras)} @ {self.wheel.resolve().as_uri()}"

    def shown(self, extras: Iterable[str]) -> str:
        """Return the name with extras as one writes it."""
        listed = ",".join(extras)
        return f"{self.name}[{listed}]" if listed else self.name


def check_resolution(
    request: ResolutionRequest, installer: Installer, runner: Runner, folder: Path, *, limit_s: float = LIMIT_S
) -> CheckResult:
    """Return what a fresh install would meet, and the extras that cannot be installed; nothing is installed."""
    question = _Question(request, installer, runner, folder, limit_s)
    strange = tuple(_strange(request))
    if not request.requires:
        return CheckResult(detail="", codes=("DEP205", "DEP206"), findings=strange)
    known = {canonicalize_name(extra) for extra in request.provided}
    asked = [extra for extra in request.requested if canonicalize_name(extra) in known]
    by_name = {canonicalize_name(extra): extra for extra in request.provided}
    others = [extra for name, extra in by_name.items() if name not in set(map(canonicalize_name, asked))]
    with ThreadPoolExecutor(1, thread_name_prefix="prodsim-resolving") as beside:
        all_others = beside.submit(question.ask, others) if others else None
        base = question.ask(asked) if asked or not _is_all_of_extras(request.requires) else Resolved(taken=())
    if not isinstance(base, Resolved):
        return _without_base(request, base, strange)
    question.ask_each(others, all_others.result() if all_others else None)
    unknown = dict.fromkeys((*base.unknown_extras, *question.unknown_extras))
    return CheckResult(
        detail=question.detail(base, others),
        codes=("DEP205", "DEP206") if question.answered or not others else ("DEP205",),
        findings=(*strange, *_taken(base.taken), *question.findings, *_unknown_extras(request, unknown)),
        not_checked=tuple(("DEP206", reason) for reason in question.reasons()),
    )


class _Question:
    """Asks for the extras all at once, and for halves of them as long as they cannot be had together."""

    def __init__(
        self, request: ResolutionRequest, installer: Installer, runner: Runner, folder: Path, limit_s: float
    ) -> None:
        self._request = request
        self._installer = installer
        self._runner = runner
        self._folder = folder
        self._limit_s = limit_s
        self._give_up_at = time.monotonic() + limit_s
        self._left: dict[str, list[str]] = {}
        self.answered: list[str] = []
        self.findings: list[Finding] = []
        self.unknown_extras: list[tuple[str, str, str]] = []

    def ask(self, extras: Sequence[str]) -> Answer:
        """Return what would be installed with these extras."""
        left_s = max(self._give_up_at - time.monotonic(), 0.1)
        wanted = [self._request.requirement(extras)]
        return self._installer.resolve(wanted, self._runner, self._folder, limit_s=left_s)

    def ask_each(self, extras: Sequence[str], together: Answer | None = None) -> None:
        """Find out about each of these extras: that some exclude each other is no fault of theirs.

        ``together`` is what was answered when they were asked for all at once, None: they were not.
        """
        if not extras:
            return
        if together is None and time.monotonic() >= self._give_up_at:
            self._left.setdefault(f"no answer within {self._limit_s:.0f} s", []).extend(extras)
            return
        match together or self.ask(extras):
            case Resolved() as found:
                self.answered += extras
                self.unknown_extras += found.unknown_extras
            case Unreachable(reason=reason):
                self._left.setdefault(reason, []).extend(extras)
            case _ if len(extras) > 1:
                self.ask_each(extras[: len(extras) // 2])
                self.ask_each(extras[len(extras) // 2 :])
            case Impossible() | VersionUnavailable() as answer:
                self.answered += extras
                self.findings.append(_unresolved(self._request.shown(extras), answer, base=False))
            case answer:
                self._left.setdefault(answer.reason, []).extend(extras)

    def reasons(self) -> Iterator[str]:
        """Yield which extras were not asked for, and why."""
        for reason, extras in self._left.items():
            yield f"{self._request.shown(extras)}: {reason}"

    def detail(self, base: Resolved, others: Sequence[str]) -> str:
        """Return the evidence: how many there are, and how many extras can be had."""
        count = len(base.taken)
        fresh = f"a fresh install brings {count} more" if count else "a fresh install brings nothing else"
        good, silent = len(self.answered) - len(self.findings), len(others) - len(self.answered)
        resolve = f"{good} of {len(others)} extra{'' if len(others) == 1 else 's'} resolve" if others else ""
        unknown = f"{silent} not known" if silent else ""
        return ", ".join(filter(None, (fresh, resolve, unknown)))


def _is_all_of_extras(requires: Iterable[str]) -> bool:
    """Return whether a plain install needs none of these, so that nobody has to be asked about it."""
    return all("extra ==" in text and " or " not in text for text in requires)


def _without_base(request: ResolutionRequest, base: Answer, strange: tuple[Finding, ...]) -> CheckResult:
    """Return what there is to say where the wheel itself cannot be resolved, or nobody could tell."""
    if isinstance(base, Impossible | VersionUnavailable):
        found = _unresolved(request.shown(request.requested), base, base=True)
        reason = "the wheel cannot be resolved"
        return CheckResult(detail="", codes=("DEP206",), findings=(*strange, found), not_checked=(("DEP205", reason),))
    reason = "" if isinstance(base, Resolved) else base.reason
    return CheckResult(
        detail="", codes=(), findings=strange, not_checked=tuple((code, reason) for code in ("DEP205", "DEP206"))
    )


def _strange(request: ResolutionRequest) -> Iterator[Finding]:
    """Yield the extras that are requested here and that the wheel does not have."""
    known = {canonicalize_name(extra): extra for extra in request.provided}
    for extra in request.requested:
        if canonicalize_name(extra) not in known:
            message = f"the wheel has no such extra; it has {', '.join(known.values()) or 'none'}"
            hint = "correct 'extras' of the environment, or declare it in [project.optional-dependencies]"
            yield _finding("DEP206", Level.ERROR, request.shown([extra]), message, hint)


def _taken(taken: Iterable[Taken]) -> Iterator[Finding]:
    for each in taken:
        name = f"{each.name} {each.version}"
        if each.yanked is not None:
            reason = f": {each.yanked}" if each.yanked else ""
            hint = "allow another version of it: a pin such as == is all that still leads to a yanked release"
            message = f"a fresh install takes it, although it was yanked{reason}"
            yield _finding("DEP205", Level.WARNING, name, message, hint)
        if each.from_sdist:
            hint = "allow a version that has a wheel, or move what needs it into an extra"
            message = "a fresh install takes its sdist, so that every user has to build it"
            yield _finding("DEP205", Level.WARNING, name, message, hint)
        if _is_prerelease(each.version):
            message = "a fresh install takes this pre-release"
            hint = "a specifier that names a pre-release allows all of that project: bound it if that is not meant"
            yield _finding("DEP205", Level.NOTE, name, message, hint)


def _is_prerelease(version: str) -> bool:
    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


def _unresolved(shown: str, answer: Impossible | VersionUnavailable, *, base: bool) -> Finding:
    match answer:
        case Impossible(ahead=True) if not base:
            message = f"cannot be installed yet: {answer.reason}"
            hint = f"release that first, or correct the requirements, unless your index lags behind; {_TRY} '{shown}'"
            return _finding("DEP206", Level.WARNING, shown, message, hint)
        case Impossible():
            hint = f"correct the requirements; {_TRY} '{shown}'"
            return _finding("DEP206", Level.ERROR, shown, f"cannot be installed: {answer.reason}", hint)
        case VersionUnavailable():
            message = f"cannot be installed here: {answer.reason}"
            hint = "if it is for another Python or platform only, say so with a marker in its requirements"
            return _finding("DEP206", Level.NOTE, shown, message, hint)


def _unknown_extras(request: ResolutionRequest, unknown: Iterable[tuple[str, str, str]]) -> Iterator[Finding]:
    """Yield the extras that the wheel itself asks for and that do not exist: installers only warn."""
    asked = _asked_extras(request.requires)
    for name, version, extra in unknown:
        if canonicalize_name(extra) in asked.get(canonicalize_name(name), ()):
            message = f"is required, but {name} {version} has no such extra, so nothing is installed for it"
            hint = "look for a misprint, or require by name what the extra used to bring"
            yield _finding("DEP206", Level.WARNING, f"{name}[{extra}]", message, hint)


def _asked_extras(requires: Iterable[str]) -> Mapping[str, set[str]]:
    asked: dict[str, set[str]] = {}
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # DEP209 tells
        asked.setdefault(canonicalize_name(requirement.name), set()).update(map(canonicalize_name, requirement.extras))
    return asked


# the lowest versions


def check_lowest(result: Lowest | Impossible | VersionUnavailable, installed: Sequence[str]) -> CheckResult:
    """Return which lowest versions are in the environment, or why they are not; ``installed`` are ``name==version``."""
    if isinstance(result, Impossible | VersionUnavailable):
        message = f"the lowest versions that it allows cannot be installed: {result.reason}; the newest are installed"
        hint = "raise the lower bound that nobody can install any more to the lowest that works"
        found = _finding("DEP208", Level.ERROR, "dependencies", message, hint)
        return CheckResult(detail="", codes=("DEP208",), findings=(found,))
    return CheckResult(detail=_evidence(result, installed), codes=("DEP208",))


def lowest_failed(result: Lowest, installed: Sequence[str], failed: Iterable[Finding]) -> Finding:
    """Return what the errors of a run come to that had the lowest versions."""
    told = list(dict.fromkeys(f"{each.code} {each.subject}" for each in failed))
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    message = f"with {_pins(result, installed)} it does not work: {', '.join(told[:_SHOWN])}{more}"
    hint = "raise the lower bound of what is to blame; if prodsim fails too, no version is"
    return _finding("DEP208", Level.ERROR, "dependencies", message, hint)


def _evidence(result: Lowest, installed: Sequence[str]) -> str:
    free = f"; no lower bound, so the newest: {', '.join(result.free)}" if result.free else ""
    return f"lowest: {_pins(result, installed) or 'nothing has a lower bound'}{free}"


def _pins(result: Lowest, installed: Sequence[str]) -> str:
    """Return the pins that apply here: a marker may keep one away."""
    there = {canonicalize_name(each.partition("==")[0]) for each in installed}
    return ", ".join(f"{name} {version}" for name, version in result.pinned if canonicalize_name(name) in there)


def _finding(code: str, level: Level, subject: str, message: str, hint: str) -> Finding:
    return Finding(code=code, level=level, subject=subject, message=message, hint=hint)
