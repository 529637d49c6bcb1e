"""The environment's Python, and what the probe in it answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest
from packaging.markers import default_environment
from support.installed import Put, imports
from support.wheels import Ended, Env

from tox_prodsim.checks import installed
from tox_prodsim.checks.installed import Distribution
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.runner import CHILD_SCRIPTS

PROBE = CHILD_SCRIPTS / "probe.py"


def test_more_items_than_one_process_takes_are_all_answered(env: Env, put: Put) -> None:
    checked = imports(env, put({f"acme{number:03}.py": "" for number in range(450)}))
    detail = "acme000, acme001, acme002 and 447 more from site-packages, no side effects"
    assert (checked.detail, len(env.argvs)) == (detail, 3)


def test_a_python_that_does_not_run_is_one_line(env: Env) -> None:
    def run(argv: Sequence[str], *, timeout_s: float) -> Ended:  # noqa: ARG001
        return Ended(-signal.SIGILL, False, b"", b"")

    with pytest.raises(ProdsimError, match=r"python: cannot be asked what is installed: it died with SIGILL$"):
        installed.check_distribution(Distribution(name="acme", version="1.0"), run, env.python)


def test_the_probe_sees_the_markers_that_packaging_sees() -> None:
    request = json.dumps({"nonce": "n", "limit_s": 30, "budget_s": None, "items": [{"kind": "survey", "name": "acme"}]})
    ran = subprocess.run([sys.executable, "-I", PROBE, request], capture_output=True, check=True)
    answer = json.loads(ran.stdout.splitlines()[-1].removeprefix(b"tox-prodsim n: "))
    assert answer["environment"] == dict(default_environment())
