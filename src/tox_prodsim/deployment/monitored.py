"""One start of a deployment with all that watches it: what it says, what it breaks, where it hangs, what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import leaks, output
from tox_prodsim.deployment.environ import showing_leaks
from tox_prodsim.deployment.leaks import findings
from tox_prodsim.deployment.place import LaunchContext, Start, environ
from tox_prodsim.deployment.watchdog import Watchdog
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.scenario import Deployment, Launch


class MonitoredStart:
    """A start of a deployment; ``sentinel`` has what it broke while nobody looked, ``notify`` hears what it says.

    ``why_not`` tells, after ``stop``, why it did not stop: where it hung when its grace was nearly over, and nothing
    when it stopped. Raises Cancelled and OSError; whoever makes one closes it.
    """

    def __init__(self, deployment: Deployment, launch: Launch, place: LaunchContext) -> None:
        self._deployment, self._place = deployment, place
        self._name = Path(launch.argv[0]).name
        self._ground = leaks.before(temporary=place.temporary, scratch=place.scratch)
        self.why_not: tuple[str, ...] = ()
        self._last_seen: tuple[str, ...] = ()
        self.not_observable: tuple[str, ...] = ()
        self._deaf_because = ""
        env = {**showing_leaks(environ(launch, place)), **place.hook.variables}
        self._start = Start(deployment, launch, place, env)
        self.process, self.notify = self._start.process, self._start.notify
        self.sentinel = Watchdog(
            self._name, self.process, deployment, place.log, notify=self.notify, look=self.look, end=self._end
        )
        try:
            self.sentinel.start()
        except BaseException:  # no thread is to be had
            self._start.close()
            raise

    def look(self) -> tuple[str, ...]:
        """Return in lines what it is doing now, where it hangs first; nothing of it is ended for that."""
        return self._place.look(self.process)

    def broken(self) -> Finding | None:
        """End the watch and return which limit was broken behind our back, None when none was."""
        self._deaf_because = self._deaf_because or leaks.unheard(self.process.pid, self._place.log)
        self.sentinel.dismiss()
        return self.sentinel.finding

    def stop(self, *, cause: supervision.Cause = supervision.Cause.STOPPED) -> supervision.Ending:
        """Stop it as the user wants it stopped."""
        self.broken()
        return self._end(cause)

    def _end(self, cause: supervision.Cause) -> supervision.Ending:
        def look_again() -> None:
            self._last_seen = self.look()

        stop = self._deployment.stop
        ending = self.process.stop(stop.signal, stop.grace_s, cause=cause, before_kill=look_again)
        self.why_not = self._last_seen if ending.forced else ()
        return ending

    def left(self, ending: supervision.Ending) -> Iterator[Finding]:
        """Yield what it left behind, and say in ``not_observable`` what could not be seen."""
        looked = findings.look(
            self._ground,
            ending,
            lines=output.lines_if(leaks.MARKS, self._place.log),
            witnesses=self._place.hook.folder,
            deaf_because=self._deaf_because,
            own_code=self._place.own_code,
        )
        self.not_observable = looked.not_observable
        yield from findings.findings(self._name, looked.leaks, self._place.allow_leaks)

    def close(self) -> None:
        """End whatever is left of it; may be called at any time, and again."""
        self.sentinel.dismiss()
        stop = self._deployment.stop
        self.process.stop(stop.signal, min(stop.grace_s, supervision.CANCEL_GRACE_S))
        self._start.close()
