"""The configuration keys of a prodsim environment: what exists, what is the default, and how it becomes a Scenario."""

from __future__ import annotations

import difflib
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

from tox.config.loader.ini import IniLoader
from tox.config.loader.str_convert import StrConvert
from tox.config.sets import EnvConfigSet
from tox.config.types import Command
from tox.report import HandledError
from tox.tox_env.errors import Fail, Skip
from tox.tox_env.runner import RunToxEnv

from tox_prodsim import supervision
from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.model import auditors, conditions, leaks, parsing, scenario
from tox_prodsim.model import probes as readiness
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import Policy
from tox_prodsim.plugin.config.keys import _KEYS, Lines, Number, Words

_NEARLY = 0.8
_LIKE_A_FACTOR = {
    key: re.compile(rf"^[ \t]*((?:{words}):)(?:\s|$)", re.MULTILINE)
    for key, words in (
        ("ready", "https?|tcp|unix|listen|log|file|exec|notify"),
        ("allow_leaks", "files|shared_memory|warnings"),
    )
}
_NO_TEXT = ("is not of type 'str'", "is no text, write one in quotes")
"""What tox says of a number in TOML, and what is to be done."""
T = TypeVar("T")


def read(tox_env: RunToxEnv, *, update_baseline: bool = False) -> scenario.Scenario:
    """Return what the user asked for; raises ProdsimError that names the first key that is wrong."""
    conf = tox_env.conf
    root: Path = tox_env.core["tox_root"]
    _refuse_misspelt(conf)
    stop, run_timeout_s = _stop(conf), _seconds(conf, "run_timeout")
    policy = Policy(
        **{key: scenario.codes(key, _value(conf, key, Words).items, CATALOGUE) for key in ("select", "ignore", "warn")}
    )
    return scenario.Scenario(
        env_name=tox_env.name,
        deployment=_deployment(conf, stop, run_timeout_s),
        run_timeout_s=run_timeout_s,
        stop=stop,
        deploy_files=_deploy_files(root, tox_env.core["work_dir"], _value(conf, "deploy_files", list)),
        timing=scenario.Timing(
            imports=tuple(_value(conf, "measure_imports", Words).items),
            startup=_value(conf, "measure_startup", bool),
            tolerance=parsing.percent("time_tolerance_percent", _value(conf, "time_tolerance_percent", Number).raw)
            / 100,
            baseline_dir=root / _value(conf, "prodsim_baseline_dir", str),
            update=update_baseline,
            budgets=_budgets(conf),
        ),
        policy=policy,
        extensions=parsing.modules("extensions", _value(conf, "extensions", Words).items),
        containment=_containment(conf),
        allow_leaks=leaks.parse(_lines(conf, "allow_leaks")),
        audit=auditors.parse(_value(conf, "audit", Lines).items),
        simulate=conditions.named("simulate", _value(conf, "simulate", Words).items),
        resolution=scenario.resolution("resolution", _value(conf, "resolution", str)),
        has_commands=any(conf[key] for key in ("commands", "commands_post")),
    )


def _budgets(conf: EnvConfigSet) -> scenario.Budgets:
    increase, modules = _limit(conf, "max_work_increase", unit="percent"), _value(conf, "max_modules", Number).raw
    startup_s = _limit(conf, "max_startup_time")
    if startup_s is not None and not (_command(conf) and _value(conf, "measure_startup", bool)):
        msg = "needs 'deploy' and 'measure_startup', no start-up is timed"
        raise ProdsimError("max_startup_time", msg)
    return scenario.Budgets(
        import_s=_limit(conf, "max_import_time"),
        startup_s=startup_s,
        modules=parsing.count("max_modules", modules, unit="modules"),
        forbidden=parsing.modules("forbid_modules", _value(conf, "forbid_modules", Words).items),
        work_increase=None if increase is None else increase / 100,
    )


def _containment(conf: EnvConfigSet) -> str:
    """Return the containment that is asked for; one that is asked for by name must be possible here."""
    name = _value(conf, "containment", str).strip()
    supervision.containment(cast("supervision.ContainmentKind", name))  # whatever it is: it refuses what is none
    return name


