"""The keys of a prodsim environment."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tox.config.sets import EnvConfigSet
from tox.config.types import Command

from tox_prodsim.model import scenario

ENV_NAME = "prodsim"


VARIANTS: Mapping[str, Mapping[str, object]] = {
    "lowest": {
        "description": "the same with the lowest versions of its dependencies that the wheel allows",
        "resolution": scenario.LOWEST,
    },
    "sdist": {
        "description": "the same from the sdist, as a user installs it for whom there is no wheel",
        "package": "sdist",
    },
}
"""Environments beside ``prodsim``, by the factor that asks for each, and what differs from there."""


_DEFAULT_STOP_SIGNAL = "SIGTERM" if sys.platform != "win32" else "CTRL_BREAK_EVENT"


_YES = True


_PYTHON = re.compile(r"(?:py|pypy|cpython|graalpy)?\d(?:\.?\d+)?t?")


class Lines:
    """A list whose items are lines: tox would split a ``list[str]`` on one line at commas, which regexes contain."""

    def __init__(self, raw: object) -> None:
        source = raw.splitlines() if isinstance(raw, str) else raw if isinstance(raw, list) else [raw]
        stripped = (item.strip() if isinstance(item, str) else item for item in source)
        self.items: list[Any] = [item for item in stripped if item != ""]

    def __repr__(self) -> str:
        return "\n".join(str(item) for item in self.items)


class Words:
    """A list of words, separated by blanks, commas or lines; in TOML numbers may stand for themselves."""

    def __init__(self, raw: object) -> None:
        source = raw.replace(",", " ").split() if isinstance(raw, str) else raw if isinstance(raw, list) else [raw]
        if any(isinstance(item, bool) for item in source):
            msg = "true and false are no words, write a list of texts"
            raise TypeError(msg)
        self.items: list[str] = [str(item) for item in source]

    def __repr__(self) -> str:
        return " ".join(self.items)


class Number:
    """A number as it was written: the words of a message that refuses it are ours, and say what to do."""

    def __init__(self, raw: object) -> None:
        self.raw = raw.strip() if isinstance(raw, str) else raw

    def __repr__(self) -> str:
        return str(self.raw)


_OWN_TYPES = {Lines, Words, Number}


_KEYS: tuple[tuple[str, Any, object, str], ...] = (
    ("deploy", Command, None, "what production would run: a job, or with 'ready' a service"),
    ("ready", Lines, Lines([]), "how one sees that the service is up: http://…, tcp://…, listen, log:/…/, file:…"),
    ("ready_timeout", Number, Number(30.0), "seconds from the spawn until the service must be ready"),
    ("run_timeout", Number, Number(300.0), "seconds for a job, and for each of commands_pre, commands, commands_post"),
    ("stop_signal", str, _DEFAULT_STOP_SIGNAL, "signal that asks the service to stop"),
    ("stop_timeout", Number, Number(10.0), "seconds the service may take to stop before it is killed"),
    ("idle_timeout", Number, Number(0), "seconds without output after which the deployment counts as hung (0: never)"),
    ("watchdog_timeout", Number, Number(0), "seconds between two WATCHDOG=1 of sd_notify at most (0: none expected)"),
    ("output_limit_mb", Number, Number(1000), "size of its log from which on the deployment is stopped (0: never)"),
    ("containment", str, "auto", "how processes are held together: auto, subreaper, cgroup, pidns, group"),
    ("allow_leaks", Lines, Lines([]), "what may be left behind: processes, ports, files:GLOB, warnings:REGEX, …"),
    ("exit_codes", Words, Words([]), "allowed ends: numbers and names of signals"),
    ("expect_output", Lines, Lines([]), "regular expressions that a line of the output must match"),
    ("reject_output", Lines, Lines([]), "regular expressions that no line of the output may match"),
    ("deploy_files", list[str], [], "globs below the tox root, copied by name into the scratch directory"),
    (
        "audit",
        Lines,
        Lines([]),
        "tools that audit the files: check-wheel-contents, twine, auditwheel, abi3audit, commands",
    ),
    (
        "simulate",
        Words,
        Words([]),
        "harsher conditions to play it again under: no_home, no_network, c_locale, non_root, …",
    ),
    ("extensions", Words, Words([]), "compiled modules that must be in the wheel and load"),
    ("measure_imports", Words, Words([]), "modules whose import is timed (default: the top-levels and the scripts')"),
    ("measure_startup", bool, _YES, "whether the start-up of the deployment is timed"),
    ("time_tolerance_percent", Number, Number(5.0), "how much slower than its baseline a time may be"),
    (
        "max_import_time",
        Number,
        Number(0),
        "seconds that no timed import may take, whatever its baseline (0: no limit)",
    ),
    ("max_startup_time", Number, Number(0), "seconds that the start-up may take, whatever its baseline (0: no limit)"),
    ("max_modules", Number, Number(0), "modules that a timed import may load (0: no limit)"),
    ("forbid_modules", Words, Words([]), "modules that no timed import may load, with what is inside of them"),
    ("max_work_increase", Number, Number(0), "percent by which the work of the imports may grow (0: no limit)"),
    ("resolution", str, scenario.HIGHEST, "versions of the wheel's own dependencies: highest or lowest-direct"),
    ("prodsim_baseline_dir", str, "prodsim/baselines", "folder of the baselines, relative to the tox root"),
    ("select", Words, Words([]), "codes, or prefixes of codes, of the findings that count (default: all)"),
    ("ignore", Words, Words([]), "codes, or prefixes of codes, of findings to drop"),
    ("warn", Words, Words([]), "codes, or prefixes of codes, of errors that only warn"),
)
"""Name, type, default and meaning of each key."""


def variants(asked: Iterable[str], *, listed: bool) -> Iterator[str]:
    """Yield the variants among the names that were asked for; those of no Python in particular, too, for a list.

    With a variant in it tox itself does not know that ``py312-prodsim-lowest`` is made of factors.
    """
    plain = [f"{ENV_NAME}-{variant}" for variant in VARIANTS] if listed else []
    named = (name for name in asked if any(variant in name.split("-") for variant in VARIANTS))
    for name in dict.fromkeys([*plain, *named]):
        if all(word in {ENV_NAME, *VARIANTS} or _PYTHON.fullmatch(word) for word in name.split("-")):
            yield name


def register(conf: EnvConfigSet) -> None:
    """Add the keys of a prodsim environment to its configuration set."""
    for key, of_type, default, desc in _KEYS:
        conf.add_config(key, of_type, default, desc, factory=of_type if of_type in _OWN_TYPES else None)
