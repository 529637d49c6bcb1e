"""The log of a job as the runner of GitHub reads it: which lines it obeys as workflow commands."""

from __future__ import annotations

import re

COMMAND = re.compile(r"\s*::(?P<name>[^\s:]+)(?:\s[^:]*?)?::(?P<data>.*)", re.DOTALL)
LEGACY = re.compile(r"##\[(?P<name>[^\s\]]+)[^\]]*\](?P<data>.*)", re.DOTALL)


def obeyed(log: str) -> list[tuple[str, str]]:
    """Return name and data of each command that is obeyed; of those that stop and resume commands only the effect.

    A carriage return ends a line as well. The text of a command may begin behind blanks, the old form anywhere.
    """
    token = ""
    found = []
    for line in re.split(r"\r\n|\r|\n", log):
        match = COMMAND.match(line) or LEGACY.search(line)
        if match is None:
            continue
        if token:
            token = "" if match["name"] == token else token
        elif match["name"] == "stop-commands":
            token = match["data"]
        else:
            found.append((match["name"], match["data"]))
    assert not token, "commands are still stopped"
    return found


def outputs(text: str) -> dict[str, str]:
    """Return the outputs in a file of GITHUB_OUTPUT; each has a delimiter of its own."""
    found = re.findall(r"(\w+)<<(\S+)\n(.*?)\n\2\n", text, re.DOTALL)
    assert "".join(f"{name}<<{mark}\n{value}\n{mark}\n" for name, mark, value in found) == text
    assert len({mark for _, mark, _ in found}) == len(found)
    return {name: value for name, _, value in found}
