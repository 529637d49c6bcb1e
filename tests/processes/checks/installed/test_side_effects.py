"""What importing a package does besides importing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.pythons import environment
from support.wheels import Env, subject_of, wheel

from tox_prodsim.checks import installed
from tox_prodsim.model.findings import CheckResult, Level

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
EFFECTS = ("IMP520", "IMP521", "IMP522", "IMP523", "IMP524")


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Env:
    return Env.create(tmp_path_factory.mktemp("effects") / "env")


Imports = Callable[..., CheckResult]


@pytest.fixture
def imports(env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Imports:
    """Install a wheel made of these files and import it, with an empty HOME."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def install(files: dict[str, str]) -> CheckResult:
        shutil.rmtree(env.site_packages / "acme", ignore_errors=True)
        subject = subject_of(env.install(wheel(tmp_path, files=files)))
        return installed.check_imports(subject, env.run, env.python, limit_s=30.0).checked

    return install


def effects(checked: CheckResult) -> list[tuple[str, Level, str]]:
    assert set(EFFECTS) <= set(checked.codes)
    return [(found.code, found.level, found.message) for found in checked.findings]


@pytest.mark.parametrize(
    ("source", "code", "level", "message"),
    [
        pytest.param("import socket\ns = socket.socket()", "IMP520", W, "leaves a socket open", id="a socket"),
        pytest.param(
            "import asyncio\nloop = asyncio.new_event_loop()",
            "IMP520",
            W,
            "leaves an eventpoll open, leaves a socket open (2 times)",
            id="an event loop",
        ),
        pytest.param("f = open(__file__)", "IMP520", N, "leaves {here}/acme.py open", id="a file that is read"),
        pytest.param(
            "import threading\nthreading.Thread(target=threading.Event().wait, name='beat').start()",
            "IMP521",
            W,
            "leaves the thread beat running",
            id="a thread that keeps the program from ending",
        ),
        pytest.param(
            "import threading\nthreading.Thread(target=threading.Event().wait, name='beat', daemon=True).start()",
            "IMP521",
            N,
            "leaves the thread beat running",
            id="a daemon",
        ),
        pytest.param(
            "import socket\nwith socket.socket() as s:\n    s.settimeout(0)\n    try:\n"
            "        s.connect(('192.0.2.1', 443))\n    except OSError:\n        pass",
            "IMP522",
            E,
            "connects to 192.0.2.1:443",
            id="a connection",
        ),
        pytest.param(
            "import socket\ntry:\n    socket.getaddrinfo('acme.invalid', 443)\nexcept OSError:\n    pass",
            "IMP522",
            E,
            "looks up the address of acme.invalid",
            id="a name that is looked up",
        ),
        pytest.param(
            "import socket\nwith socket.socket() as s:\n    s.connect_ex(('127.0.0.1', 9))",
            "IMP522",
            W,
            "connects to 127.0.0.1:9",
            id="a connection on this machine",
        ),
        pytest.param(
            "import subprocess, sys\nsubprocess.run(['true', '--quick'])",
            "IMP522",
            W,
            "starts true --quick",
            id="a process",
        ),
        pytest.param("import os\nos.system('true')", "IMP522", W, "starts true", id="a shell"),
        pytest.param("open(__file__ + '.log', 'w').close()", "IMP522", W, "writes {here}/acme.py.log", id="a file"),
        pytest.param(
            "import os\nos.makedirs(os.path.expanduser('~/.acme'))",
            "IMP522",
            N,
            "makes the folder ~/.acme",
            id="a folder of settings",
        ),
        pytest.param("print('loaded')", "IMP523", W, "prints 'loaded'", id="a print"),
        pytest.param("import sys\nsys.stderr.write('loaded')", "IMP523", W, "prints 'loaded'", id="a word on stderr"),
        pytest.param(
            "import logging\nlogging.basicConfig(level=10)",
            "IMP524",
            W,
            "adds a StreamHandler to the root logger, sets the level of the root logger to DEBUG",
            id="logging",
        ),
        pytest.param(
            "import signal\nsignal.signal(signal.SIGTERM, print)",
            "IMP524",
            W,
            "sets what happens on SIGTERM",
            id="a signal handler",
        ),
        pytest.param("import os\nos.umask(0o077)", "IMP524", W, "sets the umask to 0o077", id="the umask"),
        pytest.param("import os\nos.chdir('/')", "IMP524", W, "sets the working directory to /", id="the cwd"),
        pytest.param(
            "import sys\nsys.setrecursionlimit(5000)",
            "IMP524",
            W,
            "sets the recursion limit to 5000",
            id="the recursion limit",
        ),
        pytest.param(
            "import os\nos.environ['PATH'] = '/'",
            "IMP524",
            W,
            "changes the environment variable PATH",
            id="a variable that was there",
        ),
        pytest.param(
            "import os\nos.environ['ACME'] = '1'",
            "IMP524",
            N,
            "sets the environment variable ACME",
            id="a variable of its own",
        ),
    ],
)
def test_what_an_import_should_not_do_is_found(
    env: Env, imports: Imports, source: str, code: str, level: Level, message: str
) -> None:
    expected = message.replace("{here}", str(env.site_packages)) + " when it is imported"
    assert effects(imports({"acme.py": source})) == [(code, level, expected)]


