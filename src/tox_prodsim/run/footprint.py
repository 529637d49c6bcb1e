"""The quantities of the step ``compare``: what the release takes besides time, beside the baseline and its budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tox_prodsim import deployment
from tox_prodsim.checks import installed
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import LimitExceededError
from tox_prodsim.model.events import Event, Evidence, FootprintCompared, Found, Step
from tox_prodsim.model.footprint import INSTALLED_SIZE, OF_IMPORTS, WHEEL_SIZE, Growth, Quantity, QuantityKind
from tox_prodsim.model.printable import without_controls
from tox_prodsim.model.scenario import LOWEST, Scenario, Timing
from tox_prodsim.run.context import BaselineFiles, RunContext
from tox_prodsim.timing import footprint
from tox_prodsim.timing.explanation import ImportRecordings, stored_recording
from tox_prodsim.timing.footprint import Footprint, Weighed


def sizes(scenario: Scenario, context: RunContext) -> Footprint | None:
    """Return the sizes of the wheel and of what is installed; None where no quantity is compared."""
    if scenario.policy.drops("PRF") or scenario.resolution == LOWEST:
        return None
    wheel = context.wheel
    weighed = Footprint(
        quantities={WHEEL_SIZE: Weighed(value=wheel.size_bytes)},
        wheel_files={without_controls(name): size for name, size in wheel.largest},
    )
    if context.site_packages is None:
        return weighed
    now = context.baselines.now
    python = installed.TargetPython(version=now.python, implementation=now.key.partition("-")[0])
    try:
        found = context.call(installed.sizes_in, context.site_packages, context.scripts_dir, context.subject, python)
    except LimitExceededError:
        return weighed
    size = sum(found.distributions.values())
    return replace(
        weighed.with_quantities({INSTALLED_SIZE: Weighed(value=size)}),
        distributions={each: size for each, size in found.distributions.items() if each in now.dists},
        files={without_controls(name): size for name, size in found.files.items()},
    )


def at_readiness(
    weights: Mapping[str, Sequence[deployment.TreeWeight]], *, uncompiled: bool
) -> dict[Quantity, Weighed]:
    """Return the quantities of what each service had once it was ready, at the start with the least memory.

    A first start may have compiled bytecode, which takes memory; later ones have it. ``uncompiled`` says that the
    installer compiled none.
    """
    found: dict[Quantity, Weighed] = {}
    for name, starts in weights.items():
        least = min(starts, key=lambda each: each.memory)
        source = f"{least.source} without bytecode" if uncompiled and len(starts) == 1 else least.source
        parts = {"own": least.own, "mapped": least.mapped, "processes": least.processes}
        of_kind = {
            QuantityKind.READY_MEMORY: Weighed(value=least.memory, source=source, parts=parts, samples=len(starts)),
            QuantityKind.READY_THREADS: Weighed(value=least.threads, parts={"processes": least.processes}),
            QuantityKind.READY_DESCRIPTORS: Weighed(value=least.descriptors, parts=least.kinds),
        }
        found |= {Quantity(kind, name): weighed for kind, weighed in of_kind.items()}
    return found


@dataclass(kw_only=True, slots=True)
class Quantities:
    """Compares the quantities of a run, and keeps what they came to."""

    config: Timing
    context: RunContext
    recordings: ImportRecordings
    measured: Mapping[Quantity, Weighed]
    """Those that are not of files, and not of the recordings."""
    uncompiled: bool = False
    """Whether the installer has compiled no bytecode."""

    @property
    def baselines(self) -> BaselineFiles:
        """Return the stored baseline, and what is known of this run."""
        return self.context.baselines

    @property
    def now(self) -> Footprint:
        """Return all quantities of this run."""
        modules = {
            Quantity(QuantityKind.MODULES, name): Weighed(value=len(recording.modules))
            for name, recording in self.recordings.imports.items()
        }
        ready = at_readiness(self.context.launch_context.weights, uncompiled=self.uncompiled)
        return (self.baselines.now.footprint or Footprint()).with_quantities({**modules, **self.measured, **ready})

    @property
    def _stored(self) -> Footprint | None:
        stored = self.baselines.stored
        return stored.footprint if stored is not None and not self.config.updates_times else None

    def compare(self) -> Iterator[Event]:
        """Yield how each quantity compares, what that means, and the budgets that are not kept."""
        now = self.now
        kinds = list(QuantityKind)
        for quantity, weighed in sorted(
            now.quantities.items(), key=lambda item: (kinds.index(item[0].kind), item[0].name)
        ):
            yield from self._compared(quantity, weighed, now)
        values = {quantity: weighed.value for quantity, weighed in now.quantities.items()}
        yield from (Found(finding=each) for each in footprint.broken_limits(self.config.sizes, values))

    def unchecked(self) -> tuple[str, ...]:
        """Return which budgets could not be checked."""
        values = {quantity: weighed.value for quantity, weighed in self.now.quantities.items()}
        return tuple(footprint.unchecked_limits(self.config.sizes, values))

    def _compared(self, quantity: Quantity, weighed: Weighed, now: Footprint) -> Iterator[Event]:
        stored = self._stored
        then = stored.quantities.get(quantity) if stored is not None else None
        tolerances = footprint.Tolerances(size=self.config.size_tolerance, memory=self.config.memory_tolerance)
        compared = footprint.compare_quantity(quantity, weighed, then, tolerances)
        cause = self._cause(compared, stored, now) if stored is not None else footprint.NO_CAUSE
        compared = replace(compared, cause=cause.sentence)
        yield compared
        finding = footprint.footprint_finding(compared, cause)
        if finding is not None:
            yield Found(finding=finding)
            if compared.growth is Growth.GROWN and cause.lines:
                yield Evidence(step=Step.COMPARE, title=f"{quantity}, cause", lines=cause.lines)

    def _cause(self, compared: FootprintCompared, then: Footprint, now: Footprint) -> footprint.GrowthCause:
        if compared.growth is not Growth.GROWN:
            return footprint.NO_CAUSE
        if compared.quantity in {WHEEL_SIZE, INSTALLED_SIZE}:
            return footprint.size_cause(compared.quantity, then, now, self.context.subject.name)
        if compared.quantity.kind not in OF_IMPORTS:
            return self._parts(compared.quantity, then, now)
        cause = self._new_modules(compared.quantity.name)
        if compared.quantity.kind is QuantityKind.IMPORT_MEMORY and not cause.sentence:
            return self._holders(compared.quantity.name)
        return cause

    @staticmethod
    def _parts(quantity: Quantity, then: Footprint, now: Footprint) -> footprint.GrowthCause:
        """Return which descriptors there are more of, or that there are more processes."""
        names = () if quantity.kind is QuantityKind.READY_DESCRIPTORS else ("processes",)
        return footprint.parts_cause(then.quantities[quantity], now.quantities[quantity], names)

    def _holders(self, module: str) -> footprint.GrowthCause:
        """Return the lines that hold most memory when the module is imported."""
        python, runner = self.context.python, self.context.execute
        return footprint.holders_cause(footprint.holding_lines(module, python=python, runner=runner))

    def _new_modules(self, module: str) -> footprint.GrowthCause:
        """Return the modules that this import loads and none of the baseline did."""
        before, recording = stored_recording(self.baselines.stored), self.recordings.imports.get(module)
        if before is None or recording is None:
            return footprint.NO_CAUSE
        return footprint.module_cause(before, recording)
