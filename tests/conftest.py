"""What all tests share."""

from __future__ import annotations

import signal
from contextlib import suppress


def pytest_configure() -> None:
    """Take back what a shell ignores for its background jobs: every process that is started here would inherit it."""
    for name in ("SIGINT", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            with suppress(ValueError):  # not in the main thread
                signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)
