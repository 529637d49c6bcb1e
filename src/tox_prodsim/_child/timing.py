"""Times imports in fresh interpreters of the environment under test: CPython 3.9 and newer, standard library only.

    python -I timing.py drive REQUEST     one line per sample on stdout; REQUEST is JSON, see ``drive``
    python -s [-P] timing.py sample NONCE NAME… times ``import NAME…`` once and answers with one line
    python -s [-P] timing.py plain NONCE NAME…  does so without the timer of the pace

The nonce is in the mark of each answer: whatever is imported may print.

The driver starts the samples itself, so that whoever supervises it pays for supervision once. A sample imports
nothing before it measures: whatever is loaded already would be missing from the time of what it imports.
"""

import os
import sys
import time

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from collections.abc import Callable

APART_NS = 500_000  # far more than the reading takes, far less than a turn of the scheduler
PROBE_EVERY_S = 0.001
PROBE_SIZE = 30  # some 15 us: 1.5 % of the time goes into probes, and is subtracted
PROBE_LEAST_NS = 300_000  # of CPU time since the last one: a thread that waits has no pace
WAITING_S, LONGEST_WAITING_S = 0.008, 0.064  # nor is woken every ms: it would queue for a CPU only to sleep on
PROBES_AROUND = 5  # before and after, for an import that is over before the first one


def main(argv: list[str]) -> None:
    """Run the mode that the first argument names."""
    if argv[0] == "drive":
        drive(argv[1])
    else:
        sample(mark(argv[1]), argv[2:], paced=argv[0] == "sample")


def mark(nonce: str) -> bytes:
    """Return how each answer begins."""
    return b"tox-prodsim " + nonce.encode() + b": "


def sample(begin: bytes, modules: list[str], *, paced: bool) -> None:
    """Import the modules, answer with wall, run-queue and CPU time in ns, and end at once.

    What the modules print goes nowhere, and the answer leaves on a descriptor that they do not know. ``os._exit``,
    because threads and exit handlers of the modules are not what is timed.
    """
    answer_to = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # our own folder, before 3.11 has -P for that
    sys.argv[:] = [""]
    try:
        answer = timed(modules, paced=paced)
    except BaseException as problem:  # a module may raise anything, SystemExit included
        answer = {"error": f"{type(problem).__name__}: {problem}"[:400].strip().rstrip(":")}
    import json  # not before the measurement, it is part of the control

    os.write(answer_to, begin + json.dumps(answer).encode() + b"\n")
    os._exit(0)


def timed(modules: list[str], *, paced: bool) -> "dict[str, int | float | str | None]":
    """Return what importing the modules takes; None where there is no such figure."""
    pace, base_kb = Pace(), peak_kb()
    if paced:
        pace.begin()
    try:
        begun_ns, queued = moment()
        cpu, own = time.process_time_ns(), time.thread_time_ns()
        for name in modules:
            __import__(name)
        until, cpu = time.thread_time_ns(), time.process_time_ns() - cpu
        ended_ns, after = moment()
    finally:
        pace.end()
    work, probes_ns = pace.work(own, until)
    return {
        "wall_ns": ended_ns - begun_ns - probes_ns,
        "queued_ns": after - queued if queued is not None and after is not None else None,
        "cpu_ns": cpu - probes_ns,  # of all threads
        "own_ns": until - own - probes_ns,  # of this thread
        "work": work,  # of this thread, in probes
        "base_kb": base_kb,
        "peak_kb": peak_kb(),
        "uncompiled": uncompiled(),
    }


