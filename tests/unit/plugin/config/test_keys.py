"""The table of keys: what is written in TOML is understood as its schema says, and keys.md shows the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from support.documents import HOW, document, shows_table, table
from support.refusals import refused
from tox.config.types import Command

from tox_prodsim.model import probe_kinds
from tox_prodsim.model.scenario import CONTAINMENT_KINDS, Update
from tox_prodsim.plugin.config.key import Key
from tox_prodsim.plugin.config.keys import KEYS, SERVICE_KEYS
from tox_prodsim.plugin.config.schema import of_service, properties
from tox_prodsim.plugin.config.values import Lines, Words, argv, update

PAGE = document("keys.md")
BY_NAME = {key.name: key for key in KEYS}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def default(key: Key) -> str:
    """Return the default of a key as the page shows it."""
    match key.default:
        case bool():
            return f"`{str(key.default).lower()}`"
        case str():
            return f"`{key.default}`"
        case int() | float():
            return f"{key.default:g}"
    return ""


def numbers(key: Key) -> str:
    return str(key.range or "")


def meaning(key: Key) -> str:
    return "; ".join(filter(None, [key.help, key.more_help]))


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Return whether a value in TOML is as a schema of ours says, by the few words of JSON Schema that they use."""
    if "$ref" in schema:
        return isinstance(value, str) or (isinstance(value, dict) and "replace" in value)
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"] and not isinstance(value, bool)
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if isinstance(value, bool) or value is None:
        return "boolean" in kinds
    return any(isinstance(value, TYPES[kind]) for kind in kinds if kind != "boolean") and fits_within(value, schema)


def fits_within(value: object, schema: Mapping[str, Any]) -> bool:
    match value:
        case int() | float():
            return schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        case dict():
            fields = schema["properties"]
            known = set(schema["required"]) <= value.keys() <= fields.keys()
            return known and all(fits(each, fields[name]) for name, each in value.items())
        case list():
            return all(fits(each, schema["items"]) for each in value)
    return True


def parsed(key: Key, value: object) -> object:
    return key.parse(key.name, key.of_type(value) if key.of_type in {Lines, Words} else value)


def test_the_page_of_keys_has_the_table_of_keys() -> None:
    rows = ([f"`{key.name}`", key.default_help or default(key), numbers(key), meaning(key)] for key in KEYS)
    assert shows_table(PAGE, "keys", table(["key", "default", "range", "meaning"], rows)), HOW


def test_the_page_of_services_has_the_table_of_their_keys() -> None:
    rows = ([f"`{key.name}`", numbers(key), meaning(key)] for key in SERVICE_KEYS)
    assert shows_table(document("services.md"), "service keys", table(["key", "range", "meaning"], rows)), HOW


def test_the_schema_of_a_service_has_its_keys() -> None:
    described = of_service()
    assert list(described) == [key.name for key in SERVICE_KEYS]
    assert all(each["type"] and each["description"] for each in described.values())


def test_the_page_of_keys_has_the_table_of_probes() -> None:
    rows = (
        [f"`{example}`", satisfied, ", ".join(f"`{option}`" for option in kind.options)]
        for kind in probe_kinds.KINDS
        for example, satisfied in kind.examples.items()
    )
    assert shows_table(PAGE, "probes", table(["probe", "satisfied when", "options of a table"], rows)), HOW


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_the_default_of_a_key_is_understood_and_as_its_schema_says(key: Key) -> None:
    assert key.default is None or fits(key.default, key.schema)
    parsed(key, key.default)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_key_needs_only_other_keys(key: Key) -> None:
    assert set(key.needs.keys if key.needs else ()) <= BY_NAME.keys() - {key.name}


@pytest.mark.parametrize("key", [key for key in KEYS if key.range], ids=lambda key: key.name)
def test_the_schema_of_a_number_has_the_range_of_the_parser(key: Key) -> None:
    allowed = key.range
    assert allowed
    for value in (allowed.least, allowed.most, *([0] if allowed.zero else [])):
        assert fits(value, key.schema)
        parsed(key, value)
    for value in (allowed.least / 2, allowed.most * 2, -1, 1e308, 1e-320, 10**400):
        assert not fits(value, key.schema)
        assert refused(lambda value=value: parsed(key, value)).key == key.name


def test_every_key_whose_value_is_a_number_has_a_range() -> None:
    numeric = {key.name for key in KEYS if {"number", "integer"} & set(key.schema["type"])}  # type: ignore[call-overload] # a list or a text
    assert numeric == {key.name for key in KEYS if key.range}


