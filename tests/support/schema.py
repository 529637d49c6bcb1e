"""Whether a report is as its published schema says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

SCHEMA: dict[str, Any] = json.loads(files("tox_prodsim").joinpath("report/schema.json").read_text("utf-8"))
_TYPES = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "null": type(None)}
_WORDS = {"$schema", "$id", "$defs", "title", "description", "type", "required", "properties", "items"} | {
    "const",
    "enum",
    "anyOf",
    "$ref",
    "minimum",
    "pattern",
    "additionalProperties",
}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a reference stands for; refuse words of JSON Schema that the checks below do not know."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if schema["$ref"] != "#" else SCHEMA
    assert not schema.keys() - _WORDS
    return schema


def violations(value: Any, schema: dict[str, Any], at: str = "report") -> Iterator[str]:
    """Yield where the value is not as the schema says, by the few words of JSON Schema that ours uses."""
    schema = resolved(schema)
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if kinds and not any(isinstance(value, _TYPES[kind]) and not isinstance(value, bool) for kind in kinds):
        yield f"{at} is no {kinds}"
        return
    yield from (f"{at} breaks {word}" for word, holds in _RULES.items() if word in schema and not holds(value, schema))
    if "anyOf" in schema and all(list(violations(value, each, at)) for each in schema["anyOf"]):
        yield f"{at} is not one of the alternatives"
    for name, each in schema.get("properties", {}).items():
        if name in value:
            yield from violations(value[name], each, f"{at}.{name}")
    if others := schema.get("additionalProperties"):
        for name in value.keys() - schema.get("properties", {}).keys():
            yield from violations(value[name], others, f"{at}.{name}")
    for position, item in enumerate(value if "items" in schema else []):
        yield from violations(item, schema["items"], f"{at}[{position}]")


_RULES: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "const": lambda value, schema: value == schema["const"],
    "enum": lambda value, schema: value in schema["enum"],
    "minimum": lambda value, schema: value >= schema["minimum"],
    "pattern": lambda value, schema: re.search(schema["pattern"], value),
    "required": lambda value, schema: set(schema["required"]) <= value.keys(),
}


def undescribed(value: Any, schema: dict[str, Any], at: str = "report") -> Iterator[str]:
    """Yield the fields of the value of which the schema says nothing, or which it does not require."""
    schema = next((each for each in schema.get("anyOf", []) if "$ref" in each), schema)
    schema = resolved(schema)
    if isinstance(value, dict):
        others = schema.get("additionalProperties")
        properties = schema.get("properties", {}) | (dict.fromkeys(value, others) if others else {})
        required = {name for each in (schema, *schema.get("anyOf", [])) for name in each.get("required", [])}
        required |= value.keys() if others else set()
        yield from (f"{at}.{name}" for name in value if name not in properties or name not in required)
        for name in value.keys() & properties.keys():
            yield from undescribed(value[name], properties[name], f"{at}.{name}")
    if isinstance(value, list):
        for item in value:
            yield from undescribed(item, schema["items"], f"{at}[]")
