"""``tox prodsim compare``: the project as it is beside another version of it, without any stored baseline."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tox.session.cmd.run.sequential import run_sequential
from tox.session.state import State
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import deployment, supervision
from tox_prodsim.building import reference_wheel
from tox_prodsim.checks import artifact, installed
from tox_prodsim.model.errors import Cancelled, CloneError, MeasurementError, ProdsimError, WheelUnavailableError
from tox_prodsim.model.events import Change, Compared
from tox_prodsim.model.runner import Runner
from tox_prodsim.model.scenario import Deployment
from tox_prodsim.plugin import session, signals
from tox_prodsim.plugin.context import build, runners
from tox_prodsim.plugin.context.environment import ProductionEnv
from tox_prodsim.plugin.packages import wheel_under_test
from tox_prodsim.run import confirmation as confirming
from tox_prodsim.run.context import ReferenceInputs
from tox_prodsim.timing import measure, paired, stats

SLOWER, WRONG, INTERRUPTED = 1, 2, 130
_MOST_IMPORTS = 4
_VERSION = re.compile(r"(?:[A-Za-z0-9][\w.-]*==)?v?(\d[\w.+!-]*)")
_KEY = "compare"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What to compare with: a commit, a version of the index, or a wheel; ``shown`` says it in the user's words."""

    shown: str
    commit: str = ""
    version: str = ""
    wheel: Path | None = None


def compare(state: State, envs: Sequence[PythonRun], words: Sequence[str]) -> int:
    """Bring the environments up to date, compare each of them, and return the exit code."""
    try:
        if len(words) != 1:
            msg = "give one commit, branch or tag, one version, or one wheel, for example: tox prodsim compare main"
            raise ProdsimError(_KEY, msg)  # noqa: TRY301 - one way out for all that is wrong with the request
        with _cancelled_by_signals() as cancel:
            asked = understood(words[0], runners.git_runner(_first(envs), cancel))
            # Installed by tox itself: what is compared is the tree as it is, not what an earlier run has left.
            state.conf.options.no_test = True
            if code := run_sequential(state):
                return int(code)
            return max(_compare(env, asked, cancel, state.conf.options) for env in envs)
    except (ProdsimError, WheelUnavailableError, CloneError) as problem:
        sys.stderr.write(f"prodsim: {problem}\n")
        return WRONG
    except (Cancelled, KeyboardInterrupt):
        sys.stderr.write("prodsim: interrupted, nothing is left of the comparison\n")
        return INTERRUPTED


def understood(word: str, git: Runner) -> Asked:
    """Return what the word stands for: a wheel, a commit at which HEAD parted from it, or a version of the index.

    Raises ProdsimError when it is none of them, and Unavailable.
    """
    if word.endswith(".whl"):
        if not Path(word).is_file():
            raise ProdsimError(_KEY, f"{word} does not exist")
        artifact.open_wheel(Path(word))
        return Asked(shown=Path(word).name, wheel=Path(word).absolute())
    if commit := reference_wheel.commit_of(word, git):
        base = reference_wheel.merge_base(commit, git)
        return Asked(shown=word if base == commit else f"{word}, where HEAD parted from it", commit=base)
    if found := _VERSION.fullmatch(word):
        return Asked(shown=word, version=found[1])
    raise ProdsimError(_KEY, f"{word!r} is no commit, branch or tag here, no version, and no wheel")


def _first(envs: Sequence[PythonRun]) -> PythonRun:
    if not envs:
        msg = "no prodsim environment is selected, name one with -e"
        raise ProdsimError(_KEY, msg)
    return envs[0]


@contextmanager
def _cancelled_by_signals() -> Iterator[supervision.Cancel]:
    cancel = supervision.Cancel()
    signals.on_first(cancel.set)
    try:
        yield cancel
    finally:
        cancel.close()


