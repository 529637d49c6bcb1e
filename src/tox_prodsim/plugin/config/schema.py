"""``tox schema``: the keys of a prodsim environment in the JSON schema of tox's configuration.

tox derives the schema of a key from its type, and knows a dozen types. None of them describes a list of texts and
tables, or of texts and numbers, and no hook adds others; so tox's command is run, and the keys are added to what it
prints.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable

from tox.session.state import State

from tox_prodsim.plugin.config import sections
from tox_prodsim.plugin.config.keys import KEYS, SERVICE_KEYS


def print_schema(generate: Callable[[State], int], state: State) -> int:
    """Print the schema of tox's own command with the keys of a prodsim environment, which any section may hold."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = generate(state)
    document = json.loads(printed.getvalue())
    document["properties"]["env_run_base"]["properties"] |= properties()
    document["properties"][sections.PREFIX] = {
        "type": "object",
        "description": "services of prodsim environments, by their names",
        "additionalProperties": {"type": "object", "properties": of_service(), "additionalProperties": False},
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return code


def properties() -> dict[str, dict[str, object]]:
    """Return the JSON schemas of the keys."""
    return {key.name: {**key.schema, "description": key.help} for key in KEYS}


def of_service() -> dict[str, dict[str, object]]:
    """Return the JSON schemas of the keys of a service."""
    return {key.name: {**key.schema, "description": key.help} for key in SERVICE_KEYS}
