"""The wait for the lock of an environment: what it says, how often, and when it gives up."""

from __future__ import annotations

import argparse
import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tox.report import HandledError
from tox.tox_env.errors import Fail
from tox.tox_env.runner import RunToxEnv

from tox_prodsim.plugin import one_run
from tox_prodsim.supervision import KernelLock, ledger, ownership, procfs


class Env(SimpleNamespace):
    """As much of an environment of tox as the lock needs."""

    __hash__ = object.__hash__  # type: ignore[assignment] # as those of tox


def env(work_dir: Path, *, limit_s: float = 60.0, env_dir: Path | None = None, name: str = "prodsim") -> RunToxEnv:
    fake: Any = Env(
        core={"work_dir": work_dir},
        conf=SimpleNamespace(name=name, env_name=name),
        env_dir=env_dir or work_dir / name,
        options=SimpleNamespace(prodsim_lock_timeout=limit_s),
        log_handler=SimpleNamespace(with_context=lambda _: contextlib.nullcontext()),
        interrupt=lambda: None,
    )
    return cast("RunToxEnv", fake)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_run, "_POLL_S", 0.01)
    monkeypatch.setattr(one_run, "_HOLDER_LIMIT_S", 0.0)


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[KernelLock]:
    """The lock of the environment ``prodsim``, held as if by another run."""
    lock = KernelLock(tmp_path / ".prodsim-locks" / "prodsim.lock")
    assert lock.acquire()
    yield lock
    lock.release()


@pytest.mark.usefixtures("taken")
def test_a_long_wait_is_said_again_and_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_run, "_SAY_AGAIN_S", 0.05)
    with caplog.at_level(logging.WARNING), pytest.raises(Fail, match=r"^--prodsim-lock-timeout 0.2: pid \d+ \("):
        one_run.hold(env(tmp_path, limit_s=0.2))
    lines = [record.getMessage() for record in caplog.records]
    assert 2 <= len(lines) <= 4
    assert lines[0].startswith("waits for pid ")
    assert lines[0].endswith("), which uses this environment")
    assert lines[-1].endswith("), which uses this environment; 0 s so far")


def test_the_wait_ends_with_the_other_run(tmp_path: Path, taken: KernelLock) -> None:
    waiting = env(tmp_path)
    threading.Timer(0.1, taken.release).start()
    one_run.hold(waiting)
    one_run.hold(waiting)
    assert one_run.owns_folder(waiting)
    one_run.release(waiting)
    one_run.release(waiting)
    assert taken.holder() is None


@pytest.mark.skipif(not procfs.boot(), reason="a ledger is kept on Linux only")
def test_a_run_begins_when_the_supervisors_of_a_killed_one_have_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone, record = procfs.Identity(pid=1, started=987_654_321), tmp_path / ".prodsim-runs" / f"{'a' * 32}.json"
    killed = ledger.Record(
        tag="a" * 32,
        boot=procfs.boot(),
        namespace=procfs.namespace(),
        host=gone,
        guard=ownership.own_identity(),
        argv=("serve", "--now"),
    )
    ledger.write(record, killed)
    threading.Timer(0.2, record.unlink).start()
    next_run = env(tmp_path)
    with caplog.at_level(logging.WARNING):
        one_run.hold(next_run)
    assert not record.exists()
    assert [each.getMessage() for each in caplog.records] == [
        "waits for the end of what a killed run has left: serve --now"
    ]
    one_run.release(next_run)


def test_an_interrupt_ends_the_wait_and_the_folder_is_not_touched(tmp_path: Path, taken: KernelLock) -> None:
    waiting = env(tmp_path)

    def interrupt() -> None:
        waiting.interrupt()  # as it is then

    threading.Timer(0.1, interrupt).start()
    with pytest.raises(SystemExit):
        one_run.hold(waiting)
    taken.release()
    assert one_run.gave_up(waiting)


def test_an_environment_that_was_not_set_up_owns_its_folder_if_nobody_else_does(
    tmp_path: Path, taken: KernelLock
) -> None:
    other = env(tmp_path)
    assert not one_run.owns_folder(other)
    assert not one_run.gave_up(other)
    taken.release()
    assert one_run.owns_folder(other)
    one_run.release(other)


@pytest.mark.usefixtures("taken")
def test_environments_exclude_each_other_only_if_they_share_a_folder(tmp_path: Path) -> None:
    apart = env(tmp_path, limit_s=0, name="prodsim-web")
    one_run.hold(apart)
    shared = tmp_path / "elsewhere" / "prodsim"
    first, second = (env(tmp_path, limit_s=0, env_dir=shared, name=name) for name in ("prodsim", "prodsim-api"))
    one_run.hold(first)
    with pytest.raises(Fail):
        one_run.hold(second)
    for each in (apart, first):
        one_run.release(each)


@pytest.mark.parametrize("limit_s", [-1.0, float("nan")])
def test_a_limit_from_a_variable_is_checked(tmp_path: Path, limit_s: float) -> None:
    with pytest.raises(Fail, match="is not a time to wait, give a number of seconds"):
        one_run.hold(env(tmp_path, limit_s=limit_s))


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "", "1,5"])
def test_a_limit_that_is_no_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(
        argparse.ArgumentTypeError,
        match="is not a time to wait, give a number of seconds",
    ):
        one_run.seconds(text)


def test_a_limit_is_a_number_of_seconds() -> None:
    assert [one_run.seconds(text) for text in ("0", "1.5", "604800")] == [0, 1.5, 604_800]


def test_a_work_folder_is_made(tmp_path: Path) -> None:
    one_run.refuse_unusable(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_work_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(one_run.os, "access", lambda *_: False)
    refused = {"file": "it is not a folder", "/proc/x/y": "it cannot be made: No such file", "": "it cannot be written"}
    for folder, reason in refused.items():
        with pytest.raises(HandledError, match=f"^work_dir: .*: {reason}"):
            one_run.refuse_unusable(tmp_path / folder)
