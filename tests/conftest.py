"""What all tests share."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from support.project import JOB_VARIABLES


def pytest_configure() -> None:
    """Take back what every process that is started here would inherit.

    That is what a shell ignores for its background jobs, and the variables of the CI job in which the tests run.
    """
    for name in JOB_VARIABLES:
        os.environ.pop(name, None)
    for name in ("SIGINT", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            with suppress(ValueError):  # not in the main thread
                signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)
