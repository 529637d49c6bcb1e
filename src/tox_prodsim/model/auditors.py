"""The tools that audit a release from outside: what a line of the key ``audit`` means, and what it applies to."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import canonical, fill
from tox_prodsim.model.regex import lazy_regex

KNOWN = {
    "check-wheel-contents": ("{wheel}",),
    "twine": ("check", "--strict", "{wheel}", "{sdist}"),
    "auditwheel": ("show", "{wheel}"),
    "abi3audit": ("--strict", "--verbose", "--summary", "{wheel}"),
}
"""The arguments of the tools that may stand for themselves."""
FILES = ("{wheel}", "{sdist}")

_REQUIREMENT = lazy_regex(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)(\[[\w.,-]*\])?((?:[<>=!~]=|[<>]).+)?", re.ASCII)
_OLDER_NAMES = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_LIBC_TAG = lazy_regex(r"(many|musl)linux_(\d+)_(\d+)_")


@dataclass(frozen=True, kw_only=True, slots=True)
class Auditor:
    """One tool that audits the files of a release."""

    name: str
    """Its distribution."""
    requirement: str
    """What is installed."""
    argv: tuple[str, ...]
    """Its command line, with the placeholders of FILES."""
    sdist_optional: bool = False
    """Whether the command makes sense without the sdist it names."""

    def command(self, wheel: Path, sdist: Path | None) -> list[str]:
        """Return the command line for these files."""
        values = {"wheel": str(wheel)} | ({"sdist": str(sdist)} if sdist else {})
        return [fill(word, values) for word in self.argv if sdist or word != "{sdist}"]

    def needs(self, file: str) -> bool:
        """Return whether the command names the file, ``{wheel}`` or ``{sdist}``."""
        return any(file in word for word in self.argv)

    def inapplicable(self, wheel_name: str, sdist: Path | None) -> str:
        """Return why there is nothing to audit for this tool, nothing when there is."""
        abi, platform = _tag(wheel_name)
        if self.needs("{wheel}"):
            if self.name in {"auditwheel", "abi3audit"} and platform == "any":
                return "pure wheel"
            if self.name == "auditwheel" and "linux" not in platform:
                return "no wheel for Linux"
            if self.name == "abi3audit" and "abi3" not in abi:
                return "not built for the stable ABI"
        return "no sdist" if self.needs("{sdist}") and sdist is None and not self.sdist_optional else ""


def parse(key: str, items: Sequence[object]) -> tuple[Auditor, ...]:
    """Return the tools that the items of a key ask for; raises ProdsimError naming the item that is wrong."""
    return tuple(_parse_item(f"{key}[{at}]", item) for at, item in enumerate(items))


def overclaimed_tag(name: str, needed: str) -> str:
    """Return the platform tag in the name of a wheel that promises older systems than it needs, nothing when none does.

    ``needed`` is the tag that the wheel could have, such as ``manylinux_2_28_x86_64``.
    """
    libc, version = _oldest_libc(needed)
    claims = {tag: _oldest_libc(tag) for tag in _tag(name)[1].split(".")}
    comparable = [tag for tag, (claimed, _) in claims.items() if claimed and libc in {claimed, ""}]
    lowest = min(comparable, key=lambda tag: claims[tag], default="")
    return lowest if lowest and (not libc or version > claims[lowest][1]) else ""


def _oldest_libc(tag: str) -> tuple[str, tuple[int, int]]:
    """Return the oldest C library that a tag promises to run with, kind and version; no kind for ``linux_x86_64``."""
    older = _OLDER_NAMES.get(tag.partition("_")[0])
    if older:
        return "many", older
    found = _LIBC_TAG.match(tag)
    return (found[1], (int(found[2]), int(found[3]))) if found else ("", (0, 0))


def _tag(wheel_name: str) -> tuple[str, str]:
    """Return the ABI and the platform that the name of a wheel ends with."""
    _, abi, platform = wheel_name.removesuffix(".whl").rsplit("-", 2)
    return abi, platform


def _parse_item(key: str, item: object) -> Auditor:
    words = _command_words(key, item)
    requirement, command = (words[0], words[1:]) if words[1:2] != ["|"] else (words[0], words[2:])
    found = _REQUIREMENT.fullmatch(requirement)
    if not found:
        msg = f"{requirement!r} cannot be installed, write for example twine or twine==6.1"
        raise ProdsimError(key, msg)
    name = canonical(found[1])
    if len(words) == 1:
        return Auditor(name=name, requirement=requirement, argv=_default_command(key, name), sdist_optional=True)
    argv = tuple(command if "|" in words[1:2] else [found[1], *command])
    if not argv:
        msg = f"no command follows the bar, write for example {name} | {name} {{wheel}}"
        raise ProdsimError(key, msg)
    if not any(file in word for word in argv for file in FILES):
        msg = f"{shlex.join(argv)} names neither {{wheel}} nor {{sdist}}, so that it would audit nothing"
        raise ProdsimError(key, msg)
    return Auditor(name=name, requirement=requirement, argv=argv)


def _command_words(key: str, item: object) -> list[str]:
    words = _split(key, item) if isinstance(item, str) else item
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        msg = f"{item!r} is not a command, write for example twine or ['pyroma', '{{sdist}}']"
        raise ProdsimError(key, msg)
    return words


def _split(key: str, line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as problem:
        raise ProdsimError(key, f"{line!r} is not a command: {str(problem).lower()}") from None


def _default_command(key: str, name: str) -> tuple[str, ...]:
    if name not in KNOWN:
        msg = f"how is {name} called? write its command line, such as {name} {{wheel}}; known are {', '.join(KNOWN)}"
        raise ProdsimError(key, msg)
    return (name, *KNOWN[name])
