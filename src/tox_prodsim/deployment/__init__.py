"""What production would run: started, watched, stopped and judged; and started once more to take its time.

``place`` is where it runs, ``watch`` waits until it is ready, ``sentinel`` ends what breaks a limit meanwhile,
``observed`` is a start with all that watches it, ``stage`` plays it from start to stop, ``timed`` starts it again,
``simulated`` plays it again under a harsher condition.
"""

from tox_prodsim.deployment.deploy import DeploymentRun, checks
from tox_prodsim.deployment.place import LaunchContext
from tox_prodsim.deployment.simulation import under
from tox_prodsim.deployment.startup import keep_snapshot, timed_start

__all__ = [
    "DeploymentRun",
    "LaunchContext",
    "checks",
    "environ",
    "findings",
    "keep_snapshot",
    "leaks",
    "timed_start",
    "under",
]
