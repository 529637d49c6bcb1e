"""What becomes of a module or an entry point that is loaded: ``Loaded | Raised | Died | Hung``."""

from __future__ import annotations

import signal

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex

_AS_EXPECTED = lazy_regex(r"(?P<what>cannot import name .*) \(.*[/\\]site-packages[/\\].*\)")
_CANNOT_IMPORT = lazy_regex(
    r"cannot import name '(?P<name>\w+)' from (?:partially initialized module )?'(?P<module>[\w.]+)'"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """A side effect of an import."""

    kind: str
    """One of the kinds of ``_child/effects.py``, or ``printed``."""
    what: str
    """It completes "importing it …"."""
    places: tuple[tuple[str, int], ...] = ()
    """Files, relative to site-packages, and lines; innermost first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """It loaded."""

    elsewhere: str
    """Where it was loaded from; empty for the environment's site-packages, where it should be."""
    version: str
    """Its ``__version__``, empty when it has none."""
    callable: bool
    effects: tuple[Effect, ...] | None = ()
    """The side effects, if the import was watched; None: the import broke the recording of them."""
    never_runs: str = ""
    """What a call of the function only makes: ``coroutine`` or ``generator``; empty: it runs."""
    brought: tuple[str, ...] = ()
    """The other installed modules that it imported."""
    source: bool = False
    """Whether a ``.py`` file was loaded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """It raised an exception."""

    type: str
    message: str
    missing: str
    """The module that was not found."""
    filename: str
    """The file that was not found."""
    file: str
    """The innermost line of the project, or of any package if none is the project's; relative to site-packages."""
    line: int | None
    type_module: str = "builtins"
    """The module that defines the type."""
    dependency: str = ""
    """Where another distribution raised it: ``werkzeug 3.0.1 (werkzeug/urls.py:12)``; empty: not in another one."""
    lacking: str = ""
    """Name and version of the installed distribution that lacks a name; empty: none does."""

    def __str__(self) -> str:
        message = _AS_EXPECTED.sub(r"\g<what>", self.message)
        text = f"{self.type}: {message}" if message else self.type
        return f"{text}, raised in {self.dependency}" if self.dependency else text

    @property
    def lacks(self) -> str:
        """Return the module, or the name in a module, that was not found; nothing if that is not the problem."""
        absent = _CANNOT_IMPORT.match(self.message) if self.type == "ImportError" else None
        return self.missing or (f"{absent['module']}.{absent['name']}" if absent else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Died:
    """It ended the interpreter; ``frames`` are the innermost ones of the stack, if it is known."""

    how: str
    frames: tuple[str, ...]
    tried: bool = True
    """Whether the item was tried at all."""
    said: str = ""
    """The last line that it wrote; empty: nothing, or not known of this item."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.said}" if self.said else self.reason

    @property
    def reason(self) -> str:
        """Return the same without what it wrote, which may be another line in each run."""
        return f"the interpreter {self.how}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hung:
    """It did not end within ``limit_s`` seconds."""

    limit_s: float
    frames: tuple[str, ...]

    def __str__(self) -> str:
        return f"it does not end within {self.limit_s:g} s"


Outcome = Loaded | Raised | Died | Hung


def is_below(module: str, parent: str) -> bool:
    """Return whether the module is the parent or somewhere in it."""
    return module == parent or module.startswith(parent + ".")


def ending(returncode: int | None) -> str:
    """Return how a program ended, to follow its name in a sentence."""
    if returncode is None:
        return "did not end"
    if returncode < 0:
        try:
            return f"died with {signal.Signals(-returncode).name}"
        except ValueError:
            return f"died with signal {-returncode}"
    return f"exited with {returncode}"
