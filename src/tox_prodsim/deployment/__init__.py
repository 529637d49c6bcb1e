"""What production would run: started, monitored, stopped and checked; and started once more to take its time.

``launch`` is where it runs and how it is started, ``readiness`` waits until it is ready, ``watchdog`` ends what exceeds
a limit meanwhile, ``monitoring`` sees whether it stays well, ``monitored`` is a start with all that monitors it,
``deploy`` runs it from start to stop and ``progress`` reports that. ``services`` runs one or several of them in the
order of what they depend on: ``in_order`` with ``event_threads`` does that, ``service_context`` is where each of
several runs, ``restart`` starts them once more, ``startup`` starts it again to time it, ``simulation`` runs it again
under a condition.
"""

from tox_prodsim.deployment.deploy import checked_codes
from tox_prodsim.deployment.launch import LaunchContext
from tox_prodsim.deployment.services import ServicesRun
from tox_prodsim.deployment.simulation import no_pid1, run_under_condition
from tox_prodsim.deployment.startup import StartTimer, copy_scratch, measure_start
from tox_prodsim.supervision import TreeWeight

__all__ = [
    "LaunchContext",
    "ServicesRun",
    "StartTimer",
    "TreeWeight",
    "checked_codes",
    "copy_scratch",
    "environ",
    "findings",
    "leaks",
    "log_end",
    "measure_start",
    "no_pid1",
    "run_under_condition",
]
