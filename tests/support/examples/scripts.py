"""ENT, VER306 and SIM: what commands and plugins answer, also under a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from support.examples.answers import PYTHON, Answers, ended, lacks, raised
from tox_prodsim.checks import installed
from tox_prodsim.model.conditions import CONDITIONS, ConditionRun
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.runner import Completed, LeftProcess

Command = Callable[[Sequence[str], Mapping[str, str]], Completed]
ASCII = "UnicodeEncodeError: 'ascii' codec can't encode character '\\u2014' in position {}: ordinal not in range(128)"
TRACEBACK = "Traceback (most recent call last):\n"


def subject(name: str, module: str) -> installed.Distribution:
    point = EntryPoint(group="console_scripts", name=name, module=module, attr="main")
    return installed.Distribution(name="acme", version="2.1.0", top_levels=("acme",), entry_points=(point,))


def answering(
    command: Callable[[Path], Command], name: str = "acme", module: str = "acme.cli"
) -> Callable[[Path], Iterable[Finding]]:
    """Return the case of a command that is installed and comes to this."""

    def make(folder: Path) -> Iterable[Finding]:
        for each in ("bin", "home"):
            (folder / each).mkdir()
        (folder / "bin" / name).touch()
        answers = Answers(command=command(folder))
        folders = [folder / "home"]
        return installed.check_scripts(subject(name, module), answers, PYTHON, folder / "bin", folders=folders).findings

    return make


def fails(_: Path) -> Command:
    return lambda *_: ended(1, f"{TRACEBACK}TypeError: main() missing 1 required positional argument: 'argv'\n")


def fails_in_ascii(_: Path) -> Command:
    return lambda _, variables: ended(1, TRACEBACK + ASCII.format(21)) if variables.get("LC_ALL") == "C" else ended()


def leaves(folder: Path) -> Command:
    def run(*_: object) -> Completed:
        (folder / "home" / ".acme").touch()
        return ended()

    return run


def starts_a_server(_: Path) -> Command:
    left = LeftProcess(pid=4711, command="java -jar acme-server.jar")
    return lambda *_: replace(ended(), left=(left,))


def another_version(_: Path) -> Command:
    return lambda argv, _: ended(output="acme 2.0.9" if argv[-1] == "--version" else "usage: acme [--version]")


def plugin(folder: Path) -> Iterable[Finding]:
    point = EntryPoint(group="acme.plugins", name="csv", module="acme.formats.csv", attr="")
    owner = installed.Distribution(name="acme", version="2.1.0", top_levels=("acme",), entry_points=(point,))
    return installed.check_scripts(owner, Answers({"acme.formats.csv": lacks("acme.formats")}), PYTHON, folder).findings


def condition(name: str, folder: Path) -> ConditionRun:
    return ConditionRun(condition=CONDITIONS[name], python=PYTHON, folder=folder)


def import_without_home(folder: Path) -> Iterable[Finding]:
    acme = installed.Distribution(name="acme", version="2.1.0", top_levels=("acme",))
    error = raised("NotADirectoryError", "[Errno 20] Not a directory: '/dev/null/.acme'")
    answers = Answers({"acme": error}, only_with="HOME")
    return installed.check_condition(condition("no_home", folder), acme, answers, folder).findings


def help_in_ascii(folder: Path) -> Iterable[Finding]:
    (folder / "acme").touch()

    def command(_: Sequence[str], variables: Mapping[str, str]) -> Completed:
        return ended(1, TRACEBACK + ASCII.format(12)) if variables.get("LC_ALL") == "C" else ended()

    run = condition("c_locale", folder)
    return installed.check_condition(run, subject("acme", "acme.cli"), Answers(command=command), folder).findings


EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    "ENT511": plugin,
    "ENT512": answering(fails, "acme-worker", "acme.worker"),
    "ENT513": answering(fails_in_ascii),
    "ENT514": answering(leaves),
    "ENT517": answering(starts_a_server),
    "VER306": answering(another_version),
    "SIM801": import_without_home,
    "SIM802": help_in_ascii,
}
