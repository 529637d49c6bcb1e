"""Does a service stay well while it is up: is it still ready, and do its children live.

``readiness_watch`` asks the probes again, and ``lost_readiness`` says when their answers are a loss. ``children_watch``
follows the processes, ``crashes`` and ``zombies`` say which of their endings are findings. ``findings`` words them, and
``well`` puts it all together.
"""

from tox_prodsim.deployment.monitoring.well import WellWatch, checked_codes

__all__ = ["WellWatch", "checked_codes"]
