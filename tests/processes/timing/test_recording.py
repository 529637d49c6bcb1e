from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from support.recorded import CHANGES, HEAVY, Change, environment, interpreters
from support.wheels import Ended, Env, wheel

from tox_prodsim import timing
from tox_prodsim.model.errors import RecordingError
from tox_prodsim.timing import Recording, Spot, recording

HERE = "{}.{}".format(*sys.version_info[:2])
OTHERS = [version for version in ("3.9", "3.11", "3.12", "3.13") if version != HERE]
SAME = CHANGES["an identical copy"]
NO_PYTHON = {timing.CauseKind.NATIVE, timing.CauseKind.WAITING}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recorded")


def of(env: Env, *modules: str, timed: int = 0) -> Recording:
    return timing.record(modules or ("app",), python=env.python, runner=env.run, timed=timed)


@cache
def before(folder: Path, version: str) -> Recording:
    """Return the timed recording of the unchanged application."""
    return of(environment(folder / "then" / version, SAME, interpreters()[version]), timed=5)


def env_with(folder: Path, **files: str) -> Env:
    """Return an environment that has these modules as the distribution ``parts``."""
    env = environment(folder / "env", SAME)
    env.install(wheel(folder, name="parts", files={f"{name}.py": text for name, text in files.items()}))
    return env


def row(found: Recording, name: str) -> tuple[str, str, str]:
    """Return the importer of a module, where it is imported, and through which other line."""
    each = next(each for each in found.modules if each.name == name)
    return each.importer, str(each.at), str(each.through or "")


# --- what was done to an application is what is said


def said(explained: timing.Explanation) -> tuple[str, str, str, str]:
    if not explained.causes:
        return "", "", "", ""
    cause = explained.causes[0]
    return cause.kind, cause.module, str(cause.spot), cause.file


@pytest.mark.parametrize("name", CHANGES)
def test_the_cause_is_named(folder: Path, name: str) -> None:
    check(folder / name.replace(" ", "-"), before(folder, HERE), CHANGES[name], sys.executable)


@pytest.mark.parametrize("version", OTHERS)
@pytest.mark.parametrize("name", ["an identical copy", "a plugin by importlib.import_module", "a slower body"])
def test_the_cause_is_named_on_other_interpreters(folder: Path, version: str, name: str) -> None:
    if version not in interpreters():
        pytest.skip(f"no Python {version} here")
    base = interpreters()[version]
    check(folder / version / name.replace(" ", "-"), before(folder, version), CHANGES[name], base)


def slower(then: Recording, now: Recording) -> float:
    """Return what interleaved rounds would have confirmed: only this module was changed."""
    sides = [next(each.times for each in side.modules if each.name == "app.store") for side in (then, now)]
    assert sides[0] is not None
    assert sides[1] is not None
    return sides[1].wall_s - sides[0].wall_s


def check(folder: Path, then: Recording, change: Change, base: str) -> None:
    now = of(environment(folder, change, base), timed=5)
    explained = timing.explain(then, now, slower_s=slower(then, now) if change.kind in NO_PYTHON else None)
    lines = "\n".join(timing.told(explained, now.unit))
    assert said(explained) == (change.kind, change.module, change.at, change.file), lines
    if change == SAME:
        assert now.work == then.work, "another path, the same work to the last bytecode"
    elif change.kit != SAME.kit and change.module.startswith("kit"):
        assert "[kit 1.0 -> 1.1]" in lines


# --- exactness


def test_the_work_is_the_same_whatever_the_environment_says_of_hashing_and_paths(folder: Path, tmp_path: Path) -> None:
    env = environment(folder / "again", SAME)

    def run(argv: Sequence[str], *, timeout_s: float) -> Ended:
        elsewhere = ["env", "PYTHONHASHSEED=77", f"HOME={tmp_path}", "PYTHONPATH=/nowhere", "PYTHONOPTIMIZE=1"]
        return env.run([*elsewhere, *argv], timeout_s=timeout_s)

    plain = of(env)
    assert timing.record(["app"], python=env.python, runner=run, timed=0).work == plain.work
    assert plain.unit == "bytecodes"
    assert plain.work.amount == sum(each.own for each in plain.modules) > 10_000


def test_threads_of_an_import_neither_break_nor_change_the_work(tmp_path: Path) -> None:
    busy = "def spin():\n    while True:\n        sum(range(100))\n"
    start = "import threading\nthreading.Thread(target=spin, daemon=True).start()\n"
    in_thread = "import threading\ndef load():\n    import heavy\none = threading.Thread(target=load)\n"
    env = env_with(tmp_path, busy=busy + start + "import json\n", apart=in_thread + "one.start()\none.join()\n")
    first, second = of(env, "busy"), of(env, "busy")
    assert [each.name for each in first.modules][-1] == "json.encoder"
    assert first.work.amount == pytest.approx(second.work.amount, rel=0.002), "what other threads do is not counted"
    apart = of(env, "apart")
    assert row(apart, "heavy") == ("apart", "apart.py:3", "")
    loop = next(each.own for each in apart.modules if each.name == "heavy.body")
    assert loop > 400_000, "an import in a thread is counted"


def test_our_own_work_is_nobodys(tmp_path: Path) -> None:
    """A thousand imports of what is there cost what they cost without the recorder, and no more."""
    many = "import importlib, sys\nimport json\nfor _ in range(1000):\n    importlib.import_module('json')\n"
    none = "import importlib, sys\nimport json\nfor _ in range(1000):\n    sys.modules.get('json')\n"
    env = env_with(tmp_path, many=many, none=none)
    work = {name: of(env, name).modules[0].own for name in ("many", "none")}
    assert work["many"] - work["none"] < 100_000, "import_module and _find_and_load are about 60 bytecodes"


