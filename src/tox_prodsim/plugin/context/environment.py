"""The folders and the variables that are the same for all commands of one environment, and how one is run there."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tox.execute.local_sub_process import LocalSubProcessExecuteInstance
from tox.execute.request import ExecuteRequest, StdinSource
from tox.tox_env.errors import Fail
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.deployment import LaunchContext
from tox_prodsim.deployment.environ import hidden_folders, production
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import fill
from tox_prodsim.model.runner import NO_VARIABLES, Completed
from tox_prodsim.model.scenario import Scenario
from tox_prodsim.plugin.paths import ledger_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Folders:
    """The private folders of one run, all below the environment's temporary folder.

    ``temporary`` is the TMPDIR of the deployment, ``smoke`` that of tox's commands: what these leave is not its leak.
    """

    scratch: Path
    probe: Path
    home: Path
    temporary: Path
    smoke: Path
    witness: Path
    snapshot: Path

    @classmethod
    def below(cls, folder: Path) -> Folders:
        """Return the folders, made and empty; the snapshot is made when it is taken."""
        names = ("scratch", "probe", "home", "smoke", "witness", "snapshot")
        made = {name: folder / name for name in names} | {"temporary": folder / "tmp"}
        for name in made.keys() - {"snapshot"}:
            made[name].mkdir(parents=True, exist_ok=True)
        return cls(**made)


class ProductionEnv:
    """What is the same for all commands of one environment: its folders and production's variables."""

    def __init__(self, tox_env: PythonRun, cancel: supervision.Cancel) -> None:
        self._env = tox_env
        self._variables = dict(tox_env.environment_variables)  # once: tox computes them, and helpers run in threads
        self.cancel = cancel
        self.folders = Folders.below(Path(tox_env.env_tmp_dir))
        scripts = {
            sysconfig.get_path("scripts"),
            str(Path(sys.executable).parent),
            str(Path(shutil.which("uv") or "").parent),
        }
        self._hidden = hidden_folders(scripts - {""}, os.environ)
        self.ledger = ledger_of(tox_env)
        self.hook = supervision.Hook(Path(tox_env.env_site_package_dir()), self.folders.witness)

    def environ(self, values: Mapping[str, str], temporary: Path | None = None) -> dict[str, str]:
        """Return production's variables with the placeholders of ``set_env`` filled."""
        variables = {name: fill(value, values) for name, value in self._variables.items()}
        folders = self.folders
        return production(
            variables,
            home=folders.home,
            temporary=temporary or folders.temporary,
            hidden=self._hidden,
            ambient=os.environ,
        )

    def smoke_environ(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of tox's commands: those of production, a TMPDIR of their own, and the hook."""
        return {**self.environ(values, self.folders.smoke), **self.hook.variables}

    def resolve(self, argv: Sequence[str], key: str) -> list[str]:
        """Return the command of a key with its executable found as tox finds those of ``commands``.

        Raises ProdsimError when there is none, and when ``allowlist_externals`` does not name it.
        """
        env = self.environ({})
        allow = [f"{glob.escape(str(self._env.env_bin_dir()))}{os.sep}*", *self._env.conf["allowlist_externals"]]
        request = ExecuteRequest(argv, self.cwd, env, StdinSource.OFF, key, allow)
        try:
            found: Sequence[str] = LocalSubProcessExecuteInstance(request, *_UNUSED).cmd
        except Fail as problem:
            raise ProdsimError(key, str(problem)) from problem
        if shutil.which(found[0], path=env["PATH"]) is None:
            msg = f"no command {argv[0]!r} in the environment; is it a script of a package that 'deps' should name?"
            raise ProdsimError(key, msg)
        return list(found)

    @property
    def cwd(self) -> Path:
        """Return the folder in which the deployment and the commands run."""
        return Path(self._env.conf["change_dir"])

    def place(self, folder: Path, scenario: Scenario, own_code: Sequence[str]) -> LaunchContext:
        """Return where a deployment runs; ``own_code`` are the names of the project's own modules and packages."""
        installed_in = Path(self._env.env_site_package_dir())
        code = [
            path for name in own_code for path in (installed_in / name, installed_in / f"{name}.py") if path.exists()
        ]
        return LaunchContext(
            scratch=self.folders.scratch,
            cwd=self.cwd,
            temporary=self.folders.temporary,
            snapshot=self.folders.snapshot,
            log=folder / "deploy.log",
            environ=self.environ,
            resolve=self.resolve,
            cancel=self.cancel,
            hook=self.hook,
            own_code=(*code, self.folders.scratch),
            ledger=self.ledger,
            containment=scenario.containment,
            allow_leaks=scenario.allow_leaks,
        )

    def helper(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        """Run a helper program as production would run a command, below a guard, away from the scratch folder.

        It writes no bytecode: the first start of the deployment is to find what the installer left.
        """
        folder, env = self.folders.probe, {**self.environ({}), "PYTHONDONTWRITEBYTECODE": "1", **variables}
        done = supervision.run(argv, cwd=folder, env=env, timeout_s=timeout_s, cancel=self.cancel, ledger=self.ledger)
        return supervision.outcome(done)


_UNUSED: tuple[Any, Any, Any] = (None, None, None)
"""Options and streams of an execution: only the command line of it is asked for."""
