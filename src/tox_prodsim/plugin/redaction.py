"""Masks the secrets of one environment in all that is printed or kept of its run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from tox.tox_env.python.runner import PythonRun

from tox_prodsim.model import files
from tox_prodsim.model.printable import Printable
from tox_prodsim.model.scenario import Scenario
from tox_prodsim.model.secrets import Redactor

_COMMAND_KEYS = ("commands_pre", "commands", "commands_post")
_LONGEST_LINE = 1 << 16
_LARGEST_LOG = 1 << 28
"""Bytes of a log from which on it is not searched for secrets; its mode keeps others from reading it."""


def one_line(text: str, redactor: Redactor | None = None) -> str:
    """Return a message on one line: its secrets masked, its control characters escaped."""
    return Printable("utf-8")((redactor or Redactor())(text))


def redactor_of(tox_env: PythonRun, scenario: Scenario) -> Redactor:
    """Return what masks the secrets of the environment: in its variables, and in all commands of the run."""
    commands = [command.args for key in _COMMAND_KEYS for command in tox_env.conf[key]]
    variables = (deployment.set_env for deployment in scenario.deployments)
    return Redactor.of([*commands, *_commands_of(scenario)], [_variables(tox_env), *variables])


def _commands_of(scenario: Scenario) -> Iterator[Sequence[str]]:
    yield from (auditor.argv for auditor in scenario.audit)
    for deployment in scenario.deployments:
        yield deployment.argv
        yield from (str(source).split() for source in deployment.ready)
        yield deployment.drain


def _variables(tox_env: PythonRun) -> Mapping[str, str]:
    """Return the variables of the environment; a broken ``set_env`` is reported where tox needs it."""
    with contextlib.suppress(Exception):
        return dict(tox_env.environment_variables)
    return {}


def mask_logs(folder: Path, redactor: Redactor) -> None:
    """Mask the secrets in the logs of a run that is over; one that cannot be read or written is left as it is."""
    for log in sorted(folder.glob("*.log")):
        with contextlib.suppress(OSError):
            _mask(log, redactor)


def _mask(log: Path, redactor: Redactor) -> None:
    with files.open_regular(log) as file:
        if os.fstat(file.fileno()).st_size > _LARGEST_LOG:
            return
        if all(redactor.bytes(line) == line for line in _lines(file)):
            return
        file.seek(0)
        with files.atomic_write(log) as masked:
            masked.writelines(map(redactor.bytes, _lines(file)))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, in pieces where one is very long."""
    return iter(lambda: file.readline(_LONGEST_LINE), b"")
