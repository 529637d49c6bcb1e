"""Which processes serve, and so do not hang: they listen, and wait for the next request."""

from __future__ import annotations

import pytest

from tox_prodsim.supervision import Diagnosis, summary
from tox_prodsim.supervision.diagnosis.serving import merely_serves, serving
from tox_prodsim.supervision.diagnosis.values import Frame, ProcessSnapshot, Task, ThreadStack

EPOLL, SELECT, POLL = (f"waits for events ({name})" for name in ("epoll", "select", "poll"))
ACCEPT = "waits for a connection (file 3: socket)"
LOCK = "waits for a lock or another thread"
LISTENS = ("127.0.0.1:8000",)


def process(pid: int, waits_on: str, *, parent: int = 1, **more: object) -> ProcessSnapshot:
    facts = {"command": f"server {pid}", "state": "sleeping", "cpu_share": 0.0, "memory_bytes": 1_000_000, "threads": 1}
    return ProcessSnapshot(pid=pid, parent=parent, waits_on=waits_on, **{**facts, **more})


def main(file: str, function: str) -> tuple[ThreadStack, ...]:
    frames = (Frame(file="/srv/app.py", line=3, function="<module>"), Frame(file=file, line=9, function=function))
    return (ThreadStack(thread="MainThread", is_main=True, daemon=False, frames=frames),)


@pytest.mark.parametrize(
    ("processes", "serves"),
    [
        pytest.param([process(1, EPOLL, listens=LISTENS)], True, id="epoll"),
        pytest.param([process(1, SELECT, listens=LISTENS)], True, id="select"),
        pytest.param([process(1, ACCEPT, listens=LISTENS)], True, id="accept"),
        pytest.param([process(1, POLL, listens=LISTENS)], True, id="poll, of no Python"),
        pytest.param(
            [process(1, POLL, listens=LISTENS, stacks=main("/lib/python3.11/selectors.py", "select"))], True, id="poll"
        ),
        pytest.param(
            [process(1, POLL, listens=LISTENS, stacks=main("/lib/python3.11/site-packages/pg.py", "connect"))],
            False,
            id="poll, in the connect of a driver",
        ),
        pytest.param(
            [process(1, POLL, listens=LISTENS, connected=("127.0.0.1:40001 -> 10.0.0.7:5432",))],
            False,
            id="poll, of a client",
        ),
        pytest.param(
            [process(1, POLL, listens=LISTENS, connected=("127.0.0.1:8000 -> 127.0.0.1:40001",))],
            True,
            id="poll, with a connection that was accepted",
        ),
        pytest.param([process(1, EPOLL)], False, id="it listens nowhere"),
        pytest.param([process(1, "sleeps", listens=LISTENS)], False, id="it sleeps"),
        pytest.param([process(1, "computes", listens=LISTENS)], False, id="it computes"),
        pytest.param(
            [process(1, LOCK, listens=LISTENS), process(2, SELECT, parent=1, listens=LISTENS)],
            True,
            id="the master waits for its worker",
        ),
        pytest.param(
            [process(1, "waits for a child process"), process(2, SELECT, parent=1, listens=LISTENS)],
            True,
            id="a shell waits for the server",
        ),
        pytest.param(
            [process(1, SELECT, listens=LISTENS), process(2, "reads (file 9: socket)", parent=1, listens=LISTENS)],
            False,
            id="the worker hangs in its start",
        ),
        pytest.param([], False, id="nothing is left"),
    ],
)
def test_a_server_that_waits_for_requests_serves(processes: list[ProcessSnapshot], serves: bool) -> None:
    assert merely_serves(processes) is serves


def test_those_above_a_server_serve_unless_they_compute() -> None:
    worker = process(2, SELECT, parent=1, listens=LISTENS)
    assert serving([process(1, LOCK), worker, process(3, "sleeps", parent=1)]) == {1, 2}
    assert serving([process(1, "computes", cpu_share=1.0), worker]) == {2}


def lines(*processes: ProcessSnapshot, may_serve: bool = True) -> list[str]:
    return list(summary(Diagnosis(processes=processes, took_s=0.1), may_serve=may_serve))


def test_of_a_server_that_serves_it_is_not_said_where_it_hangs() -> None:
    stacks = (
        *main("/lib/python3.11/selectors.py", "select"),
        ThreadStack(
            thread="metrics",
            is_main=False,
            daemon=True,
            frames=(Frame(file="/srv/metrics.py", line=4, function="run"),),
        ),
        ThreadStack(
            thread="pool",
            is_main=False,
            daemon=True,
            frames=(Frame(file="/lib/python3.11/queue.py", line=1, function="get"),),
        ),
    )
    tasks = (
        Task(
            name="Task-1",
            coroutine="Server.serve",
            frames=(Frame(file="/lib/python3.11/asyncio/tasks.py", line=1, function="sleep"),),
        ),
    )
    assert lines(process(7, EPOLL, listens=LISTENS, stacks=stacks, tasks=tasks)) == [
        "it serves (pid 7): waits for events (epoll), listens on 127.0.0.1:8000",
        "  thread metrics",
        "    > metrics.py:4  run",
        "process tree",
        "  7 server 7",
        "        waits for events (epoll), 1 MB, cpu 0%",
        "        listens on 127.0.0.1:8000",
    ]


def test_when_it_should_have_stopped_or_answered_it_hangs_where_it_waits() -> None:
    server = process(1, EPOLL, listens=LISTENS, stacks=main("/lib/python3.11/selectors.py", "select"))
    assert lines(server, may_serve=False)[0] == "where it hangs (pid 1, MainThread): waits for events (epoll)   [by ]"


def test_beside_a_worker_that_hangs_the_master_serves() -> None:
    master = process(1, SELECT, listens=LISTENS, stacks=main("/lib/python3.11/selectors.py", "select"))
    worker = process(2, "sleeps", parent=1, listens=LISTENS, stacks=main("/srv/app.py", "load"))
    found = lines(master, worker)
    assert [line.partition(":")[0] for line in found if line.startswith(("it serves", "where it"))] == [
        "it serves (pid 1, MainThread)",
        "where it hangs (pid 2, MainThread)",
    ]
