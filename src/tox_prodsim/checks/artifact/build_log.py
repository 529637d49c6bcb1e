"""The output of a build back end that failed: the error in one phrase, its place, and the lines that show it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from itertools import dropwhile, takewhile
from pathlib import Path, PurePath

from tox_prodsim.checks.artifact import tool_errors
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.regex import lazy_regex

_FRAME = lazy_regex(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_ERROR = lazy_regex(
    r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Failed|NotFound|Failure)|Exception): ?(?P<text>.*)$"
)
_ABSENT = lazy_regex(r"\[Errno 2\][^']*'(?P<file>[^']+)'")
_ABSENT_MODULE = lazy_regex(r"ModuleNotFoundError: No module named '(?P<name>[^']+)'")
_OWN_ABSENT = lazy_regex(r"FileNotFoundError '(?!/)")
_STARTS_PROGRAM = lazy_regex(r'^  File ".*subprocess\.py", line \d+, in _execute_child$')
_PROTOCOL = lazy_regex(r"^(Backend: |started backend |failed to start backend)")
_EXEC = lazy_regex(
    r'build_meta\.py", line \d+, in run_setup(?:\n(?!  File).*)*\n  File "<string>"'
    r'(?!, line 1, in <module>\n  File "[^"]*setuptools/__init__\.py")'
)
"""setuptools reads setup.py and executes it without its name; where there is none, it executes one line of its own."""
_OF_IMPORTLIB = lazy_regex(r'^  File "<frozen importlib')
_ESCAPE = lazy_regex(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""What colors a terminal."""
NOT_STARTED = "FailedToStart"
"""What tox says of a back end that cannot be imported: the reason is in its output, if that was read in time."""
NO_BACKEND = "the build back end cannot be imported"
_PROGRAM_FAILED = {"SystemExit", "CompileError", "LinkError", "LibError", "ExecError", "DistutilsExecError"}
_PROGRAM_FAILED |= {"CalledProcessError", "FailedLiveProcessError"}
_SAYS_FAILED = lazy_regex(r"\b(?:fail(?:s|ed|ure)|non-?zero|exit (?:status|code)|error code|returned)\b", re.IGNORECASE)
_ERROR_LIMIT = 300
_LINES_OF_MESSAGE = 6
_LINES_SHOWN = 20
_LINES_ELSEWHERE = 6
"""This many lines are shown of a traceback that is outside of the sources."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Raised:
    """The exception that ended a back end."""

    name: str
    message: str

    @property
    def is_of_a_program(self) -> bool:
        """Return whether it only says that a program failed, which has given its own reason."""
        if self.name in {"FileNotFoundError", "ModuleNotFoundError", "ImportError"}:
            return False
        return self.name in _PROGRAM_FAILED or _SAYS_FAILED.search(self.message) is not None

    def __str__(self) -> str:
        named = self.name if self.name != "SystemExit" or self.message.isdigit() else ""
        return f"{named}: {self.message}".strip(": ")


def build_error(output: str, source: Path, *, exception: str = "", message: str = "") -> str:
    """Return the error and the place, such as ``FileNotFoundError 'LICENSE' (setup.py:16)``.

    It is that of the compiler, if the back end only says that this failed. ``source`` is the folder that was built,
    or its name, if it is not known where it was; ``exception`` and ``message`` are the error, if that is known
    separately.
    """
    lines = _lines(output)
    raised = _Raised(name=exception, message=message) if exception.isidentifier() else None
    if raised is None or exception == NOT_STARTED:
        raised = _last_raised(lines)
    if exception == NOT_STARTED and raised is None:
        return NO_BACKEND
    tool = tool_errors.first_error(lines, partial(_path_in, source))
    if tool is not None and (raised is None or raised.is_of_a_program):
        place = f"{_path_in(source, tool.file) or tool.file}:{tool.line}".removesuffix(":0")
        return _with_place(tool.text, place if tool.file else "")
    error = str(raised or (lines[-1].strip() if lines else "no reason was given"))
    if raised is not None and (absent := _ABSENT.search(raised.message)):
        is_program = any(map(_STARTS_PROGRAM.match, lines))
        absence = f"{_path_in(source, absent['file']) or absent['file']!r}"
        error = f"{raised.name}: no program {absence}" if is_program else f"{raised.name} {absence}"
    return _with_place(error, _place(lines, source))


def _with_place(error: str, place: str) -> str:
    short = shortened(error, _ERROR_LIMIT).removesuffix(".")
    return f"{short} ({place})" if place else short


def _last_raised(lines: tuple[str, ...]) -> _Raised | None:
    """Return the last exception in the output, with the lines of its message; None: there is none."""
    for at in range(len(lines) - 1, -1, -1):
        if found := _ERROR.match(lines[at].strip()):
            message = [found["text"], *lines[at + 1 : at + _LINES_OF_MESSAGE]]
            return _Raised(name=found["kind"].rpartition(".")[2], message="\n".join(message))
    return None


def error_lines(output: str, source: Path) -> tuple[str, ...]:
    """Return the lines that show the error: those of a compiler, or the traceback from the sources on."""
    lines = _lines(output)
    raised, tool = _last_raised(lines), tool_errors.first_error(lines, partial(_path_in, source))
    if tool is not None and (raised is None or raised.is_of_a_program):
        shown = lines[tool.at : tool.at + _LINES_SHOWN]
        return tuple(takewhile(lambda line: not line.startswith("Traceback"), shown))
    last = max((at for at, line in enumerate(lines) if line.startswith("Traceback")), default=-1)
    inside = (at for at, line in enumerate(lines) if at > last and _place_of_frame(line, source))
    return lines[next(inside, max(last + 1, len(lines) - _LINES_ELSEWHERE)) :][-_LINES_SHOWN:]


def readable(output: str) -> str:
    """Return the output of a back end without colors, and without the messages between tox and the back end."""
    lines = _ESCAPE.sub("", output).splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines if not _PROTOCOL.match(line))


def _lines(output: str) -> tuple[str, ...]:
    """Return the lines with text, without those of the import system; setup.py has its name."""
    text = readable(output)
    named = text.replace('File "<string>"', 'File "setup.py"') if _EXEC.search(text) else text
    return tuple(line for line in named.splitlines() if line.strip() and not _OF_IMPORTLIB.match(line))


def is_absent_file(error: str) -> bool:
    """Return whether the error is a file of the project that was not found, and not a program or a file elsewhere."""
    return _OWN_ABSENT.match(error) is not None


def absent_module(error: str) -> str:
    """Return the name of the module that was not found; nothing for any other error."""
    match = _ABSENT_MODULE.match(error)
    return match["name"] if match else ""


def _place(lines: Iterable[str], source: Path) -> str:
    """Return the deepest line of the last traceback that is in the sources."""
    place = ""
    for line in lines:
        if line.startswith("Traceback"):
            place = ""
        place = _place_of_frame(line, source) or place
    return place


def _place_of_frame(line: str, source: Path) -> str:
    """Return the place in a line of a traceback, such as ``setup.py:16``; nothing if it is outside of the sources."""
    frame = _FRAME.match(line)
    file = _path_in(source, frame["file"]) if frame else ""
    return f"{file}:{frame['line']}" if frame and file else ""


def _path_in(source: Path, file: str) -> str:
    """Return the path of a file relative to the sources; nothing for a file that is elsewhere."""
    path = PurePath(file)
    if file.startswith("<"):
        return ""
    if not path.is_absolute():
        inner = list(
            dropwhile(lambda part: part == "..", path.parts)
        )  # the folder of a build is in that of its sources
        return str(PurePath(*inner)) if inner else ""
    if source.is_absolute():
        return str(path.relative_to(source)) if path.is_relative_to(source) else ""
    return file.partition(f"/{source}/")[2]
