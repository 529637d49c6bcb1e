"""The installers pip and uv: what they would install, without installing it."""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from virtualenv.seed.wheels.embed import get_embed_wheel

from tox_prodsim.checks.resolution import pip_output, uv_output
from tox_prodsim.checks.resolution.results import Resolution, Undetermined
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.runner import Runner

_INDEX_TIMEOUT_S = 10.0
"""The limit for one answer of the index; there are no retries, so that a missing network is found quickly."""
_PLAIN = ("--no-input", "--no-color", "--disable-pip-version-check")
_WITHOUT_RETRIES = ("--retries", "0", "--timeout", f"{_INDEX_TIMEOUT_S:g}", *_PLAIN)
_DRY_RUN = ("install", *_WITHOUT_RETRIES, "--progress-bar", "off", "--dry-run", "--ignore-installed")
_UV_VARIABLES = {"UV_HTTP_TIMEOUT": f"{_INDEX_TIMEOUT_S:g}", "UV_HTTP_RETRIES": "0", "UV_NO_PROGRESS": "1"}
_UV_PLAIN = ("--no-header", "--no-annotate", "--color", "never")
_FREE = "tox-prodsim-free-requirements"
"""The name of a wheel that is never installed."""
_ONLY_WHEELS = ("--only-binary", ":all:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pip:
    """The pip in ``program``, run by the ``python`` that it resolves for, which need not have a pip of its own."""

    python: Path
    program: Path

    def resolve(self, requirements: Sequence[str], runner: Runner, folder: Path, *, limit_s: float) -> Resolution:
        """Return what pip would install for these requirements, whatever is installed already."""
        end_at = time.monotonic() + limit_s
        result = self._resolve(requirements, runner, folder, limit_s=limit_s, logs=False)
        if result is None:  # a log doubles the time of pip, and is only needed for the reason of a failure
            left_s = max(end_at - time.monotonic(), 0.1)
            result = self._resolve(requirements, runner, folder, limit_s=left_s, logs=True)
        return result or Undetermined(reason="pip gives another answer when it is asked again")

    def _resolve(
        self, requirements: Sequence[str], runner: Runner, folder: Path, *, limit_s: float, logs: bool
    ) -> Resolution | None:
        """Return the result; None if pip fails and there is no log with the reason."""
        with tempfile.TemporaryDirectory(dir=folder) as work:
            file, log, report = (Path(work, name) for name in ("requirements.txt", "log.txt", "report.json"))
            file.write_text("\n".join(requirements), encoding="utf-8")
            files = ("--report", str(report), "-r", str(file), *(("--log", str(log)) if logs else ()))
            completed = runner([*self._command, *_DRY_RUN, *files], timeout_s=limit_s)
            stderr = completed.stderr.decode(errors="replace")
            if completed.timed_out:
                return Undetermined(reason=f"pip came to no answer within {limit_s:.0f} s")
            if completed.returncode == 0 and report.exists():
                return pip_output.parse_report(report.read_text(encoding="utf-8", errors="replace"), stderr)
            text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else None
            return pip_output.parse_log(text, stderr) if text is not None else None

    def versions(self, name: str, runner: Runner, *, limit_s: float, only_wheels: bool) -> tuple[str, ...]:
        """Return the releases of a project that this Python can install, except yanked ones; none if pip fails."""
        options = (*_WITHOUT_RETRIES, *(_ONLY_WHEELS if only_wheels else ()), "--pre", "--json")
        completed = runner([*self._command, "index", "versions", *options, name], timeout_s=limit_s)
        return pip_output.parse_versions(completed.stdout.decode(errors="replace")) if completed.returncode == 0 else ()

    @property
    def _command(self) -> tuple[str, ...]:
        return (str(self.python), "-I", str(self.program))


@dataclass(frozen=True, kw_only=True, slots=True)
class Uv:
    """The uv in ``program``, which resolves for ``python``."""

    python: Path
    program: Path

    def resolve(self, requirements: Sequence[str], runner: Runner, folder: Path, *, limit_s: float) -> Resolution:
        """Return what uv would install for these requirements, whatever is installed already."""
        return self._compile(requirements, (), ("--format", "pylock.toml"), runner, folder, limit_s=limit_s)

    def resolve_lowest(
        self,
        requirements: Sequence[str],
        free: Sequence[str],
        runner: Runner,
        folder: Path,
        *,
        limit_s: float,
        only_wheels: Sequence[str],
    ) -> Resolution:
        """Return what uv would install for the lowest versions of the requirements that fit to the ``free`` ones.

        ``only_wheels`` are the projects of which no sdist is taken.
        """
        wheels = (option for name in only_wheels for option in ("--only-binary", name))
        options = ("--format", "pylock.toml", "--resolution", "lowest-direct", *wheels)
        return self._compile(requirements, free, options, runner, folder, limit_s=limit_s)

    def _compile(
        self,
        requirements: Sequence[str],
        free: Sequence[str],
        options: Sequence[str],
        runner: Runner,
        folder: Path,
        *,
        limit_s: float,
    ) -> Resolution:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            file = Path(work, "requirements.in")
            added = (f"--find-links {work}", _write_wheel(Path(work), free)) if free else ()
            file.write_text("\n".join([*added, *requirements]), encoding="utf-8")
            argv = [str(self.program), "pip", "compile", *_UV_PLAIN, *options, "--python", str(self.python), str(file)]
            completed = runner(argv, timeout_s=limit_s, variables=_UV_VARIABLES)
        stdout, stderr = completed.stdout.decode(errors="replace"), completed.stderr.decode(errors="replace")
        if completed.timed_out:
            return Undetermined(reason=f"uv came to no answer within {limit_s:.0f} s")
        return uv_output.parse_lock(stdout, stderr) if completed.returncode == 0 else uv_output.parse_error(stderr)


def _write_wheel(folder: Path, requires: Sequence[str]) -> str:
    """Write a wheel that requires these, and return its name: uv does not lower what is not required directly."""
    metadata = "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(folder / f"{_FREE.replace('-', '_')}-0-py3-none-any.whl", "w") as archive:
        info = f"{_FREE.replace('-', '_')}-0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {_FREE}\nVersion: 0\n{metadata}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{_FREE}==0"


Installer = Pip | Uv


def pip_of_virtualenv(python: Path, version: str) -> Pip:
    """Return the pip that virtualenv includes for Python ``version`` (``3.11``): a wheel that runs uninstalled.

    Raises ProdsimError when there is none.
    """
    found = get_embed_wheel("pip", version)
    if found is None:
        msg = f"virtualenv has no pip for Python {version}"
        raise ProdsimError("pip", msg)
    return Pip(python=python, program=found.path / "pip")
