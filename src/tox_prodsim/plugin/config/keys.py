"""The table of the keys of a prodsim environment.

Their registration with tox, the reading, ``tox schema`` and docs/reference/keys.md are made of it. To add a key is to
add its row here, and to use its value in ``read``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tox.config.set_env import SetEnv
from tox.config.sets import ConfigSet, EnvConfigSet
from tox.config.types import Command

from tox_prodsim.model import auditors, conditions, leaks, parsing, probe_kinds, ranges, scenario, services, sizes
from tox_prodsim.plugin.config import ini_lines, reports, values
from tox_prodsim.plugin.config.key import Key, Need, Schema
from tox_prodsim.plugin.config.values import Lines, Words
from tox_prodsim.report import FORMATS

_ITEM: Schema = {"$ref": "#/definitions/subs"}
"""A text, or one of tox's tables that stand for a text."""
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": ["array", "string"], "items": _ITEM}


def _items(*others: Schema) -> Schema:
    """Return the schema of a list whose items may be more than texts."""
    return {"type": ["array", "string"], "items": {"anyOf": [_ITEM, *others]}}


def _code(names: Iterable[str]) -> str:
    """Return the names as Markdown."""
    return ", ".join(f"`{name}`" for name in names)


_CODE_WORDS = (r"[A-Z]{1,3}\d{0,3}",)
"""A code before a colon and a blank, which would be lost."""
_FORMAT = rf"(?:{'|'.join(FORMATS)})"
_FORMAT_WORDS = (rf"(?:{_FORMAT}(?::[^\s,]+)?[, \t]+)*{_FORMAT}",)
"""A format before a colon and a blank, also behind other formats: all of the line would be lost."""
_SUBJECTS = "`IMP504:acme.*` is about these subjects only"
_DEPLOY = Need(keys=("deploy",), reason="the command that production would run")

_READY = Need(keys=("deploy", "ready"), reason="by which a service is known")

