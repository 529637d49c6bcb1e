"""The memory of imports, from the samples that are taken to time them: nothing is run for it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tox_prodsim.model.answers import marked, record
from tox_prodsim.model.errors import AnswerError
from tox_prodsim.model.footprint import Quantity, QuantityKind
from tox_prodsim.model.runner import CHILD_SCRIPTS, NO_VARIABLES, Completed, Runner
from tox_prodsim.timing.footprint.weighed import Weighed

_TIMING = str(CHILD_SCRIPTS / "timing.py")
_KB = 1024


class PeakRunner:
    """Runs programs as another runner does, and keeps the peaks of the imports that the timing script samples.

    Samples of another interpreter, such as that with the wheel of the baseline, are not kept.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._peaks: dict[str, list[tuple[int, int]]] = {}
        """Peak and the peak before the import, in kB, by name of module."""

    def __call__(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        """Return how the program ended."""
        completed = self._runner(argv, timeout_s=timeout_s, variables=variables)
        if len(argv) > 4 and list(argv[2:4]) == [_TIMING, "drive"]:
            self._keep(json.loads(argv[4]), completed)
        return completed

    def _keep(self, request: Mapping[str, Any], completed: Completed) -> None:
        try:
            answers = [record(line) for line in marked(completed.stdout, request["nonce"])]
        except AnswerError:
            return  # reported by whoever has asked
        for answer in answers:
            modules, others = request["jobs"].get(str(answer.get("job")), ()), request.get("pythons", {})
            peak, base = answer.get("peak_kb"), answer.get("base_kb")
            is_own = len(modules) == 1 and answer.get("job") not in others
            if is_own and isinstance(peak, int) and isinstance(base, int):
                self._peaks.setdefault(modules[0], []).append((peak, base))

    @property
    def weighed(self) -> dict[Quantity, Weighed]:
        """Return the peak memory of each import that was sampled: the median, which a single sample moves little."""
        return {Quantity(QuantityKind.IMPORT_MEMORY, name): _weighed(peaks) for name, peaks in self._peaks.items()}


def _weighed(peaks: Sequence[tuple[int, int]]) -> Weighed:
    peak, base = (_KB * int(statistics.median(values)) for values in zip(*peaks, strict=True))
    return Weighed(value=peak, parts={"base": base}, samples=len(peaks))
