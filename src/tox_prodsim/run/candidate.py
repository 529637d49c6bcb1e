"""What a run leaves for the next one: the candidate for the baseline, and the baseline itself if it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tox_prodsim import timing
from tox_prodsim.building import reference_wheel
from tox_prodsim.model.events import Measured
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.scenario import Update
from tox_prodsim.run.context import BaselineFiles
from tox_prodsim.timing import baseline


def keep(
    baselines: BaselineFiles,
    measured: Sequence[Measured] = (),
    work: timing.Work | None = None,
    *,
    update: Update | None,
    weighed: timing.footprint.Footprint | None = None,
) -> str:
    """Write the candidate, and with ``update`` that part of the baseline; return what was done.

    What the release holds is kept although nothing was measured. Raises ProdsimError when it cannot be stored.
    """
    metrics = {each.metric: kept for each in measured if (kept := baseline.metric_from(each)) is not None}
    held = baselines.now.contents
    new = replace(
        baselines.now,
        metrics=metrics,
        work=work,
        contents=held.folded() if held is not None else None,
        footprint=weighed or baselines.now.footprint,
    )
    accepted = baseline.merged(baselines.stored, new)
    baseline.save(baselines.candidate, replace(accepted, env=baselines.now.env))
    if update is None:
        return "" if baselines.stored is not None else f"candidate written to {baselines.display(baselines.candidate)}"
    if update is Update.TIMES and not metrics and new.footprint is None:
        return "nothing stored: there are no times"
    accepted = baseline.merged(baselines.stored, baseline.restricted(new, update))
    if accepted == baselines.stored:
        return f"baseline unchanged: {baselines.display(baselines.path)}"
    baseline.save(baselines.path, accepted)
    reference_wheel.accept(accepted.built.wheel_sha256, baselines.wheels)
    ignored = "git ignores this file, so CI will not see it: change .gitignore" if baselines.is_ignored() else ""
    part = "" if update is Update.ALL else f" ({update} only)"
    return joined((f"baseline stored{part}: {baselines.display(baselines.path)}", ignored), "; ")
