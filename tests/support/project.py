"""A project in a folder, and tox run on it as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from support.wheels import wheel

LIMIT_S = 240.0
"""After this a run of tox hangs; nothing here takes a tenth of it on an idle machine."""
JOB_VARIABLES = (
    "GITHUB_ACTIONS",
    "GITHUB_WORKSPACE",
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
    "GITLAB_CI",
    "CI_PROJECT_DIR",
)
"""With them a run reports to its CI job: no test does that unless it means to."""
PLAIN, UV = "virtualenv", "uv"


@dataclass
class Result:
    """What tox said and how it ended."""

    code: int
    out: str
    seconds: float

    def passed(self) -> Result:
        assert self.code == 0, self.out
        assert "internal error" not in self.out, self.out
        return self

    def failed(self) -> Result:
        assert self.code != 0, self.out
        assert "internal error" not in self.out, self.out
        assert not re.search("^Traceback", self.out, re.MULTILINE), self.out
        return self


@dataclass
class Running:
    """A tox that was started and is still running; its output goes to a file."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def out(self) -> str:
        return self.output.read_text(errors="replace")

    def until(self, text: str, limit_s: float = 120.0) -> Running:
        """Wait until the output has the text."""
        give_up_at = time.monotonic() + limit_s
        while text not in self.out:
            assert self.process.poll() is None, f"ended before {text!r}:\n{self.out}"
            assert time.monotonic() < give_up_at, f"{text!r} did not come:\n{self.out}"
            time.sleep(0.02)
        return self

    def send(self, number: signal.Signals) -> Running:
        self.process.send_signal(number)
        return self

    def send_group(self, number: signal.Signals) -> Running:
        os.killpg(self.process.pid, number)
        return self

    def end(self, limit_s: float = 60.0) -> Result:
        began = time.monotonic()
        code = self.process.wait(limit_s)
        return Result(code=code, out=self.out, seconds=time.monotonic() - began)


@dataclass
class Project:
    """A folder with a project; ``tag`` is a word to put on command lines, by which processes are found again."""

    folder: Path
    installer: str = PLAIN
    tag: str = field(default_factory=lambda: f"tag-{uuid.uuid4().hex}")
    env: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def wheel(self, **options: Any) -> Path:
        """Make a little wheel (see ``wheels.wheel``) in ``dist/``, for ``--installpkg``."""
        (self.folder / "dist").mkdir(exist_ok=True)
        return wheel(self.folder / "dist", **options)

    def tox(self, *arguments: str | Path, env: Mapping[str, str] | None = None, limit_s: float = LIMIT_S) -> Result:
        """Run tox to its end; every argument but the first word is the user's."""
        return self._ended(self._command(arguments), self._environ(env), limit_s)

    def shell(self, line: str, *, env: Mapping[str, str] | None = None, limit_s: float = LIMIT_S) -> Result:
        """Run a line as a user types it, with tox and Python of this environment on PATH."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return self._ended(["bash", "-c", line], self._environ({"PATH": path, **(env or {})}), limit_s)

    def _ended(self, command: list[str], environ: Mapping[str, str], limit_s: float) -> Result:
        began = time.monotonic()
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
        return Result(code=ran.returncode, out=ran.stdout.decode(errors="replace"), seconds=time.monotonic() - began)

    def prodsim(self, *arguments: str | Path, **options: Any) -> Result:
        return self.tox("run", "-e", "prodsim", *arguments, **options)

    def start(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Running:
        """Start tox in a session of its own, as a terminal or a CI system would."""
        output = self.folder / f"output-{uuid.uuid4().hex[:8]}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                self._command(arguments),
                cwd=self.folder,
                env=self._environ(env),
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        running = Running(process=process, output=output)
        started.append(running)
        return running

    def piped(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start tox with its output in a pipe, which the caller reads, and ends."""
        command, environ = self._command(arguments), self._environ(None)
        return subprocess.Popen(
            command, cwd=self.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def report(self, env_name: str = "prodsim") -> dict[str, Any]:
        """Return report.json of the last run."""
        path = self.folder / ".tox" / env_name / "prodsim" / "report.json"
        document: dict[str, Any] = json.loads(path.read_text())
        return document

    def codes(self, env_name: str = "prodsim", *, of_the_machine: bool = False) -> list[str]:
        """Return the codes of the findings of the last run, sorted, each once; see ``findings``."""
        return sorted({finding["code"] for finding in self.findings(env_name, of_the_machine=of_the_machine)})

    def accused(self, env_name: str = "prodsim") -> list[str]:
        """Return the codes of errors and warnings of the last run, sorted, each once; see ``findings``."""
        return sorted({finding["code"] for finding in self.findings(env_name) if finding["level"] != "note"})

    def findings(self, env_name: str = "prodsim", *, of_the_machine: bool = False) -> list[dict[str, Any]]:
        """Return the findings of the last run: of shared memory, which is the machine's, only when that is meant.

        Tests that run beside this one make some, on purpose.
        """
        findings = self.report(env_name)["findings"]
        return [finding for finding in findings if of_the_machine or finding["code"] != "RUN625"]

    def left(self) -> list[str]:
        """Return the command lines of all processes of this machine that carry the tag."""
        return [command for command in _command_lines() if self.tag in command]

    def gone(self, limit_s: float = 10.0) -> None:
        """Assert that within the limit no process with the tag is left."""
        give_up_at = time.monotonic() + limit_s
        while left := self.left():
            assert time.monotonic() < give_up_at, left
            time.sleep(0.05)

    @staticmethod
    def _command(arguments: tuple[str | Path, ...]) -> list[str]:
        return [sys.executable, "-m", "tox", *map(str, arguments)]

    def _environ(self, more: Mapping[str, str] | None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOX_", "__TOX", "PYTHON"))}
        for name in ("CI", *JOB_VARIABLES, "VIRTUAL_ENV", "NO_COLOR", "FORCE_COLOR"):
            kept.pop(name, None)
        if self.installer == PLAIN:
            kept["TOX_DISABLED_EXTERNAL_PLUGINS"] = "tox-uv"
        return {**kept, **self.env, **(more or {})}


started: list[Running] = []


def _command_lines() -> Iterator[str]:
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                yield " ".join(process.cmdline())
            elif process.num_threads() > 1:  # its first thread alone has ended
                yield from (" ".join(psutil.Process(each.id).cmdline()) for each in process.threads()[1:])
        except psutil.Error:
            continue
