"""Supervision, usable without tox: run a command so that nothing of it survives, and see when it is ready.

``supervisor`` starts, waits and stops; ``ending`` is how that went; ``group`` is the weaker way where there are no
subreapers; ``probes`` ask whether a deployment is ready; ``diagnosis`` looks at what processes are doing.
"""

from tox_prodsim.supervision.diagnosis import is_unhandled, tree
from tox_prodsim.supervision.ending import KILL, Cause, Completed, Containment, Ending, SignalSent, Survivor
from tox_prodsim.supervision.probes import Answer, Foreign, LogWatch, NotYet, Ready, ask, polls, ports_named, taken
from tox_prodsim.supervision.supervisor import CANCEL_GRACE_S, Cancel, Process, containment, run, start

__all__ = [
    "CANCEL_GRACE_S",
    "KILL",
    "Answer",
    "Cancel",
    "Cause",
    "Completed",
    "Containment",
    "Ending",
    "Foreign",
    "LogWatch",
    "NotYet",
    "Process",
    "Ready",
    "SignalSent",
    "Survivor",
    "ask",
    "containment",
    "is_unhandled",
    "polls",
    "ports_named",
    "run",
    "start",
    "taken",
    "tree",
]
