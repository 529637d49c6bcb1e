"""IMP, EXT and VER303: what importing comes to."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.examples.answers import PYTHON, SITE, Answers, Record, effect, lacks, loaded, raised
from tox_prodsim.checks import installed
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.internal_imports import AbsentName, Importer, InternalImports
from tox_prodsim.model.runner import Completed, LeftProcess

ACME = installed.Distribution(name="acme", version="2.1.0", top_levels=("acme",), modules=("acme", "acme.trio"))
COMPILED = installed.Distribution(
    name="acme",
    version="2.1.0",
    top_levels=("acme",),
    modules=("acme", "acme._speedups"),
    extensions=("acme._speedups",),
)
LIBRARY = f"{SITE}/acme/_speedups.cpython-311-x86_64-linux-gnu.so"


def importing(answer: Record) -> Callable[[Path], Iterable[Finding]]:
    """Return the case of a package whose import comes to this."""
    return lambda _: installed.check_imports(ACME, Answers({"acme": answer}), PYTHON).checked.findings


def module_gone(_: Path) -> Iterable[Finding]:
    answers, known = Answers({"acme.trio": lacks("trio")}), frozenset({"acme.trio"})
    return installed.check_modules(ACME, answers, PYTHON, remembered=known).checked.findings


def extension(symbol: str, *, only_with: str = "") -> Callable[[Path], Iterable[Finding]]:
    """Return the case of an extension without a symbol, missed always or ``only_with`` a variable."""
    error = raised("ImportError", f"{LIBRARY}: undefined symbol: {symbol}")
    answers = Answers({"acme._speedups": error}, only_with=only_with)
    return lambda _: installed.check_extensions(COMPILED, answers, PYTHON).checked.findings


def enables_gil(_: Path) -> Iterable[Finding]:
    warning = "The global interpreter lock (GIL) has been enabled to load module 'acme._speedups'"
    free_threaded = Completed(returncode=0, timed_out=False, stdout=b"1\n", stderr=b"")
    answers = Answers({"acme._speedups": loaded(printed=warning)}, command=lambda *_: free_threaded)
    return installed.check_extensions(COMPILED, answers, PYTHON).checked.findings


def starts_a_server(_: Path) -> Iterable[Finding]:
    left = LeftProcess(pid=4711, command="java -jar acme-server.jar")
    answers = Answers()

    def leaving(argv: Sequence[str], **options: Any) -> Completed:
        return replace(answers(argv, **options), left=(left,))

    watched = installed.WatchedRunner(leaving)
    installed.check_imports(ACME, watched, PYTHON)
    alone = installed.PlainImports(runner=leaving, python=PYTHON)
    return installed.check_left_by_imports(watched, alone, ACME.name).findings


def starting(stdout: str = "", stderr: str = "", seconds: float = 0.02) -> Callable[[Path], Iterable[Finding]]:
    """Return the case of a .pth file with which Python prints this as it starts, and takes so many seconds."""

    def command(argv: Sequence[str], _: object) -> Completed:
        took = b"%f\n" % (0.02 if argv[-1] == "acme.pth" else seconds)
        with_it = argv[-1] == "pass"
        return Completed(
            returncode=0,
            timed_out=False,
            stdout=stdout.encode() if with_it else took,
            stderr=stderr.encode() if with_it else b"",
        )

    acme = installed.Distribution(name="acme", version="2.1.0", top_levels=("acme",), start_files=("acme.pth",))
    return lambda _: installed.check_start(acme, Answers(command=command), PYTHON).findings


FAILED = (
    f"Error processing line 1 of {SITE}/acme.pth:\n\n  Traceback (most recent call last):\n"
    "  ModuleNotFoundError: No module named 'acme_hook'\n\nRemainder of file ignored\n"
)


def own_module_gone(_: Path) -> Iterable[Finding]:
    importer = Importer(file="acme/cli.py", line=12, module="acme.cli", in_function=True)
    own = InternalImports(absent=(AbsentName(name="acme.plugins", module="", importers=(importer,)),))
    return installed.check_own_imports(own, Answers({"acme.plugins": lacks("acme.plugins")}), PYTHON).checked.findings


def without_host(_: Path) -> Iterable[Finding]:
    plugin = replace(ACME, classifiers=("Framework :: Sphinx :: Extension",))
    return installed.check_imports(plugin, Answers({"acme": lacks("sphinx")}), PYTHON).checked.findings


EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    "EXT405": extension("acme_init"),
    "EXT406": extension("acme_flush", only_with="LD_BIND_NOW"),
    "EXT414": enables_gil,
    "IMP501": importing({"died": signal.SIGSEGV}),
    "IMP502": importing(loaded(elsewhere="/home/me/acme/acme/__init__.py")),
    "IMP503": importing(lacks("yaml")),
    "IMP504": module_gone,
    "IMP505": own_module_gone,
    "IMP506": without_host,
    "IMP510": starting(stderr=FAILED),
    "IMP511": starting("acme: tracing is on\n"),
    "IMP512": starting(seconds=0.08),
    "IMP514": starts_a_server,
    "IMP520": importing(effect("descriptor", "leaves a socket open")),
    "IMP521": importing(effect("daemon", "leaves the thread acme-metrics running")),
    "IMP522": importing(effect("network", "connects to 93.184.215.14:443")),
    "IMP523": importing(loaded(printed="debug: settings loaded")),
    "IMP524": importing(effect("state", "adds a StreamHandler to the root logger")),
    "VER303": importing(loaded(version="2.0.9")),
}
