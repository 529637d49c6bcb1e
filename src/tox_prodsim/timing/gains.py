"""Why an import got faster: what it no longer loads, and what does less.

A baseline remembers names, importers and work, so nothing else can be compared; pure functions, as in ``attribution``.
"""

from __future__ import annotations

from collections import Counter

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.formatting import counted, joined
from tox_prodsim.timing.recording import Recording

_MOST_NAMES = 3
_LEAST_SHARE = 0.01
"""A module whose work is down by a smaller share of the whole is not named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """What an import no longer loads and what does less, the largest first."""

    gone: tuple[tuple[str, int], ...]
    """Top-level packages with the number of their modules that are no longer loaded."""
    less: tuple[tuple[str, int], ...]
    """Modules with the work that they no longer do."""
    then: int
    """All work of the baseline."""
    now: int
    unit: str

    def __str__(self) -> str:
        """Return for example ``41 modules are no longer loaded, most of rich (28); 48 % less work``."""
        count = sum(modules for _, modules in self.gone)
        most = ", ".join(f"{name} ({modules})" for name, modules in self.gone[:_MOST_NAMES])
        are = "is" if count == 1 else "are"
        facts = [f"{counted(count, 'module')} {are} no longer loaded, of {most}" if count else ""]
        facts += [f"{name} does less, {-work:,} {self.unit}" for name, work in self.less[:_MOST_NAMES]]
        if self.now < self.then:
            facts.append(f"{100 * (1 - self.now / self.then):.0f} % less work")
        return joined(facts, "; ") or "the work is as it was: it is native code, I/O or waiting"


def gain(then: Recording, now: Recording) -> Gain:
    """Return what ``now`` saves against ``then``; works in different units are not compared."""
    loaded = {module.name: module.own for module in now.modules}
    gone = Counter(module.name.partition(".")[0] for module in then.modules if module.name not in loaded)
    total_then, total_now = then.work.amount, now.work.amount
    if then.unit != now.unit:
        return Gain(gone=tuple(gone.most_common()), less=(), then=0, now=0, unit=now.unit)
    saved = [(module.name, module.own - loaded.get(module.name, module.own)) for module in then.modules]
    significant = [(name, work) for name, work in saved if work > _LEAST_SHARE * total_then]
    less = tuple(sorted(significant, key=lambda each: each[1], reverse=True))
    return Gain(gone=tuple(gone.most_common()), less=less, then=total_then, now=total_now, unit=now.unit)
