"""Leaks: what a log says."""

from __future__ import annotations

import pytest

from tox_prodsim.deployment.leaks import log


def logged(text: str) -> list[tuple[str, str, str, str, int | None]]:
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    return [(leak.kind.value, leak.subject, leak.detail, leak.file, leak.line) for leak in log.read(lines)]


def test_a_resource_warning_is_a_leak_with_its_place() -> None:
    assert logged(
        "/srv/app.py:14: ResourceWarning: unclosed file <_io.FileIO name=3>\n  f = 1\n"
        "ResourceWarning: Enable tracemalloc to get the object allocation traceback\n"
        "sys:1: ResourceWarning: unclosed <socket.socket fd=5>\n"
        "<sys>:0: ResourceWarning: unclosed <ssl.SSLSocket fd=6>\n"
        "2026-01-01 10:00:00,1 WARNING /srv/app.py:15: ResourceWarning: unclosed event loop\n"
    ) == [
        ("warnings", "ResourceWarning: unclosed file <_io.FileIO name=3>", "", "/srv/app.py", 14),
        ("warnings", "ResourceWarning: unclosed <socket.socket fd=5>", "", "", None),
        ("warnings", "ResourceWarning: unclosed <ssl.SSLSocket fd=6>", "", "", None),
        ("warnings", "ResourceWarning: unclosed event loop", "", "/srv/app.py", 15),
    ]


def test_a_coroutine_that_was_never_awaited_is_a_leak_and_no_other_runtime_warning() -> None:
    assert logged(
        "/srv/app.py:7: RuntimeWarning: coroutine 'work' was never awaited\n  work()\n"
        "/srv/app.py:8: RuntimeWarning: divide by zero encountered in log\n"
        "/srv/app.py:9: DeprecationWarning: old\n"
    ) == [("warnings", "RuntimeWarning: coroutine 'work' was never awaited", "", "/srv/app.py", 7)]


def grades(text: str) -> list[str]:
    return [leak.grade.value for leak in log.read([text.encode()])]


def test_a_server_may_keep_what_it_listens_on_to_the_end_and_no_other_socket() -> None:
    listens = "ResourceWarning: unclosed <socket.socket fd=3, family=2, type=1, proto=0, laddr=('127.0.0.1', 8000)>"
    assert grades(f"sys:1: {listens}") == []
    assert grades(f"<sys>:0: {listens}") == []
    assert grades(f"/srv/app.py:7: {listens}") == ["firm"]
    assert grades(f"sys:1: {listens[:-1]}, raddr=('127.0.0.1', 41353)>") == ["firm"]
    assert grades(f"sys:1: {listens.replace('127.0.0.1', '0.0.0.0').replace('8000', '0')}") == ["firm"]
    assert grades("sys:1: ResourceWarning: unclosed file <_io.FileIO name='a'>") == ["firm"]


def test_an_exception_in_a_thread_is_told_with_its_last_frame() -> None:
    text = (
        "Exception in thread Thread-1 (work):\nTraceback (most recent call last):\n"
        '  File "/lib/threading.py", line 1045, in _bootstrap_inner\n    self.run()\n'
        '  File "/srv/app.py", line 9, in work\n    1 / 0\n    ~~^~~\nZeroDivisionError: division by zero\n'
    )
    assert logged(text + "INFO: next\n") == [
        ("exceptions", "ZeroDivisionError: division by zero", "in thread Thread-1 (work)", "/srv/app.py", 9)
    ]
    assert logged(text) == logged(text + "INFO: next\n")


def test_of_a_chain_of_exceptions_the_last_one_ended_the_thread() -> None:
    assert logged(
        'Exception in thread T:\nTraceback (most recent call last):\n  File "/a.py", line 1, in f\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "/a.py", line 3, in f\nacme.Broken: it\n\n'
        "/srv/app.py:7: ResourceWarning: unclosed x\n"
    ) == [
        ("exceptions", "acme.Broken: it", "in thread T", "/a.py", 3),
        ("warnings", "ResourceWarning: unclosed x", "", "/srv/app.py", 7),
    ]