def _refuse_misspelt(conf: EnvConfigSet) -> None:
    """Refuse a key that is nearly one of ours: tox passes over what it does not know, and nothing would be checked.

    ``unused()`` of tox leaves out the base section, which is where many write what holds for all environments.
    """
    found = {key for loader in conf.loaders for key in loader.found_keys()}
    for key in sorted(key for key in found if key not in conf):
        near = difflib.get_close_matches(key, [name for name, *_ in _KEYS], n=1, cutoff=_NEARLY)
        if near:
            msg = f"there is no such key, did you mean {near[0]}?"
            raise ProdsimError(key, msg)


def _stop(conf: EnvConfigSet) -> scenario.Stop:
    named = scenario.stop_signal("stop_signal", _value(conf, "stop_signal", str))
    return scenario.Stop(signal=named, grace_s=_seconds(conf, "stop_timeout"))


def _deployment(conf: EnvConfigSet, stop: scenario.Stop, run_timeout_s: float) -> scenario.Deployment | None:
    sources = _lines(conf, "ready")
    ready_timeout_s = _seconds(conf, "ready_timeout")
    ends = scenario.exit_codes(
        "exit_codes", _value(conf, "exit_codes", Words).items, default=_default_ends(stop.signal, service=bool(sources))
    )
    expected = scenario.patterns("expect_output", _value(conf, "expect_output", Lines).items)
    rejected = scenario.patterns("reject_output", _value(conf, "reject_output", Lines).items)
    dummy = scenario.placeholders(port=1, scratch=Path("scratch"))
    probes = [readiness.parse_probe(source, f"ready[{at}]", dummy) for at, source in enumerate(sources)]
    argv = _deploy(conf)
    if not argv:
        for key, given in {"ready": sources, "expect_output": expected, "reject_output": rejected}.items():
            if given:
                msg = "needs 'deploy', the command that production would run"
                raise ProdsimError(key, msg)
        return None
    return scenario.Deployment(
        argv=argv,
        ready=tuple(sources),
        ready_timeout_s=ready_timeout_s,
        run_timeout_s=run_timeout_s,
        stop=stop,
        exit_codes=ends,
        expect_output=expected,
        reject_output=rejected,
        idle_timeout_s=_limit(conf, "idle_timeout"),
        watchdog_timeout_s=_limit(conf, "watchdog_timeout"),
        output_limit_bytes=_megabytes(conf, "output_limit_mb"),
        uses_port=scenario.uses_port([*argv, *sources, *_set_env_texts(conf)])
        # A port that only the commands name is where the probes find the deployment, when they do.
        or (scenario.uses_port(_command_texts(conf)) and not readiness.finds_place(probes)),
    )


def _lines(conf: EnvConfigSet, key: str) -> list[Any]:
    """Return the items of a key; ``log: /x/`` in an ini file is a factor to tox, so that it would be lost silently."""
    for loader in conf.loaders:
        if isinstance(loader, IniLoader) and key in loader.found_keys():
            lost = _LIKE_A_FACTOR[key].search(loader.load_raw(key, None, None))
            if lost:
                msg = f"tox takes {lost[1]!r} before a blank for a factor, write it without the blank"
                raise ProdsimError(key, msg)
    return _value(conf, key, Lines).items


def _deploy(conf: EnvConfigSet) -> tuple[str, ...]:
    command = _command(conf)
    if command is None:
        return ()
    if command.ignore_exit_code or command.invert_exit_code:
        msg = "a leading '-' or '!' has no meaning here, say with exit_codes which ends are allowed"
        raise ProdsimError("deploy", msg)
    words: list[Any] = command.args
    for word in words:
        if not isinstance(word, str):
            msg = f"{word!r} is no text, give a list of words such as ['uvicorn', 'acme.web:app']"
            raise ProdsimError("deploy", msg)
    return tuple(words)


