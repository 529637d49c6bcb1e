"""The kinds of trouble that are neither a finding about the package nor a bug of ours."""

from __future__ import annotations


class ProdsimError(Exception):
    """The request or the machine is wrong: ``key`` names what to change, for example ``ready[1]``."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


class Cancelled(Exception):  # noqa: N818 - the name tells how the run ended; nothing is in error
    """The user (or the CI system) asked to stop; raised out of every wait."""
