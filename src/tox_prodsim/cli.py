"""``tox prodsim …``: the catalogue, the baselines, and the last report; each works without running an environment."""

from __future__ import annotations

import difflib
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from tox.config.cli.parser import ToxParser
from tox.report import HandledError
from tox.session.cmd.run.common import env_run_create_flags
from tox.session.cmd.run.sequential import run_sequential
from tox.session.env_select import CliEnv, register_env_select_flags
from tox.session.state import State
from tox.tox_env.runner import RunToxEnv

from tox_prodsim import baseline
from tox_prodsim.catalogue import CATALOGUE, listing, page
from tox_prodsim.errors import ProdsimError
from tox_prodsim.reporters.log import read
from tox_prodsim.reporters.report import report
from tox_prodsim.reporters.terminal import Terminal

_USAGE = """\
checks                  list every code with its level
explain CODE            what a code means, its causes, and what to do
baseline show           the stored baselines of the selected environments
baseline update         run the selected environments and accept their times
report                  show the last run again (--format json: as JSON)
"""


def add_command(parser: ToxParser) -> None:
    """Add the command ``prodsim`` with its own small language."""
    ours = parser.add_command("prodsim", [], "codes, baselines and reports of the prodsim environments", _handle)
    ours.description = "Codes, baselines and reports of the prodsim environments."
    ours.epilog = "example: tox prodsim explain RUN607; tox prodsim baseline update -e prodsim"
    ours.add_argument("words", nargs="+", metavar="COMMAND", help=_USAGE.replace("\n", "; ").rstrip("; "))
    ours.add_argument(
        "--format", dest="prodsim_format", choices=["text", "json"], default="text", help="form of a report"
    )
    register_env_select_flags(ours, default=CliEnv("prodsim"))
    env_run_create_flags(ours, mode="run")


def _handle(state: State) -> int:
    words: list[str] = state.conf.options.words
    handlers: dict[tuple[str, ...], Callable[[State], int]] = {
        ("checks",): _checks,
        ("baseline", "show"): _show_baselines,
        ("baseline", "update"): _update_baselines,
        ("report",): _report,
    }
    if words[0] == "explain" and len(words) > 1:
        return _explain(words[1:])
    if tuple(words) not in handlers:
        msg = f"tox prodsim {' '.join(words)}: there is no such command, use one of\n{_USAGE}"
        raise HandledError(msg.rstrip())
    try:
        return handlers[tuple(words)](state)
    except ProdsimError as problem:
        raise HandledError(str(problem)) from problem


def _checks(_state: State) -> int:
    _write(listing(CATALOGUE.values()))
    return 0


def _explain(codes: list[str]) -> int:
    for code in codes:
        check = CATALOGUE.get(code.upper())
        if check is None:
            near = difflib.get_close_matches(code.upper(), CATALOGUE, n=1)
            hint = f", did you mean {near[0]}?" if near else ""
            msg = f"{code}: there is no such code{hint} 'tox prodsim checks' lists all"
            raise HandledError(msg)
        _write(page(check))
    return 0


def _show_baselines(state: State) -> int:
    found = 0
    for env in _selected(state):
        folder = Path(env.core["tox_root"]) / env.conf["prodsim_baseline_dir"] / env.name
        for path in sorted(folder.glob("*.json")):
            found += 1
            _write(_shown(path))
    if not found:
        _write("no baseline is stored yet; accept one with: tox prodsim baseline update -e prodsim\n")
    return 0


def _shown(path: Path) -> str:
    stored = baseline.load(path)
    if stored is None:
        return ""
    head = f"{path}\n  Python {stored.python}, version {stored.built.version}, stored {stored.built.created}\n"
    lines = (
        f"  {name:<32} {metric.value_ms:>9.1f} ms, {metric.ratio:.4f} of {stored.control}, {metric.rounds} rounds\n"
        for name, metric in sorted(stored.metrics.items())
    )
    return head + "".join(lines)


def _update_baselines(state: State) -> int:
    state.conf.options.prodsim_update_baseline = True
    return run_sequential(state)


def _report(state: State) -> int:
    options: Namespace = state.conf.options
    shown = 0
    for env in _selected(state):
        log = Path(env.conf["env_dir"]) / "prodsim" / "events.jsonl"
        if not log.is_file():
            continue
        shown += 1
        if options.prodsim_format == "json":
            _write(json.dumps(report(read(log)), indent=1, sort_keys=True) + "\n")
        else:
            terminal = Terminal(
                _write, color=options.is_colored, encoding=sys.stdout.encoding, verbosity=options.verbosity
            )
            for event in read(log):
                terminal.handle(event)
            terminal.close()
    if not shown:
        msg = "there is no run to report, start one with: tox run -e prodsim"
        raise HandledError(msg)
    return 0


def _selected(state: State) -> Iterator[RunToxEnv]:
    for name in state.envs.iter():
        env = state.envs[name]
        if isinstance(env, RunToxEnv) and "prodsim" in name.split("-"):
            yield env


def _write(text: str) -> None:
    """Write to stdout, in what it can encode: reading a page must not fail in a C locale."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
