"""SIM: what works, and does not under a harsher condition of the key ``simulate``."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="SIM801",
        level=Level.ERROR,
        title="an import fails under a condition of 'simulate'",
        why=(
            "The package imports on a developer's machine and in a plain container, but not under a condition of "
            "production. Examples are a service user without a home, a network that is not there yet, a C locale. "
            "The same import was made without the condition just before and after, and passed."
        ),
        example="FAIL SIM801 acme: import fails with no_home: NotADirectoryError: [Errno 20] Not a directory: "
        "'/dev/null/.acme'",
        causes=(
            "a folder for settings or a cache is created below HOME when the module is imported",
            "the module connects, or looks up a name, when it is imported",
            "a file of the package is read without encoding=, and has other than ASCII characters",
            "the module relies on its docstring, on assert, or on sys.stdin",
        ),
        solution=(
            "move that work into the function that needs it, and go on when it fails",
            "see it by hand: HOME=/dev/null python -c 'import acme' (docs/explanation/checks.md lists the conditions)",
            "a condition that production cannot have: take it off the list of simulate",
        ),
    ),
    Check(
        code="SIM802",
        level=Level.ERROR,
        exception="a warning when the command itself says why it ends",
        title="--help fails under a condition of 'simulate'",
        why=(
            "Under this condition --help prints a traceback, or nothing. The same command answered without it. A "
            "program should ask for what it needs when it needs it, not before."
        ),
        example="FAIL SIM802 [console_scripts] acme = acme.cli:main: --help fails with c_locale: it exited with 1: "
        "UnicodeEncodeError: 'ascii' codec can't encode character '\\u2014' in position 12: ordinal not in range(128)",
        causes=(
            "the text of the help has a dash, a quotation mark or a name that ASCII has not",
            "the command creates its settings before it reads the arguments",
            "the help is made from __doc__, which is None with -OO",
        ),
        solution=(
            "parse the arguments first, and write help in ASCII or with errors='replace'",
            "see it by hand, with the variables that docs/explanation/checks.md has for the condition",
        ),
    ),
    Check(
        code="SIM803",
        level=Level.ERROR,
        exception="a warning for processes that PID 1 inherits and does not reap",
        title="the deployment fails under a condition of 'simulate'",
        why=(
            "The deployment was started once more with one thing changed, within the same limits. Its folder was a "
            "copy of what it was at the first start. Without the change it had become ready and had ended well."
        ),
        example="FAIL SIM803 uvicorn: fails with no_network: exit code 3 after 0.41 s, before it was ready (last "
        "answer: connection refused)",
        causes=(
            "the start needs a service that is elsewhere, or a name server",
            "a state file, a cache or a pid file goes below HOME",
            "it wants a port or a folder that only root may have",
            "it needs more open files than the soft limit, and does not raise that",
            "pid1: it has no handler for the stop signal, or one that restores the default action and raises it again",
        ),
        solution=(
            "read the log that the hint names",
            "pid1: install a handler, or start it below an init (docker run --init, init: true in Compose, tini)",
            "start without what is missing, and try again later; or say at once and clearly that it is missing",
            "a condition that production cannot have: take it off the list of simulate",
        ),
    ),
)
