"""``python -m tox_prodsim supervise``: run a command so that nothing of it survives, with the exit codes of timeout(1).

The table of the codes, and what holds, is in docs/reference/supervise.md. Nothing here knows of tox.
"""

from __future__ import annotations

import argparse
import errno
import math
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn, get_args

from tox_prodsim import supervision
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import Cancelled, ProdsimError
from tox_prodsim.model.parsing import parse_signal
from tox_prodsim.model.printable import Printable
from tox_prodsim.model.secrets import redact
from tox_prodsim.supervision import KILL, Cancel, Cause, Ending, Process, Survivor

TIMED_OUT, FAILED, CANNOT_INVOKE, NOT_FOUND = 124, 125, 126, 127
LEFT_BEHIND = 123
_NAME = "tox-prodsim supervise"
_POLL_S = 0.1
_DRAIN_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class SuperviseRequest:
    """What to run, and until when."""

    command: tuple[str, ...]
    run_timeout_s: float | None
    """None: without limit."""
    idle_timeout_s: float | None
    """Seconds without output; None: without limit."""
    stop_signal: signal.Signals
    stop_timeout_s: float
    """Seconds from the stop signal to SIGKILL."""
    containment: supervision.ContainmentKind
    diagnose: bool
    """Whether a stopped command is diagnosed first."""
    fail_on_leak: bool
    ledger: Path | None
    """The folder in which the run is recorded; None: it is not."""


