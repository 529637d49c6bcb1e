"""A little application with a dependency, in environments of real interpreters, and what is done to it to slow it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.wheels import Env, wheel

LOOP = "total = 0\nfor number in range(60_000):\n    total += number * number\n"
APP = {
    "app/__init__.py": "from app import core\n",
    "app/core.py": "import json\nimport kit\nfrom app import store\n",
    "app/store.py": "import decimal\n\nTABLE = {number: str(number) for number in range(500)}\n",
}
KIT = {"kit/__init__.py": "import dataclasses\nfrom kit import parts\n", "kit/parts.py": "import string\n"}
HEAVY = {"heavy/__init__.py": "from heavy import body\n", "heavy/body.py": "import fractions\n" + LOOP}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is done to the files of ``app`` and ``kit``, and what is to be said: kind, module, and where it is imported.

    An empty ``kind`` says that nothing is to be said; ``file`` is that of the module.
    """

    app: Mapping[str, str]
    kit: Mapping[str, str]
    kit_version: str = "1.0"
    kind: str = ""
    module: str = ""
    at: str = ""
    file: str = ""


def changed(kind: str = "", module: str = "", at: str = "", file: str = "", **edits: str) -> Change:
    """Return the change that puts text before a file (``app_core``) of the application, or of ``kit`` 1.1."""
    paths = {name: name.replace("_", "/", 1) + ".py" for name in edits}
    paths = {name: path.replace("/init.py", "/__init__.py") for name, path in paths.items()}
    app = APP | {path: edits[name] + APP.get(path, "") for name, path in paths.items() if path.startswith("app/")}
    kit = KIT | {path: edits[name] + KIT.get(path, "") for name, path in paths.items() if path.startswith("kit/")}
    version = "1.0" if kit == KIT else "1.1"
    return Change(app=app, kit=kit, kit_version=version, kind=kind, module=module, at=at, file=file)


CHANGES = {
    "an identical copy": changed(),
    "a new import": changed("new", "heavy", "app/core.py:1", "heavy/__init__.py", app_core="import heavy\n"),
    "a new import of the project's own": changed(
        "new", "app.tables", "app/core.py:1", "app/tables.py", app_core="from app import tables\n", app_tables=LOOP
    ),
    "a new import behind a thin one": changed(
        "new",
        "heavy",
        "app/report.py:1",
        "heavy/__init__.py",
        app_core="from app import report\n",
        app_report="import heavy\n",
    ),
    "a package and its module": changed(
        "new", "heavy.body", "app/store.py:1", "heavy/body.py", app_store="import heavy.body\n"
    ),
    "a plugin by importlib.import_module": changed(
        "new",
        "heavy",
        "app/core.py:3",
        "heavy/__init__.py",
        app_core="import importlib\nfor name in ['heavy']:\n    importlib.import_module(name)\n",
    ),
    "an import in a function of another module": changed(
        "new",
        "heavy",
        "app/loader.py:3",
        "heavy/__init__.py",
        app_core="from app import loader\nloader.load('heavy')\n",
        app_loader="import importlib\ndef load(name):\n    importlib.import_module(name)\n",
    ),
    "a slower body": changed("more work", "app.store", "app/core.py:3", "app/store.py", app_store=LOOP),
    "a little slower body": changed(
        "more work", "app.store", "app/core.py:3", "app/store.py", app_store="sum(n for n in range(500))\n"
    ),
    "a sleep": changed(
        "I/O or waiting", "app.store", "app/core.py:3", "app/store.py", app_store="import time\ntime.sleep(0.02)\n"
    ),
    "native code": changed(
        "native code",
        "app.store",
        "app/core.py:4",
        "app/store.py",
        app_core="import hashlib\n",
        app_store="import hashlib\nhashlib.pbkdf2_hmac('sha256', b'a', b'b', 30_000)\n",
    ),
    "a dependency that does more": changed(
        "more work", "kit.parts", "kit/__init__.py:2", "kit/parts.py", kit_parts=LOOP
    ),
    "a dependency that imports more": changed(
        "new", "heavy", "kit/parts.py:1", "heavy/__init__.py", kit_parts="import heavy\n"
    ),
}


@cache
def interpreters() -> Mapping[str, str]:
    """Return the interpreters that are here, by version."""
    return dict(_interpreters())


def _interpreters() -> Iterator[tuple[str, str]]:
    ask = "import sys; print('%d.%d' % sys.version_info[:2], getattr(sys, '_base_executable', sys.executable))"
    yield "{}.{}".format(*sys.version_info[:2]), getattr(sys, "_base_executable", sys.executable)
    for version in ("3.9", "3.11", "3.12", "3.13"):
        found = shutil.which(f"python{version}")
        if found and version != "{}.{}".format(*sys.version_info[:2]):
            told = subprocess.run([found, "-I", "-c", ask], capture_output=True, text=True, check=False)
            if told.returncode == 0 and told.stdout.split()[0] == version:
                yield version, told.stdout.split()[1]


def environment(folder: Path, change: Change, base: str = sys.executable) -> Env:
    """Make the environment with this application, its dependency and the heavy one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([base, "-I", "-m", "venv", "--without-pip", str(folder)], check=True)
    env = Env(folder)
    env.install(wheel(folder, name="app", files=change.app))
    env.install(wheel(folder, name="kit", version=change.kit_version, files=change.kit))
    env.install(wheel(folder, name="heavy", version="3.1", files=HEAVY))
    return env