HARMLESS = {
    "a bound socket": "import socket\nwith socket.socket() as s:\n    s.bind(('127.0.0.1', 0))",
    "ldconfig, for a library": "import ctypes.util\nctypes.util.find_library('c')",
    "uname, for the processor": "import platform\nplatform.processor()",
    "a temporary file": "import tempfile\nwith tempfile.TemporaryFile(): pass",
    "a temporary folder": "import tempfile\nwith tempfile.TemporaryDirectory(): pass",
    "the null device": "open('/dev/null', 'w').close()",
    "a device that is kept open": "f = open('/dev/urandom', 'rb')",
    "a folder that is there": "import os\nos.makedirs(os.getcwd(), exist_ok=True)",
    "a thread that ends": "import threading\nthreading.Thread(target=threading.Event().wait, args=(0.05,)).start()",
    "the identities of threads": "import threading\nthreading._active[-1] = thread = threading.main_thread()\n"
    "thread._ident = -1",
    "its own logger": "import logging\nlogging.getLogger(__name__).addHandler(logging.StreamHandler())",
    "a handler that does nothing": "import logging\nlogging.root.addHandler(logging.NullHandler())",
    "a filter of warnings": "import warnings\nwarnings.filterwarnings('ignore')",
    "a file that is garbage": "x = [open(__file__)]\nx.append(x)\ndel x",
}


def test_what_an_import_may_do_passes(imports: Imports) -> None:
    modules = {f"acme/m{number}.py": source for number, source in enumerate(HARMLESS.values())}
    everything = "".join(f"from acme import m{number}\n" for number in range(len(HARMLESS)))
    checked = imports({"acme/__init__.py": everything, **modules})
    assert effects(checked) == []
    assert checked.detail == "acme from site-packages, no side effects"


MAPS = "import mmap, os\nfd = os.open(__file__, os.{})\ncode = mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.{})\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what is loaded")
@pytest.mark.parametrize(
    ("how", "protection", "is_left_open"),
    [
        pytest.param("O_RDONLY", "PROT_READ | mmap.PROT_EXEC", False, id="loaded code, as libffi has itself open"),
        pytest.param("O_RDWR", "PROT_READ | mmap.PROT_EXEC", True, id="code that can be written"),
        pytest.param("O_RDONLY", "PROT_READ", True, id="data"),
    ],
)
def test_a_library_that_is_loaded_may_be_open(
    imports: Imports, env: Env, how: str, protection: str, is_left_open: bool
) -> None:
    checked = imports({"acme.py": MAPS.format(how, protection)})
    left = ("IMP520", N, f"leaves {env.site_packages}/acme.py open (2 times) when it is imported")
    assert (left in effects(checked)) is is_left_open
    assert ("IMP520" in {found.code for found in checked.findings}) is is_left_open


def test_the_flags_of_an_open_file_count_only_without_a_mode(imports: Imports) -> None:
    """PyPy raises the event with a mode, and with flags that mean nothing."""
    assert effects(imports({"acme.py": "import sys\nsys.audit('open', __file__, 'r', 1)"})) == []
    (found,) = effects(imports({"acme.py": "import os, sys\nsys.audit('open', __file__, None, os.O_WRONLY)"}))
    assert (found[0], "writes" in found[2]) == ("IMP522", True)


def test_many_effects_are_one_finding(imports: Imports) -> None:
    source = "import os\n" + "".join(f"os.system('true {number}')\n" for number in range(5))
    message = "starts true 0, starts true 1, starts true 2 and 2 more when it is imported"
    assert effects(imports({"acme.py": source})) == [("IMP522", W, message)]


def test_an_effect_is_placed_where_the_package_causes_it(imports: Imports) -> None:
    files = {"acme/__init__.py": "\nfrom acme import a", "acme/a.py": "\n\nimport os\nos.system('true')"}
    (found,) = imports(files).findings
    assert (found.file, found.line) == (str(Path("acme", "a.py")), 4)


