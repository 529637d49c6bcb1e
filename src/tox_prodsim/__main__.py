"""``python -m tox_prodsim``: what can be done without tox."""

from __future__ import annotations

import os
import sys

USAGE = "usage: python -m tox_prodsim supervise [options] -- COMMAND [ARGUMENT ...]"


def main() -> int:
    """Hand over to the command that is named, with its own arguments."""
    match sys.argv[1:]:
        case ["supervise", *words]:
            from tox_prodsim.supervision.cli import main as supervise  # noqa: PLC0415 - Ctrl-C is possible from here on

            return supervise(words)
        case ["-h" | "--help", *_]:
            print(USAGE)  # noqa: T201 - asked for
            return 0
    print(USAGE, file=sys.stderr)  # noqa: T201 - the answer to a wrong question
    return 125


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:  # before the command was started
        code = 130
    if code >= 128:
        os._exit(code)  # a thread that still waits for a pipe would delay it
    sys.exit(code)
