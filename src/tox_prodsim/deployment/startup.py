"""Start a deployment once more, in a copy of its folder as it was, to take the time of its start-up."""

from __future__ import annotations

import shutil
from dataclasses import replace

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.deployment.place import LaunchContext, Start, environ, free_port
from tox_prodsim.deployment.readiness import ReadinessWait
from tox_prodsim.model.scenario import Deployment, Launch

_TIMED_POLL_S = 0.01


def keep_snapshot(place: LaunchContext) -> None:
    """Copy the scratch folder as it is before the first start, so that later, timed starts find the same.

    What cannot be copied (a socket, a full disk) leaves no snapshot, and ``timed_start`` says so.
    """
    try:
        shutil.copytree(place.scratch, place.snapshot, symlinks=True)
    except OSError:
        shutil.rmtree(place.snapshot, ignore_errors=True)


def timed_start(deployment: Deployment, place: LaunchContext) -> float:
    """Start a deployment once more, in a copy of the scratch folder as it was, and return its effective seconds.

    A service is timed from the spawn until it is ready, a job until its end; both are then gone. Raises RuntimeError
    with one sentence when it does not come that far, and Cancelled.
    """
    place = replace(copied(place, "timed"), log=place.log.with_name("startup.log"))
    launch = deployment.launch(port=free_port() if deployment.uses_port else None, scratch=place.scratch)
    begun = Start(deployment, launch, place, environ(launch, place))
    try:
        if deployment.is_service:
            return _timed_ready(begun, deployment, launch, place)
        return _timed_end(begun.process, deployment)
    finally:
        begun.process.stop(deployment.stop.signal, deployment.stop.grace_s)
        begun.close()


def copied(place: LaunchContext, name: str) -> LaunchContext:
    """Return the place with a copy of the scratch folder as it was before the first start; RuntimeError: there is none.

    Whoever asks for it removes it, or finds it gone at the next copy of that name.
    """
    if place.cwd != place.scratch:
        msg = "change_dir is not the scratch folder, so that a second start would meet what the first one left"
        raise RuntimeError(msg)
    if not place.snapshot.is_dir():
        msg = "the scratch folder could not be copied for a second start"
        raise RuntimeError(msg)
    spare = place.snapshot.with_name(f"scratch-{name}")
    shutil.rmtree(spare, ignore_errors=True)
    shutil.copytree(place.snapshot, spare, symlinks=True)
    return replace(place, scratch=spare, cwd=spare)


def _timed_ready(begun: Start, deployment: Deployment, launch: Launch, place: LaunchContext) -> float:
    process, now, limit_s = begun.process, supervision.clock.now, deployment.ready_timeout_s
    watch = ReadinessWait(process, launch, place, limit_s, notify=begun.notify, longest_poll_s=_TIMED_POLL_S)
    for _ in watch.answers():
        if not watch.pending:
            effective_s = supervision.effective_since(process.pid, process.spawned_at, now=now)
            return effective_s or now() - process.spawned_at
    raise RuntimeError(watch.trouble.message if watch.trouble is not None else "it has no probe")


def _timed_end(process: supervision.Process, deployment: Deployment) -> float:
    ending = process.wait(deployment.run_timeout_s)
    if ending is None or ending.returncode not in deployment.exit_codes:
        raise RuntimeError("it did not end in time" if ending is None else f"it ended with {findings.how(ending)}")
    return ending.effective_s
