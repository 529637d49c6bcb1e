"""The installed distribution to which a file belongs, read from RECORD files.

``probe`` imports this file. It does without ``importlib.metadata``, which must not be loaded before what is probed.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_records: dict[str, str] = {}
"""The text of each RECORD that was read, by the path of its folder."""


def owner(file: str, roots: Iterable[str]) -> str:
    """Return name and version of the distribution that installed the file; nothing when none of them did."""
    path = os.path.realpath(file) if file else ""
    for root in roots:
        if path.startswith(root + os.sep):
            line = "\n" + os.path.relpath(path, root).replace(os.sep, "/") + ","
            return next((_title(folder) for folder in _dist_infos(root) if line in _record(folder)), "")
    return ""


def _dist_infos(root: str) -> Iterator[str]:
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []  # Debian's Python names folders that need not exist
    return (os.path.join(root, name) for name in names if name.endswith(".dist-info"))


def _record(folder: str) -> str:
    if folder not in _records:
        _records[folder] = "\n" + _text(os.path.join(folder, "RECORD")).replace("\r", "")
    return _records[folder]


def _title(folder: str) -> str:
    """Return for example ``Werkzeug 3.0.1``, with the name as METADATA spells it."""
    name, _, version = os.path.basename(folder)[: -len(".dist-info")].partition("-")
    lines = _text(os.path.join(folder, "METADATA")).split("\n\n")[0].splitlines()
    spelt = next((line[len("Name:") :].strip() for line in lines if line.startswith("Name:")), name)
    return spelt + " " + version


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
