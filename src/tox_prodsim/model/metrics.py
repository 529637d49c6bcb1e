"""What is timed: the import of a module, or the start-up of the deployment.

Baselines, events and reports have a metric as its text, such as ``import acme``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_IMPORT = "import "


class MetricKind(StrEnum):
    """What kind of time a metric is."""

    IMPORT = "import"
    START_UP = "start-up"


@dataclass(frozen=True, order=True, slots=True)
class Metric:
    """One thing that is timed; metrics are sorted as their texts are."""

    kind: MetricKind
    module: str = ""
    """The module that is imported; empty for a start-up."""

    @classmethod
    def of_import(cls, module: str) -> Metric:
        """Return the metric of importing a module."""
        return cls(MetricKind.IMPORT, module)

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Return the metric that a text stands for; raises ValueError when it does not stand for one."""
        if text == MetricKind.START_UP:
            return START_UP
        module = text.removeprefix(_IMPORT)
        if not module or module == text:
            msg = f"{text!r} is not a valid metric"
            raise ValueError(msg)
        return cls.of_import(module)

    @property
    def is_start_up(self) -> bool:
        """Return whether it is the start-up of the deployment."""
        return self.kind is MetricKind.START_UP

    def __str__(self) -> str:
        return f"{_IMPORT}{self.module}" if self.kind is MetricKind.IMPORT else self.kind.value


START_UP = Metric(MetricKind.START_UP)
