"""What ``tox prodsim …`` does: codes, baselines, their history, comparisons, the last report."""

from __future__ import annotations

import difflib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from tox.report import HandledError
from tox.session.cmd.run.sequential import run_sequential
from tox.session.state import State
from tox.tox_env.python.runner import PythonRun
from tox.tox_env.runner import RunToxEnv

from tox_prodsim import timing
from tox_prodsim.catalogue import CATALOGUE, listing, page
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import Event
from tox_prodsim.plugin.reporting import shown
from tox_prodsim.report.event_log import read
from tox_prodsim.report.json_report import report
from tox_prodsim.report.terminal import Terminal
from tox_prodsim.run import contents
from tox_prodsim.timing import baseline

_NO_BASELINE = "no baseline is stored yet; accept one with: tox prodsim baseline update -e prodsim\n"


def handle(state: State, *, usage: str) -> int:
    """Do what the words say; raises tox's HandledError, one line, for what cannot be done."""
    words: list[str] = state.conf.options.prodsim_words
    handlers: dict[tuple[str, ...], Callable[[State], int]] = {
        ("checks",): _checks,
        ("baseline", "show"): _show_baselines,
        ("baseline", "update"): _update_baselines,
        ("history",): _history,
        ("report",): _report,
    }
    if words[:2] == ["baseline", "accept"] and len(words) == 3:
        handlers[tuple(words)] = _accept_baselines
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
    if words == ["baseline", "accept"]:
        return "tox prodsim baseline accept needs the folder of the candidates"
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
    found = _stored(state)
    for path in found:
        _write(_shown(path))
    if not found:
        _write(_NO_BASELINE)
    return 0


def _stored(state: State) -> list[Path]:
    """Return the files of the baselines of the selected environments."""
    return [path for env in _selected(state) for path in sorted((_store(env) / env.name).glob("*.json"))]


def _store(env: RunToxEnv) -> Path:
    root: Path = env.core["tox_root"]
    return root / str(env.conf["prodsim_baseline_dir"])


def _shown(path: Path) -> str:
    stored = baseline.load(path)
    if stored is None:
        return ""
    head = f"{path}\n  Python {stored.python}, version {stored.built.version}, stored {stored.built.created}\n"
    lines = (
        f"  {name:<32} {metric.value_ms:>9.1f} ms, {metric.ratio:.4f} of {stored.control}, {metric.rounds} rounds\n"
        for name, metric in sorted(stored.metrics.items())
    )
    held, work = stored.contents, stored.work
    head += f"  {contents.counted(held)} in {held.version} ({held.created})\n" if held is not None else ""
    told = f"  {len(work.modules)} modules, {work.amount:,} {work.unit}\n" if work is not None else ""
    return head + "".join(lines) + told


def _accept_baselines(state: State) -> int:
    options: Namespace = state.conf.options
    if refused := baseline.update_refused(os.environ, allowed=options.prodsim_allow_ci_update):
        raise ProdsimError("baseline accept", refused)
    folder = Path(options.prodsim_words[2])
    stores = {env.name: _store(env) for env in _prodsim_envs(state, only_selected=False)}
    for path, accepted, is_new in list(timing.accepted(timing.candidates(folder), stores)):
        if is_new:
            baseline.save(path, accepted)
        _write(f"baseline {'stored' if is_new else 'unchanged'}: {shown(path)}\n")
    return 0


def _history(state: State) -> int:
    root = Path(state.conf.core["tox_root"])
    found = _stored(state)
    if not found:
        _write(_NO_BASELINE)
        return 0
    lines = [
        line
        for path in found
        for line in timing.history_of(path, str(path.relative_to(root)) if path.is_relative_to(root) else str(path))
    ]
    if not lines:
        _write("no times are stored, so there is no history of them\n")
    for row in timing.drawn_as_text(lines, encoding=sys.stdout.encoding or "ascii"):
        _write(f"{row}\n")
    if timing.is_shallow(found[0].parent):
        _write("this clone is shallow, and so is the history; fetch the rest with: git fetch --unshallow\n")
    if file := state.conf.options.prodsim_svg:
        _picture(Path(file), timing.drawn_as_svg(lines))
    return 0


def _picture(path: Path, svg: str) -> None:
    try:
        path.write_text(svg, encoding="utf-8")
    except OSError as problem:
        msg = f"{path} cannot be written: {problem.strerror}"
        raise ProdsimError("--svg", msg) from problem
    _write(f"picture written to {path}\n")


def _update_baselines(state: State) -> int:
    state.conf.options.prodsim_update_baseline = True
    return run_sequential(state)


def _compare(state: State, words: list[str]) -> int:
    from tox_prodsim.plugin.cli import compare

    return compare.compare(state, [env for env in _selected(state) if isinstance(env, PythonRun)], words)


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
    return _prodsim_envs(state, only_selected=True)


def _prodsim_envs(state: State, *, only_selected: bool) -> Iterator[RunToxEnv]:
    for name in state.envs.iter(only_active=only_selected):
        env = state.envs[name]
        if isinstance(env, RunToxEnv) and "prodsim" in name.split("-"):
            yield env


def _write(text: str) -> None:
    """Write to stdout, in what it can encode: reading a page must not fail in a C locale."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