KEYS: tuple[Key, ...] = (
    Key(
        name="deploy",
        of_service=True,
        help="the command that production would run: a job, or with `ready` a service",
        of_type=Command,  # with any other type tox quotes no {tox_root}
        default=None,
        schema=_TEXTS,
        parse=values.argv,
        refuse=values.refuse_command,
    ),
    Key(
        name="services",
        help="names of several services, each with a section of its own (`[prodsim:NAME]`), in place of `deploy`",
        of_type=Words,
        default=Words(),
        schema=_TEXTS,
        parse=services.check_names,
        more_help="see [services](services.md)",
    ),
    Key(
        name="ready",
        of_service=True,
        help="how one sees that the service is up: probes, one a line (TOML: a list), all of which must be satisfied",
        of_type=Lines,
        default=Lines(),
        schema=_items(*(kind.schema for kind in probe_kinds.KINDS)),
        parse=scenario.probe_sources,
        needs=_DEPLOY,
        factor_words=probe_kinds.WORDS,
    ),
    Key(
        name="ready_timeout",
        of_service=True,
        help="seconds from the spawn until the service must be ready",
        of_type=object,
        default=30.0,
        range=ranges.SECONDS,
        schema=ranges.SECONDS.schema,
        parse=ranges.SECONDS.parse,
    ),
    Key(
        name="run_timeout",
        of_service=True,
        help="seconds for a job; and for each of `commands_pre`, `commands`, `commands_post` as a whole",
        of_type=object,
        default=300.0,
        range=ranges.SECONDS,
        schema=ranges.SECONDS.schema,
        parse=ranges.SECONDS.parse,
    ),
    Key(
        name="stop_signal",
        of_service=True,
        help="signal that asks the service to stop",
        of_type=str,
        default="SIGTERM" if sys.platform != "win32" else "CTRL_BREAK_EVENT",
        schema=_TEXT,
        parse=scenario.stop_signal,
        default_help="`SIGTERM`",
    ),
    Key(
        name="stop_to",
        of_service=True,
        help=f"who gets the stop signal: {_code(scenario.STOP_TO)}",
        of_type=str,
        default="main",
        schema={"type": "string", "enum": list(scenario.STOP_TO)},
        parse=scenario.stop_to,
        more_help="the main process alone, its process group, or every process; see [stopping](stopping.md)",
    ),
    Key(
        name="stop_timeout",
        of_service=True,
        help="seconds the service may take to stop, then the whole tree is killed",
        of_type=object,
        default=10.0,
        range=ranges.SECONDS,
        schema=ranges.SECONDS.schema,
        parse=ranges.SECONDS.parse,
    ),
    Key(
        name="drain",
        of_service=True,
        help="requests that are begun right before the stop, one URL a line; each must be answered in full (RUN640)",
        of_type=Lines,
        default=Lines(),
        schema=_TEXTS,
        parse=scenario.drain_urls,
        needs=_READY,
        more_help="`http://`, `https://`, or `tcp://` for a stream that must end; see [stopping](stopping.md)",
    ),
    Key(
        name="restarts",
        of_service=True,
        help="how often a service that has stopped is started once more, on the same port and folder (RUN641)",
        of_type=object,
        default=None,
        range=ranges.STARTS,
        schema=ranges.STARTS.schema,
        parse=values.restarts,
        default_help="service `1`, job `0`",
    ),
    Key(
        name="crash",
        of_service=True,
        help="whether a service is started once more after SIGKILL to all its processes (RUN641)",
        of_type=bool,
        default=False,
        schema={"type": "boolean"},
        needs=_READY,
    ),
    Key(
        name="idle_timeout",
        of_service=True,
        help="seconds without output after which the deployment is stopped (RUN615); 0 disables the check",
        of_type=object,
        default=0,
        range=ranges.LIMIT_S,
        schema=ranges.LIMIT_S.schema,
        parse=values.limit_s,
    ),
    Key(
        name="watchdog_timeout",
        of_service=True,
        help="seconds between two `WATCHDOG=1` of a service that is ready (RUN616); 0: none are expected",
        of_type=object,
        default=0,
        range=ranges.LIMIT_S,
        schema=ranges.LIMIT_S.schema,
        parse=values.limit_s,
    ),
    Key(
        name="output_limit_mb",
        of_service=True,
        help="size of its log, in MB, from which on the deployment is stopped (RUN617); 0: no limit",
        of_type=object,
        default=1000,
        range=ranges.MEGABYTES,
        schema=ranges.MEGABYTES.schema,
        parse=values.limit_bytes,
    ),
    Key(
        name="containment",
        help=f"how processes are held together: {_code(scenario.CONTAINMENT_KINDS)}",
        of_type=str,
        default="auto",
        schema={"type": "string", "enum": list(scenario.CONTAINMENT_KINDS)},
        parse=scenario.containment,
        more_help="see [supervision](supervision.md)",
    ),
    Key(
        name="allow_leaks",
        help=f"what may be left behind, one kind a line: {_code(leaks.FORMS)}",
        of_type=Lines,
        default=Lines(),
        schema=_TEXTS,
        parse=values.allowed_leaks,
        factor_words=tuple(leaks.NAMED),
        more_help="see [supervision](supervision.md)",
    ),
    Key(
        name="exit_codes",
        of_service=True,
        help="allowed ends: numbers, and names of signals (which allow -N and 128 + N)",
        of_type=Words,
        default=Words(),
        schema=_items({"type": "integer"}),
        parse=scenario.exit_codes,
        default_help="job `0`; service `0` and the stop signal",
    ),
    Key(
        name="expect_output",
        of_service=True,
        help="regular expressions; of each, a line of the output must match",
        of_type=Lines,
        default=Lines(),
        schema=_TEXTS,
        parse=scenario.patterns,
        needs=_DEPLOY,
    ),
    Key(
        name="reject_output",
        of_service=True,
        help="regular expressions that no line of the output may match",
        of_type=Lines,
        default=Lines(),
        schema=_TEXTS,
        parse=scenario.patterns,
        needs=_DEPLOY,
    ),
    Key(
        name="deploy_files",
        help="globs below the tox root; files are copied by name into the scratch directory, folders as a whole",
        of_type=list[str],
        default=[],
        schema={"type": "array", "items": _ITEM},
    ),
    Key(
        name="audit",
        help=f"tools that look at the files, one a line: {_code(auditors.KNOWN)}, or a command",
        of_type=Lines,
        default=Lines(),
        schema=_items({"type": "array", "items": _ITEM}),
        parse=auditors.parse,
        more_help="see [checks](checks.md)",
    ),
    Key(
        name="simulate",
        help="harsher conditions, each tried by itself: imports, `--help` and the deployment once more",
        of_type=Words,
        default=Words(),
        schema=_items({"enum": list(conditions.CONDITIONS)}),
        parse=conditions.parse,
        more_help=f"{_code(conditions.CONDITIONS)}; see [checks](checks.md)",
    ),
    Key(
        name="extensions",
        help="compiled modules (dotted, as imported) that must be in the wheel (EXT404) and load (EXT405)",
        of_type=Words,
        default=Words(),
        schema=_TEXTS,
        parse=parsing.modules,
    ),
    Key(
        name="resolution",
        help="which versions of the wheel's own dependencies are installed",
        of_type=str,
        default=scenario.HIGHEST,
        schema={"type": "string", "enum": [scenario.HIGHEST, scenario.LOWEST]},
        parse=scenario.resolution,
        more_help="`lowest-direct`: for each the lowest release that its bound allows; what these require is the "
        "newest; what has no lower bound stays free. No times are taken then",
        default_help="`highest`; `lowest-direct` in `prodsim-lowest`",
    ),
    Key(
        name="measure_imports",
        help="modules whose import is timed",
        of_type=Words,
        default=Words(),
        schema=_TEXTS,
        parse=parsing.modules,
        default_help="the top-levels and the modules of the console scripts",
    ),
    Key(
        name="measure_startup",
        help="whether the start-up of the deployment is timed",
        of_type=bool,
        default=True,
        schema={"type": "boolean"},
    ),
    Key(
        name="time_tolerance_percent",
        help="how much slower than its baseline a time may be; against a stored ratio alone never less than 7",
        of_type=object,
        default=5.0,
        range=ranges.PERCENT,
        schema=ranges.PERCENT.schema,
        parse=values.fraction,
    ),
    Key(
        name="size_tolerance_percent",
        help="how much larger than its baseline a size, or a number of modules, may be",
        of_type=object,
        default=10.0,
        range=ranges.PERCENT,
        schema=ranges.PERCENT.schema,
        parse=values.fraction,
        more_help="see [footprint](footprint.md)",
    ),
    Key(
        name="memory_tolerance_percent",
        help="how much more memory than in its baseline an import, or the deployment at readiness, may have",
        of_type=object,
        default=5.0,
        range=ranges.PERCENT,
        schema=ranges.PERCENT.schema,
        parse=values.fraction,
        more_help="see [footprint](footprint.md)",
    ),
    Key(
        name="compare_timeout",
        help="seconds in which all times are taken and compared; a comparison that is undecided by then is reported",
        of_type=object,
        default=60.0,
        range=ranges.SECONDS,
        schema=ranges.SECONDS.schema,
        parse=ranges.SECONDS.parse,
        more_help="see [times](times.md)",
    ),
    Key(
        name="max_import_time",
        help="seconds that an import may take, baseline or not; over when even the fastest quarter is (PRF707); "
        "0: no limit",
        of_type=object,
        default=0,
        range=ranges.LIMIT_S,
        schema=ranges.LIMIT_S.schema,
        parse=values.limit_s,
    ),
    Key(
        name="max_startup_time",
        help="seconds that the start-up may take, baseline or not; over when even the fastest quarter is (PRF708); "
        "0: no limit",
        of_type=object,
        default=0,
        range=ranges.LIMIT_S,
        schema=ranges.LIMIT_S.schema,
        parse=values.limit_s,
        needs=Need(keys=("deploy", "measure_startup"), reason="no start-up is timed"),
    ),
    Key(
        name="max_modules",
        help="modules that a timed import may load (PRF709); 0: no limit",
        of_type=object,
        default=0,
        range=ranges.MODULES,
        schema=ranges.MODULES.schema,
        parse=values.limit_modules,
    ),
    Key(
        name="forbid_modules",
        help="modules that no timed import may load, with what is inside of them (PRF710)",
        of_type=Words,
        default=Words(),
        schema=_TEXTS,
        parse=parsing.modules,
    ),
    Key(
        name="max_work_increase",
        help="per cent by which the exact work of the imports may grow over the baseline (PRF711); 0: no limit",
        of_type=object,
        default=0,
        range=ranges.LIMIT_PERCENT,
        schema=ranges.LIMIT_PERCENT.schema,
        parse=values.limit_fraction,
    ),
    Key(
        name="max_wheel_size",
        help="size that the wheel may have, such as `5 MB` or `512 KiB` (PRF750); 0: no limit",
        of_type=object,
        default="0",
        schema=sizes.SCHEMA,
        parse=sizes.limit,
    ),
    Key(
        name="max_installed_size",
        help="size that the wheel may have installed, with all that it requires, without bytecode (PRF751); "
        "0: no limit",
        of_type=object,
        default="0",
        schema=sizes.SCHEMA,
        parse=sizes.limit,
    ),
    Key(
        name="max_import_memory",
        help="most memory that a process may have that imports a module, such as `60 MB` (PRF752); 0: no limit",
        of_type=object,
        default="0",
        schema=sizes.SCHEMA,
        parse=sizes.limit,
    ),
    Key(
        name="max_ready_memory",
        help="most memory that a service may have at readiness, with all its processes, such as `200 MB` (PRF753); "
        "0: no limit",
        of_type=object,
        default="0",
        schema=sizes.SCHEMA,
        parse=sizes.limit,
    ),
    Key(
        name="reference_release",
        help="whether a slower import is confirmed beside the wheel of the baseline, which is fetched or built for it",
        of_type=bool,
        default=True,
        schema={"type": "boolean"},
        more_help="false: no other version is ever fetched, built or run; see [baseline](baseline.md)",
    ),
    Key(
        name="prodsim_baseline_dir",
        help="folder of the baselines, below the tox root; only an absolute path may be elsewhere",
        of_type=str,
        default=scenario.BASELINE_DIR,
        schema=_TEXT,
    ),
    Key(
        name="reports",
        help=f"reports that are written at the end of a run, as `FORMAT` or `FORMAT:FILE`: {_code(FORMATS)}; "
        "`none`: nothing is reported to a CI job by itself",
        of_type=Words,
        default=Words(),
        schema=_TEXTS,
        parse=reports.parse,
        factor_words=_FORMAT_WORDS,
        more_help="a file is relative to the tox root, in a folder that exists; see [reports](reports.md)",
    ),
    Key(
        name="report_mode",
        help="mode of the report, the event log and the logs of a run, in octal digits; `0644` lets all users read",
        of_type=str,
        default="0600",
        schema=_TEXT,
        parse=values.file_mode,
    ),
    Key(
        name="select",
        help="codes or prefixes of codes (`RUN`, `RUN6`, `RUN607`) of the findings that count",
        of_type=Words,
        default=Words(),
        schema=_TEXTS,
        parse=values.codes,
        factor_words=_CODE_WORDS,
        more_help=_SUBJECTS,
        default_help="all",
    ),
    Key(
        name="ignore",
        help="codes or prefixes of codes of findings that do not count",
        of_type=Words,
        default=Words(),
        schema=_TEXTS,
        parse=values.codes,
        factor_words=_CODE_WORDS,
        more_help=_SUBJECTS,
    ),
    Key(
        name="warn",
        help="codes or prefixes of codes of errors that only warn",
        of_type=Words,
        default=Words(),
        schema=_TEXTS,
        parse=values.codes,
        factor_words=_CODE_WORDS,
        more_help=_SUBJECTS,
    ),
)
"""All keys, in the order in which tox and docs/reference/keys.md list them."""


DEPENDS = Key(
    name="depends",
    help="services that must be ready, and jobs that must have ended well, before this one is started",
    of_type=Words,
    default=Words(),
    schema=_TEXTS,
    parse=values.as_tuple,
)
SET_ENV = Key(
    name="set_env",
    help="environment variables of this service alone, beside those of the environment",
    of_type=SetEnv,
    default=None,
    schema={"type": "object", "additionalProperties": _ITEM},
)
SERVICE_KEYS: tuple[Key, ...] = (
    next(key for key in KEYS if key.name == "deploy"),
    DEPENDS,
    *(key for key in KEYS if key.of_service and key.name != "deploy"),
    SET_ENV,
)
"""The keys of the section of a service; what such a section lacks is taken from the environment."""


def register(conf: EnvConfigSet) -> None:
    """Add the keys to the configuration set of a prodsim environment."""
    for key in KEYS:
        conf.add_config(key.name, key.of_type, key.default, key.help)


def keep_words(conf: ConfigSet) -> None:
    """Keep the lines of ini files whose first word tox would take for a factor; call it when all loaders are there."""
    ini_lines.keep_words(conf, {key.name: key.factor_words for key in KEYS})