class Pace:
    """Measures how fast this CPU is, every millisecond, by a piece of work that is always the same: the probe.

    What another tenant of the core takes away shows neither in CPU time nor in run delay. The same import takes 10 to
    16 % more or less CPU time from one moment to the next on a shared host, and 3 to 5 % more or less probes.

    A timer interrupts the import for a probe; system calls are restarted, and Python does not notice. Where a module
    takes the signal or the timer for itself, and where there are none, there is no pace.
    """

    def __init__(self) -> None:
        self._probes: list[tuple[int, int]] = []
        self._kept = False
        self._waiting_s = WAITING_S

    def begin(self) -> None:
        """Probe what the CPU does now, and begin to probe from time to time."""
        try:
            # signal itself would import enum, which is part of what is timed; typeshed has no _signal
            import _signal

            self._signal = _signal
            for _ in range(PROBES_AROUND):
                self._probe()
            _signal.signal(_signal.SIGALRM, self._interrupt)
            _signal.siginterrupt(_signal.SIGALRM, False)
            _signal.setitimer(_signal.ITIMER_REAL, PROBE_EVERY_S, PROBE_EVERY_S)
        except (ImportError, AttributeError, OSError, ValueError):
            return
        self._kept = True

    def end(self) -> None:
        """Probe no more from time to time, and once more what the CPU does now."""
        if not self._kept:
            return
        ticking = self._signal.setitimer(self._signal.ITIMER_REAL, 0)[1] > 0
        self._kept = ticking and self._signal.getsignal(self._signal.SIGALRM) == self._interrupt
        for _ in range(PROBES_AROUND):
            self._probe()

    def work(self, begun: int, ended: int) -> "tuple[float | None, int]":
        """Return the CPU time between two moments in probes, and how many ns the probes in between took.

        Between two probes the pace is that of both in the mean.
        """
        inside = [(start, stop) for start, stop in self._probes if begun <= start and stop <= ended]
        probes_ns = sum(stop - start for start, stop in inside)
        if not self._kept:
            return None, probes_ns
        before = _middle([stop - start for start, stop in self._probes if stop <= begun])
        after = _middle([stop - start for start, stop in self._probes if start >= ended])
        work, since, pace = 0.0, begun, before
        for start, stop in inside:
            work += (start - since) * 2 / (pace + stop - start)
            since, pace = stop, stop - start
        return work + (ended - since) * 2 / (pace + after), probes_ns

    def _interrupt(self, *_: object) -> None:
        if time.thread_time_ns() - self._probes[-1][1] > PROBE_LEAST_NS:
            self._waiting_s = WAITING_S
            self._probe()
        else:
            self._signal.setitimer(self._signal.ITIMER_REAL, self._waiting_s, PROBE_EVERY_S)
            self._waiting_s = min(2 * self._waiting_s, LONGEST_WAITING_S)

    def _probe(self) -> None:
        begun = time.thread_time_ns()
        words = {}
        for at in range(PROBE_SIZE):
            words[str(at)] = at
        self._probes.append((begun, time.thread_time_ns()))


