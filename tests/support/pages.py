"""A page of the documentation, followed as a reader follows it: its files are written, its commands are typed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w./-]+\.\w+)\n")
_KEPT = ("PIP_", "UV_", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy", "LANG", "LC_", "TMPDIR", "TZ")
"""Beginnings of the names of variables that the reader has too."""
_LIMIT_S = 600


@dataclass(frozen=True)
class File:
    """A file that the reader writes: a block whose first line names it."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command that the reader types, and the lines that the page shows of its output; ``…`` stands for any lines."""

    line: str
    shown: tuple[str, ...]


def steps(page: Path) -> Iterator[File | Command]:
    """Yield what a page tells its reader to do, in order."""
    for language, text in _BLOCK.findall(page.read_text("utf-8")):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, *shown = part.splitlines()
                yield Command(line, tuple(shown))
        elif match := _FILE.match(text):
            yield File(match[1], text[match.end() :])


def follow(page: Path, folder: Path, links: Path) -> None:
    """Do what a page says, in an empty folder and in one shell; ``links`` has the wheel of this plugin."""
    script = folder.parent / "session.sh"
    lines = ["exec 2>&1", f"cd {folder}"]
    commands = []
    for number, step in enumerate(steps(page)):
        match step:
            case File(name, text):
                source = folder.parent / f"file-{number}"
                source.write_text(text, "utf-8")
                lines.append(f"mkdir -p $(dirname {name}) && cp {source} {name}")
            case Command(line, _):
                commands.append(step)
                lines += [line, 'echo "@@@ $?"']
    script.write_text("\n".join(lines) + "\n", "utf-8")
    ran = subprocess.run(
        ["bash", str(script)],
        cwd=folder,
        env=_reader(folder.parent, links),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=_LIMIT_S,
        check=False,
    )
    outputs = re.split(r"^@@@ (\d+)\n", ran.stdout.decode(errors="replace"), flags=re.MULTILINE)
    assert len(outputs) == 2 * len(commands) + 1, outputs[-1]
    for command, output, code in zip(commands, outputs[::2], outputs[1::2], strict=False):
        _compare(command, output, int(code))


def _reader(home: Path, links: Path) -> dict[str, str]:
    """Return the environment of a reader: no tox, no virtual environment, no CI system."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
    path = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])
    return {**kept, "PATH": path, "HOME": str(home), "PIP_FIND_LINKS": str(links), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _compare(command: Command, output: str, code: int) -> None:
    """Fail when the output has not the lines that are shown, in their order, or the command ends otherwise."""
    assert (code != 0) is any("FAIL" in line for line in command.shown), f"{command.line}\n{output}"
    lines = [masked(line) for line in output.splitlines()]
    at = 0
    for line in map(masked, command.shown):
        if line == "…":
            continue
        found = next((number for number in range(at, len(lines)) if lines[number].startswith(line)), None)
        assert found is not None, f"{command.line}: the page shows {line!r}\n{output}"
        at = found + 1


def masked(line: str) -> str:
    """Return a line without what differs between two runs and two machines."""
    return " ".join(re.sub(r"<?(?<![A-Za-z\d])\d[\d.]*( (ms|s)\b)?", "#", line).split())
