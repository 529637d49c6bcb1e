"""Imports and starts that are really measured, by the driver in a real Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.events import Change
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing import measure, sampling, stats
from tox_prodsim.timing.measure import Plan
from tox_prodsim.timing.stats import StoredRatio, relative_error


@dataclass(frozen=True)
class Completed:
    returncode: int | None
    stdout: bytes
    stderr: bytes
    timed_out: bool = False


class Runner:
    """Runs commands without supervision; ``extra`` is put into their environment."""

    def __init__(self, **extra: str) -> None:
        self.extra = extra
        self.started = 0

    def __call__(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        self.started += 1
        env = {**os.environ, **self.extra}
        ran = subprocess.run(argv, capture_output=True, timeout=timeout_s, env=env, check=False)
        return Completed(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture
def package(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that makes a module importable in a small environment, and returns its Python."""

    def make(name: str, source: str) -> Path:
        if not (tmp_path / "env").exists():
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
        site = next((tmp_path / "env/lib").glob("python*/site-packages"))
        (site / f"{name}.py").write_text(source)
        return tmp_path / "env/bin/python"

    return make


WORK = "for at in range({}): str(at)\n"


def test_a_slow_import_shows_in_the_ratio(package: Callable[[str, str], Path]) -> None:
    package("quick", "")
    python = package("slow", WORK.format(2_000_000))
    runner = Runner()
    slow = sampling.import_sampler("slow", python=python, runner=runner)(3)
    quick = sampling.import_sampler("quick", python=python, runner=runner)(3)
    assert runner.started == 2, "one supervised process for all samples of a call"
    assert len(slow) == len(quick) == len(slow.control_s) == 3
    assert min(slow.target_s) > 0.05
    assert min(slow.target_s) > 5 * min(quick.target_s)
    assert min(slow.control_s) > min(quick.target_s)


def test_the_first_imports_find_what_the_installer_left_and_leave_it_so(package: Callable[[str, str], Path]) -> None:
    package("one", "import two")
    python = package("two", "")
    for _ in range(2):
        first = sampling.first_imports(["one", "two"], python=python, runner=Runner())
        assert {name: sample.uncompiled for name, sample in first.items()} == {"one": 2, "two": 1}
    sampling.import_sampler("one", python=python, runner=Runner())(1)
    first = sampling.first_imports(["one"], python=python, runner=Runner())
    assert first["one"].uncompiled == 0, "the warm-up has compiled"


def clocks(python: Path, name: str) -> tuple[str, stats.Rounds]:
    rounds = sampling.import_sampler(name, python=python, runner=Runner())(2)
    return rounds.clock, rounds


def test_the_pace_is_known_however_short_the_import(package: Callable[[str, str], Path]) -> None:
    package("short", "")
    python = package("long", WORK.format(300_000))
    for name in ("short", "long"):
        clock, rounds = clocks(python, name)
        assert clock == stats.PACED
        assert 1e-7 < rounds.piece_s < 1e-2


@pytest.mark.parametrize(
    "takes",
    [
        pytest.param("signal.signal(signal.SIGALRM, lambda *_: None)", id="the signal"),
        pytest.param("signal.setitimer(signal.ITIMER_REAL, 0)", id="the timer"),
        pytest.param("signal.signal(signal.SIGALRM, signal.SIG_DFL)\nfor at in range(400_000): str(at)", id="default"),
    ],
)
def test_a_module_that_takes_what_tells_the_pace_is_measured_without(
    package: Callable[[str, str], Path], takes: str
) -> None:
    clock, rounds = clocks(package("takes", f"import signal\n{takes}\n"), "takes")
    assert (clock, len(rounds)) == (stats.EFFECTIVE, 2)


def test_the_probes_interrupt_no_system_call(package: Callable[[str, str], Path]) -> None:
    libc = "import ctypes, os\nread, write = os.pipe()\npid = os.fork()\nif not pid:\n"
    libc += "    import time; time.sleep(0.1); os.write(write, b'x'); os._exit(0)\n"
    libc += "answer = ctypes.CDLL(None).read(read, ctypes.create_string_buffer(1), 1)\nassert answer == 1, answer\n"
    clock, rounds = clocks(package("reads", libc), "reads")
    assert clock == stats.PACED
    assert min(rounds.target_s) > 0.08


def test_waiting_is_seen_too(package: Callable[[str, str], Path]) -> None:
    python = package("sleepy", "import time; time.sleep(0.3)")
    rounds = sampling.import_sampler("sleepy", python=python, runner=Runner())(2)
    assert min(rounds.target_s) > 0.15  # without the sleep it is 0.001; what it queues for a CPU is left out


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("raise RuntimeError('boom')", "import broken: RuntimeError: boom", id="raises"),
        pytest.param("raise SystemExit", "import broken: SystemExit", id="exits"),
        pytest.param("import nowhere", "import broken: ModuleNotFoundError: No module named 'nowhere'", id="misses"),
        pytest.param(
            "import os; os._exit(3)", "import broken: the interpreter ended with 3 while importing", id="ends at once"
        ),
        pytest.param(
            "import os; os.kill(os.getpid(), 11)",
            "import broken: the interpreter ended with -11 while importing",
            id="crashes",
        ),
    ],
)
def test_an_import_that_fails_is_not_measured(package: Callable[[str, str], Path], source: str, reason: str) -> None:
    sampler = sampling.import_sampler("broken", python=package("broken", source), runner=Runner())
    with pytest.raises(MeasurementError) as caught:
        sampler(1)
    assert str(caught.value) == reason


