"""Is the deployment ready: ``evaluate`` evaluates a probe once, by way of ``http``, ``tcp``, ``unix`` and ``notify``.

``answers`` are the answers, ``sockets`` knows which process an answer came from, ``netns`` enters a network namespace,
``backlog`` knows what a server has not read yet.
"""

from tox_prodsim.supervision.probes.answers import Answer, NotReady, Ready, Refusal, Tree, Undecided, WrongProcess
from tox_prodsim.supervision.probes.backlog import unread_connections
from tox_prodsim.supervision.probes.evaluate import (
    ExecWatch,
    LogWatch,
    ProbeContext,
    evaluate_probe,
    poll_intervals,
    probe_ports,
    probe_sockets,
)
from tox_prodsim.supervision.probes.netns import Network
from tox_prodsim.supervision.probes.notify import NotifySocket, NotifyState, deadline, watchdog_missed
from tox_prodsim.supervision.probes.tcp import listening_addresses, port_owner
from tox_prodsim.supervision.probes.unix import socket_owner

__all__ = [
    "Answer",
    "ExecWatch",
    "LogWatch",
    "Network",
    "NotReady",
    "NotifySocket",
    "NotifyState",
    "ProbeContext",
    "Ready",
    "Refusal",
    "Tree",
    "Undecided",
    "WrongProcess",
    "deadline",
    "evaluate_probe",
    "listening_addresses",
    "poll_intervals",
    "port_owner",
    "probe_ports",
    "probe_sockets",
    "socket_owner",
    "unread_connections",
    "watchdog_missed",
]
