"""All exceptions of the plugin. None is a finding about the package under test, and none is a bug of ours.

::

    Exception
    ├── ProdsimError            the request or the machine is wrong: one line that names the key
    │   ├── BuildError          a build back end failed
    │   └── RefusedFileError    a file is beyond what is read of one
    ├── Cancelled               the user or the CI system ended the run
    ├── ForeignFileError        an OSError: something else is in the place of a file of a run
    └── UnavailableError        something cannot be had or measured here; the text is the reason
        ├── AnswerError         the answer of a helper program is not one
        ├── CloneError          a second environment
        ├── ConfirmationError   a second measurement of a change
        ├── LimitExceededError  the result of a call that took too long or too much memory
        │   └── ExpressionLimitError   whether a regular expression matches
        ├── MeasurementError    a time
        │   └── SampleError     a time of one of several programs
        ├── LockError           the lock of an environment
        ├── LogVersionError     the event log of another version
        ├── NamespaceError      the network namespace of a process
        ├── PySpyRefusedError   the stacks of a process
        ├── RecordingError      the recording of an import
        ├── RestartError        a second start of the deployment
        ├── TreeUnavailableError   the wheel of the source tree
        │   └── NoTreeError     there is no source tree, or no repository
        ├── UnreadableElfError  the headers of an ELF file
        └── WheelUnavailableError  the wheel of another version
            └── ReleaseRefusedError  the index has another file than the baseline recorded
"""

from __future__ import annotations

import errno
from pathlib import Path


class ProdsimError(Exception):
    """The request or the machine is wrong: ``key`` names what to change, for example ``ready[1]``; one line."""

    def __init__(self, key: str, message: str) -> None:
        message = "\\n".join(message.splitlines())
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message

    def of_section(self, section: str) -> ProdsimError:
        """Return the same with the section in which the key is; empty: that of the environment."""
        return ProdsimError(f"{section} {self.key}", self.message) if section else self

    def __reduce__(self) -> tuple[type[ProdsimError], tuple[str, ...]]:
        """Return how another process makes it anew."""
        return type(self), (self.key, self.message)


class BuildError(ProdsimError):
    """A program of a build failed; ``output`` is all that it wrote."""

    def __init__(self, key: str, message: str, output: str) -> None:
        super().__init__(key, message)
        self.output = output

    def __reduce__(self) -> tuple[type[ProdsimError], tuple[str, ...]]:
        """Return how another process makes it anew."""
        return type(self), (self.key, self.message, self.output)


class RefusedFileError(ProdsimError):
    """A file is beyond what is read of one: ``code`` is that of the finding, and ``hint`` what to do about it."""

    def __init__(self, key: str, message: str, code: str, hint: str) -> None:
        super().__init__(key, message)
        self.code = code
        self.hint = hint

    def __reduce__(self) -> tuple[type[ProdsimError], tuple[str, ...]]:
        """Return how another process makes it anew."""
        return type(self), (self.key, self.message, self.code, self.hint)


class Cancelled(Exception):  # noqa: N818 - the documented name; nothing is in error
    """The user (or the CI system) asked to stop; raised out of every wait."""


class ForeignFileError(OSError):
    """Something other than a file or a folder of ours is in its place."""

    def __init__(self, path: Path, kind: str) -> None:
        self.kind = kind
        super().__init__(errno.EEXIST, f"{kind} is in the place of {path.name!r}, remove it", str(path))

    def __str__(self) -> str:
        return f"{self.filename}: {self.kind} is in its place, remove it"


class UnavailableError(Exception):
    """Something cannot be had or measured here; the text is the reason."""


class AnswerError(UnavailableError):
    """The answer of a helper program is missing, cut or not valid; the text follows the name of the program."""


class CloneError(UnavailableError):
    """There can be no second environment like this one."""


class ConfirmationError(UnavailableError):
    """Only the stored ratio is there to confirm a change against."""


class LockError(UnavailableError):
    """The file of the lock cannot be used; the text says why."""


class LimitExceededError(UnavailableError):
    """A call took longer, or needed more memory, than it may."""


class ExpressionLimitError(LimitExceededError):
    """The search for ``expression`` was ended."""

    def __init__(self, expression: str, reason: str) -> None:
        super().__init__(reason)
        self.expression = expression


class LogVersionError(UnavailableError):
    """The event log was recorded by another version of tox-prodsim, whose events have other fields."""


class MeasurementError(UnavailableError):
    """The program to time failed, or took too long."""


class SampleError(MeasurementError):
    """One of several programs that are timed in the same rounds failed, or took too long."""

    def __init__(self, message: str, job: str) -> None:
        """Take what happened, and the name of the one to which it happened."""
        super().__init__(message)
        self.job = job


class NamespaceError(UnavailableError):
    """The network namespace of the process may not be entered: that needs root."""


class PySpyRefusedError(UnavailableError):
    """The system does not let this user look into that process."""


class RecordingError(UnavailableError):
    """The import to record failed, or took too long."""


class RestartError(UnavailableError):
    """The deployment cannot be started again as it was before its first start."""


class TreeUnavailableError(UnavailableError):
    """The source tree builds no wheel, or cannot be copied."""


class NoTreeError(TreeUnavailableError):
    """There is no source tree, or no repository of it: nothing there could be checked."""


class UnreadableElfError(UnavailableError):
    """The file is not a complete ELF file."""


class WheelUnavailableError(UnavailableError):
    """The wheel of another version cannot be had."""


class ReleaseRefusedError(WheelUnavailableError):
    """The release of the index is not the file that the baseline recorded: it is neither installed nor run."""
