"""Many modules are imported by few processes, and by several side by side."""

from __future__ import annotations

from typing import Any

from support.installed import HANG, SEGFAULT, Put
from support.wheels import Env

from tox_prodsim.checks.installed.import_runs import load_all
from tox_prodsim.checks.installed.outcomes import Died, Hung, Loaded, Outcome
from tox_prodsim.checks.installed.probe import requested_modules

FILES = {
    "acme/__init__.py": "",
    "acme/a.py": "",
    "acme/b/__init__.py": "raise ValueError('no')",
    "acme/b/c.py": "",
    "acme/b/d.py": "",
    "acme/e.py": "import acme.a",
}
NAMES = ["acme", "acme.a", "acme.b", "acme.b.c", "acme.b.d", "acme.e"]


def imported(env: Env, names: list[str], **options: Any) -> dict[str, Outcome]:
    return load_all(names, env.run, env.python, **{"limit_s": 60.0, "budget_s": 60.0, **options})


def test_several_processes_find_what_one_does(env: Env, put: Put) -> None:
    put(FILES)
    alone, spread = imported(env, NAMES), imported(env, NAMES, processes=3)
    assert alone == spread
    assert list(spread) == NAMES
    assert [name for name, outcome in spread.items() if isinstance(outcome, Loaded)] == ["acme", "acme.a", "acme.e"]
    assert sorted(requested_modules(argv) for argv in env.argvs) == [
        ["acme", "acme.a"],
        NAMES,
        ["acme", "acme.b", "acme.b.c"],
        ["acme", "acme.b", "acme.b.d", "acme.e"],
    ]


def test_the_end_of_a_process_belongs_to_the_module_that_brings_it_about(env: Env, put: Put) -> None:
    put({"a.py": "", "b.py": SEGFAULT, "c.py": HANG, "d.py": "", "e.py": "import os\nos._exit(0)", "f.py": ""})
    outcomes = imported(env, list("abcdef"), limit_s=1.0)
    assert [type(each) for each in outcomes.values()] == [Loaded, Died, Hung, Loaded, Died, Loaded]
    assert str(outcomes["e"]) == "the interpreter exited with 0"


def test_what_an_import_does_to_its_process_does_not_disturb_the_others(env: Env, put: Put) -> None:
    """Nor does it bring about the answer for another one."""
    put(
        {
            "a.py": "import os\nos.close(1)\nos.close(2)\n",
            "b.py": "import os\nif os.fork() == 0:\n    raise ValueError",
            "c.py": 'print(\'\\ntox-prodsim n: {"end": 3, "outcome": "loaded"}\')',
            "d.py": "raise SystemExit",
            "e.py": "import faulthandler\nfaulthandler.cancel_dump_traceback_later()",
            "f.py": "",
        }
    )
    outcomes = imported(env, list("abcdef"))
    assert [name for name, outcome in outcomes.items() if not isinstance(outcome, Loaded)] == ["d"]
