"""Numbers agree: a figure that stands in more than one place, or beside its constant, is that of the source.

A row fails when the constant changes and the page does not, or when the sentence is gone. Tables of keys, probes,
services and formats, and the rule of the times, are held by the tests of their own pages.
"""

from __future__ import annotations

import re

import pytest
from support.documents import DOCUMENTS, README, ROOT
from support.figures import constant, number, shown
from torture.matrix import ADVERSARIES, WAYS

from tox_prodsim.model.footprint import QuantityKind
from tox_prodsim.model.scenario import Timing
from tox_prodsim.plugin.config.keys import KEYS
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.timing import measure, series, stats
from tox_prodsim.timing.baseline.store import OUTDATED_DAYS
from tox_prodsim.timing.footprint.rule import LEAST

MB, KIB, MIB = 1_000_000, 1024, 1 << 20
READINESS = "deployment/monitoring/lost_readiness.py"
ZOMBIES = "deployment/monitoring/zombies.py"
CRASHES = "deployment/monitoring/crashes.py"
BOUNDS = "checks/artifact/bounds.py"
LOG_END = "deployment/log_end.py"
JSON = "timing/baseline/json_reader.py"
LEFT_S = constant("_child/warden.py", "LEAK_GRACE_S")
KILL_S = constant("_child/warden.py", "KILL_LIMIT_S")
CANCEL_S = constant("supervision/process.py", "CANCEL_GRACE_S")
WAKE_S = constant("supervision/waking.py", "WAKE_LIMIT_S")
BEGIN_S = constant("deployment/in_flight.py", "_BEGIN_S")
PATIENCE_S = constant(READINESS, "PATIENCE_S")
OLD_S = constant(ZOMBIES, "OLD_S")

