"""Numbers as people read them: sizes, times, shares and counts."""

from __future__ import annotations

import math

from tox_prodsim.model.formatting import plural

_MOST = 10**18
"""No number of a run is higher; one of hundreds of digits has no floating-point value, or fills the line."""


def size(size_bytes: int) -> str:
    """Return a size such as ``812 B``, ``84 kB`` or ``1.2 MB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 999_500:
        return f"{size_bytes / 1e3:.0f} kB"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes < _MOST else "more than 1000000 TB"


def duration(value_s: float) -> str:
    """Return how long something took, such as ``0.02 s``, ``12.3 s`` or ``104 s``."""
    if not _is_plain(value_s):
        return "? s"
    return f"{value_s:.{2 if value_s < 9.995 else 1 if value_s < 99.95 else 0}f} s"


def precise(value_s: float) -> str:
    """Return a measured time, such as ``9.2 ms``, ``148 ms`` or ``1.42 s``; a dash when there is none."""
    if not 0 < value_s < _MOST:
        return "-"
    if value_s >= 0.9995:
        return f"{value_s:.2f} s"
    return f"{value_s * 1e3:.{1 if value_s < 0.00995 else 0}f} ms"


def limit(limit_s: float, used_s: float) -> str:
    """Return a limit and how much of it was used, such as ``limit 30 s (1 %)``."""
    shown = f"{limit_s:g}" if _is_plain(limit_s) else "?"
    return f"limit {shown} s ({share(used_s, limit_s)})"


def share(part: float, whole: float) -> str:
    """Return a share such as ``87 %``; never 100 % for less than all, never 0 % for more than nothing."""
    if not (_is_plain(part) and _is_plain(whole)) or whole <= 0:
        return "? %"
    percent = 100 * part / whole
    if not _is_plain(percent):
        return "? %"
    if 0 < percent < 1:
        return "<1 %"
    return f"{math.floor(percent) if percent < 100 else round(percent)} %"


def change(ratio: float) -> str:
    """Return a ratio as a change, such as ``+61 %``."""
    return f"{(ratio - 1) * 100:+.0f} %" if _is_plain(ratio) else "? %"


def count(number: int, name: str) -> str:
    """Return a number with the name of what is counted, such as ``1 note`` or ``3 notes``."""
    return f"{number} {plural(name, number)}"


def _is_plain(number: float) -> bool:
    """Return whether a number is finite, and not too high to be shown with all its digits."""
    return -_MOST < number < _MOST
