"""The ranges of the numbers of the configuration: from them come the parser, the message, the schema and the documents.

To give a number another range is to change its row here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import written


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The numbers that a key may have."""

    least: float
    """The lowest."""
    most: float
    """The highest."""
    unit: str
    """What is counted, in the plural."""
    noun: str = "limit"
    """What a message calls such a number."""
    whole: bool = False
    """Whether only whole numbers have a meaning."""
    zero: str = ""
    """What 0 is for; empty: 0 is refused."""

    def __str__(self) -> str:
        """Return the range as the documents show it, such as ``0.001 to 604800``."""
        return f"{'0, ' if self.zero else ''}{_plain(self.least)} to {_plain(self.most)}"

    def parse(self, key: str, value: object) -> float:
        """Return the number; raises ProdsimError that names the key and both ends of the range."""
        number = _number(value)
        if self.zero and number == 0:
            return 0.0
        if number is None or not self.least <= number <= self.most or (self.whole and number != int(number)):
            what = f"{'a whole number' if self.whole else 'a number'} of {self.unit}"
            zero = f", or 0 {self.zero}" if self.zero else ""
            msg = f"{written(value)} is not a {self.noun}, give {what} from {_plain(self.least)} to {_plain(self.most)}"
            raise ProdsimError(key, msg + zero)
        return number

    @property
    def schema(self) -> Mapping[str, object]:
        """Return the JSON schema of such a number in TOML, which may be written as a text as well."""
        kind = "integer" if self.whole else "number"
        both = [kind, "string"]
        if not self.zero:
            return {"type": both, "minimum": self.least, "maximum": self.most}
        number = {"type": kind, "minimum": self.least, "maximum": self.most}
        return {"type": both, "anyOf": [number, {"type": kind, "enum": [0]}, {"type": "string"}]}


_WEEK_S = 7 * 24 * 3600
_LEAST_S = 0.001
SECONDS = Range(least=_LEAST_S, most=_WEEK_S, unit="seconds", noun="time limit")
"""A time limit that there must be."""
LIMIT_S = Range(least=_LEAST_S, most=_WEEK_S, unit="seconds", zero="for no limit")
"""A time limit that there may be."""
WAIT_S = Range(least=_LEAST_S, most=_WEEK_S, unit="seconds", noun="time to wait", zero="to refuse at once")
"""The wait for another run."""
MEGABYTES = Range(least=0.001, most=1_000_000, unit="megabytes", zero="for no limit")
"""The size of an output."""
MODULES = Range(least=1, most=1_000_000, unit="modules", whole=True, zero="for no limit")
"""A number of modules."""
STARTS = Range(least=1, most=100, unit="starts", whole=True, zero="for none")
"""A number of starts."""
PERCENT = Range(least=0.01, most=10_000, unit="percent, without the sign,", noun="percentage")
"""A percentage that there must be."""
LIMIT_PERCENT = Range(least=0.01, most=10_000, unit="percent", zero="for no limit")
"""A percentage that there may be."""


def _number(value: object) -> float | None:
    """Return the value as a finite number; None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _plain(number: float) -> str:
    """Return a number without an exponent."""
    return f"{number:.15g}"
