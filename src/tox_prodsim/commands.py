"""What ``tox prodsim …`` does: the catalogue, baselines, comparisons and the last report; most of it runs nothing."""

from __future__ import annotations

import difflib
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from tox.report import HandledError
from tox.session.cmd.run.sequential import run_sequential
from tox.session.state import State
from tox.tox_env.python.runner import PythonRun
from tox.tox_env.runner import RunToxEnv

from tox_prodsim.catalogue import CATALOGUE, listing, page
from tox_prodsim.errors import ProdsimError
from tox_prodsim.events import Event
from tox_prodsim.reporters.log import read
from tox_prodsim.reporters.report import report
from tox_prodsim.reporters.terminal import Terminal
from tox_prodsim.reporting import shown
from tox_prodsim.timing import baseline


def handle(state: State, *, usage: str) -> int:
    """Do what the words say; raises tox's HandledError, one line, for what cannot be done."""
    words: list[str] = state.conf.options.prodsim_words
    handlers: dict[tuple[str, ...], Callable[[State], int]] = {
        ("checks",): _checks,
        ("baseline", "show"): _show_baselines,
        ("baseline", "update"): _update_baselines,
        ("report",): _report,
    }
    if words[:1] == ["explain"] and len(words) > 1:
        return _explain(words[1:])
    if words[:1] == ["compare"]:
        return _compare(state, words[1:])
    if tuple(words) not in handlers:
        msg = f"{_wrong(words)}; the commands are\n{usage}".rstrip()
        raise HandledError(msg)
    try:
        return handlers[tuple(words)](state)
    except ProdsimError as problem:
        raise HandledError(str(problem)) from problem


def _wrong(words: list[str]) -> str:
    if not words:
        return "tox prodsim needs a command"
    if words == ["explain"]:
        return "tox prodsim explain needs a code"
    return f"tox prodsim has no command {' '.join(words)!r}"


def _checks(_state: State) -> int:
    _write(listing(CATALOGUE.values()))
    return 0


def _explain(codes: list[str]) -> int:
    for code in codes:
        check = CATALOGUE.get(code.upper())
        if check is None:
            near = difflib.get_close_matches(code.upper(), CATALOGUE, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            msg = f"{code}: there is no such code; {hint}'tox prodsim checks' lists all"
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


def _compare(state: State, words: list[str]) -> int:
    from tox_prodsim import sidebyside  # noqa: PLC0415 - it imports all that a run does

    return sidebyside.compare(state, [env for env in _selected(state) if isinstance(env, PythonRun)], words)


def _report(state: State) -> int:
    options: Namespace = state.conf.options
    found = 0
    for env in _selected(state):
        log = Path(env.conf["env_dir"]) / "prodsim" / "events.jsonl"
        if not log.is_file():
            continue
        found += 1
        events = _events(log)
        if options.prodsim_format == "json":
            _write(json.dumps(report(events), indent=1, sort_keys=True) + "\n")
        else:
            saved = log.with_name("report.json")
            terminal = Terminal(
                _write,
                color=options.is_colored,
                encoding=sys.stdout.encoding,
                verbosity=options.verbosity,
                report_path=shown(saved) if saved.is_file() else "",
            )
            for event in events:
                terminal.handle(event)
            terminal.close()
    if not found:
        msg = "there is no run to report, start one with: tox run -e prodsim"
        raise HandledError(msg)
    return 0


def _events(log: Path) -> list[Event]:
    try:
        return list(read(log))
    except (OSError, ValueError) as problem:
        msg = f"the last run cannot be read, run it again: {problem}"
        raise HandledError(msg) from problem


def _selected(state: State) -> Iterator[RunToxEnv]:
    for name in state.envs.iter():
        env = state.envs[name]
        if isinstance(env, RunToxEnv) and "prodsim" in name.split("-"):
            yield env


def _write(text: str) -> None:
    """Write to stdout, in what it can encode: reading a page must not fail in a C locale."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