def test_an_import_that_never_ends_is_not_measured(
    package: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SAMPLE_TIMEOUT_S", 1.0)
    sampler = sampling.import_sampler("stuck", python=package("stuck", "while True: pass"), runner=Runner())
    with pytest.raises(MeasurementError, match=r"^import stuck: it took longer than 1 s$"):
        sampler(1)


def test_a_module_that_leaves_a_process_behind_does_not_hold_up_the_series(
    package: Callable[[str, str], Path],
) -> None:
    source = "import os, time\nif not os.fork():\n    time.sleep(20)\n    os._exit(0)\n"
    begun = time.monotonic()
    rounds = sampling.import_sampler("forks", python=package("forks", source), runner=Runner())(1)
    assert len(rounds) == 1
    assert time.monotonic() - begun < 15


SPY = """
import json, os, sys
print("noise on stdout"); os.write(2, b"noise on stderr"); os.write(1, b"more noise")
facts = dict(path=sys.path, argv=sys.argv, cwd=os.listdir("."), hash=os.environ.get("PYTHONHASHSEED"),
             python=sorted(name for name in os.environ if name.startswith("PYTHON")), locale=os.environ["LC_ALL"],
             no_user_site=sys.flags.no_user_site, isolated=sys.flags.isolated)
import gc
facts["gc"] = gc.isenabled()
with open(os.environ["SPY"], "a") as file: file.write(json.dumps(facts) + "\\n")
"""


def test_a_sample_is_as_in_production_and_the_same_every_time(
    package: Callable[[str, str], Path], tmp_path: Path
) -> None:
    python, report = package("spy", SPY), tmp_path / "report"
    runner = Runner(SPY=str(report), PYTHONPATH="/nowhere", PYTHONOPTIMIZE="1", PYTHONHASHSEED="77")
    rounds = sampling.import_sampler("spy", python=python, runner=runner)(2)
    assert len(rounds) == 2, "what the module prints does not disturb"
    warm_up, *samples = map(json.loads, report.read_text().splitlines())
    assert len(samples) == 2
    for facts in samples:
        assert facts["hash"] == "0"
        assert facts["python"] == ["PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"]
        assert (facts["locale"], facts["no_user_site"], facts["isolated"], facts["gc"]) == ("C.UTF-8", 1, 0, True)
        assert facts["cwd"] == []
        assert facts["argv"] == [""]
        assert not any("_child" in entry or entry in {"", "/nowhere"} for entry in facts["path"])
    assert warm_up["python"] == ["PYTHONHASHSEED"], "the warm-up may write bytecode"
    assert rounds.uncompiled == 0
    assert list(python.parent.parent.glob("lib/python*/site-packages/__pycache__/spy.*.pyc"))


def test_a_site_that_prints_does_not_disturb(package: Callable[[str, str], Path]) -> None:
    package("quick", "")
    python = package("sitecustomize", "print('{hello'); print('@ nobody')")
    assert len(sampling.import_sampler("quick", python=python, runner=Runner())(1)) == 1


def test_modules_without_bytecode_are_counted(package: Callable[[str, str], Path]) -> None:
    python = package("quick", "")
    site = next(python.parent.parent.glob("lib/python*/site-packages"))
    (site / "__pycache__").write_text("a file where the folder would be")
    assert sampling.import_sampler("quick", python=python, runner=Runner())(1).uncompiled == 1


def test_starts_are_interleaved_with_the_control(package: Callable[[str, str], Path]) -> None:
    python, order = package("quick", ""), []

    class Spy(Runner):
        def __call__(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
            order.append("control")
            return super().__call__(argv, timeout_s=timeout_s)

    def start_once() -> float:
        order.append("start")
        return 0.25

    rounds = sampling.start_sampler(start_once, python=python, runner=Spy(), seed=4)(4)
    assert rounds.target_s == (0.25,) * 4
    assert len(rounds.control_s) == 4
    assert order.count("start") == 4
    assert order not in (sorted(order), sorted(order, reverse=True))


def test_a_module_against_itself_is_not_slower(package: Callable[[str, str], Path]) -> None:
    python = package("own", WORK.format(150_000) + "import sqlite3, email.message\n")
    sampler = sampling.import_sampler("own", python=python, runner=Runner())
    measured, _ = measure.measure(Metric.of_import("own"), sampler, None, tolerance=0.1)
    assert measured is not None
    error = relative_error(measured.samples_s, measured.control_samples_s)
    stored = StoredRatio(ratio=measured.ratio, rel_error=error, control=sampling.CONTROL, clock=measured.clock)
    _, compared = measure.measure(Metric.of_import("own"), sampler, stored, tolerance=0.1, plan=Plan(looks=(8, 12)))
    assert compared.change is not Change.SLOWER, compared.detail
