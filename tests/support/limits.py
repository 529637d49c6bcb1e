"""Calls that are ended at a limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from tox_prodsim.model.errors import LimitExceededError
from tox_prodsim.model.runner import BoundedCall, P, T


class Ended:
    """Ends every call."""

    def __call__(self, _function: Callable[P, T], /, *_args: P.args, **_kwargs: P.kwargs) -> NoReturn:
        """Raise LimitExceededError."""
        msg = "it took longer than 60 s"
        raise LimitExceededError(msg)

    def with_room(self, _largest_bytes: int) -> BoundedCall:
        """Return the same."""
        return self
