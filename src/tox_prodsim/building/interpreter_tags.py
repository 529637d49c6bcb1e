"""The tags of the wheels that the Python of an environment takes: what ``packaging.tags`` says there, not here."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import packaging
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.formatting import last_line
from tox_prodsim.model.runner import CHILD_SCRIPTS

_SCRIPT = CHILD_SCRIPTS / "tags.py"
_LIMIT_S = 120.0


@functools.cache
def tags_of(python: Path) -> tuple[str, ...]:
    """Return the tags that this interpreter takes, best first; raises ProdsimError if it does not say them."""
    command = [str(python), "-I", str(_SCRIPT), str(Path(packaging.__file__).parent)]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_LIMIT_S, stdin=subprocess.DEVNULL
        )
        said: Any = json.loads(answer.stdout)
        return tuple(said) if isinstance(said, list) else tuple(map(str, _tags(said)))
    except subprocess.CalledProcessError as problem:
        reason = last_line(problem.stderr)
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as problem:
        reason = str(problem)
    msg = f"{python} does not say which wheels it takes: {reason}"
    raise ProdsimError("--installpkg", msg)


def _tags(said: Any) -> Iterator[Tag]:
    """Yield the tags of an interpreter that is too old for our ``packaging``; the platforms are those of tox's own."""
    major, minor = (int(part) for part in said["version"])
    if said["implementation"] == "cpython":
        debug = "d" if str(said["abi"]).split("-")[1:2] == [f"{major}{minor}d"] else ""
        yield from cpython_tags((major, minor), abis=[f"cp{major}{minor}{debug}"])
        yield from compatible_tags((major, minor), interpreter=f"cp{major}{minor}")
        return
    short = {"pypy": "pp", "graalpy": "graalpy"}.get(str(said["implementation"]), str(said["implementation"]))
    abi = "_".join(str(said["abi"]).split("-")[:2]).replace("-", "_")
    yield from generic_tags(f"{short}{major}{minor}", abis=[abi])
    yield from compatible_tags((major, minor), interpreter=f"{short}{major}{minor}")
