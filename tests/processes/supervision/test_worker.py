"""Calls in processes that can be ended: by time, by memory, by a cancel, and by an end of the process itself."""

from __future__ import annotations

import functools
import gc
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.wheels import wheel

from tox_prodsim.checks import artifact
from tox_prodsim.checks.artifact import archives
from tox_prodsim.model.errors import Cancelled, LimitExceededError, RefusedFileError
from tox_prodsim.supervision import CallLimits, Cancel, Workers

SLOW = functools.partial(re.search, "^(a+)+b", "a" * 64)


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(limits=CallLimits(cpu_s=5.0))
    yield made
    made.close()
    assert [
        each for each in psutil.Process().children(recursive=True) if "worker.main" in " ".join(each.cmdline())
    ] == []


def test_a_result_and_an_exception_come_back_and_the_process_is_used_again(workers: Workers) -> None:
    first = workers(os.getpid)
    with pytest.raises(ValueError, match="invalid literal") as raised:
        workers(int, "x")
    assert "Traceback" in raised.value.__notes__[0]
    assert workers(os.getpid) == first != os.getpid()


def test_our_exceptions_keep_what_they_carry() -> None:
    problem = RefusedFileError("wheel", "is too large", "WHL150", "leave it out")
    kind, arguments = problem.__reduce__()
    again = kind(*arguments)
    assert isinstance(again, RefusedFileError)
    assert (again.key, again.message, again.code, again.hint) == ("wheel", "is too large", "WHL150", "leave it out")


READINGS = (
    artifact.check_wheel,
    artifact.check_references,
    artifact.check_native,
    artifact.internal_imports,
    functools.partial(artifact.check_versions, tested=None),
)


@pytest.mark.parametrize("read", READINGS)
def test_the_result_of_a_reading_can_be_sent(workers: Workers, tmp_path: Path, read: Callable[..., object]) -> None:
    source = "import acme.gone\nopen(__file__.replace('.py', '.json'))\n"
    path = wheel(tmp_path, files={"acme/__init__.py": source}, requires=["click"])
    opened = workers(artifact.open_wheel, path)
    assert opened == artifact.open_wheel(path)
    assert workers(read, opened) == read(opened)
    assert workers(artifact.is_optional, opened, "acme") is False
    archives._opened.cache_clear()  # a process that reads keeps the archive open, and this one has read, too
    gc.collect()


def test_a_result_that_cannot_be_sent_is_a_defect_and_not_a_limit(workers: Workers) -> None:
    with pytest.raises(RuntimeError, match="cannot pickle"):
        workers(threading.Lock)


def test_a_search_that_takes_for_ever_is_ended(workers: Workers) -> None:
    with pytest.raises(LimitExceededError, match=r"it took longer than 0\.5 s"):
        workers.within(CallLimits(cpu_s=0.5), SLOW)
    assert workers(len, "abc") == 3


def test_memory_is_limited_and_with_room_there_is_more(workers: Workers) -> None:
    with pytest.raises(LimitExceededError, match="it needed more than 256 MB of memory"):
        workers(bytearray, 300 << 20)
    assert len(workers.with_room(300 << 20)(bytearray, 300 << 20)) == 300 << 20


def test_a_process_that_dies_is_no_result(workers: Workers) -> None:
    with pytest.raises(LimitExceededError, match="ended by signal 9"):
        workers(signal.raise_signal, signal.SIGKILL)
    assert workers(len, "abc") == 3


def test_a_cancel_ends_a_call_at_once() -> None:
    cancel = Cancel()
    workers = Workers(cancel=cancel)
    workers(len, "")
    threading.Timer(0.2, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        workers.within(CallLimits(cpu_s=300.0), SLOW)
    assert time.monotonic() - began < 30.0
    workers.close()
    cancel.close()
