"""One app, its variants with something injected into them, and samples of importing any of them.

The app is flask and a module that imports it. A variant is a copy of that module with a few lines more; how much work
these lines do is calibrated, so that "+10 %" is a tenth of the time that the app takes on this machine.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tox_prodsim
from tox_prodsim.model.answers import marked, new_nonce
from tox_prodsim.timing import stats
from tox_prodsim.timing.stats import Sample

REQUIREMENTS = ("flask", "pytest", "pytest-benchmark", "pyperf", "asv", "importtime-check")
BASE = "shop"
APP = "import logging\n\nimport flask\n\nlog = logging.getLogger(__name__)\napp = flask.Flask(__name__)\n"
LOOP = """
def work(turns):
    total = 0
    for at in range(turns):
        total += at * at % 7
    return total


work({turns})
"""
HASH = "\nimport hashlib\n\nhashlib.pbkdf2_hmac('sha256', b'password', b'salt', {turns})\n"
_TURNS = {LOOP: 400_000, HASH: 40_000}
"""What is timed to calibrate: some 20 ms each."""
_ROUNDS = 16
_TIMING = Path(tox_prodsim.__file__).with_name("_child") / "timing.py"
_NEIGHBOUR = """
import os, random, sys, time
parent, ends = os.getppid(), time.monotonic() + 900
while os.getppid() == parent and time.monotonic() < ends:
    quiet = time.monotonic() + random.uniform(0.3, 3)
    while time.monotonic() < quiet:
        sum(range(2000))
    if sys.argv[1] == "bursty":
        time.sleep(random.uniform(0.3, 3))
"""
QUIET, LOADED, BURSTY = "quiet", "loaded", "bursty"
CONDITIONS = (QUIET, LOADED, BURSTY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """What is injected: the lines, and the share of the app's time that their ``{turns}`` are to take.

    ``slower`` is what a tool should say; None when a change of that size may be called either.
    """

    name: str
    lines: str = ""
    share: float = 0.0
    slower: bool | None = True

    @property
    def module(self) -> str:
        """Return the name of its module."""
        return f"{BASE}_{''.join(letter for letter in self.name if letter.isalnum())}"


COPY = Variant(name="copy", slower=False)
TENTH, FIFTH = Variant(name="+10 %", lines=LOOP, share=0.10), Variant(name="+20 %", lines=LOOP, share=0.20)
VARIANTS = (
    COPY,
    Variant(name="+5 %", lines=LOOP, share=0.05, slower=None),
    TENTH,
    FIFTH,
    Variant(name="sleep", lines="\nimport time\n\ntime.sleep(0.02)\n"),
    Variant(name="native", lines=HASH, share=0.10),
    Variant(name="new import", lines="\nimport unittest.mock\n"),
    Variant(name="plugin", lines="\nimport importlib\n\nimportlib.import_module('unittest.mock')\n"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class InjectedApp:
    """The scratch environment that has the app, its variants and the tools; ``folder`` is for what the tools write."""

    python: Path
    site_packages: Path
    folder: Path

    def environ(self, **more: str) -> dict[str, str]:
        """Return our variables without those that change what Python does."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {**kept, **more}


def make(folder: Path) -> InjectedApp:
    """Make the environment, with copies of the interpreter because importtime-check follows links out of it."""
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--copies", str(venv)], check=True)
    python = venv / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-qq", *REQUIREMENTS], check=True)
    work = folder / "work"
    work.mkdir()
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([str(python), "-c", ask], check=True, capture_output=True, text=True).stdout
    place = InjectedApp(python=python, site_packages=Path(answer.strip()), folder=work)
    _install(place)
    return place


def _install(place: InjectedApp) -> None:
    """Write the app and its variants into the environment, their work calibrated."""
    (place.site_packages / f"{BASE}.py").write_text(APP, encoding="utf-8")
    names = {LOOP: "calibrate_loop", HASH: "calibrate_hash"}
    for lines, name in names.items():
        (place.site_packages / f"{name}.py").write_text(lines.format(turns=_TURNS[lines]), encoding="utf-8")
    jobs = {BASE: (BASE,)} | {name: (name,) for name in names.values()}
    drawn = draw(place, jobs, _ROUNDS)
    shares = {lines: _share(drawn[name], drawn[BASE]) / _TURNS[lines] for lines, name in names.items()}
    for variant in VARIANTS:
        turns = round(variant.share / shares[variant.lines]) if variant.share else 0
        text = APP + variant.lines.replace("{turns}", str(turns))
        (place.site_packages / f"{variant.module}.py").write_text(text, encoding="utf-8")


def draw(
    place: InjectedApp, jobs: Mapping[str, Sequence[str]], rounds: int, *, warm: bool = False
) -> dict[str, list[Sample]]:
    """Return so many fresh samples of importing each job's modules, in random order in each round."""
    nonce = new_nonce()
    request = {
        "nonce": nonce,
        "jobs": jobs,
        "rounds": rounds,
        "seed": random.getrandbits(32),
        "timeout_s": 60,
        "warm_up": not warm,
    }
    argv = [str(place.python), "-I", str(_TIMING), "drive", json.dumps(request)]
    done = subprocess.run(argv, check=True, capture_output=True, cwd=place.folder)
    answers = [json.loads(line) for line in marked(done.stdout, nonce)]
    if failed := [answer["error"] for answer in answers if "error" in answer]:
        sys.exit(f"an import failed: {failed[0]}")
    return {name: [_sample(answer) for answer in answers if answer["job"] == name] for name in jobs}


def _sample(answer: Mapping[str, float | None]) -> Sample:
    queued_ns = answer["queued_ns"]
    return Sample(
        wall_s=(answer["wall_ns"] or 0) / 1e9,
        queued_s=None if queued_ns is None else queued_ns / 1e9,
        cpu_s=(answer["cpu_ns"] or 0) / 1e9,
        uncompiled=int(answer["uncompiled"] or 0),
        own_s=(answer["own_ns"] or 0) / 1e9,
        work=answer["work"],
    )


def _share(samples: Sequence[Sample], whole: Sequence[Sample]) -> float:
    """Return which part of the whole these take."""
    rounds = stats.Rounds.of(samples, whole)
    return stats.ratio(rounds.target_s, rounds.control_s)


@contextmanager
def neighbour(condition: str) -> Iterator[None]:
    """Keep a neighbour on every core while the block runs: none, one that works, or that works and rests up to 3 s."""
    count = 0 if condition == QUIET else os.cpu_count() or 1
    started = [subprocess.Popen([sys.executable, "-c", _NEIGHBOUR, condition]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()