FIGURES = {
    "what is left may end by itself": (LEFT_S, [
        ("supervision.md", r"below it # second after the main process"),
        ("supervision.md", r"still alive # second later"),
        ("stopping.md", r"others run on for # s"),
        ("supervise.md", r"they have # second to end"),
        ("IMP514", r"by itself within # second"),
        ("ENT517", r"by itself within # second"),
    ]),
    "until what is left cannot be killed": (KILL_S, [
        ("supervision.md", r"not empty # seconds after the first SIGKILL"),
        ("supervision.md", r"RUN618, after # seconds"),
        ("RUN618", r"SIGKILL was sent for # seconds"),
    ]),
    "grace after Ctrl-C": (CANCEL_S, [
        ("supervision.md", r"the grace is at most # seconds"),
        ("supervise.md", r"with # seconds of grace at most"),
    ]),
    "grace when tox is gone": (constant("_child/warden.py", "ORPHAN_GRACE_S"), [
        ("supervision.md", r"When tox itself is killed, the grace is at most # second"),
    ]),
    "a stopped guard is woken": (WAKE_S, [
        ("supervision.md", r"wakes them and waits up to # seconds"),
        ("supervise.md", r"does not end within # seconds"),
    ]),
    "the guard is given up": (constant("supervision/process.py", "CLOSE_LIMIT_S"), [
        ("supervision.md", r"tox does after # seconds"),
    ]),
    "between two lines about the wait": (constant("plugin/one_run.py", "_SAY_AGAIN_S"), [
        ("supervision.md", r"at once and then every # seconds"),
    ]),
    "a request begins": (BEGIN_S, [
        ("stopping.md", r"the server has # seconds to begin it"),
        ("stopping.md", r"takes longer than # seconds"),
    ]),
    "the server reads a request": (constant("deployment/in_flight.py", "_READ_LIMIT_S"), [
        ("stopping.md", r"the stop waits up to (a) second more"),
    ]),
    "wrong answers in a row": (constant(READINESS, "IN_A_ROW"), [
        ("staying-well.md", r"a probe fails # times in a row"),
        ("RUN645", r"# wrong answers in a row"),
    ]),
    "an answer over HTTP": (PATIENCE_S, [
        ("staying-well.md", r"an HTTP answer does not come for # seconds"),
        ("staying-well.md", r"an answer may take # seconds"),
        ("staying-well.md", r"never closed before the # seconds"),
        ("RUN645", r"An answer over HTTP may take # seconds"),
        ("RUN645", r"the event loop, for longer than # seconds"),
    ]),
    "longest pause of a probe": (constant(READINESS, "LONGEST_PAUSE_S"), [
        ("staying-well.md", r"the pause grows by a fifth, up to # seconds"),
        ("RUN645", r"the pause grows by a fifth, up to # seconds"),
    ]),
    "growth of the pause": (round(constant(READINESS, "_GROWTH") - 1, 6), [
        ("staying-well.md", r"the pause grows by #,"),
        ("RUN645", r"the pause grows by #,"),
    ]),
    "zombies are many": (constant(ZOMBIES, "MANY"), [
        ("staying-well.md", r"# zombies of one parent"),
        ("RUN647", r"# zombies of one parent"),
    ]),
    "zombies are several": (constant(ZOMBIES, "SEVERAL"), [
        ("staying-well.md", r"seconds old, or # that ended"),
        ("RUN647", r"are reported, or # that ended"),
    ]),
    "zombies are old": (OLD_S, [
        ("staying-well.md", r"zombies of one parent that are # seconds old"),
        ("staying-well.md", r"young zombies are given # seconds"),
        ("RUN647", r"zombies of one parent that are # seconds old"),
    ]),
    "looks at children a second": (1 / constant("deployment/monitoring/children_watch.py", "EVERY_S"), [
        ("staying-well.md", r"`/proc` is read # times a second"),
    ]),
    "what lives shorter is not seen": (constant("deployment/monitoring/children_watch.py", "EVERY_S"), [
        ("blind-spots.md", r"lives for less than # s"),
    ]),
    "processes that are followed": (constant("supervision/descendants.py", "MOST"), [
        ("staying-well.md", r"At most # processes are followed"),
    ]),
    "a worker is replaced": (constant(CRASHES, "_REPLACED_S"), [
        ("staying-well.md", r"a worker that is replaced within # seconds"),
    ]),
    "a program that ends soon": (constant(CRASHES, "_BRIEF_S"), [
        ("staying-well.md", r"program that ran for # s"),
        ("staying-well.md", r"or 255 within # s of a fork"),
    ]),
    "extensions of ready_timeout": (constant("supervision/probes/notify.py", "EXTENSION"), [
        ("keys.md", r"to at most # times its length"),
    ]),
    "a search for an expression": (constant("deployment/user_expressions.py", "_LOG_LIMIT_S"), [
        ("checks.md", r"expression of the configuration \| # s of processor time"),
    ]),
    "members": (constant("model/sdist_archive.py", "MOST_MEMBERS"), [("checks.md", r"\| members \| # \|")]),
    "unpacked": (constant("model/sdist_archive.py", "FREELY_UNPACKED_BYTES") / 1000 / MB, [
        ("checks.md", r"unpacks to \| # GB"),
    ]),
    "unpacked, times its size": (constant("model/sdist_archive.py", "MOST_TIMES"), [
        ("checks.md", r"GB, or # times its own size"),
    ]),
    "directory of a wheel": (constant(BOUNDS, "DIRECTORY_BYTES") / MB, [
        ("checks.md", r"the directory of a wheel \| # MB"),
    ]),
    "fields": (constant(BOUNDS, "MOST_FIELDS"), [("checks.md", r"MB, # fields")]),
    "digits": (constant(BOUNDS, "MOST_DIGITS"), [("checks.md", r"and # digits in one number")]),
    "tags": (constant(BOUNDS, "MOST_TAGS"), [("checks.md", r"the file name stands \| # \|")]),
    "source of a module": (constant(BOUNDS, "SOURCE_BYTES") / MB, [
        ("checks.md", r"a module whose source is read \| # MB"),
    ]),
    "memory for the syntax of a module": (constant("_child/syntax.py", "_MEMORY_BYTES") / MIB, [
        ("checks.md", r"the syntax of a module \| # MB"),
    ]),
    "processor time of a reading": (constant("supervision/worker.py", "cpu_s"), [
        ("checks.md", r"each group of checks \| # s of processor time"),
    ]),
    "memory of a reading": (constant("supervision/worker.py", "memory_bytes") / MIB, [
        ("checks.md", r"s of processor time, and # MB of memory beside the largest member"),
    ]),
    "size of a baseline": (constant(JSON, "MOST_BYTES") / MB, [("baseline.md", r"at most # MB, a regular file")]),
    "levels of a baseline": (constant(JSON, "MOST_LEVELS"), [("baseline.md", r"at most # lists and objects")]),
    "items of a baseline": (constant(JSON, "MOST_ITEMS"), [("baseline.md", r"at most # items")]),
    "characters of a baseline": (constant(JSON, "MOST_CHARACTERS"), [("baseline.md", r"at most # characters, none")]),
    "names of a baseline": (constant("timing/baseline/contents.py", "MOST"), [
        ("baseline.md", r"more than # data files"),
        ("baseline.md", r"as deep as # lines allow"),
        ("baseline.md", r"more than # modules"),
        ("baseline.md", r"A lost file among more than #,"),
    ]),
    "an old baseline": (OUTDATED_DAYS, [("times.md", r"older than # days"), ("PRF712", r"accepted for # days")]),
    "rounds of a time that is too long": (measure.Plan().looks[0], [("PRF706", r"# of them exceed the time")]),
    "time of all times": (Timing().timeout_s, [("times.md", r"the limit of the step, # seconds by default")]),
    "rounds of a candidate": (stats.LEAST_STORED, [("times.md", r"it takes # rounds for the candidate")]),
    "rounds of a baseline": (series.RECORD_ROUNDS, [("times.md", r"takes at least #\.")]),
    "most rounds": (measure.Plan().looks[-1], [("reports.md", r"round 9 of at most # \(")]),
    "tolerance against a stored ratio": (round(100 * measure.Plan().least_tolerance, 6), [
        ("keys.md", r"against a stored ratio alone never less than #"),
    ]),
    "annotations of a level": (constant("report/github.py", "MOST_OF_A_KIND"), [
        ("reports.md", r"at most # of each level"),
        ("reports.md", r"a level has more than # annotations"),
    ]),
    "size of the summary": (RenderOptions().most_bytes / KIB, [
        ("reports.md", r"the step summary of GitHub, at most # KiB"),
        ("reports.md", r"as long as the file has at most # KiB"),
    ]),
    "lines of a log in a report": (constant("report/wording.py", "_MOST_LINES"), [
        ("reports.md", r"A report has at most # lines of a log"),
    ]),
    "characters of a line in a report": (constant("report/wording.py", "_MOST_OF_A_LINE"), [
        ("reports.md", r"and # characters of each line"),
    ]),
    "last lines of a log": (constant(LOG_END, "LAST_LINES"), [
        ("reports.md", r"\| without a traceback \| the last # \|"),
        ("reports.md", r"follows the last traceback \| the last # \|"),
    ]),
    "lines of a traceback": (constant(LOG_END, "TRACEBACK_LINES"), [
        ("reports.md", r"with the line above it \| #;"),
        ("reports.md", r"a chain that is longer than # lines"),
    ]),
    "lines of a cause": (constant(LOG_END, "_CAUSE_LINES"), [("reports.md", r"longer than \d+ lines \| # each")]),
    "what is read of a log": (constant(LOG_END, "_READ_BYTES") / KIB, [("reports.md", r"the last # KiB of the log")]),
    "modules of an icicle": (constant("report/html/modules.py", "MOST_MODULES"), [
        ("reports.md", r"shows the # that do most work"),
    ]),
    "first line of progress": (constant("plugin/progress.py", "_LINE_EVERY_S"), [
        ("reports.md", r"when nothing was printed for # s"),
    ]),
    "beginning of an output": (constant("plugin/output_spool.py", "TAIL_BYTES") / KIB, [
        ("supervision.md", r"the first MiB and the last # KiB"),
    ]),
    "a short secret": (constant("model/secrets.py", "MIN_LENGTH"), [
        ("reports.md", r"A value of less than # characters is masked"),
    ]),
    "descriptors under low_fds": (constant("_child/condition.py", "LOW_FDS"), [
        ("checks.md", r"soft limit of # open files"),
    ]),
    "user under non_root": (constant("_child/condition.py", "NOBODY"), [("checks.md", r"\| uid # with its own HOME")]),
    "processor time of an odd input": (constant("tests/fuzz/engine.py", "LIMIT_S"), [
        ("security.md", r"and # s of CPU time for one input"),
    ]),
    "least difference of a wheel": (LEAST[QuantityKind.WHEEL_SIZE] / 1000, [
        ("footprint.md", r"Differences below # kB of the wheel"),
    ]),
    "least difference of an installation": (LEAST[QuantityKind.INSTALLED_SIZE] / 1000, [
        ("footprint.md", r"of the wheel, # kB of the installation"),
    ]),
    "least difference of modules": (LEAST[QuantityKind.MODULES], [
        ("footprint.md", r"installation or # modules never"),
    ]),
    "least difference of memory": (LEAST[QuantityKind.IMPORT_MEMORY] / KIB, [("footprint.md", r"from # KiB on")]),
    "longest wait for a lock": (constant("model/ranges.py", "_WEEK_S"), [
        ("supervision.md", r"0\.001 to # seconds"),
    ]),
    "adversaries": (len(ADVERSARIES), [("supervision.md", r"plays # adversaries")]),
    "ways to end a run": (len(WAYS), [("supervision.md", r"adversaries with # ways")]),
}  # fmt: skip
"""For each figure its value in the source, and where it stands: a page or a code, and the words around the number."""


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_that_of_the_source_wherever_it_stands(name: str) -> None:
    value, places = FIGURES[name]
    for place, pattern in places:
        found = shown(place, pattern)
        assert found, f"{place} has nothing like {pattern!r}"
        assert set(found) == {value}, f"{place}: {pattern!r}"


