"""What production would run: started, watched, stopped and judged; and started once more to take its time.

``place`` is where it runs, ``watch`` waits until it is ready, ``sentinel`` ends what breaks a limit meanwhile,
``observed`` is a start with all that watches it, ``stage`` plays it from start to stop, ``timed`` starts it again,
``simulated`` plays it again under a harsher condition.
"""

from tox_prodsim.deployment.place import Place, ran
from tox_prodsim.deployment.simulated import under
from tox_prodsim.deployment.stage import Stage, checks
from tox_prodsim.deployment.timed import keep_snapshot, timed_start

__all__ = ["Place", "Stage", "checks", "keep_snapshot", "ran", "timed_start", "under"]
