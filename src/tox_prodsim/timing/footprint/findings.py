"""What a quantity that has grown means for the run."""

from __future__ import annotations

from collections.abc import Mapping

from tox_prodsim.model.events import FootprintCompared
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.footprint import Growth, QuantityKind
from tox_prodsim.model.formatting import joined
from tox_prodsim.timing.footprint.causes import NO_CAUSE, GrowthCause
from tox_prodsim.timing.stats import percent

_CODES: Mapping[QuantityKind, str] = {
    QuantityKind.WHEEL_SIZE: "PRF740",
    QuantityKind.INSTALLED_SIZE: "PRF741",
    QuantityKind.MODULES: "PRF742",
    QuantityKind.IMPORT_MEMORY: "PRF743",
    QuantityKind.READY_MEMORY: "PRF744",
    QuantityKind.READY_THREADS: "PRF745",
    QuantityKind.READY_DESCRIPTORS: "PRF745",
}
_WARNINGS = {"PRF742", "PRF745"}
_HINTS = {
    "PRF740": "keep out of the wheel what nobody needs at run time",
    "PRF741": "keep out what nobody needs at run time, or make the requirement an extra",
    "PRF742": "import what is rarely needed inside of the function that needs it",
    "PRF744": "make what is large when it is first needed, or share it between the workers",
    "PRF745": "see what opens or starts them before the first request",
    "PRF743": "make what is large when it is first needed, or import it there",
}
_ACCEPT = "if it is meant to be, accept it with --prodsim-update-baseline"


def footprint_finding(compared: FootprintCompared, cause: GrowthCause = NO_CAUSE) -> Finding | None:
    """Return what a comparison means for the run; None when it is the same, or there is no baseline.

    A new version of a dependency is not the release's fault: what has grown by it is a warning.
    """
    if compared.expected is None or compared.growth in {Growth.SAME, Growth.UNKNOWN}:
        return None
    if compared.growth is Growth.SHRUNK:
        hint = f"keep the gain; {_ACCEPT}"
        return _finding("PRF746", Level.NOTE, compared, f"is smaller than in the baseline: {_figures(compared)}", hint)
    code = _CODES[compared.quantity.kind]
    level = Level.WARNING if code in _WARNINGS or cause.of_dependency else Level.ERROR
    verb = "have" if code in _WARNINGS else "has"
    of_dependency = f"it is the dependency: {cause.of_dependency}" if cause.of_dependency else ""
    message = joined((f"{verb} grown: {_figures(compared)}", of_dependency, cause.sentence), "; ")
    return _finding(code, level, compared, message, f"{_HINTS[code]}; {_ACCEPT}")


def _finding(code: str, level: Level, compared: FootprintCompared, message: str, hint: str) -> Finding:
    quantity = str(compared.quantity)
    return Finding(code=code, level=level, subject=quantity, message=f"{quantity} {message}", hint=hint)


def _figures(compared: FootprintCompared) -> str:
    """Return for example ``4.2 MB, baseline 84.1 kB (+4898 %, limit +10 %)``."""
    quantity, then = compared.quantity, compared.expected or 0
    share = percent(compared.value / then - 1) if then else "new"
    limits = f"{share}, limit {percent(compared.tolerance)}"
    value = joined((quantity.display(compared.value), compared.source), " ")
    return f"{value}, baseline {quantity.display(then)} ({limits})"
