"""Answers of helper programs: each reader gets the output of a program that may have been written by anybody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fuzz.engine import Target
from fuzz.files import NAME, said, sound_wheel
from fuzz.inputs import edited_lines, lines_of_json, odd_json

from tox_prodsim.checks import artifact
from tox_prodsim.checks.installed import probe
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.probe import take_inventory
from tox_prodsim.checks.resolution import pip_output, uv_output
from tox_prodsim.model.answers import mark
from tox_prodsim.model.errors import MeasurementError, ProdsimError, RecordingError
from tox_prodsim.model.runner import NO_VARIABLES, Completed
from tox_prodsim.timing import recording
from tox_prodsim.timing.sampling import Jobs, seeded

PYTHON = Path("/usr/bin/python3")
MARK = b"@@@"
"""Stands for the mark, which has another nonce in each run."""


class Answers:
    """A runner whose programs print the same, each with the nonce of its request."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __call__(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        assert timeout_s > 0
        assert not variables
        output = self._data.replace(MARK, mark(json.loads(argv[-1])["nonce"]))
        stdout, _, stderr = output.partition(b"STDERR")
        return Completed(returncode=0, timed_out=False, stdout=stdout, stderr=stderr)


def _play_load(data: bytes, _folder: Path) -> Iterator[str]:
    items = [probe.load_item("acme"), probe.load_item("acme.cli", "main")]
    for outcome in probe.load_items(items, Answers(data), PYTHON, 5.0):
        yield str(outcome)
        yield repr(outcome)
        yield getattr(outcome, "lacks", "")


def _play_inventory(data: bytes, _folder: Path) -> Iterator[str]:
    found = take_inventory(Distribution(name="acme", version="1.0"), Answers(data), PYTHON)
    yield from map(repr, found.distributions.values())


def _play_samples(data: bytes, _folder: Path) -> Iterator[str]:
    jobs = Jobs({"a": ["acme"]}, python=PYTHON, runner=Answers(data), rng=seeded(1))
    yield from map(repr, jobs.take(2)["a"])


def _play_recording(data: bytes, _folder: Path) -> Iterator[str]:
    recorded = recording.record(["acme"], python=PYTHON, runner=Answers(data), timed=1)
    yield from map(repr, recorded.modules)
    yield f"{recorded.work.amount} {recorded.wall_s} {recorded.timed}"


def _play_syntax(data: bytes, folder: Path) -> Iterator[str]:
    path = folder / NAME
    path.write_bytes(sound_wheel())
    opened = artifact.open_wheel(path)

    def run(argv: Sequence[str], **_: Any) -> Completed:
        return Completed(returncode=0, timed_out=False, stdout=data.replace(MARK, mark(argv[-1])), stderr=b"")

    yield from said(artifact.check_syntax(opened, run, PYTHON))


def _play_text(*readers: Callable[[str], Any]) -> Callable[[bytes, Path], Iterator[str]]:
    return lambda data, _folder: (repr(read(data.decode(errors="replace"))) for read in readers)


