"""Which installer is asked, and how: pip and uv answer the same questions in words of their own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from virtualenv.seed.wheels.embed import get_embed_wheel

from tox_prodsim.checks.resolution import pip, uv
from tox_prodsim.checks.resolution.answers import Answer, Unanswered
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.runner import Runner

_ANSWER_S = 10.0
"""What an installer may wait for one answer of the index: without retries, so that no network is found out quickly."""
_PLAIN = ("--no-input", "--no-color", "--disable-pip-version-check")
_QUICKLY = ("--retries", "0", "--timeout", f"{_ANSWER_S:g}", *_PLAIN)
_DRY_RUN = ("install", *_QUICKLY, "--progress-bar", "off", "--dry-run", "--ignore-installed")
_UV_VARIABLES = {"UV_HTTP_TIMEOUT": f"{_ANSWER_S:g}", "UV_HTTP_RETRIES": "0", "UV_NO_PROGRESS": "1"}
_UV_PLAIN = ("--no-header", "--no-annotate", "--color", "never")
_ONLY_WHEELS = ("--only-binary", ":all:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pip:
    """The pip in ``program``, run by the Python that it chooses for; the environment need not have any."""

    python: Path
    program: Path

    def resolve(self, requirements: Sequence[str], runner: Runner, folder: Path, *, limit_s: float) -> Answer:
        """Return what pip would install for these requirements, whatever is installed already."""
        give_up_at = time.monotonic() + limit_s
        answer = self._answer(requirements, runner, folder, limit_s=limit_s, logs=False)
        if answer is None:  # a log doubles what pip takes, and only why it refused has to be looked for there
            left_s = max(give_up_at - time.monotonic(), 0.1)
            answer = self._answer(requirements, runner, folder, limit_s=left_s, logs=True)
        return answer or Unanswered(reason="pip gives another answer when it is asked again")

    def _answer(
        self, requirements: Sequence[str], runner: Runner, folder: Path, *, limit_s: float, logs: bool
    ) -> Answer | None:
        """Return what pip says; None when it refuses and there is no log that would tell why."""
        with tempfile.TemporaryDirectory(dir=folder) as work:
            wanted, log, report = (Path(work, name) for name in ("wanted.txt", "log.txt", "report.json"))
            wanted.write_text("\n".join(requirements), encoding="utf-8")
            files = ("--report", str(report), "-r", str(wanted), *(("--log", str(log)) if logs else ()))
            ran = runner([*self._command, *_DRY_RUN, *files], timeout_s=limit_s)
            stderr = ran.stderr.decode(errors="replace")
            if ran.timed_out:
                return Unanswered(reason=f"pip came to no answer within {limit_s:.0f} s")
            if ran.returncode == 0 and report.exists():
                return pip.resolved(report.read_text(encoding="utf-8"), stderr)
            return pip.refused(log.read_text(encoding="utf-8", errors="replace"), stderr) if log.exists() else None

    def versions(self, name: str, runner: Runner, *, limit_s: float, only_wheels: bool) -> tuple[str, ...]:
        """Return the releases of a project that this Python could install; none, too, where there is no answer.

        Those that were yanked are not among them.
        """
        chosen = _ONLY_WHEELS if only_wheels else ()
        argv = [*self._command, "index", "versions", *_QUICKLY, *chosen, "--pre", "--json", name]
        ran = runner(argv, timeout_s=limit_s)
        return pip.versions(ran.stdout.decode(errors="replace")) if ran.returncode == 0 else ()

    @property
    def _command(self) -> tuple[str, ...]:
        return (str(self.python), "-I", str(self.program))


@dataclass(frozen=True, kw_only=True, slots=True)
class Uv:
    """The uv in ``program``, which chooses for ``python``."""

    python: Path
    program: Path

    def resolve(self, requirements: Sequence[str], runner: Runner, folder: Path, *, limit_s: float) -> Answer:
        """Return what uv would install for these requirements, whatever is installed already."""
        return self._compile(requirements, (), ("--format", "pylock.toml"), runner, folder, limit_s=limit_s)

    def lowest(
        self,
        requirements: Sequence[str],
        bounds: Sequence[str],
        runner: Runner,
        folder: Path,
        *,
        limit_s: float,
        only_wheels: bool,
    ) -> Answer:
        """Return what uv would install for the requirements at their lowest, with the rest within ``bounds``."""
        chosen = ("--format", "pylock.toml", "--resolution", "lowest-direct", *(_ONLY_WHEELS if only_wheels else ()))
        return self._compile(requirements, bounds, chosen, runner, folder, limit_s=limit_s)

    def _compile(
        self,
        requirements: Sequence[str],
        bounds: Sequence[str],
        options: Sequence[str],
        runner: Runner,
        folder: Path,
        *,
        limit_s: float,
    ) -> Answer:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            wanted, limits = Path(work, "wanted.in"), Path(work, "bounds.txt")
            wanted.write_text("\n".join(requirements), encoding="utf-8")
            limits.write_text("\n".join(bounds), encoding="utf-8")
            files = ("--python", str(self.python), "--constraint", str(limits), str(wanted))
            argv = [str(self.program), "pip", "compile", *_UV_PLAIN, *options, *files]
            ran = runner(argv, timeout_s=limit_s, variables=_UV_VARIABLES)
        stdout, stderr = ran.stdout.decode(errors="replace"), ran.stderr.decode(errors="replace")
        if ran.timed_out:
            return Unanswered(reason=f"uv came to no answer within {limit_s:.0f} s")
        return uv.resolved(stdout, stderr) if ran.returncode == 0 else uv.refused(stderr)


Installer = Pip | Uv


def pip_of_virtualenv(python: Path, version: str) -> Pip:
    """Return the pip that virtualenv brings along for Python ``version`` (``3.11``): a wheel that runs as it is.

    Raises ProdsimError when there is none.
    """
    found = get_embed_wheel("pip", version)
    if found is None:
        msg = f"virtualenv has no pip for Python {version}"
        raise ProdsimError("pip", msg)
    return Pip(python=python, program=found.path / "pip")
