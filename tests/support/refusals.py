"""What the user wrote is understood, or refused in one line; nothing else may come out."""

from __future__ import annotations

from typing import Any

import pytest

from tox_prodsim.model.errors import ProdsimError


def refused(call: Any) -> ProdsimError:
    """Return the error of a call, which must be ours and speak in one line that one can act on."""
    with pytest.raises(ProdsimError) as caught:
        call()
    message = caught.value.message
    assert "\n" not in message
    assert not message.endswith(".")
    return caught.value


def outcome(call: Any) -> Any:
    """Return what the call returns, or the error of ours that it raises; any other is let through."""
    try:
        return call()
    except ProdsimError as problem:
        assert "\n" not in problem.message  # noqa: PT017 - the property is that it may be refused, not that it is
        return problem