def main(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name, and return the exit code."""
    request = parse(arguments)
    try:
        with closing(Cancel()) as cancel:
            return Supervision(request, Interrupts(cancel), cancel).run()
    except ProdsimError as problem:
        report(str(problem))
    except Exception as problem:  # noqa: BLE001 - any error is one line and exit code 125, unlike the command's own end
        report(f"{type(problem).__name__}: {problem}")
    return FAILED


def diagnose(process: Process, cancel: Cancel) -> Iterable[str]:
    """Return where it hangs: what the kernel knows of its processes, and with py-spy the stacks of Python.

    A cancel ends the diagnosis early.
    """
    diagnosis = supervision.diagnose(process.tree(), hook=None, output=None, give_up=lambda: cancel.is_set)
    return supervision.summary(diagnosis)


def report(text: str) -> None:
    """Write one line to stderr, which may be closed."""
    line = Printable(getattr(sys.stderr, "encoding", None))(f"{_NAME}: {redact(text)}")
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the output of the command


class Supervision:
    """One command from its start to its end."""

    def __init__(self, request: SuperviseRequest, interrupts: Interrupts, cancel: Cancel) -> None:
        self._request = request
        self._interrupts = interrupts
        self._cancel = cancel
        self._outputs: list[Output] = []

    def run(self) -> int:
        """Run the command and return the exit code."""
        self._sweep()
        try:
            process = self._start()
        except Cancelled:
            return 128 + self._interrupts.first
        try:
            ending = self._supervise(process)
        finally:
            process.close()
        self._drain()
        for line in summary(self._request, ending):
            report(line)
        return exit_code(self._request, ending, self._interrupts.first)

    def _sweep(self) -> None:
        for swept in supervision.sweep(self._request.ledger) if self._request.ledger else ():
            names = ", ".join(f"pid {pid} ({command})" for pid, command in swept.killed) or "nothing"
            report(f"an earlier run ({swept.command or swept.tag}): {swept.reason}; killed: {names}")

    def _start(self) -> Process:
        """Start the command with our own stdin, stdout and stderr; through pipes if there is an idle timeout."""
        with ExitStack() as closing:
            if self._request.idle_timeout_s is not None:
                self._outputs = [Output(1), Output(2)]
            for output in self._outputs:
                closing.callback(os.close, output.write_end)
            stdout, stderr = [output.write_end for output in self._outputs] or (None, None)
            return supervision.start(
                self._request.command,
                cwd=Path.cwd(),
                env=os.environ,
                stdout=stdout,
                stderr=stderr,
                stdin_null=False,
                cancel=self._cancel,
                containment=self._request.containment,
                ledger=self._request.ledger,
            )

    def _supervise(self, process: Process) -> Ending:
        """Wait for the end of the command, or end it when a limit or the user says so."""
        request = self._request
        try:
            while (ending := process.wait(_POLL_S)) is None:
                if self._interrupts.take_pause():
                    self._pause()
                if process.main_exited():
                    continue  # what it left is being ended
                if supervision.clock.now() - process.spawned_at >= _or_never(request.run_timeout_s):
                    return self._end(process, f"timed out after {request.run_timeout_s:g} s")
                if self._idle_s() >= _or_never(request.idle_timeout_s):
                    return self._end(process, f"no output for {request.idle_timeout_s:g} s")
        except Cancelled:
            grace_s = min(request.stop_timeout_s, supervision.CANCEL_GRACE_S)
            return process.stop(request.stop_signal, grace_s)
        return ending

    def _end(self, process: Process, why: str) -> Ending:
        report(why)
        if self._request.diagnose:
            for line in diagnose(process, self._cancel):
                report(line)
        return process.stop(self._request.stop_signal, self._request.stop_timeout_s, cause=Cause.TIMED_OUT)

    def _idle_s(self) -> float:
        return min((output.idle_s() for output in self._outputs), default=0.0)

    def _pause(self) -> None:
        """Stop the command, the clock and ourselves as the terminal asked (Ctrl-Z), and go on together."""
        supervision.suspend()
        os.kill(os.getpid(), signal.SIGSTOP)
        supervision.resume()

    def _drain(self) -> None:
        """Pass on what the command has written; a process of others that holds the pipe is not waited for."""
        for output in self._outputs:
            while output.is_alive() and output.idle_s() < _DRAIN_S and not self._cancel.is_set:
                output.join(0.01)


class Interrupts:
    """SIGINT, SIGTERM and SIGHUP ask to end, the second one at once; SIGTSTP asks for a pause.

    A signal that is ignored stays so: nohup, and background jobs of a shell without job control.
    """

    def __init__(self, cancel: Cancel) -> None:
        self.first = 0
        self._cancel = cancel
        self._pause = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._end)
        if signal.getsignal(signal.SIGTSTP) is not signal.SIG_IGN:
            signal.signal(signal.SIGTSTP, self._suspend)

    def take_pause(self) -> bool:
        """Return whether a pause was asked for since the last call."""
        asked, self._pause = self._pause, False
        return asked

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._cancel.set(hard=bool(self.first))
        self.first = self.first or number

    def _suspend(self, _number: int, _frame: FrameType | None) -> None:
        self._pause = True


class Output(threading.Thread):
    """Passes what the command writes on to one of our files, and knows for how long it was silent."""

    def __init__(self, to: int) -> None:
        super().__init__(daemon=True)
        self._read_end, self.write_end = os.pipe()
        self._to = to
        self._silent_since: float | None = supervision.clock.now()
        self.start()

    def run(self) -> None:
        """Pass on until no process holds the write end; where our output is closed, the command gets SIGPIPE."""
        while chunk := os.read(self._read_end, 1 << 16):
            self._silent_since = None
            try:
                while chunk:
                    chunk = chunk[os.write(self._to, chunk) :]
            except OSError:
                break
            self._silent_since = supervision.clock.now()
        os.close(self._read_end)

    def idle_s(self) -> float:
        """Return for how long nothing was written; 0 while a slow reader holds us up."""
        since = self._silent_since
        return 0.0 if since is None else supervision.clock.now() - since


def exit_code(request: SuperviseRequest, ending: Ending, interrupt: int) -> int:
    """Return the exit code: that of timeout(1) where it has one for the case."""
    code = _code_of(request, ending, interrupt)
    if code == 0 and ending.unkillable:
        return FAILED
    return LEFT_BEHIND if code == 0 and ending.survivors and request.fail_on_leak else code


def _code_of(request: SuperviseRequest, ending: Ending, interrupt: int) -> int:
    match ending.cause:
        case Cause.TIMED_OUT:
            return 128 + KILL if ending.forced or request.stop_signal == KILL else TIMED_OUT
        case Cause.STOPPED:
            return 128 + interrupt
        case Cause.NOT_STARTED:
            return not_started(request.command[0], ending.error)
        case Cause.EXITED if ending.code is not None:
            return ending.code
        case Cause.SIGNALLED if ending.signal is not None:
            return 128 + ending.signal
    return FAILED


def not_started(command: str, error: str) -> int:
    """Return whether it was not found, is there and cannot be run, or the supervisor is to blame."""
    if not error.startswith(f"{command}: "):
        return FAILED
    return NOT_FOUND if os.strerror(errno.ENOENT) in error or "does not exist" in error else CANNOT_INVOKE


def summary(request: SuperviseRequest, ending: Ending) -> Iterable[str]:
    """Yield what is worth a line about an ending, beyond its exit code."""
    if ending.cause in {Cause.NOT_STARTED, Cause.LOST}:
        yield ending.error
    if ending.forced:
        yield f"it did not end in time after {request.stop_signal.name}, and was killed"
    if ending.survivors:
        yield f"left behind, and killed: {_format_survivors(ending.survivors)}"
    if ending.unkillable:
        yield f"cannot be killed, and still alive: {_format_survivors(ending.unkillable)}"


def _format_survivors(survivors: Sequence[Survivor]) -> str:
    return ", ".join(
        f"pid {each.pid} ({each.command})" + "".join(f" listening on {address}" for address in each.listens)
        for each in survivors
    )


def _or_never(limit_s: float | None) -> float:
    """Return a limit as a number."""
    return math.inf if limit_s is None else limit_s


_EXIT_CODES = f"""\
exit codes:
  {LEFT_BEHIND}    it ended with 0 and left processes behind (with --fail-on-leak)
  {TIMED_OUT}    it timed out
  {FAILED}    the supervisor itself failed, or the options are wrong
  {CANNOT_INVOKE}    the command is there and cannot be run
  {NOT_FOUND}    the command was not found
  137    it timed out and had to be killed
  128+N  the command died by signal N, or the supervisor was asked to end by it
  else   that of the command

example:
  python -m tox_prodsim supervise --run-timeout 30 -- make check"""


def _parser() -> Parser:
    parser = Parser(prog=f"python -m tox_prodsim {_NAME.split()[1]}", allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = "%(prog)s [options] -- COMMAND [ARGUMENT ...]"
    parser.description = "Run a command so that nothing of it survives, and end it in time."
    parser.epilog = _EXIT_CODES
    _add_limits(parser)
    _add_behavior(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _add_limits(parser: Parser) -> None:
    add = parser.add_argument
    add("--run-timeout", type=seconds, metavar="SECONDS", help="end it after that time (0: never, the default)")
    add("--idle-timeout", type=seconds, metavar="SECONDS", help="end it when it wrote nothing for so long (0: never)")
    add("--stop-signal", type=stop_signal, default="TERM", metavar="SIGNAL", help="how to ask it to end (TERM)")
    add("--stop-timeout", type=seconds, default=10.0, metavar="SECONDS", help="then it is killed (10)")


def _add_behavior(parser: Parser) -> None:
    add = parser.add_argument
    kinds = get_args(supervision.ContainmentKind)
    add("--containment", choices=kinds, default="auto", help="how to hold it together (auto)")
    add("--diagnose", action=argparse.BooleanOptionalAction, default=True, help="say what it does at a timeout")
    add("--fail-on-leak", action="store_true", help=f"exit with {LEFT_BEHIND} when it left processes behind")
    add("--ledger", type=Path, metavar="FOLDER", help="record it there, and first end what lost runs left behind")


def parse(arguments: Sequence[str]) -> SuperviseRequest:
    """Return what the arguments ask for; what is wrong ends the process with one line and exit code 125."""
    parser = _parser()
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command is given")
    return SuperviseRequest(
        command=tuple(command),
        run_timeout_s=options.run_timeout or None,
        idle_timeout_s=options.idle_timeout or None,
        stop_signal=options.stop_signal,
        stop_timeout_s=options.stop_timeout,
        containment=options.containment,
        diagnose=options.diagnose,
        fail_on_leak=options.fail_on_leak,
        ledger=options.ledger and options.ledger.absolute(),
    )


class Parser(argparse.ArgumentParser):
    """Answers a wrong option in one line."""

    def error(self, message: str) -> NoReturn:
        """End with one line and the exit code 125."""
        report(f"{message} (see --help)")
        sys.exit(FAILED)


def seconds(text: str) -> float:
    """Return a number of seconds; 0 and above."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return number


def stop_signal(text: str) -> signal.Signals:
    """Return the signal of a number, or of a name with SIG or without."""
    number = parse_signal(text)
    if number is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a signal")
    return number
