"""Is the deployment ready: ``ask`` asks a probe once; ``http``, ``tcp``, ``unix`` and ``notify`` are its ways.

``answers`` are the answers, ``sockets`` knows whose answer one is, ``netns`` asks inside of a network namespace.
"""

from tox_prodsim.supervision.probes.answers import Answer, NotReady, Ready, WrongProcess
from tox_prodsim.supervision.probes.ask import ExecWatch, LogWatch, Surroundings, ask, polls, ports_named, sockets_named
from tox_prodsim.supervision.probes.netns import Network
from tox_prodsim.supervision.probes.notify import NotifySocket, NotifyState, deadline, watchdog_missed
from tox_prodsim.supervision.probes.tcp import taken
from tox_prodsim.supervision.probes.unix import taken_path

__all__ = [
    "Answer",
    "ExecWatch",
    "LogWatch",
    "Network",
    "NotReady",
    "NotifySocket",
    "NotifyState",
    "Ready",
    "Surroundings",
    "WrongProcess",
    "ask",
    "deadline",
    "polls",
    "ports_named",
    "sockets_named",
    "taken",
    "taken_path",
    "watchdog_missed",
]
