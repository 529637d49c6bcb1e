"""The option ``--installpkg`` takes a folder as well. Every tox run imports this module."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tox.config.cli.parser import ToxParser
from tox.session.cmd.run.common import InstallPackageAction


class _FileOrFolder(InstallPackageAction):
    """Stores the path of a file, as tox does, or that of a folder."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        path = self._resolve_path(values) if isinstance(values, str) and values else Path()
        if values and path.is_dir():
            setattr(namespace, self.dest, path)
        else:
            super().__call__(parser, namespace, values, option_string)


def accept_folders(parser: ToxParser) -> None:
    """Let the option of all commands take a folder."""
    for options, _ in parser.handlers.values():
        for action in getattr(options, "_actions", ()):
            if type(action) is InstallPackageAction:
                action.__class__ = _FileOrFolder