FOREIGN = {
    "acme/__init__.py": "import dep",
    "dep.py": "import logging, os\nlogging.basicConfig()\nos.system('true')\nopen(__file__ + '.log', 'w').close()",
}


def test_what_a_dependency_does_when_it_is_imported_is_a_note(env: Env, imports: Imports, tmp_path: Path) -> None:
    env.install(wheel(tmp_path, name="dep", files={"dep.py": FOREIGN["dep.py"]}))
    found = effects(imports({"acme/__init__.py": FOREIGN["acme/__init__.py"]}))
    log = env.site_packages / "dep.py.log"
    assert found == [
        ("IMP522", N, f"imports a dependency that starts true, writes {log} when imported"),
        ("IMP524", N, "imports a dependency that adds a StreamHandler to the root logger when imported"),
    ]


def test_what_a_dependency_does_because_the_package_asks_it_is_the_package_s_own(
    env: Env, imports: Imports, tmp_path: Path
) -> None:
    env.install(wheel(tmp_path, name="dep", files={"dep.py": "import os\ndef ask(): os.system('true')"}))
    checked = imports({"acme/__init__.py": "import dep\ndep.ask()"})
    assert effects(checked) == [("IMP522", W, "starts true when it is imported")]
    assert (checked.findings[0].file, checked.findings[0].line) == (str(Path("acme", "__init__.py")), 2)


def test_what_the_package_did_itself_stays_when_a_dependency_is_imported_first(
    env: Env, imports: Imports, tmp_path: Path
) -> None:
    env.install(wheel(tmp_path, name="dep", files={"dep.py": "print('dep')"}))
    checked = imports({"acme/__init__.py": "import dep\nimport os\nos.chdir('/')\nprint('acme')"})
    assert effects(checked) == [
        ("IMP523", W, "prints 'acme' when it is imported"),
        ("IMP524", W, "sets the working directory to / when it is imported"),
    ]


def test_what_cannot_be_told_apart_is_not_checked(env: Env, imports: Imports, tmp_path: Path) -> None:
    env.install(wheel(tmp_path, name="dep", files={"dep.py": ""}))
    refuses = "import sys\nassert 'dep' not in sys.modules\nimport dep\nprint('acme')"
    checked = imports({"acme/__init__.py": refuses})
    assert checked.findings == ()
    reason = "importing acme prints 'acme'; the cause is not known: it does not import again"
    assert ("IMP523", f"{reason} behind its dependencies") in checked.not_checked
    assert "IMP523" not in checked.codes
    assert "IMP522" in checked.codes


def test_what_only_a_secondary_top_level_does_is_not_looked_at(imports: Imports) -> None:
    assert effects(imports({"acme.py": "", "acme_pytest.py": "print('loaded')"})) == []


def test_an_import_that_breaks_what_would_tell_is_not_called_pure(imports: Imports) -> None:
    checked = imports({"acme.py": "import threading\nthreading.enumerate = None\n"})
    assert set(EFFECTS) & set(checked.codes) == set()
    assert ("IMP520", "importing acme broke the observation") in checked.not_checked
    assert checked.detail == "acme from site-packages"


def test_a_failed_import_is_not_called_pure(imports: Imports) -> None:
    checked = imports({"acme.py": "1/0"})
    assert ("IMP523", "nothing was imported") in checked.not_checked
    assert checked.detail == "nothing imports from site-packages"


def test_the_watch_works_on_the_oldest_python_that_is_supported(tmp_path: Path) -> None:
    env = Env(environment("3.9", tmp_path / "env"))
    source = "import socket, os\ns = socket.socket()\nos.system('true')\nprint('loaded')"
    subject = subject_of(env.install(wheel(tmp_path, files={"acme.py": source})))
    checked = installed.check_imports(subject, env.run, env.python, limit_s=30.0).checked
    assert [found.code for found in checked.findings] == ["IMP520", "IMP522", "IMP523"]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        pytest.param("import asyncio\nloop = asyncio.new_event_loop()", 3, id="an event loop"),
        pytest.param("f = open(__file__)\nf.close()", 0, id="what is closed again"),
        pytest.param("raise OSError", None, id="what does not import tells nothing"),
    ],
)
def test_the_descriptors_that_stay_open_are_counted_to_be_remembered(
    env: Env, tmp_path: Path, source: str, count: int | None
) -> None:
    subject = subject_of(env.install(wheel(tmp_path, files={"acme.py": source})))
    assert installed.check_imports(subject, env.run, env.python, limit_s=30.0).descriptors == count
