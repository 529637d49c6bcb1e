"""What a user reads: their own code first, and the rest in as few lines as say it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tox_prodsim.supervision import Diagnosis, summary
from tox_prodsim.supervision.diagnosis import Frame, ProcessSnapshot, Task, ThreadStack
from tox_prodsim.supervision.diagnosis.hook import parse_stacks

LIBRARY = "/usr/lib/python3.13"
MINE = Path("/env/lib/python3.13/site-packages/acme")


def frame(file: str, line: int, function: str, source: str = "", **more: object) -> Frame:
    return Frame(file=file, line=line, function=function, source=source, **more)


def stack(*frames: Frame, thread: str = "MainThread", daemon: bool | None = False, waits_on: str = "") -> ThreadStack:
    return ThreadStack(thread=thread, is_main=thread == "MainThread", daemon=daemon, frames=frames, waits_on=waits_on)


def seen(pid: int = 5120, **more: object) -> ProcessSnapshot:
    facts = {"parent": 1, "command": "python prod_test.py", "state": "sleeping", "waits_on": "sleeps", "threads": 1}
    return ProcessSnapshot(pid=pid, **{**facts, "cpu_share": 0.0, "memory_bytes": 61_000_000, "source": "hook", **more})


def text(*processes: ProcessSnapshot, **more: object) -> str:
    return "\n".join(summary(Diagnosis(processes=processes, took_s=0.2, **more), [MINE]))


SHUTDOWN = seen(
    threads=3,
    waits_on="waits for events (epoll)",
    listens=("127.0.0.1:8000",),
    stacks=(
        stack(
            frame(f"{LIBRARY}/threading.py", 1032, "_bootstrap"),
            frame(f"{LIBRARY}/threading.py", 1075, "_bootstrap_inner"),
            frame(f"{MINE}/pool.py", 17, "work", "job = jobs.get()"),
            frame(f"{LIBRARY}/queue.py", 202, "get", limited=False),
            frame(f"{LIBRARY}/threading.py", 359, "wait", limited=False),
            thread="acme-worker-0",
        ),
        stack(
            frame("/scratch/prod_test.py", 61, "<module>", "loop.run_until_complete(app.shutdown())"),
            frame(f"{LIBRARY}/asyncio/base_events.py", 678, "run_until_complete"),
            frame(f"{LIBRARY}/asyncio/base_events.py", 645, "run_forever"),
            frame(f"{LIBRARY}/selectors.py", 468, "select", limited=False),
            waits_on="waits for events (epoll)",
        ),
    ),
    tasks=(
        Task(
            name="Task-1",
            coroutine="App.shutdown",
            frames=(
                frame(f"{MINE}/app.py", 40, "shutdown", "await self.queue.join()"),
                frame(f"{LIBRARY}/asyncio/queues.py", 250, "join"),
                frame(f"{LIBRARY}/asyncio/locks.py", 212, "wait"),
            ),
            waits_for="a future",
        ),
    ),
)


def test_a_shutdown_that_hangs_is_told_in_the_words_of_its_author() -> None:
    child = seen(pid=5127, parent=5120, command="sleep 100", source="", holds_output=True, memory_bytes=2_000_000)
    assert text(SHUTDOWN, child).splitlines() == [
        "where it hangs (pid 5120, MainThread): waits for events (epoll)",
        "    > prod_test.py:61  loop.run_until_complete(app.shutdown())",
        "      … 3 frames of asyncio, selectors: selectors.py:468 select  <- waits for events, without a limit",
        "  thread acme-worker-0, not a daemon",
        "      … 2 frames of threading",
        "    > acme/pool.py:17  work: job = jobs.get()",
        "      … 2 frames of queue, threading: queue.py:202 get  <- waits for work, without a limit",
        "asyncio tasks (pid 5120)",
        "  Task-1  App.shutdown()  waits for a future",
        "    > acme/app.py:40  shutdown: await self.queue.join()",
        "      … 2 frames of asyncio: asyncio/locks.py:212 wait  <- waits to be notified by another task",
        "process tree",
        "  5120 python prod_test.py",
        "        waits for events (epoll), 61 MB, cpu 0%, 3 threads",
        "        listens on 127.0.0.1:8000",
        "    └ 5127 sleep 100",
        "          sleeps, 2 MB, cpu 0%",
        "          holds the output open",
        "hint: nothing of it used a CPU while it was looked at: it waits, and a longer limit alone may not help",
    ]


RUNS = [frame(f"{LIBRARY}/asyncio/base_events.py", 1, name) for name in ("run_forever", "_run_once")]
TASKS = tuple(Task(name=f"Task-{number}", coroutine="main", frames=()) for number in range(3))


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        pytest.param(
            seen(cpu_share=0.5, stacks=(stack(frame(f"{LIBRARY}/threading.py", 1540, "_shutdown")),)),
            ["a thread that is not a daemon keeps the process alive: end its work and join it before the program ends"],
            id="a thread that is not a daemon",
        ),
        pytest.param(
            seen(cpu_share=0.5, tasks=TASKS, stacks=(stack(*RUNS, frame("/scratch/app.py", 7, "nap")),)),
            ["nap blocks the event loop at app.py:7: 2 other tasks cannot run meanwhile"],
            id="a coroutine that blocks the loop",
        ),
        pytest.param(
            seen(cpu_share=0.5, tasks=TASKS, stacks=(stack(*RUNS, frame(f"{LIBRARY}/selectors.py", 7, "select")),)),
            [],
            id="a loop that waits is not blocked",
        ),
        pytest.param(
            seen(cpu_share=0.5, stacks=(stack(*RUNS, frame("/scratch/app.py", 7, "nap")),)),
            [],
            id="without tasks nothing is blocked",
        ),
        pytest.param(seen(cpu_share=1.0), [], id="one that computes is not idle"),
    ],
)
def test_what_can_be_done_is_said_where_there_is_little_doubt(process: ProcessSnapshot, expected: list[str]) -> None:
    assert [line for line in text(process).splitlines() if "hint" in line] == [f"hint: {each}" for each in expected]


def test_threads_that_do_the_same_are_told_once() -> None:
    workers = [
        stack(frame("/scratch/app.py", 9, "work", "gate.wait()"), thread=f"w{number}", daemon=True)
        for number in range(8)
    ]
    main = stack(frame("/scratch/app.py", 20, "<module>", "work()"))
    lines = text(seen(stacks=(*workers, main))).splitlines()
    assert lines[:6] == [
        "where it hangs (pid 5120, MainThread): sleeps",
        "    > app.py:20  work()",
        "  thread w0",
        "    > app.py:9  work: gate.wait()",
        "    8 threads like this; the others are w1, w2, w3, w4, w5 …",
        "process tree",
    ]


def test_a_recursion_is_cut_in_its_middle() -> None:
    deep = stack(*[frame("/scratch/app.py", 3, "again", "again()")] * 100)
    lines = text(seen(stacks=(deep,))).splitlines()
    assert lines.count("    > app.py:3  again: again()") == 24
    assert "      … 76 more frames" in lines


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param(
            [frame(f"{LIBRARY}/threading.py", 1540, "_shutdown")],
            "threading.py:1540 _shutdown  <- waits for non-daemon thread acme-0",
            id="a thread that is not a daemon",
        ),
        pytest.param(
            [
                frame(f"{LIBRARY}/threading.py", 1534, "_shutdown"),
                frame(f"{LIBRARY}/concurrent/futures/thread.py", 31, "_python_exit"),
                frame(f"{LIBRARY}/threading.py", 1094, "join", thread="pool-0", limited=False),
            ],
            "… 3 frames of threading, concurrent: concurrent/futures/thread.py:31 _python_exit"
            "  <- waits for the jobs of thread pools",
            id="a pool at the end",
        ),
        pytest.param(
            [frame(f"{LIBRARY}/threading.py", 1094, "join", thread="acme-0", limited=True)],
            "threading.py:1094 join  <- waits for the end of thread acme-0, for a limited time",
            id="the end of a thread",
        ),
        pytest.param(
            [frame(f"{LIBRARY}/subprocess.py", 1274, "wait", child=77), frame(f"{LIBRARY}/subprocess.py", 2, "_wait")],
            "… 2 frames of subprocess: subprocess.py:1274 wait  <- waits for child process 77",
            id="a child",
        ),
        pytest.param([frame(f"{LIBRARY}/json/decoder.py", 5, "decode")], "json/decoder.py:5 decode", id="unknown"),
        pytest.param(
            [frame("/env/lib/python3.13/site-packages/uvicorn/queue.py", 1, "get")],
            "uvicorn/queue.py:1 get",
            id="not the queue of the standard library",
        ),
    ],
)
def test_a_wait_of_the_standard_library_is_explained(frames: list[Frame], expected: str) -> None:
    other = stack(frame("/scratch/app.py", 1, "work"), thread="acme-0")
    assert text(seen(stacks=(stack(*frames), other))).splitlines()[1].strip() == expected


def test_who_told_it_is_said_when_it_was_not_the_hook() -> None:
    lines = text(seen(source="py-spy", stacks=(stack(frame("/scratch/app.py", 1, "work")),))).splitlines()
    assert lines[0] == "where it hangs (pid 5120, MainThread): sleeps   [by py-spy]"


def test_what_the_main_thread_waits_for_is_what_was_seen_before_it_was_asked() -> None:
    woken = stack(frame("/scratch/app.py", 1, "work"), waits_on="computes")
    assert text(seen(stacks=(woken,))).splitlines()[0] == "where it hangs (pid 5120, MainThread): sleeps"


def test_hints_and_a_look_that_was_ended_are_said_at_the_end() -> None:
    lines = text(seen(stacks=()), hints=("no Python stack of pid 5120",), gave_up=True).splitlines()
    assert lines[-2:] == [
        "hint: no Python stack of pid 5120",
        "not every process was asked: asking ended after 0.2 s",
    ]


def test_a_diagnosis_is_a_value_that_json_can_hold() -> None:
    diagnosis = Diagnosis(processes=(SHUTDOWN,), took_s=0.2)
    assert json.loads(json.dumps(dataclasses.asdict(diagnosis)))["processes"][0]["stacks"][0]["thread"] == (
        "acme-worker-0"
    )


def test_stacks_are_read_as_faulthandler_writes_them_in_every_version() -> None:
    dump = """\
main 0x00007f00 start 5
Thread 0x0000000000007f01 (most recent call first):
  File "/a/b.py", line 3 in wait
  File "/a/b.py", line ??? in run

Thread 0x0000000000007f02 [acme-worker] (most recent call first):
  File "/a/c d, line.py", line 7 in <lambda>

Current thread 0x0000000000007f00 (most recent call first):
  Garbage-collecting
  File "/a/main.py", line 9 in __del__
  ...
"""
    stacks = list(parse_stacks(dump, 0x7F00, "sleeps"))
    assert [(each.thread, each.is_main, each.waits_on) for each in stacks] == [
        ("thread 0x7f01", False, ""),
        ("acme-worker", False, ""),
        ("MainThread", True, "sleeps"),
    ]
    assert [[(f.file, f.line, f.function) for f in each.frames] for each in stacks] == [
        [("/a/b.py", 0, "run"), ("/a/b.py", 3, "wait")],
        [("/a/c d, line.py", 7, "<lambda>")],
        [("/a/main.py", 9, "__del__")],
    ]
