"""What only a shell understands, refused in a command that no shell runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.regex import lazy_regex

_SHELLS = {"sh", "bash", "dash", "ash", "ksh", "zsh", "fish", "busybox", "cmd", "powershell", "pwsh", "env"}
"""Programs whose arguments may be written for a shell, and env, which takes NAME=value."""
_ASSIGNMENT = lazy_regex(r"[A-Za-z_]\w*=")
_VARIABLE = lazy_regex(r"(?:^|[/=:])\$(?:[A-Za-z_]\w*|\{\w+\})")
_REDIRECTION = lazy_regex(r"\d*(?:>>?|<<?)(?:&\d)?|&>|\d*(?:>>?|<)[\w./~-]\S*")
_CHAIN, _PIPE, _BACKGROUND = {"&&", "||", ";"}, {"|", "|&"}, {"&"}


def refuse(key: str, words: Sequence[str]) -> None:
    """Raise ProdsimError that says what to write instead of the first word that only a shell understands."""
    if words and PurePath(words[0]).name in _SHELLS:
        return
    if words and _ASSIGNMENT.match(words[0]):
        msg = f"{words[0]!r} before a command is shell syntax, write it in set_env"
        raise ProdsimError(key, msg)
    for word in words[1:]:
        if meaning := _meaning(word):
            msg = f"no shell runs this command, so {word!r} {meaning}, or run it with sh -c '...'"
            raise ProdsimError(key, msg)


def refuse_second_line(key: str, raw: str) -> None:
    """Raise ProdsimError when a value has a second line; those that a backslash joins are one."""
    lines = [line for line in raw.splitlines() if line.strip()]
    if len(lines) > 1:
        msg = (
            f"{lines[1].strip()!r} on a second line would be an argument of the first: {key} is one command; write "
            "what comes before it in commands_pre, or end the first line with a backslash"
        )
        raise ProdsimError(key, msg)


def _meaning(word: str) -> str:
    """Return what a word of a shell would be here, and what to write instead; empty for any other word."""
    if word in _CHAIN or (word.endswith(";") and not re.search(r"\s", word)):
        return "is an argument and begins no second command: write the first one in commands_pre"
    if word in _PIPE:
        return "is an argument and pipes nothing: the output is kept in deploy.log anyway; write a script"
    if word in _BACKGROUND:
        return "is an argument and starts nothing in the background: leave it out, write a script"
    if _REDIRECTION.fullmatch(word):
        return "is an argument and redirects nothing: the output is kept in deploy.log anyway; write a script"
    if _VARIABLE.search(word) and not re.search(r"\s", word):
        return "stays as it is: write {env:NAME} for a variable of the machine, {port} or {scratch} for ours"
    return ""
