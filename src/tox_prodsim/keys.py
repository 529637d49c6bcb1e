"""The configuration keys of a prodsim environment: what exists, what is the default, and how it becomes a Scenario."""

from __future__ import annotations

import contextlib
import difflib
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from tox.config.loader.api import Loader
from tox.config.loader.ini import IniLoader
from tox.config.loader.memory import MemoryLoader
from tox.config.loader.str_convert import StrConvert
from tox.config.main import Config
from tox.config.sets import EnvConfigSet
from tox.config.types import Command
from tox.report import HandledError
from tox.session.state import State
from tox.tox_env.errors import Fail, Skip
from tox.tox_env.python.pip.req_file import PythonDeps
from tox.tox_env.runner import RunToxEnv

from tox_prodsim import auditors, conditions, leakage, readiness, scenario, supervision, words
from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.errors import ProdsimError
from tox_prodsim.findings import Policy

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
_BASE_SECTIONS = {"testenv", "env_run_base", "tool.tox.env_run_base"}
_DEFAULT_STOP_SIGNAL = "SIGTERM" if sys.platform != "win32" else "CTRL_BREAK_EVENT"
_YES = True
_PYTHON = re.compile(r"(?:py|pypy|cpython|graalpy)?\d(?:\.?\d+)?t?")
_OFF = ("skip_install", "use_develop", "ignore_errors", "ignore_outcome", "system_site_packages")
_EMPTY = ("commands", "commands_pre", "commands_post", "extra_setup_commands", "allowlist_externals")
"""Keys of a base section that would make another environment of this one."""
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


class _Defaults(MemoryLoader):
    """The plugin's own values; a MemoryLoader substitutes nothing, so a value may be a function without arguments."""

    def load_raw(self, key: str, conf: Config | None, env_name: str | None) -> object:
        value = super().load_raw(key, conf, env_name)
        return value() if callable(value) else value

    def found_keys(self) -> set[str]:
        """Return no keys: tox asks for them to name those that the user has set in vain."""
        return set()


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


def layer(conf: EnvConfigSet, state: State) -> None:
    """Put the plugin's defaults between the user's own section and the base section, in this order of precedence.

    An environment such as ``py312-prodsim`` inherits what the user wrote for ``prodsim``: tox itself never does that.
    What makes a variant of it comes before that, or the variant would be none.
    """
    for factor in _factors(conf) & VARIANTS.keys():
        conf.loaders.insert(_first_base(conf), _Defaults(**VARIANTS[factor]))
    if conf.env_name != ENV_NAME:
        theirs = [each for each in state.conf.get_env(ENV_NAME).loaders if each.section.name == ENV_NAME]
        for loader in reversed(theirs):
            conf.loaders.insert(_first_base(conf), loader)
    conf.loaders.insert(_first_base(conf), _defaults(conf, state))


def _factors(conf: EnvConfigSet) -> set[str]:
    return set((conf.env_name or "").split("-"))


def _first_base(conf: EnvConfigSet) -> int:
    loaders: list[Loader[Any]] = conf.loaders
    at = (index for index, loader in enumerate(loaders) if loader.section.key in _BASE_SECTIONS)
    return next(at, len(loaders))


def _defaults(conf: EnvConfigSet, state: State) -> _Defaults:
    options = state.conf.options
    keeps = getattr(options, "skip_pkg_install", False) or getattr(options, "skip_env_install", False)
    fresh = options.command not in {"exec", "e", "devenv", "d"} and not keeps
    return _Defaults(
        description="prove that the wheel works as production will use it",
        package=lambda: "wheel" if builds_no_wheel(conf) else "sdist-wheel",  # the other runner knows no sdist-wheel
        recreate=lambda: _recreates(conf, fresh=fresh),
        change_dir=lambda: conf["env_tmp_dir"] / "scratch",
        disallow_pass_env=["PYTHON*", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_*"],
        parallel_show_output=True,
        deps=lambda: PythonDeps("", state.conf.core["tox_root"]),
        set_env={},
        pass_env=[],
        pylock="",
        commands_retry=0,
        **dict.fromkeys(_OFF, False),
        **{key: [] for key in _EMPTY},
        dependency_groups=set(),
        extras=set(),
    )


def builds_no_wheel(conf: EnvConfigSet) -> str:
    """Return why the runner of the environment cannot serve, or nothing: uv's runner for lock files builds no wheel."""
    runner = str(conf["runner"])
    if "lock" not in runner:
        return ""
    return f"{runner} installs the project without building a wheel, set runner = {runner.replace('-lock', '')}"


def _recreates(conf: EnvConfigSet, *, fresh: bool) -> bool:
    """Return the default of the first key that tox reads on the way to an installation, or refuse to go on from there.

    A runner that builds no wheel calls no hook before it installs.
    """
    if reason := builds_no_wheel(conf):
        msg = f"failed with runner: {reason}"
        raise HandledError(msg)
    return fresh


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
            tolerance=words.percent("time_tolerance_percent", _value(conf, "time_tolerance_percent", Number).raw) / 100,
            baseline_dir=root / _value(conf, "prodsim_baseline_dir", str),
            update=update_baseline,
            budgets=_budgets(conf),
        ),
        policy=policy,
        extensions=words.modules("extensions", _value(conf, "extensions", Words).items),
        containment=_containment(conf),
        allow_leaks=leakage.parse(_lines(conf, "allow_leaks")),
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
        modules=words.count("max_modules", modules, unit="modules"),
        forbidden=words.modules("forbid_modules", _value(conf, "forbid_modules", Words).items),
        work_increase=None if increase is None else increase / 100,
    )


def _containment(conf: EnvConfigSet) -> str:
    """Return the containment that is asked for; one that is asked for by name must be possible here."""
    name = _value(conf, "containment", str).strip()
    supervision.containment(cast("supervision.Kind", name))  # whatever it is: it refuses what is none
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
    return words.seconds(key, _value(conf, key, Number).raw)


def _limit(conf: EnvConfigSet, key: str, *, unit: str = "seconds") -> float | None:
    return words.limit(key, _value(conf, key, Number).raw, unit=unit)


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


def environment_overrides(conf: EnvConfigSet, values: Mapping[str, str]) -> None:
    """Merge variables into ``set_env`` below what the user set; a broken ``set_env`` is left for tox to report."""
    with contextlib.suppress(Exception):  # the same error comes again, in its place, when tox reads the key
        conf["set_env"].update(dict(values), override=False)
