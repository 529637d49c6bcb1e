"""Start Python as ``site`` does, without some of the files that it runs then, and tell how long that takes.

usage: PYTHON -I -S start.py CACHE [acme.pth ...] [sitecustomize.py]

Bytecode is written to the folder CACHE and read from there, so that the environment stays as it was installed. The
last line on stdout is the CPU time of the start in seconds, which other programs of the machine hardly change. Runs
on CPython 3.8 and newer.
"""

from __future__ import annotations

import sys
import time

sys.pycache_prefix = sys.argv[1]

import site  # noqa: E402 - its bytecode has its place only now; -S has left it out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

left_out = frozenset(sys.argv[2:])
_addpackage = site.addpackage


def addpackage(sitedir: Any, name: Any, known_paths: Any) -> Any:
    """Read a .pth file, unless it is left out."""
    return known_paths if name in left_out else _addpackage(sitedir, name, known_paths)


def main() -> None:
    """Do what an interpreter does when it starts."""
    site.addpackage = addpackage
    for name in ("sitecustomize", "usercustomize"):
        if left_out & {name + ".py", name + "/__init__.py"}:
            setattr(site, "exec" + name, lambda: None)
    site.main()
    took_s = time.process_time()
    print(f"\n{took_s:f}")


if __name__ == "__main__":
    main()
