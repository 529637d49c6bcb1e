"""A small host, in the place of tox: ``python host.py FOLDER`` runs what ``FOLDER/plan.json`` says under supervision.

It handles signals as tox does with the plugin: the first asks to end, the second ends the grace. It writes what became
of it as ``FOLDER/result.json``; the run's time starts when somebody writes ``FOLDER/go``.
"""

import dataclasses
import json
import os
import signal
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.model.errors import Cancelled, ProdsimError

FOLDER = Path(sys.argv[1])
asked: list[int] = []
cancel = supervision.Cancel()


def interrupt(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
    asked.append(number)
    if len(asked) == 1:
        raise KeyboardInterrupt
    cancel.set(hard=True)


def play(plan: dict) -> dict:
    """Run the command and say how it ended."""
    read_end, write_end = os.pipe()
    drain = threading.Thread(target=swallow, args=(read_end,), daemon=True)
    drain.start()
    try:
        process = supervision.start(
            plan["argv"],
            cwd=Path("/"),
            env=os.environ,
            stdout=write_end,
            stderr=write_end,
            cancel=cancel,
            containment=plan["containment"],
            ledger=Path(plan["ledger"]) if plan["ledger"] else None,
        )
    except Cancelled:
        return {"verdict": "cancelled before the start"}
    except ProdsimError as problem:
        return {"verdict": "refused", "error": str(problem)}
    finally:
        os.close(write_end)
    verdict, began = see_through(process, plan)
    ending = process.poll()
    assert ending
    process.close()
    began = process.spawned_at + ending.duration_s if verdict == "ended" else began
    return {"verdict": verdict, "began": began, **dataclasses.asdict(ending)}


def see_through(process: supervision.Process, plan: dict) -> tuple[str, float]:
    """Wait for the end, for the end of its time, or for a signal to us."""
    try:
        while plan["timeout_s"] is not None and not (FOLDER / "go").exists() and process.poll() is None:
            process.wait(0.02)
        if process.wait(plan["timeout_s"]):
            return "ended", 0.0
        began = supervision.clock.now()
        process.stop(signal.SIGTERM, plan["grace_s"], cause=supervision.Cause.TIMED_OUT)
    except Cancelled:
        began = supervision.clock.now()
        process.stop(signal.SIGTERM, min(plan["grace_s"], supervision.CANCEL_GRACE_S))
        return "cancelled", began
    return "timed out", began


def swallow(read_end: int) -> None:
    while os.read(read_end, 1 << 16):
        pass


def main() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), interrupt)
    plan = json.loads((FOLDER / "plan.json").read_text())
    said: list[dict] = []
    done = threading.Event()

    def work() -> None:
        try:
            with supervision.shared_guards() if plan["shares"] else nullcontext():
                said.append(play(plan))
        finally:
            done.set()

    threading.Thread(target=work, daemon=True).start()
    while not done.is_set():
        try:
            done.wait()  # join() takes the thread for ended when a signal interrupts it
        except KeyboardInterrupt:
            cancel.set()
    (FOLDER / "result.new").write_text(json.dumps({**said[0], "signals_to_host": asked}))
    (FOLDER / "result.new").rename(FOLDER / "result.json")


if __name__ == "__main__":
    main()
