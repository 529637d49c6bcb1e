"""ENT516: the first line of a script names an interpreter that users have and that has the wheel.

An installer puts its own Python where the line of a file in ``.data/scripts`` begins with ``#!python``, and copies any
other line as it is.
"""

from __future__ import annotations

import ast
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from tox_prodsim.checks.artifact.data_files import scheme_path
from tox_prodsim.checks.artifact.wheel import content, members
from tox_prodsim.model.findings import CheckResult, Finding, error, note, warning
from tox_prodsim.model.regex import lazy_regex

CODES = ("ENT516",)

_LINE = lazy_regex(rb"#! *(?P<program>[^ \t\r\n]+)[ \t]*(?P<argument>[^\r\n]*?)[ \t]*(?P<end>\r?\n|\r|$)")
_REWRITTEN = b"#!python"
_OF_THE_SYSTEM = {"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin"}
_PYTHON = lazy_regex(r"python[\d.]*w?$")
_OTHER_SYSTEMS = {".bat", ".cmd", ".dll", ".exe", ".ps1"}
_REWRITE = "let it begin with #!python, for which an installer puts the Python of the environment"


def check_script_lines(archive: zipfile.ZipFile) -> CheckResult:
    """Return which files of ``.data/scripts`` cannot be run, or run with a Python that has not the wheel."""
    scripts = [(member, path) for member in members(archive) if (path := scheme_path(member, "scripts"))]
    runnable = [(member, path) for member, path in scripts if PurePosixPath(path).suffix not in _OTHER_SYSTEMS]
    findings = [found for member, path in runnable for found in _findings(path, content(archive, member))]
    return CheckResult(detail="", codes=CODES, findings=tuple(findings))


def _findings(path: str, content: bytes) -> Iterator[Finding]:
    subject = f"[scripts] {path}"
    line = _LINE.match(content)
    if line is None:
        if _is_python(content):
            message = "has no first line that names Python, so that the shell takes it for a script of its own"
            yield warning("ENT516", subject, message, _REWRITE)
        return
    program, argument = (line[group].decode("utf-8", "replace") for group in ("program", "argument"))
    if content.startswith(_REWRITTEN):
        return
    if line["end"].startswith(b"\r"):
        message = (
            f"its first line ends in a carriage return: the system looks for a program {(argument or program)!r}+CR"
        )
        yield error(
            "ENT516", subject, message, "write it with line ends of Unix, for example by .gitattributes: eol=lf"
        )
    else:
        yield from _about_program(subject, PurePosixPath(program), argument)


def _about_program(subject: str, program: PurePosixPath, argument: str) -> Iterator[Finding]:
    """Yield what is wrong with the interpreter that the first line names."""
    shown, named_by_env = f"{program} {argument}".strip(), program.name == "env"
    called = argument.rpartition(" ")[2] if named_by_env else program.name
    is_python, of_the_system = bool(_PYTHON.match(called)), str(program.parent) in _OF_THE_SYSTEM
    if not of_the_system:
        message = f"its first line names {shown}, which is of the machine where it was built"
        yield (error if is_python else warning)("ENT516", subject, message, _REWRITE if is_python else _OTHER)
    elif is_python:
        message = f"its first line names {shown}, which no installer replaces: it runs with another Python than "
        message += "the one that has the wheel" + (", unless the environment is activated" if named_by_env else "")
        yield (note if named_by_env else warning)("ENT516", subject, message, _REWRITE)


_OTHER = "name the interpreter as systems have it: #!/bin/sh, or #!/usr/bin/env and its name"


def _is_python(content: bytes) -> bool:
    """Return whether it is source of Python that imports something, which no script of a shell does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
