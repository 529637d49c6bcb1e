"""What production would run: started, watched, stopped and judged; and started once more to take its time.

``place`` is where it runs, ``watch`` waits until it is ready, ``stage`` plays it from start to stop, ``timed`` starts it
again.
"""

from tox_prodsim.deployment.place import Place
from tox_prodsim.deployment.stage import CODES, Stage
from tox_prodsim.deployment.timed import keep_snapshot, timed_start

__all__ = ["CODES", "Place", "Stage", "keep_snapshot", "timed_start"]
