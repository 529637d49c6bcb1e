"""``python -m tox_prodsim``: the commands that work without tox."""

from __future__ import annotations

import os
import sys

USAGE = "usage: python -m tox_prodsim supervise [options] -- COMMAND [ARGUMENT ...]"


def main() -> int:
    """Run the named command with its own arguments, and return the exit code."""
    match sys.argv[1:]:
        case ["supervise", *arguments]:
            from tox_prodsim.supervision.cli import main as supervise  # noqa: PLC0415 - Ctrl-C is handled from here on

            return supervise(arguments)
        case ["-h" | "--help", *_]:
            sys.stdout.write(f"{USAGE}\n")
            return 0
    sys.stderr.write(f"{USAGE}\n")
    return 125


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:  # before the command has started
        code = 130
    except OSError as problem:  # it cannot even be imported: no file can be opened, which newer Pythons tell so
        sys.stderr.write(f"prodsim: {problem}\n")
        code = 125
    if code >= 128:
        os._exit(code)  # a thread that reads a pipe would delay sys.exit
    sys.exit(code)
