"""Which lines hold most memory after an import: asked once, for an import whose memory has grown."""

from __future__ import annotations

import json
from pathlib import Path

from tox_prodsim.model.answers import Row, checked, marked, new_nonce, record
from tox_prodsim.model.errors import AnswerError
from tox_prodsim.model.formatting import sized
from tox_prodsim.model.runner import CHILD_SCRIPTS, Runner

_SCRIPT = CHILD_SCRIPTS / "holders.py"
_TIMEOUT_S = 120.0


def holding_lines(module: str, *, python: Path, runner: Runner) -> tuple[str, ...]:
    """Return such as ``acme/tables.py:12 (4.1 MB)``, the largest first; empty when that is not known."""
    nonce = new_nonce()
    completed = runner(
        [str(python), "-s", str(_SCRIPT), json.dumps({"nonce": nonce, "module": module})], timeout_s=_TIMEOUT_S
    )
    try:
        answers = [
            checked(record(line), {"holders": [Row((str, int, int))]}) for line in marked(completed.stdout, nonce)
        ]
    except AnswerError:
        return ()
    found = answers[0]["holders"] if answers else []
    return tuple(f"{file}:{line} ({sized(size)})" for file, line, size in found)