def _command(conf: EnvConfigSet) -> Command | None:
    """Return ``deploy``, None when it is empty: with any other type than Command tox quotes no ``{tox_root}``."""
    try:
        command: Any = _value(conf, "deploy", Command)
    except ProdsimError as problem:
        if "attempting to parse" in problem.message:  # tox refuses no other command than the empty one
            return None
        msg = "is no command, give a list of words such as ['uvicorn', 'acme.web:app']"
        raise ProdsimError("deploy", msg) from problem
    if command is not None and isinstance(command.args, str):  # a text in TOML, which tox takes for a list of letters
        sign = "-" if command.ignore_exit_code else "!" if command.invert_exit_code else ""
        return StrConvert.to_command(sign + command.args)
    return cast("Command | None", command)


def _default_ends(stop_signal: signal.Signals, *, service: bool) -> frozenset[int]:
    """Return 0 for a job; for a service also death by its own stop signal, which uvicorn, waitress and others show."""
    return frozenset({0, -stop_signal, 128 + stop_signal}) if service else frozenset({0})


def _set_env_texts(conf: EnvConfigSet) -> Iterator[str]:
    set_env = conf["set_env"]
    return (set_env.load(key) for key in set_env)


def _command_texts(conf: EnvConfigSet) -> Iterator[str]:
    for key in ("commands_pre", "commands", "commands_post"):
        for command in conf[key]:
            yield from command.args


def _deploy_files(root: Path, work: Path, globs: list[str]) -> tuple[Path, ...]:
    """Return what the globs match, never tox's own work folder; each must match, and no two may be copied to a name."""
    found: dict[str, Path] = {}
    for path in (path for glob in globs for path in _matching(root, work, glob)):
        if found.setdefault(path.name, path) != path:
            both = f"{found[path.name].relative_to(root)} and {path.relative_to(root)}"
            msg = f"{both} would both be copied to {path.name}, leave one out or name their folders"
            raise ProdsimError("deploy_files", msg)
    return tuple(found.values())


def _matching(root: Path, work: Path, glob: str) -> list[Path]:
    if Path(glob).is_absolute() or ".." in Path(glob).parts:
        msg = f"{glob!r} is not below the tox root {root}, give a relative path or glob"
        raise ProdsimError("deploy_files", msg)
    if not Path(glob).parts:
        msg = f"{glob!r} is the tox root itself, name what is to be copied"
        raise ProdsimError("deploy_files", msg)
    try:
        matches = sorted(path for path in root.glob(glob) if work not in (path, *path.parents))
    except (ValueError, NotImplementedError) as problem:
        msg = f"{glob!r} is no glob: {problem}"
        raise ProdsimError("deploy_files", msg.lower()) from None
    if not matches:
        msg = f"nothing below {root} matches {glob!r}, correct the name or remove it"
        raise ProdsimError("deploy_files", msg)
    holding = [path for path in matches if path in work.parents]
    if holding:
        msg = f"{glob!r} matches {holding[0]}, which holds tox's own {work.name}; name what is to be copied"
        raise ProdsimError("deploy_files", msg)
    return matches


def _seconds(conf: EnvConfigSet, key: str) -> float:
    return parsing.seconds(key, _value(conf, key, Number).raw)


def _limit(conf: EnvConfigSet, key: str, *, unit: str = "seconds") -> float | None:
    return parsing.limit(key, _value(conf, key, Number).raw, unit=unit)


def _megabytes(conf: EnvConfigSet, key: str) -> int | None:
    size_mb = _limit(conf, key, unit="megabytes")
    return None if size_mb is None else int(size_mb * 1e6)


def _value(conf: EnvConfigSet, key: str, of_type: Callable[..., T]) -> T:  # noqa: ARG001 - it types the result
    """Return the value of a key; whatever tox says about a wrong one becomes one line that names the key."""
    try:
        value: T = conf[key]
    except HandledError as problem:
        _, found, detail = str(problem).partition(f"{key}: ")
        if not found:
            raise
        raise ProdsimError(key, detail.replace(*_NO_TEXT)) from problem
    except (Fail, Skip):
        raise
    except Exception as problem:
        raise ProdsimError(key, " ".join(str(problem).split()) or type(problem).__name__) from problem
    return value
