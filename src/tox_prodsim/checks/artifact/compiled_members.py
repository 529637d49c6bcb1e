"""Which sources of a wheel are still to be compiled or parsed when its modules were imported, and what they import.

Questions that the pass over all members (``member_facts.py``) has answered, asked where its result can be unpacked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from tox_prodsim.checks.artifact import archives
from tox_prodsim.checks.artifact.member_facts import MemberFacts, PackedFacts, facts_of
from tox_prodsim.checks.artifact.wheel import Wheel, installed_path, members, module_parts


def sources_left(
    wheel: Wheel, facts: MemberFacts | PackedFacts | None, compiled: Collection[str], *, same: bool
) -> tuple[str, ...]:
    """Return the members that are Python source, without those that are known to be valid.

    These are of the modules that the environment's Python has ``compiled``, and may have nothing newer than the oldest
    Python; if it is the ``same``, they may. A module that has a second file is not known: the other one was imported.
    """
    newer = frozenset[str]() if same else frozenset(facts_of(wheel, facts).newer)
    by_name: dict[str, list[str]] = defaultdict(list)
    with archives.opened(wheel.path) as archive:
        files = members(archive)
    for member in files:
        by_name[".".join(module_parts(installed_path(member)))].append(member)
    known = {by_name[name][0] for name in compiled if len(by_name.get(name, ())) == 1} - newer
    return tuple(member for member in files if member.endswith(".py") and member not in known)


def foreign_names(wheel: Wheel, facts: MemberFacts | PackedFacts | None) -> Mapping[str, tuple[str, ...]]:
    """Return the first parts of what sources seem to import of others at module level, by file."""
    return facts_of(wheel, facts).foreign