RAISED = {
    "pid": 7,
    "end": 1,
    "outcome": "raised",
    "type": "ImportError",
    "message": "cannot import name 'x' from 'acme'",
    "missing": "",
    "filename": "",
    "file": "acme/cli.py",
    "line": 3,
    "type_module": "builtins",
    "dependency": "",
}
LOADED = {
    "pid": 7,
    "end": 0,
    "outcome": "loaded",
    "elsewhere": "",
    "version": "1.0",
    "callable": False,
    "source": True,
    "effects": [{"kind": "wrote", "what": "writes x", "frames": [["acme/__init__.py", 3]]}],
    "brought": ["json"],
}
LOADS = [[{"pid": 7, "begin": 0}, LOADED, {"pid": 7, "begin": 1}, RAISED], [{"pid": 7, "begin": 0}, LOADED]]
SURVEYED = {
    "pid": 7,
    "end": 0,
    "outcome": "surveyed",
    "environment": {"python_version": "3.11"},
    "stdlib": ["json"],
    "distributions": [{"name": "acme", "version": "1.0", "requires": ["click"], "editable": "", "tops": ["acme"]}],
}
SAMPLE = {"job": "a", "wall_ns": 5, "queued_ns": None, "cpu_ns": 4, "uncompiled": 0, "own_ns": 3, "work": 17}
IMPORTS = [
    ["json", "acme", True, [5, 4], ["acme/__init__.py", 3], ["acme/__init__.py", 3], "/lib/json.py", 100],
    ["gone", "acme", False, [5, 4], ["acme/__init__.py", 4], ["acme/__init__.py", 4], "", 0],
    ["acme", "", True, [9, 8], ["", 0], ["", 0], "/site/acme/__init__.py", 90],
]
RECORDING = [
    {"clock": "instructions", "imports": IMPORTS, "collecting": [0, 0]},
    {"clock": "wall", "imports": [["acme", [9, 8]], ["json", [5, 4]]], "collecting": [1, 1]},
    {
        "python": "3.11.7",
        "stdlib": ["/lib"],
        "site": ["/site"],
        "versions": {"acme": "1.0"},
        "owners": {"/site/a": "acme"},
    },
]
SYNTAX = {
    "how": "parsed",
    "wrong": {"acme/cli.py": [3, "invalid syntax"]},
    "imports": {"acme/__init__.py": [".other", "..x", "json"]},
    "unread": {"acme/big.py": "is longer than 16 MB"},
}
PIP_REPORT = {
    "install": [
        {
            "metadata": {"name": "click", "version": "8.1"},
            "is_direct": False,
            "download_info": {"url": "u"},
            "is_yanked": True,
        }
    ]
}
PIP_LOG = b"""\
2026-11-30T10:00:00,000 ERROR: Could not find a version that satisfies the requirement a>2 (from versions: 1)
  acme 1.0 depends on click>=8
  The user requested click<8
ERROR: ResolutionImpossible: see
  Could not fetch URL https://x/: connection error: no - skipping
  Skipping link: none of the wheel's tags match: https://x/a-1-cp27-none-any.whl
  Found link https://x/a-1.tar.gz (from https://x/), version: 1
"""
UV_LOCK = b"""\
lock-version = "1.0"
[[packages]]
name = "click"
version = "8.1"
sdist = { url = "u" }
wheels = [{ url = "https://x/click-8.1-py3-none-any.whl" }]
"""
UV_ERROR = (
    b"error: x\n  cause: Because only a<=2 is available and you require a>3, we can conclude that no.\n\nhint: y\n",
    b"Failed to build `a==1`\n cause: z\n",
)
NO_ANSWER = (ProdsimError, MeasurementError, RecordingError)

TARGETS = (
    Target("answers_load", _play_load, lines_of_json(LOADS, MARK)),
    Target("answers_inventory", _play_inventory, lines_of_json([[{"pid": 7, "begin": 0}, SURVEYED]], MARK)),
    Target("answers_samples", _play_samples, lines_of_json([[SAMPLE, SAMPLE]], MARK), NO_ANSWER),
    Target("answers_recording", _play_recording, lines_of_json([RECORDING], MARK), NO_ANSWER),
    Target("answers_syntax", _play_syntax, lines_of_json([[SYNTAX]], MARK)),
    Target("answers_pip_report", _play_text(lambda text: pip_output.parse_report(text, "")), odd_json([PIP_REPORT])),
    Target(
        "answers_pip_text",
        _play_text(lambda text: pip_output.parse_log(text, text), pip_output.parse_versions),
        edited_lines([PIP_LOG]) | odd_json([{"name": "a", "versions": ["1", "2"]}]),
    ),
    Target(
        "answers_uv",
        _play_text(lambda text: uv_output.parse_lock(text, text), uv_output.parse_error),
        edited_lines([UV_LOCK, *UV_ERROR]),
    ),
)
