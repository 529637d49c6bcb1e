"""Search for expressions in this process, where a test must not start another."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import AnyStr

from tox_prodsim.model.runner import T
from tox_prodsim.supervision import Expressions


class Here(Expressions):
    """Searches here, without a limit."""

    def search(self, _pattern: re.Pattern[AnyStr], search: Callable[[], T], _limit_s: float) -> T:
        """Return the result of the search."""
        return search()
