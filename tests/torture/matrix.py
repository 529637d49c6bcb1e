"""The adversaries, and the ways in which a run of them is ended."""

from __future__ import annotations

import functools
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

HERE = Path(__file__).parent
GRACE_S = 0.5
LEAK_GRACE_S = 0.5  # what outlives its main process has so long to end by itself, and then as long for SIGTERM
ORPHAN_GRACE_S = 1.0  # a tree whose host is gone
SLACK_S = 0.3
HELD_S = 2.2  # until the guard sees that a tracer holds the warden, and ends that
HELD_WITHOUT_GUARD_S = 8.5  # until the host does, or a later run gives up to wake it


class Exits(Enum):
    """Whether the main process of an adversary ends by itself."""

    ALWAYS = "always"
    WHEN_ASKED = "when asked"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True, slots=True)
class Adversary:
    """One that misbehaves; it is at work once ``processes`` have registered. ``pause_us``: it is the hopper in C.

    ``traces``: it traces the warden; ``holds``: it stops it so that only SIGKILL ends that, and the run is lost.
    """

    name: str
    kind: str
    processes: int = 1
    exits: Exits = Exits.WHEN_ASKED
    code: int | None = 7
    pause_us: int | None = None
    fights: bool = False
    traces: bool = False
    holds: bool = False

    def argv(self, folder: Path, *, ends: bool, built: Path | None) -> list[str]:
        """Return its command line; ``built`` is the hopper that was compiled."""
        program = [sys.executable, "-I", "-S", str(HERE / "rogue.py"), self.kind, str(folder)]
        if self.pause_us is not None:
            program = [str(built), str(folder), str(self.pause_us)]
        return [*program, "ends"] if ends and self.exits is Exits.WHEN_ASKED else program


def _quitter(name: str, kind: str, processes: int = 1) -> Adversary:
    return Adversary(name=name, kind=kind, processes=processes, exits=Exits.ALWAYS, code=0)


def _stayer(name: str, kind: str) -> Adversary:
    return Adversary(name=name, kind=kind, exits=Exits.NEVER)


