"""The format ``github``: the findings as annotations, which are commands in the log of a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tox_prodsim.model import causes
from tox_prodsim.model.causes import Fault
from tox_prodsim.model.events import Event
from tox_prodsim.model.findings import Level
from tox_prodsim.model.formatting import joined, listed
from tox_prodsim.model.printable import Printable
from tox_prodsim.report import matrix
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.runs import Run, runs
from tox_prodsim.report.wording import CUT_SHORT, VERDICTS, counts, origin, place, sentence

MOST_OF_A_KIND = 9
"""GitHub shows ten errors, warnings or notices of a step and drops the others; the tenth says how many there are."""
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_MOST_ALSO = 6


def render(events: Iterable[Event], options: RenderOptions) -> str:
    """Return one command a line, errors first, and a line with the verdict of each run."""
    clean = Printable(options.encoding)
    all_runs = list(runs(events))
    cut = [_command("error", _cut_short(run), ("title", clean(run.label))) for run in all_runs if run.is_cut_short]
    faults = [(run, fault) for run in all_runs for fault in causes.faults(run.findings)]
    lines = list(cut[:1])
    for level in Level:
        of_level = [_annotation(run, each, options, clean) for run, each in faults if each.finding.level is level]
        lines += _limited(of_level, level, MOST_OF_A_KIND - (len(lines) if level is Level.ERROR else 0))
    lines += [_verdict(run, clean) for run in all_runs]
    lines += _over_all(all_runs, clean) if len(all_runs) > 1 else []
    return "".join(f"{line}\n" for line in lines)


def _limited(commands: Sequence[str], level: Level, most: int) -> Iterator[str]:
    """Yield at most so many commands; of more, one more says how many there are."""
    if len(commands) <= most:
        yield from commands
        return
    yield from commands[:most]
    yield _command(_COMMANDS[level], f"and {len(commands) - most} more, see the summary", ("title", "prodsim"))


def _annotation(run: Run, fault: Fault, options: RenderOptions, clean: Printable) -> str:
    finding = fault.finding
    path, line = place(finding, options)
    also = listed(list(dict.fromkeys(map(causes.display, fault.also))), _MOST_ALSO)
    texts = [sentence(finding)]
    texts += [f"at {origin(finding)}"] if finding.file and path != finding.file else []
    texts += [f"hint: {finding.hint}"] if finding.hint else []
    texts += [f"also: {also}"] if also else []
    message = "\n".join(map(clean, [*texts, f"tox prodsim explain {finding.code}"]))
    title = clean(f"{finding.code} in {run.label}")
    return _command(_COMMANDS[finding.level], message, ("file", clean(path)), ("line", str(line)), ("title", title))


def _cut_short(run: Run) -> str:
    return f"{VERDICTS[run.finished.verdict]}: {CUT_SHORT}"


def _verdict(run: Run, clean: Printable) -> str:
    """Return a line that is not a command, whatever the name of the environment is."""
    finished = run.finished
    return f"prodsim: {clean(run.label)} {joined((VERDICTS[finished.verdict], counts(finished)), ', ')}"


def _over_all(all_runs: Sequence[Run], clean: Printable) -> list[str]:
    """Return what each step of each run came to, and the verdict over all."""
    steps = matrix.steps(all_runs)
    lines = []
    for run in all_runs:
        cells = [(step, matrix.cell(run, step).result) for step in steps]
        row = ", ".join(f"{step} {result.word}" for step, result in cells if result)
        lines.append(f"prodsim: {clean(run.label)}: {row or 'no step'}")
    end = matrix.summary(all_runs)
    return [*lines, f"prodsim: {joined((VERDICTS[end.verdict], matrix.passed(all_runs), counts(end)), ', ')}"]


def _command(name: str, message: str, *properties: tuple[str, str]) -> str:
    texts = ",".join(f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties)
    return f"::{name} {texts}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