def _compare(tox_env: PythonRun, asked: Asked, cancel: supervision.Cancel, options: object) -> int:
    """Compare in one environment; everything that is made for it is removed."""
    _supervise_again(tox_env)
    folder = Path(tox_env.env_dir) / "prodsim"
    production_env = ProductionEnv(tox_env, cancel)
    scenario = build.scenario_of(tox_env)
    context = build.build_context(tox_env, scenario, wheel_under_test.remembered(folder), folder, production_env)
    wheel = context.wheel
    wanted = reference_wheel.ReferenceSpec(
        name=wheel.name,
        version=asked.version,
        commit=asked.commit,
        public=runners.is_public(tox_env, wheel.name),
    )
    tools = runners.reference_inputs(tox_env, wanted, runner=production_env.helper, cancel=cancel)
    asked_for = getattr(options, "prodsim_imports", None)
    defaults = dict.fromkeys([*installed.main_names(context.subject), *wheel.console_modules])
    modules = asked_for or scenario.timing.imports or [*defaults][:_MOST_IMPORTS]
    confirmation = confirming.Confirmation(tools)
    try:
        base = confirming.install(tools, _artefact(asked, tools))
        deployed = scenario.deployment if scenario.timing.startup and not asked_for else None
        metrics = _metrics(modules, deployed, context.place, tools, base)
        _tell(
            f"prodsim: {wheel.name} {wheel.version} beside {base.artefact.origin} ({asked.shown}), in {tox_env.name}\n"
        )
        compared = []
        for metric, pair in metrics.items():
            compared.append(confirming.side_by_side(metric, pair, tolerance=scenario.timing.tolerance))
            _tell(_line(compared[-1]))
    finally:
        confirmation.close()
    if getattr(options, "prodsim_format", "") == "json":
        _tell(json.dumps([asdict(each) for each in compared], indent=1) + "\n")
    return SLOWER if any(each.change is Change.SLOWER for each in compared) else 0


def _supervise_again(tox_env: PythonRun) -> None:
    """Have a new session for the environment: the one that installed is over, and its cancel is closed.

    tox-uv has yet to ask the Python of the environment where its packages are.
    """
    for name in ("execute_async", "interrupt"):
        vars(tox_env).pop(name, None)  # what that session put before the methods
    session.Session(tox_env)


def _artefact(asked: Asked, tools: ReferenceInputs) -> reference_wheel.ReferenceWheel:
    if asked.wheel is not None:
        return reference_wheel.ReferenceWheel(wheel=asked.wheel, origin=f"the wheel {asked.wheel.name}")
    if asked.commit:
        return reference_wheel.from_commit(tools.wanted, tools.sources)
    return reference_wheel.from_index(tools.wanted, tools.sources)


def _metrics(
    modules: Sequence[str],
    deployed: Deployment | None,
    place: deployment.LaunchContext,
    tools: ReferenceInputs,
    base: confirming.Base,
) -> dict[str, paired.Pair]:
    """Return the rounds of what is to be compared, by metric; the start-up too when there is a deployment."""
    python, runner = tools.site.python, tools.runner
    found = {
        f"import {name}": paired.imports(name, python=python, base_python=base.site.python, runner=runner)
        for name in modules
    }
    if deployed is not None:
        deployment.keep_snapshot(place)
        theirs = confirming.place_of(place, tools.site, base.site)
        starts = (partial(_start, deployed, place), partial(_start, deployed, theirs))
        found[measure.START_UP] = paired.starts(*starts, python=python, runner=runner)
    return found


def _start(deployed: Deployment, place: deployment.LaunchContext) -> float:
    try:
        return deployment.timed_start(deployed, place)
    except RuntimeError as problem:
        raise MeasurementError(str(problem)) from problem


def _line(compared: Compared) -> str:
    """Return one metric as the user reads it."""
    if compared.expected_s is None or compared.ratio is None:
        return f"  {compared.metric}: {compared.detail}\n"
    times = f"{1000 * compared.value_s:.1f} ms beside {1000 * compared.expected_s:.1f} ms"
    verdict = {Change.UNKNOWN: "open", Change.SAME: "the same"}.get(compared.change, compared.change.value)
    limit = f"limit {stats.percent(compared.tolerance)}"
    return (
        f"  {compared.metric}: {verdict}, {times}, {stats.percent(compared.ratio - 1)} ({limit}); {compared.detail}\n"
    )


def _tell(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
