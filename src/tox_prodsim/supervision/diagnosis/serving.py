"""Which processes do not hang but serve: they listen, and their main thread waits for the next request."""

from __future__ import annotations

from collections.abc import Sequence

from tox_prodsim.supervision.diagnosis.values import Frame, ProcessSnapshot

_FOR_REQUESTS = ("waits for a connection", "waits for events (select)", "waits for events (epoll)")
_POLLS = "waits for events (poll)"
"""A client with a limit of time waits with poll, too."""
_WAITS_OF_SERVERS = frozenset({"accept", "poll", "select", "wait"})


def serving(processes: Sequence[ProcessSnapshot]) -> frozenset[int]:
    """Return the pids of the processes that wait for requests, and of the idle ones that are above such a process."""
    found = {each.pid for each in processes if waits_for_requests(each)}
    parents = {each.pid: each.parent for each in processes}
    above: set[int] = set()
    for pid in found:
        while (pid := parents.get(pid, 0)) in parents and pid not in above:
            above.add(pid)
    return frozenset(found | {each.pid for each in processes if each.pid in above and each.cpu_share < 0.5})


def merely_serves(processes: Sequence[ProcessSnapshot]) -> bool:
    """Return whether every process that listens serves, and there is one: then the tree does not hang."""
    pids = serving(processes)
    listening = [each for each in processes if each.listens]
    return bool(listening) and all(each.pid in pids for each in listening)


def waits_for_requests(process: ProcessSnapshot) -> bool:
    """Return whether a process listens, and its main thread waits for what comes in."""
    if not process.listens:
        return False
    waits = process.waits_on
    if waits.startswith(_FOR_REQUESTS):
        return True
    main = next((stack for stack in process.stacks if stack.is_main), None)
    if waits != _POLLS:
        return False
    if main is None or not main.frames:
        return not _is_client(process)
    return _is_wait_of_a_server(main.frames[-1])


def _is_wait_of_a_server(frame: Frame) -> bool:
    return frame.function in _WAITS_OF_SERVERS or frame.file.endswith("/selectors.py")


def _is_client(process: ProcessSnapshot) -> bool:
    """Return whether a process has a connection that it has made itself: not from a port on which it listens."""
    ports = {address.rpartition(":")[2] for address in process.listens}
    ends = (each.partition(" -> ")[0].rpartition(":")[2] for each in process.connected if " -> " in each)
    return any(port.isdigit() and port not in ports for port in ends)
