"""Whether the requirements of a wheel can be installed: afresh, with each of its extras, at the lowest versions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tox_prodsim.checks.resolution.installers import Installer
from tox_prodsim.checks.resolution.lowest import LowestVersions
from tox_prodsim.checks.resolution.results import (
    Impossible,
    IndexUnreachable,
    Resolution,
    Resolved,
    ResolvedDistribution,
    VersionUnavailable,
)
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import counted, joined, listed, plural
from tox_prodsim.model.runner import Runner

LIMIT_S = 60.0
"""The limit for all resolutions for one wheel; what is left then is not checked."""
_FAILURES_SHOWN = 5
_TRY = "try it with: pip install --dry-run"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolutionRequest:
    """The wheel, and the extras with which it is installed here."""

    wheel: Path
    name: str
    requires: tuple[str, ...]
    """The lines of Requires-Dist."""
    provided: tuple[str, ...]
    """The extras of the wheel."""
    requested: tuple[str, ...] = ()
    """The extras with which it is installed."""

    def requirement(self, extras: Iterable[str]) -> str:
        """Return the wheel with extras as a requirement."""
        return f"{self.display(extras)} @ {self.wheel.resolve().as_uri()}"

    def display(self, extras: Iterable[str]) -> str:
        """Return the name with extras, as ``acme[http]``."""
        names = ",".join(extras)
        return f"{self.name}[{names}]" if names else self.name


def check_resolution(
    request: ResolutionRequest, installer: Installer, runner: Runner, folder: Path, *, limit_s: float = LIMIT_S
) -> CheckResult:
    """Return what a fresh install would take, and the extras that cannot be installed; nothing is installed."""
    absent = tuple(_absent_extras(request))
    if not request.requires:
        return CheckResult(detail="", codes=("DEP205", "DEP206"), findings=absent)
    resolver = _ExtrasResolver(request, installer, runner, folder, limit_s)
    requested, others = _divided_extras(request)
    base, all_others = resolver.resolve_both(requested, others)
    if not isinstance(base, Resolved):
        return _without_base(request, base, absent)
    resolver.resolve_each(others, all_others)
    unknown = dict.fromkeys((*base.unknown_extras, *resolver.unknown_extras))
    return CheckResult(
        detail=resolver.detail(base, others),
        codes=("DEP205", "DEP206") if resolver.resolved or not others else ("DEP205",),
        findings=(
            *absent,
            *_doubtful(base.distributions),
            *resolver.findings,
            *_unknown_extras(request, unknown),
        ),
        not_checked=tuple(("DEP206", reason) for reason in resolver.reasons()),
    )


def _divided_extras(request: ResolutionRequest) -> tuple[list[str], list[str]]:
    """Return the extras of the wheel that are requested, and the others, each once."""
    by_name = {canonicalize_name(extra): extra for extra in request.provided}
    requested = [extra for extra in request.requested if canonicalize_name(extra) in by_name]
    names = set(map(canonicalize_name, requested))
    return requested, [extra for name, extra in by_name.items() if name not in names]


class _ExtrasResolver:
    """Resolves the extras all at once, and halves of them as long as they cannot be installed together."""

    def __init__(
        self, request: ResolutionRequest, installer: Installer, runner: Runner, folder: Path, limit_s: float
    ) -> None:
        self._request = request
        self._installer = installer
        self._runner = runner
        self._folder = folder
        self._limit_s = limit_s
        self._end_at = time.monotonic() + limit_s
        self._unresolved: dict[str, list[str]] = {}
        self.resolved: list[str] = []
        self.findings: list[Finding] = []
        self.unknown_extras: list[tuple[str, str, str]] = []

    def resolve(self, extras: Sequence[str]) -> Resolution:
        """Return what would be installed with these extras."""
        left_s = max(self._end_at - time.monotonic(), 0.1)
        requirements = [self._request.requirement(extras)]
        return self._installer.resolve(requirements, self._runner, self._folder, limit_s=left_s)

    def resolve_both(self, requested: Sequence[str], others: Sequence[str]) -> tuple[Resolution, Resolution | None]:
        """Return what would be installed with the requested extras, and with all others (None: there are none)."""
        with ThreadPoolExecutor(1, thread_name_prefix="prodsim-resolving") as pool:
            all_others = pool.submit(self.resolve, others) if others else None
            needs_any = requested or not _is_all_of_extras(self._request.requires)
            base = self.resolve(requested) if needs_any else Resolved(distributions=())
        return base, all_others.result() if all_others else None

    def resolve_each(self, extras: Sequence[str], together: Resolution | None = None) -> None:
        """Resolve each of these extras; that some exclude each other is not a fault of theirs.

        ``together`` is the result for all of them at once; None: they were not resolved together.
        """
        if not extras:
            return
        match together or self.resolve(extras):
            case Resolved() as found:
                self.resolved += extras
                self.unknown_extras += found.unknown_extras
            case IndexUnreachable(reason=reason):
                self._leave(extras, reason)
            case _ if len(extras) > 1:
                self._resolve_halves(extras)
            case Impossible() | VersionUnavailable() as result:
                self.resolved += extras
                self.findings.append(_not_installable(self._request.display(extras), result, base=False))
            case result:
                self._leave(extras, result.reason)

    def _resolve_halves(self, extras: Sequence[str]) -> None:
        """Resolve two halves side by side, and each again where it cannot be installed together."""
        halves = extras[: len(extras) // 2], extras[len(extras) // 2 :]
        if time.monotonic() >= self._end_at:
            self._leave(extras, f"no answer within {self._limit_s:.0f} s")
            return
        with ThreadPoolExecutor(len(halves), thread_name_prefix="prodsim-resolving") as pool:
            answers = [*pool.map(self.resolve, halves)]
        for half, answer in zip(halves, answers, strict=True):
            self.resolve_each(half, answer)

    def _leave(self, extras: Sequence[str], reason: str) -> None:
        self._unresolved.setdefault(reason, []).extend(extras)

    def reasons(self) -> Iterator[str]:
        """Yield which extras were not resolved, and why."""
        for reason, extras in self._unresolved.items():
            yield f"{self._request.display(extras)}: {reason}"

    def detail(self, base: Resolved, others: Sequence[str]) -> str:
        """Return how many distributions would be installed, and how many extras can be."""
        count = len(base.distributions)
        fresh = f"installing it pulls in {counted(count, 'package') if count else 'nothing else'}"
        good, unknown = len(self.resolved) - len(self.findings), len(others) - len(self.resolved)
        resolve = f"{good} of {len(others)} {plural('extra', len(others))} resolve" if others else ""
        return joined((fresh, resolve, f"{unknown} not known" if unknown else ""))


def _is_all_of_extras(requires: Iterable[str]) -> bool:
    """Return whether all of these belong to extras, so that there is nothing to resolve without one."""
    return all("extra ==" in text and " or " not in text for text in requires)


def _without_base(request: ResolutionRequest, base: Resolution, absent: tuple[Finding, ...]) -> CheckResult:
    """Return the result if the wheel itself cannot be resolved, or that is not known."""
    if isinstance(base, Impossible | VersionUnavailable):
        found = _not_installable(request.display(request.requested), base, base=True)
        reason = "the wheel cannot be resolved"
        return CheckResult(detail="", codes=("DEP206",), findings=(*absent, found), not_checked=(("DEP205", reason),))
    reason = "" if isinstance(base, Resolved) else base.reason
    return CheckResult(
        detail="", codes=(), findings=absent, not_checked=tuple((code, reason) for code in ("DEP205", "DEP206"))
    )


def _absent_extras(request: ResolutionRequest) -> Iterator[Finding]:
    """Yield the requested extras that the wheel does not have."""
    known = {canonicalize_name(extra): extra for extra in request.provided}
    for extra in request.requested:
        if canonicalize_name(extra) not in known:
            message = f"the wheel has no such extra; it has {', '.join(known.values()) or 'none'}"
            hint = "correct 'extras' of the environment, or declare it in [project.optional-dependencies]"
            yield _finding("DEP206", Level.ERROR, request.display([extra]), message, hint)


def _doubtful(distributions: Iterable[ResolvedDistribution]) -> Iterator[Finding]:
    """Yield what users would rather not install: yanked releases, sdists and pre-releases."""
    for each in distributions:
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


def _not_installable(shown: str, result: Impossible | VersionUnavailable, *, base: bool) -> Finding:
    match result:
        case Impossible(unreleased=True) if not base:
            message = f"cannot be installed yet: {result.reason}"
            hint = f"release that first, or correct the requirements, unless your index lags behind; {_TRY} '{shown}'"
            return _finding("DEP206", Level.WARNING, shown, message, hint)
        case Impossible():
            hint = f"correct the requirements; {_TRY} '{shown}'"
            return _finding("DEP206", Level.ERROR, shown, f"cannot be installed: {result.reason}", hint)
        case VersionUnavailable():
            message = f"cannot be installed here: {result.reason}"
            hint = "if it is for another Python or platform only, say so with a marker in its requirements"
            return _finding("DEP206", Level.NOTE, shown, message, hint)


def _unknown_extras(request: ResolutionRequest, unknown: Iterable[tuple[str, str, str]]) -> Iterator[Finding]:
    """Yield the extras that the wheel requires and that do not exist: installers only warn."""
    required = _required_extras(request.requires)
    for name, version, extra in unknown:
        if canonicalize_name(extra) in required.get(canonicalize_name(name), ()):
            message = f"is required, but {name} {version} has no such extra, so nothing is installed for it"
            hint = "look for a misprint, or require by name what the extra used to bring"
            yield _finding("DEP206", Level.WARNING, f"{name}[{extra}]", message, hint)


def _required_extras(requires: Iterable[str]) -> Mapping[str, set[str]]:
    extras: dict[str, set[str]] = {}
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # reported as DEP209
        extras.setdefault(canonicalize_name(requirement.name), set()).update(map(canonicalize_name, requirement.extras))
    return extras


# the lowest versions


def check_lowest(result: LowestVersions | Impossible | VersionUnavailable, installed: Sequence[str]) -> CheckResult:
    """Return the lowest versions in the environment, or why they are not there; ``installed`` are ``name==version``."""
    if isinstance(result, Impossible | VersionUnavailable):
        message = f"the lowest versions that it allows cannot be installed: {result.reason}; the newest are installed"
        hint = "raise the lower bound that can no longer be installed to the lowest that works"
        found = _finding("DEP208", Level.ERROR, "dependencies", message, hint)
        return CheckResult(detail="", codes=("DEP208",), findings=(found,))
    return CheckResult(detail=_detail(result, installed), codes=("DEP208",))


def lowest_failed(result: LowestVersions, installed: Sequence[str], failed: Iterable[Finding]) -> Finding:
    """Return the finding for the errors of a run with the lowest versions."""
    errors = list(dict.fromkeys(f"{each.code} {each.subject}" for each in failed))
    message = f"with {_pins(result, installed)} it does not work: {listed(errors, _FAILURES_SHOWN)}"
    hint = "raise the lower bound of what is to blame; if prodsim fails too, no version is"
    return _finding("DEP208", Level.ERROR, "dependencies", message, hint)


def _detail(result: LowestVersions, installed: Sequence[str]) -> str:
    unbounded = f"; no lower bound, so the newest: {', '.join(result.unbounded)}" if result.unbounded else ""
    kept = f"; not lowered, the lowest that fits was not found: {', '.join(result.not_lowered)}"
    nothing = "nothing" if result.not_lowered else "nothing has a lower bound"
    return f"lowest: {_pins(result, installed) or nothing}{unbounded}{kept if result.not_lowered else ''}"


def _pins(result: LowestVersions, installed: Sequence[str]) -> str:
    """Return the pins that apply here: a marker may exclude one."""
    names = {canonicalize_name(each.partition("==")[0]) for each in installed}
    return ", ".join(f"{name} {version}" for name, version in result.pinned if canonicalize_name(name) in names)


def _finding(code: str, level: Level, subject: str, message: str, hint: str) -> Finding:
    return Finding(code=code, level=level, subject=subject, message=message, hint=hint)
