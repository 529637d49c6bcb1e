"""Supervision, usable without tox: run a command so that nothing of it survives, and see when it is ready.

``supervisor`` starts, waits and stops; ``containment`` holds together, ``ending`` is how that went, ``clock`` times it;
``group`` is the weaker way where there are no subreapers; ``capture`` keeps what a short command writes; ``probes``
ask whether a deployment is ready; ``diagnosis`` looks at what processes are doing.
"""

from tox_prodsim.supervision import clock
from tox_prodsim.supervision.cancel import Cancel
from tox_prodsim.supervision.capture import run
from tox_prodsim.supervision.containment import Kind, kill_cgroup
from tox_prodsim.supervision.diagnosis import Diagnosis, Hook, diagnose, is_unhandled, told, tree
from tox_prodsim.supervision.ending import KILL, Cause, Completed, Containment, Ending, SignalSent, Survivor
from tox_prodsim.supervision.probes import Answer, Foreign, LogWatch, NotYet, Ready, ask, polls, ports_named, taken
from tox_prodsim.supervision.supervisor import CANCEL_GRACE_S, Process, containment, resume, start, suspend

__all__ = [
    "CANCEL_GRACE_S",
    "KILL",
    "Answer",
    "Cancel",
    "Cause",
    "Completed",
    "Containment",
    "Diagnosis",
    "Ending",
    "Foreign",
    "Hook",
    "Kind",
    "LogWatch",
    "NotYet",
    "Process",
    "Ready",
    "SignalSent",
    "Survivor",
    "ask",
    "clock",
    "containment",
    "diagnose",
    "is_unhandled",
    "kill_cgroup",
    "polls",
    "ports_named",
    "resume",
    "run",
    "start",
    "suspend",
    "taken",
    "told",
    "tree",
]
