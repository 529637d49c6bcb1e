"""What an installer said, in a line."""

from __future__ import annotations

import pytest

from tox_prodsim.model.formatting import last_error

NOTHING = "ERROR: No matching distribution found for acme-audit"
RETRYING = "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'Refused': /simple/acme-audit/"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        pytest.param(f"{RETRYING}\nERROR: from versions: none\n{NOTHING}\n", f"{NOTHING}: the index cannot be reached"),
        pytest.param(f"ERROR: from versions: none\n{NOTHING}\n", NOTHING),
        pytest.param(f"{RETRYING}\nERROR: No space left\n\nnotice: of pip\n", "ERROR: No space left"),
        pytest.param("first\nlast\n", "last"),
        pytest.param("", ""),
    ],
    ids=["unreached", "absent", "other", "no pip", "silent"],
)
def test_the_last_error_is_the_reason_and_an_index_out_of_reach_another(told: str, reason: str) -> None:
    assert last_error(told) == reason
