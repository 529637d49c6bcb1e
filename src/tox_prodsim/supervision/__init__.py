"""Supervision, usable without tox: run a command so that nothing of it survives, and see when it is ready.

``supervisor`` starts, waits and stops; ``containment`` holds together, ``ending`` is how that went, ``clock`` times it;
``group`` is the weaker way where there are no subreapers; ``capture`` keeps what a short command writes; ``probes``
ask whether a deployment is ready (``tcp``, ``web``, ``unix`` over sockets, ``notify`` when it says so itself), and
``sockets`` knows whose answer that is; ``network`` asks inside of another network namespace; ``diagnosis`` looks at
what processes are doing. ``ledger`` ends what was left when nobody was there to do it, by the rules of ``ownership``.
"""

from tox_prodsim.supervision import clock
from tox_prodsim.supervision.cancel import Cancel
from tox_prodsim.supervision.containment import ContainmentKind
from tox_prodsim.supervision.diagnosis import Diagnosis, Hook, diagnose, is_unhandled, told
from tox_prodsim.supervision.ending import KILL, CapturedRun, Cause, Containment, Ending, SignalSent, Survivor
from tox_prodsim.supervision.ledger import SweepResult, sweep
from tox_prodsim.supervision.probes.answers import Answer, NotReady, Ready, WrongProcess
from tox_prodsim.supervision.probes.ask import ExecWatch, LogWatch, Surroundings, ask, polls, ports_named, sockets_named
from tox_prodsim.supervision.probes.netns import Network
from tox_prodsim.supervision.probes.notify import NotifySocket, NotifyState, deadline, watchdog_missed
from tox_prodsim.supervision.probes.tcp import taken
from tox_prodsim.supervision.probes.unix import taken_path
from tox_prodsim.supervision.process import CANCEL_GRACE_S, Process, containment, resume, start, suspend
from tox_prodsim.supervision.run import outcome, run

__all__ = [
    "CANCEL_GRACE_S",
    "KILL",
    "Answer",
    "Cancel",
    "CapturedRun",
    "Cause",
    "Containment",
    "ContainmentKind",
    "Diagnosis",
    "Ending",
    "ExecWatch",
    "Hook",
    "LogWatch",
    "Network",
    "NotReady",
    "NotifySocket",
    "NotifyState",
    "Process",
    "Ready",
    "SignalSent",
    "Surroundings",
    "Survivor",
    "SweepResult",
    "WrongProcess",
    "ask",
    "clock",
    "containment",
    "deadline",
    "diagnose",
    "is_unhandled",
    "outcome",
    "polls",
    "ports_named",
    "resume",
    "run",
    "sockets_named",
    "start",
    "suspend",
    "sweep",
    "taken",
    "taken_path",
    "told",
    "watchdog_missed",
]