DEFAULTS = {key.name: float(key.default) for key in KEYS if type(key.default) in {int, float}}


def test_wherever_the_default_of_a_key_is_named_it_is_that_of_the_key() -> None:
    """Such as "`ready_timeout` (30 s)" in a sentence, or "| `stop_timeout` | 10 |" in a table."""
    named = 0
    for path in DOCUMENTS:
        for key, in_brackets, in_cell in re.findall(
            r"`(\w+)`(?: \((\d+|off)(?: s| MB| %)?\)| \| (\d+(?:\.\d+)?) \|)", " ".join(path.read_text("utf-8").split())
        ):
            if key in DEFAULTS:
                named += 1
                assert number(in_brackets or in_cell) == DEFAULTS[key], f"{path.name}: `{key}`"
    assert named > len(DEFAULTS)


def test_the_oldest_python_is_the_same_everywhere() -> None:
    [oldest] = re.findall(r'requires-python = ">=(3\.\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    for path in (README, ROOT / "CONTRIBUTING.md", ROOT / "docs" / "tutorial.md"):
        [said] = re.findall(r"Python (3\.\d+) or newer|Python \((3\.\d+) or newer\)", path.read_text("utf-8"))
        assert oldest in said


def test_the_defaults_of_the_table_of_stopping_are_those_of_docker() -> None:
    """Rows of orchestrators that stop as prodsim does by default name its signal and its limit."""
    rows = re.findall(r"^\| .* \| (\w+)[^|]* \| main process[^|]* \| (\d+) s[^|]* \| the defaults",
                      (ROOT / "docs/explanation/stopping.md").read_text("utf-8"), re.MULTILINE)  # fmt: skip
    assert len(rows) > 2
    assert {float(seconds) for _, seconds in rows} == {DEFAULTS["stop_timeout"]}
    assert {name.removeprefix("SIG") for name, _ in rows} == {"TERM"}
