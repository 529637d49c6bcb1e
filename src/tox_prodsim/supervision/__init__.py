"""Supervision, usable without tox: run a command so that nothing of it survives, and see when it is ready.

``supervisor`` starts, waits and stops; ``containment`` holds together, ``ending`` is how that went, ``clock`` times it;
``group`` is the weaker way where there are no subreapers; ``capture`` keeps what a short command writes; ``probes``
ask whether a deployment is ready (``tcp``, ``web``, ``unix`` over sockets, ``notify`` when it says so itself), and
``sockets`` knows whose answer that is; ``network`` asks inside of another network namespace; ``diagnosis`` looks at
what processes are doing. ``ledger`` ends what was left when nobody was there to do it, by the rules of ``ownership``.
"""

from tox_prodsim.model.scenario import ContainmentKind
from tox_prodsim.supervision import clock
from tox_prodsim.supervision.cancel import Cancel
from tox_prodsim.supervision.diagnosis import Diagnosis, Hook, diagnose, is_unhandled, told
from tox_prodsim.supervision.ending import KILL, CapturedRun, Cause, Containment, Ending, SignalSent, Survivor
from tox_prodsim.supervision.ledger import SweepResult, sweep
from tox_prodsim.supervision.probes import (
    Answer,
    ExecWatch,
    LogWatch,
    Network,
    NotifySocket,
    NotifyState,
    NotReady,
    Ready,
    Surroundings,
    WrongProcess,
    ask,
    deadline,
    polls,
    ports_named,
    sockets_named,
    taken,
    taken_path,
    watchdog_missed,
)
from tox_prodsim.supervision.process import CANCEL_GRACE_S, Process, containment, resume, start, suspend
from tox_prodsim.supervision.procfs import effective_since
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
    "cli",
    "clock",
    "containment",
    "deadline",
    "diagnose",
    "effective_since",
    "is_unhandled",
    "outcome",
    "polls",
    "ports_named",
    "resume",
    "run",
    "shim",
    "sockets_named",
    "start",
    "suspend",
    "sweep",
    "taken",
    "taken_path",
    "told",
    "watchdog_missed",
]
