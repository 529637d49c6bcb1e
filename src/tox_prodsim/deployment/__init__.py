"""What production would run: started, monitored, stopped and checked; and started once more to take its time.

``launch`` is where it runs and how it is started, ``readiness`` waits until it is ready, ``watchdog`` ends what exceeds
a limit meanwhile, ``monitored`` is a start with all that monitors it, ``deploy`` runs it from start to stop and
``progress`` reports that, ``startup`` starts it again to time it, ``simulation`` runs it again under a condition.
"""

from tox_prodsim.deployment.deploy import DeploymentRun, checked_codes
from tox_prodsim.deployment.launch import LaunchContext
from tox_prodsim.deployment.simulation import run_under_condition
from tox_prodsim.deployment.startup import copy_scratch, measure_start

__all__ = [
    "DeploymentRun",
    "LaunchContext",
    "checked_codes",
    "copy_scratch",
    "environ",
    "findings",
    "leaks",
    "measure_start",
    "run_under_condition",
]
