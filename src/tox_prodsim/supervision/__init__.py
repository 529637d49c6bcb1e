"""Supervision, usable without tox: run a command so that nothing of it survives, and see when it is ready.

``process`` starts, waits and stops. It starts the guard (``guard_process``, or ``guard_server``, which forks it), talks
to it (``control``) and keeps what it reports (``run_state``). ``process_group`` is the weaker way where there are no
subreapers. ``containment`` is how a run is held together, ``ending`` is how it ended, ``clock`` times it. ``run`` keeps
what a short command writes. ``probes`` are how readiness is seen, ``descendants`` follows the processes of a run by
their ``pidfd``, ``diagnosis`` is what processes are doing. ``ledger`` ends what lost runs left behind, by the rules of
``ownership``; ``kernel_lock`` lets one run wait for another; ``shim`` and ``cli`` are processes
"""

from tox_prodsim.model.scenario import ContainmentKind
from tox_prodsim.supervision import clock
from tox_prodsim.supervision.cancel import Cancel
from tox_prodsim.supervision.descendants import CAN_FOLLOW, DescendantEnding, Descendants, Zombie
from tox_prodsim.supervision.descendants import MOST as MOST_DESCENDANTS
from tox_prodsim.supervision.diagnosis import Diagnosis, Hook, diagnose, is_own_file, is_unhandled, summary
from tox_prodsim.supervision.ending import KILL, CapturedRun, Cause, Containment, Ending, SignalSent, Survivor
from tox_prodsim.supervision.expressions import Expressions
from tox_prodsim.supervision.guard_server import shared as shared_guards
from tox_prodsim.supervision.kernel_lock import KernelLock, LockHolder
from tox_prodsim.supervision.ledger import SweepResult, runs_ending, sweep
from tox_prodsim.supervision.probes import (
    Answer,
    ExecWatch,
    LogWatch,
    Network,
    NotifySocket,
    NotifyState,
    NotReady,
    ProbeContext,
    Ready,
    Refusal,
    Tree,
    Undecided,
    WrongProcess,
    deadline,
    evaluate_probe,
    listening_addresses,
    poll_intervals,
    port_owner,
    probe_ports,
    probe_sockets,
    socket_owner,
    unread_connections,
    watchdog_missed,
)
from tox_prodsim.supervision.process import CANCEL_GRACE_S, Process, containment, no_pid1, resume, start, suspend
from tox_prodsim.supervision.process_tree import program_name, unreaped
from tox_prodsim.supervision.procfs import Identity, effective_since, living_folder
from tox_prodsim.supervision.run import outcome, run
from tox_prodsim.supervision.weight import TreeWeight, settled_weight, weigh
from tox_prodsim.supervision.worker import CallLimits, Workers

__all__ = [
    "CANCEL_GRACE_S",
    "CAN_FOLLOW",
    "KILL",
    "MOST_DESCENDANTS",
    "Answer",
    "CallLimits",
    "Cancel",
    "CapturedRun",
    "Cause",
    "Containment",
    "ContainmentKind",
    "DescendantEnding",
    "Descendants",
    "Diagnosis",
    "Ending",
    "ExecWatch",
    "Expressions",
    "Hook",
    "Identity",
    "KernelLock",
    "LockHolder",
    "LogWatch",
    "Network",
    "NotReady",
    "NotifySocket",
    "NotifyState",
    "ProbeContext",
    "Process",
    "Ready",
    "Refusal",
    "SignalSent",
    "Survivor",
    "SweepResult",
    "Tree",
    "TreeWeight",
    "Undecided",
    "Workers",
    "WrongProcess",
    "Zombie",
    "cli",
    "clock",
    "containment",
    "deadline",
    "diagnose",
    "effective_since",
    "evaluate_probe",
    "is_own_file",
    "is_unhandled",
    "listening_addresses",
    "living_folder",
    "no_pid1",
    "outcome",
    "poll_intervals",
    "port_owner",
    "probe_ports",
    "probe_sockets",
    "program_name",
    "resume",
    "run",
    "runs_ending",
    "settled_weight",
    "shared_guards",
    "shim",
    "socket_owner",
    "start",
    "summary",
    "suspend",
    "sweep",
    "unread_connections",
    "unreaped",
    "watchdog_missed",
    "weigh",
]