def test_every_key_is_described() -> None:
    described = properties()
    assert list(described) == list(BY_NAME)
    assert all(each["type"] and each["description"] for each in described.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("ready", [example]) for kind in probe_kinds.KINDS for example in kind.examples),
        ("ready", [{"http": "{url}/health", "status": 200, "body": "ok", "timeout": 2}]),
        ("ready", [{"http": "http://h/", "status": [200, 204], "header": "x-app: 1", "method": "HEAD"}, "listen"]),
        ("ready", [{"exec": ["pg_isready", "-p", 8000], "timeout": 0.5}, {"exec": "true"}]),
        ("ready", [{"unix": "app.sock"}, {"notify": True}, {"listen": 80}, {"listen": True}, {"log": "up"}]),
        ("ready", [{"tcp": "127.0.0.1:80"}, {"file": "app.pid"}]),
        ("ready_timeout", "30"),
        ("ready_timeout", 0.5),
        ("max_modules", 300),
        ("max_wheel_size", "5 MB"),
        ("exit_codes", [0, "SIGTERM"]),
        ("exit_codes", "0 3"),
        ("allow_leaks", ["processes", "files:*.pid"]),
        ("audit", ["twine", ["pyroma", "{sdist}"]]),
        ("simulate", ["no_home", "utc"]),
        ("simulate", "no_home, utc"),
        ("measure_startup", False),
        *(("containment", kind) for kind in CONTAINMENT_KINDS),
        ("select", ["RUN", "WHL101"]),
    ],
)
def test_what_a_schema_allows_is_understood(name: str, value: object) -> None:
    assert fits(value, BY_NAME[name].schema)
    parsed(BY_NAME[name], value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ready", [{"tcp": "127.0.0.1:80", "status": 200}]),
        ("ready", [{"htp": "http://x"}]),
        ("ready", [1]),
        ("ready_timeout", 0),
        ("ready_timeout", True),
        ("idle_timeout", -1),
        ("max_modules", 2.5),
        ("max_wheel_size", 5),
        ("containment", "docker"),
        ("resolution", "newest"),
        ("audit", [7]),
    ],
)
def test_what_is_against_a_schema_is_refused(name: str, value: object) -> None:
    assert not fits(value, BY_NAME[name].schema)
    assert refused(lambda: parsed(BY_NAME[name], value)).key.startswith(name)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        pytest.param("a,b{1,2}", ["a,b{1,2}"], id="a comma belongs to the line"),
        pytest.param("\n one \n\n two", ["one", "two"], id="one a line"),
        pytest.param("", [], id="nothing"),
        pytest.param([" a ", {"http": "x"}, 1], ["a", {"http": "x"}, 1], id="a list in TOML"),
        pytest.param(7, [7], id="a value alone"),
    ],
)
def test_lines_are_split_at_their_ends_only(text: object, items: list[object]) -> None:
    assert Lines(text) == items


def test_words_are_separated_by_blanks_commas_and_lines_and_may_be_numbers() -> None:
    assert Words("a, b\n c") == ["a", "b", "c"]
    assert Words([0, "SIGTERM"]) == ["0", "SIGTERM"]
    with pytest.raises(TypeError, match="true and false are not words"):
        Words([True])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(None, (), id="nothing"),
        pytest.param(Command(["python", "-V"]), ("python", "-V"), id="a list"),
        pytest.param(Command("python 'a b'"), ("python", "a b"), id="a text in TOML"),
        pytest.param(Command("  "), (), id="blanks"),
    ],
)
def test_a_command_is_a_list_of_words(command: Command | None, words: tuple[str, ...]) -> None:
    assert argv("deploy", command) == words


@pytest.mark.parametrize("command", [Command(["-", "python"]), Command("! python"), Command(" - python")])
def test_a_sign_before_a_command_is_refused(command: Command) -> None:
    assert refused(lambda: argv("deploy", command)).message.startswith("a leading '-' or '!' has no meaning here")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("all", Update.ALL),
        ("contents", Update.CONTENTS),
        ("times", Update.TIMES),
        ("1", Update.ALL),
        ("", None),
        ("0", None),
    ],
)
def test_the_option_of_an_update_names_a_part(text: str, part: Update | None) -> None:
    assert update("--update", text) is part


def test_another_part_is_refused() -> None:
    assert refused(lambda: update("--update", "time")).message == (
        "'time' is neither contents nor times; without a value it is both"
    )
