"""Programs that run under supervision in an environment with the hook."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from support.pythons import site_packages
from tox_prodsim.supervision import Diagnosis, Hook, Process, diagnose, start


class HookedPrograms:
    """An environment with the hook, and the programs that run in it."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.folder = folder
        self.python = environment / "bin" / "python"
        self.hook = Hook(site_packages(environment), folder / "hook")
        self.hook.install()
        self.started: dict[str, Process] = {}

    def start(self, name: str, program: str, *options: str) -> Process:
        """Start a program under supervision, in a folder of its own."""
        place = self.place(name)
        place.mkdir()
        (place / "hang.py").write_text(program)
        with (place / "output").open("wb") as output:
            self.started[name] = start(
                [str(self.python), *options, "hang.py"],
                cwd=place,
                env={**os.environ, **self.hook.variables, "HANG_READY": str(place / "ready")},
                stdout=output.fileno(),
                stderr=output.fileno(),
            )
        return self.started[name]

    def place(self, name: str) -> Path:
        return self.folder / name.replace(" ", "-").replace(":", "")

    def wait_ready(self, *names: str) -> None:
        for name in names or self.started:
            ready = self.place(name) / "ready"
            assert wait_for(ready.exists), (self.place(name) / "output").read_text()
        time.sleep(0.1)  # from being ready to the call that hangs

    def diagnose(
        self,
        name: str,
        *,
        py_spy: str | None = None,
        limit_s: float = 2.0,
        give_up: Callable[[], bool] = lambda: False,
    ) -> Diagnosis:
        tree, output = self.started[name].tree(), self.place(name) / "output"
        return diagnose(tree, hook=self.hook, output=output, py_spy=py_spy, limit_s=limit_s, give_up=give_up)

    def close(self) -> None:
        for process in self.started.values():
            process.close()
        self.hook.remove()


def wait_for(what: Callable[[], bool], limit_s: float = 20.0) -> bool:
    end = time.monotonic() + limit_s
    while not what() and time.monotonic() < end:
        time.sleep(0.005)
    return what()