ADVERSARIES = (
    Adversary(name="obedient", kind="obedient"),
    Adversary(name="ignore_term", kind="deaf_main"),
    Adversary(name="grandkids_ignore", kind="deaf_grandchildren", processes=7),
    Adversary(name="daemon", kind="daemon", processes=3),
    _quitter("daemon_exit", "daemon_exit", 3),
    Adversary(name="fanout50", kind="fan_out", processes=51),
    Adversary(name="stopped", kind="stopped_child", processes=2),
    Adversary(name="setpgid", kind="setpgid", processes=2),
    _quitter("pipeholder_exit", "pipe_holder", 2),
    _quitter("pipeholder_setsid_exit", "pipe_holder_exit", 2),
    _quitter("flood200", "flood200"),
    _stayer("flood_forever", "flood_forever"),
    _quitter("listener_exit", "listener_exit", 2),
    Adversary(name="zombies", kind="zombies", processes=21),
    _stayer("atexit_hang", "hangs_at_exit"),
    _stayer("nondaemon_thread", "has_a_thread"),
    _stayer("asyncio_stuck", "stuck_in_asyncio"),
    _stayer("c_deadlock", "deadlocks_in_c"),
    _stayer("hydra", "hydra"),
    Adversary(name="forker", kind="forker", processes=3),
    Adversary(name="respawn_master", kind="respawning_master", processes=5, exits=Exits.NEVER),
    Adversary(name="mp_spawn", kind="multiprocesses", processes=5),
    Adversary(name="ghost", kind="ghost", processes=3),
    _quitter("ghost_exit", "ghost_exit", 3),
    Adversary(name="sleepers", kind="sleepers", processes=3),
    Adversary(name="kill_supervisor", kind="kills_its_supervisor", processes=8, fights=True),
    Adversary(name="hopper_slow", kind="slow_hopper", processes=2),
    Adversary(name="hopper", kind="hopper", processes=2),
    Adversary(name="hopper_c_0ms", kind="c", processes=2, pause_us=0),
    Adversary(name="hopper_c_1ms", kind="c", processes=2, pause_us=1000),
    Adversary(name="own_subreaper", kind="own_subreaper", processes=8),
    Adversary(name="zoo", kind="zoo", processes=8),
    Adversary(name="first_thread_ends", kind="first_thread_ends", processes=2),
    _quitter("first_thread_ends_exit", "first_thread_ends_exit", 2),
    Adversary(name="traces_warden", kind="traces_the_warden", processes=9, traces=True),
    Adversary(name="holds_warden", kind="holds_the_warden", processes=9, traces=True, holds=True),
    Adversary(name="starves_supervisors", kind="starves_its_supervisors", processes=8),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to end a run: signals to ``host``, its ``group``, ``server``, ``guard`` and ``warden``, in this order.

    Without any, the main process ends by itself, or the time of the run is up. ``within_s`` is how long the clean-up
    may take, without slack; ``causes`` and ``verdict`` are what the host says of it, when it lives to say so.
    """

    name: str
    signals: tuple[tuple[str, signal.Signals], ...] = ()
    within_s: float = GRACE_S
    cause: str = ""
    verdict: str = ""
    timeout_s: float | None = None
    itself: bool = False
    swept: bool = False
    """The next run ends what is left; ``stopped``: of supervising processes that live, and are stopped."""
    stopped: bool = False

    @property
    def loses_host(self) -> bool:
        """Return whether the host is killed."""
        return any(number == signal.SIGKILL for whom, number in self.signals if whom in {"host", "group"})

    @property
    def orphans(self) -> bool:
        """Return whether guard and warden are killed: then the zombies are for process 1 to reap."""
        return {"guard", "warden"} <= {whom for whom, number in self.signals if number == signal.SIGKILL}

    def loses_guard(self) -> bool:
        """Return whether the guard is killed, and the warden is not."""
        killed = {whom for whom, number in self.signals if number == signal.SIGKILL}
        return "guard" in killed and "warden" not in killed

    def applies_to(self, adversary: Adversary) -> bool:
        """Return whether an adversary can end in this way; one that fights is over before anybody can signal."""
        if self.itself:
            return adversary.exits is not Exits.NEVER
        return not (adversary.fights and self.signals)


def _asked(name: str, *signals: tuple[str, signal.Signals], within_s: float = GRACE_S) -> Way:
    return Way(name=name, signals=signals, within_s=within_s, cause="stopped", verdict="cancelled")


def _lost(name: str, *signals: tuple[str, signal.Signals], swept: bool = False, stopped: bool = False) -> Way:
    return Way(name=name, signals=signals, within_s=ORPHAN_GRACE_S, swept=swept, stopped=stopped)


KILL, STOP = signal.SIGKILL, signal.SIGSTOP
WAYS = (
    Way(name="itself", itself=True, within_s=2 * LEAK_GRACE_S, cause="exited", verdict="ended"),
    Way(name="timeout", timeout_s=0.3, cause="timed out", verdict="timed out"),
    _asked("SIGINT", ("host", signal.SIGINT)),
    _asked("SIGTERM", ("host", signal.SIGTERM)),
    _asked("SIGHUP", ("host", signal.SIGHUP)),
    _asked("SIGINT twice", ("host", signal.SIGINT), ("host", signal.SIGINT), within_s=0.0),
    _asked("SIGINT to group", ("group", signal.SIGINT)),
    Way(name="KILL warden", signals=(("warden", KILL),), within_s=0.0, cause="lost", verdict="ended"),
    Way(name="KILL guard", signals=(("guard", KILL),), within_s=0.0, cause="lost", verdict="ended"),
    Way(
        name="KILL server, timeout",
        signals=(("server", KILL),),
        within_s=0.3 + GRACE_S,
        cause="timed out",
        verdict="timed out",
        timeout_s=0.3,
    ),
    _lost("KILL server+host", ("server", KILL), ("host", KILL)),
    _lost("STOP server and both, KILL host", ("server", STOP), ("guard", STOP), ("warden", STOP), ("host", KILL)),
    _lost("KILL host", ("host", KILL)),
    _lost("KILL group", ("group", KILL)),
    _lost("KILL warden+host", ("warden", KILL), ("host", KILL)),
    _lost("KILL guard+host", ("guard", KILL), ("host", KILL)),
    _lost("STOP warden, KILL host", ("warden", STOP), ("host", KILL)),
    _lost("STOP guard, KILL host", ("guard", STOP), ("host", KILL)),
    _lost("STOP both, KILL host", ("guard", STOP), ("warden", STOP), ("host", KILL)),
    _lost("KILL host, STOP both", ("host", KILL), ("guard", STOP), ("warden", STOP), swept=True, stopped=True),
    _lost(
        "KILL all three",
        *(("guard", STOP), ("warden", STOP), ("host", STOP)),  # so that none sees the end of another
        *(("guard", KILL), ("warden", KILL), ("host", KILL)),
        swept=True,
    ),
)


def named(name: str, among: tuple[Adversary, ...] | tuple[Way, ...]) -> Adversary | Way:
    return next(each for each in among if each.name == name)


@functools.cache
def hopper(folder: Path) -> Path | None:
    """Compile the hopper into a folder; None when there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    built = folder / "hopper"
    subprocess.run([compiler, "-O1", "-o", str(built), str(HERE / "hopper.c")], check=True)
    return built