def test_the_times_add_up_to_what_the_import_takes(folder: Path) -> None:
    found = of(environment(folder / "sum", CHANGES["a sleep"]), timed=3)
    sleeping = next(each for each in found.modules if each.name == "app.store")
    assert sleeping.times is not None
    assert 0.02 <= sleeping.times.wall_s < found.wall_s < 0.5
    assert sleeping.times.cpu_s < 0.02
    assert not of(environment(folder / "none", SAME)).timed


# --- what is seen


def test_modules_come_in_order_with_importer_line_origin_and_file(folder: Path) -> None:
    found = of(environment(folder / "seen", SAME))
    own = [each for each in found.modules if each.origin != "stdlib"]
    assert [(each.name, each.importer, str(each.at), each.origin, each.file) for each in own] == [
        ("app", "", "None", "app", "app/__init__.py"),
        ("app.core", "app", "app/__init__.py:1", "app", "app/core.py"),
        ("kit", "app.core", "app/core.py:2", "kit", "kit/__init__.py"),
        ("kit.parts", "kit", "kit/__init__.py:2", "kit", "kit/parts.py"),
        ("app.store", "app.core", "app/core.py:3", "app", "app/store.py"),
    ]
    assert (found.versions["kit"], found.versions["stdlib"][:4]) == ("1.0", HERE)
    assert row(found, "json") == ("app.core", "app/core.py:1", "")
    assert row(found, "json.decoder") == (
        "json",
        next(str(each.at) for each in found.modules if each.name == "json.decoder"),
        "",
    )
    assert all(each.pyc_bytes > 0 for each in own)


def test_several_targets_are_one_recording(folder: Path) -> None:
    found = of(environment(folder / "several", SAME), "kit", "app", "heavy")
    assert [each.name for each in found.modules if not each.importer] == ["kit", "app", "heavy"]
    assert len({each.name for each in found.modules}) == len(found.modules)


def test_an_import_that_failed_costs_its_importer_and_is_told_apart(tmp_path: Path) -> None:
    broken = "import heavy\nraise ImportError\n"
    env = env_with(tmp_path, fast="try:\n    import broken\nexcept ImportError:\n    import json\n", broken=broken)
    found = of(env, "fast")
    assert [(each.name, str(each.at)) for each in found.failed] == [("broken", "fast.py:2")]
    assert "broken" not in {each.name for each in found.modules}
    assert row(found, "heavy") == ("fast", "broken.py:1", "")


def test_an_import_from_a_function_is_placed_where_it_stands_and_where_it_was_called(tmp_path: Path) -> None:
    later = "def load():\n    import heavy\n"
    found = of(env_with(tmp_path, later=later, first="import later\n\nlater.load()\n"), "first")
    assert row(found, "heavy") == ("first", "later.py:2", "first.py:3")


def test_an_entry_point_is_placed_where_it_is_loaded(tmp_path: Path) -> None:
    load = "from importlib.metadata import EntryPoint\nEntryPoint('a', 'heavy:body', 'g').load()\n"
    assert row(of(env_with(tmp_path, plugins=load), "plugins"), "heavy") == ("plugins", "plugins.py:2", "")


def test_a_warning_at_the_importers_line_is_still_that_of_the_importer(tmp_path: Path) -> None:
    """Libraries that warn with ``stacklevel=2`` pass over the frames of importlib, and must pass over ours."""
    check = "import warnings\nwith warnings.catch_warnings(record=True) as told:\n    import old\n"
    check += "assert [w.filename[-8:] for w in told] == ['check.py'], told\n"
    old = "import warnings\nwarnings.simplefilter('always')\nwarnings.warn('old', DeprecationWarning, stacklevel=2)\n"
    assert len(of(env_with(tmp_path, check=check, old=old), "check").modules) > 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("raise RuntimeError('boom')", "import broken: RuntimeError: boom", id="raises"),
        pytest.param("import nowhere", "import broken: ModuleNotFoundError: No module named 'nowhere'", id="misses"),
        pytest.param(
            "import os; os._exit(3)", "import broken: the interpreter ended with 3 while importing", id="ends at once"
        ),
    ],
)
def test_an_import_that_fails_is_not_recorded(tmp_path: Path, source: str, reason: str) -> None:
    with pytest.raises(RecordingError) as caught:
        of(env_with(tmp_path, broken=source), "broken")
    assert str(caught.value) == reason


def test_an_import_that_never_ends_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "RUN_TIMEOUT_S", 1.0)
    begun = time.monotonic()
    with pytest.raises(RecordingError, match=r"^import stuck: it took longer than 1 s$"):
        of(env_with(tmp_path, stuck="while True: pass"), "stuck")
    assert time.monotonic() - begun < 15


def test_a_recording_process_that_says_nothing_is_told(folder: Path) -> None:
    def run(argv: Sequence[str], *, timeout_s: float) -> Ended:
        return Ended(1, timeout_s < 0, argv[0][:0].encode() + b"noise\n", b"no such option\n")

    with pytest.raises(RecordingError, match=r"^the recording process ended with 1: no such option$"):
        timing.record(["app"], python=folder, runner=run)


def test_forbidden_modules_are_seen_through_a_plugin(folder: Path) -> None:
    found = of(environment(folder / "budget", CHANGES["an import in a function of another module"]))
    (exceeded,) = timing.forbidden_modules(found, ["heavy"])
    assert exceeded.message == "heavy is forbidden and imported at app/loader.py:3: app > app.core > heavy"
    assert exceeded.spot == Spot(file="app/loader.py", line=3)
    assert set(HEAVY) <= {each.file for each in found.modules}