@pytest.mark.parametrize(
    ("header", "where"),
    [
        ("Exception ignored in: <function D.__del__ at 0x7f01>", "ignored in <function D.__del__>"),
        ("Exception ignored in atexit callback <function f at 0x7f01>:", "ignored in atexit callback <function f>"),
        (
            "Exception ignored while calling deallocator <function D.__del__ at 0x7f01>:",
            "ignored while calling deallocator <function D.__del__>",
        ),
    ],
)
def test_an_exception_that_nobody_can_catch_is_told(header: str, where: str) -> None:
    text = f'{header}\nTraceback (most recent call last):\n  File "/a.py", line 2, in __del__\nKeyError: 1\n'
    assert logged(text) == [("exceptions", "KeyError: 1", where, "/a.py", 2)]


def test_a_warning_that_was_made_an_exception_stays_a_warning() -> None:
    text = (
        "Exception ignored in: <_io.FileIO>\nTraceback (most recent call last):\nResourceWarning: unclosed file <f>\n"
    )
    assert logged(text) == [("warnings", "ResourceWarning: unclosed file <f>", "", "", None)]


def test_a_task_that_asyncio_complains_of_is_told_by_its_name() -> None:
    assert logged(
        "ERROR:asyncio:Task was destroyed but it is pending!\n"
        "task: <Task pending name='stuck' coro=<wait() running at /srv/app.py:3> wait_for=<Future pending>>\n"
        "Task exception was never retrieved\n"
        "future: <Task finished name='Task-2' coro=<bad() done, defined at /srv/b.py:5> exception=ValueError('boom')>\n"
        "Traceback (most recent call last):\n"
        "Future exception was never retrieved\n"
        "future: <Future finished exception=OSError('x') created at /srv/c.py:9>\n"
    ) == [
        ("tasks", "task stuck", "destroyed while pending", "/srv/app.py", 3),
        ("tasks", "task Task-2", "its exception was never retrieved: ValueError('boom')", "/srv/b.py", 5),
        ("tasks", "a future", "its exception was never retrieved: OSError('x')", "", None),
    ]


def test_what_the_resource_tracker_removed_is_told_by_name_where_it_names_them() -> None:
    line = (
        "/lib/resource_tracker.py:254: UserWarning: resource_tracker: There appear to be 2 leaked {} to clean up at {}"
    )
    assert logged(line.format("shared_memory objects", "shutdown") + "\n") == [
        ("shared_memory", "2 shared_memory objects", "shared_memory, removed by the resource tracker", "", None)
    ]
    assert logged(line.format("semaphore objects", "shutdown: {'/mp-a', '/mp-b'}") + "\n") == [
        ("shared_memory", "mp-a", "semaphore, removed by the resource tracker", "", None),
        ("shared_memory", "mp-b", "semaphore, removed by the resource tracker", "", None),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "see ResourceWarning: in the manual",
        "the coroutine was never awaited",
        "an Exception in thread pools: what to do",
        "INFO Exception ignored in tests",
        "GET /ResourceWarning HTTP/1.1",
        "\x00\xff 12: ResourceWarning",
    ],
)
def test_prose_about_leaks_is_no_leak(line: str) -> None:
    assert logged(line + "\n") == []


def test_a_header_at_the_end_of_the_log_is_told_and_the_same_leak_once() -> None:
    assert [row[1] for row in logged("Exception in thread T:\n")] == ["an exception"]
    assert (
        len(logged("/a.py:1: ResourceWarning: unclosed <x at 0x1>\n/a.py:1: ResourceWarning: unclosed <x at 0x2>\n"))
        == 1
    )


def test_an_endless_log_of_leaks_is_read_no_longer_than_it_must_be() -> None:
    def endless():  # type: ignore[no-untyped-def]
        number = 0
        while True:
            number += 1
            yield b"/a.py:%d: ResourceWarning: unclosed %d\n" % (number, number)

    assert len(list(log.read(endless()))) == log.LIMIT


def test_a_traceback_without_an_end_does_not_swallow_the_log() -> None:
    text = "Exception in thread T:\n" + "  deeper\n" * 2000 + "/a.py:1: ResourceWarning: unclosed x\n"
    assert [row[0] for row in logged(text)] == ["exceptions", "warnings"]
