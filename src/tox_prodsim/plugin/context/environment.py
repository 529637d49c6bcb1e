"""The folders and variables of all commands of one environment, and how a program is run there."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tox.execute.local_sub_process import LocalSubProcessExecuteInstance
from tox.execute.request import ExecuteRequest, StdinSource
from tox.tox_env.errors import Fail
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.deployment import LaunchContext
from tox_prodsim.deployment.environ import hidden_folders, production_variables
from tox_prodsim.model import files, services
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import fill
from tox_prodsim.model.runner import NO_VARIABLES, Completed
from tox_prodsim.model.scenario import Deployment, Scenario
from tox_prodsim.plugin.paths import ledger_of


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFolders:
    """The private folders of one run, all below the environment's temporary folder."""

    scratch: Path
    """The folder of the deployment's own files."""
    probe: Path
    """The working folder of helper programs."""
    home: Path
    """HOME of all commands."""
    temporary: Path
    """TMPDIR of the deployment."""
    smoke: Path
    """TMPDIR of tox's commands: what they leave there is not a leak of the deployment."""
    hook_records: Path
    """What the hook writes in Python processes."""
    snapshot: Path
    """A copy of the scratch folder from before the first start."""

    @classmethod
    def below(cls, folder: Path) -> RunFolders:
        """Return the folders, made and empty; the snapshot is made when it is taken."""
        names = ("scratch", "probe", "home", "smoke", "hook_records", "snapshot")
        paths = {name: folder / name for name in names} | {"temporary": folder / "tmp"}
        for name in paths.keys() - {"snapshot"}:
            files.folder(paths[name])
        return cls(**paths)


class ProductionEnv:
    """The folders and the variables that all commands of one environment share, those of several services as well."""

    def __init__(self, tox_env: PythonRun, workers: supervision.Workers, deployed: Sequence[Deployment] = ()) -> None:
        self._env = tox_env
        self._variables = dict(tox_env.environment_variables)  # once: tox computes them in one thread only
        self._stand_ins = services.stand_ins(deployment.name for deployment in deployed if deployment.name)
        self.cancel = workers.cancel
        self.workers = workers
        self.folders = RunFolders.below(Path(tox_env.env_tmp_dir))
        scripts = {
            sysconfig.get_path("scripts"),
            str(Path(sys.executable).parent),
            str(Path(shutil.which("uv") or "").parent),
        }
        self._hidden = hidden_folders(scripts - {""}, os.environ)
        self._ceilings = tuple(
            dict.fromkeys(
                form
                for folder in (tox_env.env_dir, tox_env.env_tmp_dir)
                for form in (Path(folder).parent, Path(folder).resolve().parent)
            )
        )
        self.ledger = ledger_of(tox_env)
        self.hook = supervision.Hook(Path(tox_env.env_site_package_dir()), self.folders.hook_records)

    def environ(self, values: Mapping[str, str], temporary: Path | None = None) -> dict[str, str]:
        """Return production's variables with the placeholders of ``set_env`` filled."""
        variables = {name: fill(value, values) for name, value in self._variables.items()}
        folders = self.folders
        return production_variables(
            variables,
            home=folders.home,
            temporary=temporary or folders.temporary,
            hidden=self._hidden,
            ambient=os.environ,
            ceilings=self._ceilings,
        )

    def smoke_environ(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of tox's commands: those of production, with a TMPDIR of their own, and the hook."""
        return {**self.environ(values, self.folders.smoke), **self.hook.variables}

    def resolve(self, argv: Sequence[str], key: str) -> list[str]:
        """Return the command of a key, with its executable as tox finds those of ``commands``.

        Raises ProdsimError when there is none, and when ``allowlist_externals`` does not name it.
        """
        env = self.environ({})
        allow = [f"{glob.escape(str(self._env.env_bin_dir()))}{os.sep}*", *self._env.conf["allowlist_externals"]]
        request = ExecuteRequest(argv, self.cwd, env, StdinSource.OFF, key, allow)
        try:
            command: Sequence[str] = LocalSubProcessExecuteInstance(request, *_UNUSED).cmd
        except Fail as problem:
            raise ProdsimError(key, str(problem)) from problem
        if shutil.which(command[0], path=env["PATH"]) is None:
            msg = f"no command {argv[0]!r} in the environment; is it a script of a package that 'deps' should name?"
            raise ProdsimError(key, msg)
        return list(command)

    @property
    def cwd(self) -> Path:
        """Return the folder in which the deployment and the commands run."""
        return Path(self._env.conf["change_dir"])

    def launch_context(self, folder: Path, scenario: Scenario, top_levels: Sequence[str]) -> LaunchContext:
        """Return where a deployment runs; ``top_levels`` are the names of the project's own modules and packages."""
        return LaunchContext(
            scratch=self.folders.scratch,
            cwd=self.cwd,
            temporary=self.folders.temporary,
            scratch_copy=self.folders.snapshot,
            log=folder / "deploy.log",
            environ=self.environ,
            resolve=self.resolve,
            cancel=self.cancel,
            hook=self.hook,
            own_code=(*self._installed_code(top_levels), self.folders.scratch),
            ledger=self.ledger,
            containment=scenario.containment,
            allow_leaks=scenario.allow_leaks,
            expressions=supervision.Expressions(self.workers),
        )

    def _installed_code(self, top_levels: Sequence[str]) -> Iterator[Path]:
        folder = Path(self._env.env_site_package_dir())
        candidates = (folder / name for each in top_levels for name in (each, f"{each}.py"))
        return (path for path in candidates if path.exists())

    def helper(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        """Run a helper program as production runs a command, under a guard, outside the scratch folder.

        It writes no bytecode, so that the first start of the deployment has only what the installer wrote. Variables
        that name the port of a service have some port: what is only imported may read it.
        """
        env = {**self.environ(self._stand_ins), "PYTHONDONTWRITEBYTECODE": "1", **variables}
        folder = self.folders.probe
        captured = supervision.run(
            argv, cwd=folder, env=env, timeout_s=timeout_s, cancel=self.cancel, ledger=self.ledger
        )
        return supervision.outcome(captured)


_UNUSED: tuple[Any, Any, Any] = (None, None, None)
"""The options and streams of an execution, of which only the command line is used."""
