"""``tox prodsim compare REF``: time the project beside another version of it, without a stored baseline."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tox.session.cmd.run.sequential import run_sequential
from tox.session.state import State
from tox.tox_env.python.runner import PythonRun

from tox_prodsim.building import reference_wheel
from tox_prodsim.checks import artifact
from tox_prodsim.model.errors import Cancelled, CloneError, ProdsimError, WheelUnavailableError
from tox_prodsim.model.events import Change, Compared, to_fields
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import BoundedCall, Runner, unbounded
from tox_prodsim.plugin import signals
from tox_prodsim.plugin.cli import comparison
from tox_prodsim.plugin.cli.comparison import Reference
from tox_prodsim.plugin.cli.environments import selected
from tox_prodsim.plugin.cli.output import write
from tox_prodsim.plugin.context import runners
from tox_prodsim.plugin.redaction import one_line
from tox_prodsim.supervision import Cancel, Workers

SLOWER, WRONG, INTERRUPTED = 1, 2, 130
_VERSION = lazy_regex(r"(?:[A-Za-z0-9][\w.-]*==)?v?(\d[\w.+!-]*)")
_KEY = "compare"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the reference, the modules, and the format."""
    ref = "a commit, branch or tag; a version of the index; or the path of a wheel"
    parser.add_argument("prodsim_reference", metavar="REF", default="", help=ref)
    modules = "module whose import is compared; may be given again"
    parser.add_argument(
        "--import", dest="prodsim_imports", action="append", metavar="NAME", default=[], of_type=list[str], help=modules
    )
    formats = "text, or text with all times as JSON below it"
    parser.add_argument("--format", dest="prodsim_format", choices=["text", "json"], default="text", help=formats)


def run(state: State) -> int:
    """Bring the environments up to date, compare in each of them, and return the exit code."""
    try:
        with _cancelled_by_signals() as cancel:
            return _compare(state, cancel)
    except (ProdsimError, WheelUnavailableError, CloneError) as problem:
        sys.stderr.write(f"prodsim: {one_line(str(problem))}\n")
        return WRONG
    except (Cancelled, KeyboardInterrupt):
        sys.stderr.write("prodsim: interrupted, nothing is left of the comparison\n")
        return INTERRUPTED


@contextmanager
def _cancelled_by_signals() -> Iterator[Cancel]:
    cancel = Cancel()
    signals.on_first(cancel.set)
    try:
        yield cancel
    finally:
        cancel.close()


def _compare(state: State, cancel: Cancel) -> int:
    options = state.conf.options
    envs = [env for env in selected(state) if isinstance(env, PythonRun)]
    if not envs:
        msg = "no prodsim environment is selected, name one with -e"
        raise ProdsimError(_KEY, msg)
    with closing(Workers(cancel=cancel)) as workers:
        reference = parse_reference(options.prodsim_reference, runners.git_runner(envs[0], cancel), workers)
    # tox itself installs the tree as it is now: an earlier run may have installed another one.
    options.no_test = True
    if code := run_sequential(state):
        return int(code)
    compared = [each for env in envs for each in _compare_in(env, reference, cancel)]
    return SLOWER if any(each.change is Change.SLOWER for each in compared) else 0


def _compare_in(env: PythonRun, reference: Reference, cancel: Cancel) -> list[Compared]:
    compared = comparison.compare(env, reference, cancel, env.options.prodsim_imports)
    if env.options.prodsim_format == "json":
        write(json.dumps([to_fields(each) for each in compared], indent=1) + "\n")
    return compared


def parse_reference(text: str, git: Runner, call: BoundedCall = unbounded) -> Reference:
    """Return the wheel, the commit at which HEAD parted from the named one, or the version of the index.

    A wheel is read by ``call``. Raises ProdsimError if the text is none of them, and WheelUnavailableError.
    """
    if text.endswith(".whl"):
        return _wheel(Path(text), call)
    if commit := reference_wheel.commit_of(text, git):
        base = reference_wheel.merge_base(commit, git)
        return Reference(display=text if base == commit else f"{text}, where HEAD parted from it", commit=base)
    if version := _VERSION.fullmatch(text):
        return Reference(display=text, version=version[1])
    raise ProdsimError(_KEY, f"{text!r} is neither a commit, branch or tag here, nor a version, nor a wheel")


def _wheel(path: Path, call: BoundedCall) -> Reference:
    if not path.is_file():
        raise ProdsimError(_KEY, f"{path} does not exist")
    artifact.read_bounded(call, artifact.open_wheel, path)
    return Reference(display=path.name, wheel=path.absolute())