def _middle(times_ns: "list[int]") -> int:
    return sorted(times_ns)[len(times_ns) // 2]


def moment(clock: "Callable[[], int]" = time.perf_counter_ns) -> "tuple[int, int | None]":
    """Return the clock and the run delay of one moment, in ns.

    A thread that loses the CPU between the two readings would count the wait on one side only: seen as 45 ms too
    little of an import of 140 ms. So it reads again, at most ten times.
    """
    for _ in range(10):
        now, queued = clock(), run_delay()
        if clock() - now < APART_NS:
            break
    return now, queued


def run_delay() -> "int | None":
    """Return the ns that this thread was runnable but waited for a CPU, or None where there is no such figure.

    Linux, Documentation/scheduler/sched-stats.rst: "time spent on the cpu", "time spent waiting on a runqueue". A
    kernel without CONFIG_SCHED_INFO shows zeros.
    """
    try:
        with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
            on_cpu, queued = file.read(80).split()[:2]
    except (OSError, ValueError):
        return None
    return int(queued) if int(on_cpu) else None


def peak_kb() -> "int | None":
    """Return the most memory that this process has had until now, or None where the kernel does not say it.

    Not ``ru_maxrss``: that includes what the process had before it became this program, which is the memory of the
    one that started it.
    """
    try:
        with open("/proc/self/status", "rb", buffering=0) as file:
            return int(file.read(4096).partition(b"VmHWM:")[2].split()[0])
    except (OSError, ValueError, IndexError):
        return None


def uncompiled() -> int:
    """Return how many of the loaded modules have a source file but no bytecode file beside it."""
    count = 0
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        cached, origin = getattr(spec, "cached", None), getattr(spec, "origin", None)
        if isinstance(cached, str) and isinstance(origin, str) and origin.endswith(".py"):
            count += not os.path.exists(cached)
    return count


def drive(text: str) -> None:
    """Print ``rounds`` samples of each of the request's ``jobs`` (name -> modules), in random order in each round.

    With ``warm_up``, one sample of each comes first: it may write bytecode and is not printed. ``pythons`` names the
    interpreter of a job that is not to run with this one. The first sample that fails is printed as ``error`` and ends
    the series.
    """
    import json  # a sample must not have it loaded
    import random
    import tempfile

    request = json.loads(text)
    jobs, rng, nonce = request["jobs"], random.Random(request["seed"]), request["nonce"]
    pythons = request.get("pythons", {})
    plan = [(name, True) for name in jobs] if request["warm_up"] else []
    for _ in range(request["rounds"]):
        plan += [(name, False) for name in rng.sample(sorted(jobs), len(jobs))]
    with tempfile.TemporaryDirectory() as folder:
        for name, warm_up in plan:
            python = pythons.get(name, sys.executable)
            answer = run_sample(python, [nonce, *jobs[name]], folder, request["timeout_s"], warm_up=warm_up)
            if "error" in answer or not warm_up:
                print(mark(nonce).decode() + json.dumps(dict(answer, job=name)), flush=True)
            if "error" in answer:
                break


def run_sample(
    python: str, words: list[str], folder: str, timeout_s: float, *, warm_up: bool, mode: str = "sample"
) -> dict[str, object]:
    """Return the answer of one fresh interpreter, or why there is none under ``error``; a nonce precedes the modules.

    A module that gives SIGALRM back its default is killed by the timer of the pace: it is sampled again without it.
    """
    import json  # a sample must not have it loaded
    import signal

    safe = ["-P"] if sys.version_info >= (3, 11) else []
    argv = [python, "-s", *safe, os.path.abspath(__file__), mode, *words]
    begun, begin = time.monotonic(), mark(words[0])
    line, code = run_interpreter(argv, begin, folder, timeout_s, environ(warm_up=warm_up))
    if line is not None:
        answer: dict[str, object] = json.loads(line[len(begin) :].decode())
        return answer
    if mode == "sample" and code == -getattr(signal, "SIGALRM", 0):
        return run_sample(python, words, folder, timeout_s, warm_up=warm_up, mode="plain")
    if time.monotonic() - begun >= timeout_s:
        return {"error": f"it took longer than {timeout_s:g} s"}
    return {"error": f"the interpreter ended with {code} while importing"}


def run_interpreter(
    argv: list[str], begin: bytes, folder: str, timeout_s: float, env: dict[str, str]
) -> "tuple[bytes | None, int | None]":
    """Return the line that begins as an answer does, None when there is none, and the exit code."""
    import subprocess  # a sample must not have it loaded
    import threading

    null = subprocess.DEVNULL
    process = subprocess.Popen(argv, stdin=null, stdout=subprocess.PIPE, stderr=null, cwd=folder, env=env)
    killer = threading.Timer(timeout_s, process.kill)
    killer.start()
    # Reading to the answer, not to the end: a process that a module left behind may hold the pipe open.
    with process:
        line = next((line for line in process.stdout or () if line.startswith(begin)), None)
    killer.cancel()
    return line, process.returncode


def environ(*, warm_up: bool) -> dict[str, str]:
    """Return our environment without PYTHON* settings, with what makes two samples do the same work."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept.update(PYTHONHASHSEED="0", LC_ALL="C.UTF-8")
    if not warm_up:
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return kept


if __name__ == "__main__":
    main(sys.argv[1:])
