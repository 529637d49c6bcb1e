"""Shows a page in the browser of the user."""

from __future__ import annotations

import contextlib
import os
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from tox_prodsim.model.errors import ProdsimError


def show(path: Path) -> None:
    """Open a page; raises ProdsimError when there is no browser, or it does not start."""
    try:
        with _quiet():
            opened = webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        msg = f"no browser could be started, open this file in one: {path.resolve()}"
        raise ProdsimError("--open", msg)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a browser says about itself out of the terminal: it goes on writing after we have ended."""
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
