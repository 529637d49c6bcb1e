"""Processes that a program has left running: which of them are reported, and in which words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.formatting import counted, listed, shortened
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import LeftProcess

TRACKER = "from multiprocessing.resource_tracker import main;main("
"""Python's own process: it ends after the last process that it tracks, on a busy machine after the leak grace."""
_LONGEST = 120
_NAMED = 3
_BUILD_SERVERS = lazy_regex(
    r"(?:^|/)(?:sccache|buck2d?|distccd|iceccd|watchman)(?:\[|\s|$)"
    r"|(?:^|/)bazel\(|A-server\.jar|GradleDaemon|GradleWorkerMain|KotlinCompileDaemon|VBCSCompiler|/nodeReuse|/nodemode:"
)
"""Servers that compilers and build tools start to stay, and that the next build of this user would use again."""
_NUMBER = lazy_regex(r"\d+|(?<=/tmp/)\S+")


def is_build_server(process: LeftProcess) -> bool:
    """Return whether a process is a server that a compiler or a build tool starts on purpose, to stay."""
    return _BUILD_SERVERS.search(process.command) is not None


def describe(left: Iterable[LeftProcess]) -> str:
    """Return for example ``leaves 1 process running, which was ended: pid 7 java -jar x.jar``."""
    found = list(left)
    named = listed([f"pid {each.pid} {_display(each.command)}" for each in found], _NAMED, separator="; ")
    withstand = sum(each.withstands for each in found)
    fate = f", of which {withstand} could not be ended" if withstand else f", which {_were(found)} ended"
    return f"leaves {counted(len(found), 'process')} running{fate}: {named}"


def _display(command: str) -> str:
    """Return a command line without the folder of its program."""
    program, _, arguments = command.partition(" ")
    return shortened(f"{program.rpartition('/')[2]} {arguments}".strip(), _LONGEST)


def _were(found: list[LeftProcess]) -> str:
    return "was" if len(found) == 1 else "were"


@dataclass(slots=True)
class Unreported:
    """Picks what was not reported yet: the same command that is left once more is the same fact."""

    _known: set[str] = field(default_factory=set)

    def pick(self, left: Iterable[LeftProcess]) -> Iterator[LeftProcess]:
        """Yield the processes whose commands are new, but for Python's resource tracker."""
        for process in left:
            name = _NUMBER.sub("#", process.command)
            if TRACKER not in process.command and name not in self._known:
                self._known.add(name)
                yield process
