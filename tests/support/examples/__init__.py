"""How to have each example of the catalogue really reported: by code, what makes the findings of such a case.

Each function takes an empty folder and returns findings; one of them has the text of the page. No process is started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from support.examples import builds, deployments, footprint, imports, installation, releases, scripts, times, wheels
from tox_prodsim.model.findings import Finding

EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    **builds.EXAMPLES,
    **wheels.EXAMPLES,
    **releases.EXAMPLES,
    **installation.EXAMPLES,
    **imports.EXAMPLES,
    **scripts.EXAMPLES,
    **deployments.EXAMPLES,
    **times.EXAMPLES,
    **footprint.EXAMPLES,
}
