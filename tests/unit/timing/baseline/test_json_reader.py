"""A baseline in a pull request is data: a value is within its bounds, or refused in one line that names its field."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.baselines import KEY, written
from support.refusals import outcome

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.timing.baseline import store

COMPLETE = (Path(__file__).with_name("older") / "schema-3.json").read_text()
LONG = "9" * 400
TEXTS = [
    "",
    "../x",
    "/etc/passwd",
    "a\x00b",
    "a\x1b[31mb",
    "\u202egpj",
    "\ud800",
    "a" * 100_000,
    "a\nb",
    "=" * 70,
    "-x",
]
NUMBERS = ["NaN", "Infinity", "-Infinity", "-1", "1e308", "1e-320", "1e400", LONG, f"-{LONG}", "9" * 5000]
ODD = [*map(json.dumps, TEXTS), *NUMBERS, "0", "true", "null", "[]", "{}", '[["a"]]', '{"a": {}}', '["a", 1]']
"""Values in JSON that no field has, or only some have."""


def fields(content: object, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to each value of a decoded baseline; of a list the first item stands for all."""
    if above:
        yield above
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, each in inner:
        if name != "dists" and not (isinstance(name, int) and name > 0):
            yield from fields(each, *above, name)


FIELDS = [*fields(json.loads(COMPLETE)), ("dists", 0)]


def with_value(way: tuple[str | int, ...], value: str) -> str:
    content = json.loads(COMPLETE)
    holder = content
    for name in way[:-1]:
        holder = holder[name]
    holder[way[-1]] = "VALUE"
    return json.dumps(content).replace('"VALUE"', value)


@pytest.mark.parametrize("way", FIELDS, ids=lambda way: ".".join(map(str, way)))
def test_an_odd_value_of_any_field_is_bounded_or_refused_in_one_line_that_names_it(
    tmp_path: Path, way: tuple[str | int, ...]
) -> None:
    path = tmp_path / "candidate.json"
    named = [str(name) for name in way if not isinstance(name, int)][-1]
    accepted = []
    for value in ODD:
        loaded = outcome(partial(store.loads, path, with_value(way, value)))
        if isinstance(loaded, ProdsimError):
            assert loaded.message.isprintable()
            assert len(loaded.message) < 400
            assert named in loaded.message.removeprefix(str(path)) or "conflict" in loaded.message, value[:40]
            continue
        accepted.append(value)
        assert store.loads(path, store.dumps(loaded)) == replace(loaded, schema=store.SCHEMA)
        assert math.isfinite(sum(metric.ratio * metric.value_ms for metric in loaded.metrics.values()))
        assert all(metric.ratio > 0 < metric.control_ms for metric in loaded.metrics.values())
    for value in (*NUMBERS[3:], *map(json.dumps, TEXTS[3:8])):
        assert value not in accepted, "no number without bounds, and no control character, in any field"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wheel_sha256", "../../precious"),
        ("wheel_sha256", "a" * 63),
        ("wheel_sha256", ""),
        ("wheel_sha256", "g" * 64),
        ("commit", "--upload-pack=x"),
        ("commit", "main"),
        ("commit", "a" * 65),
        ("version", "1.0 --index-url=http://127.0.0.1"),
        ("version", "1." + "9" * 5000),
        ("version", "../1"),
        ("created", "2026-02-30"),
        ("created", "20261130"),
        ("key", ".."),
        ("key", "a/b"),
        ("env", ".."),
        ("env", "a/b"),
        ("python", "three"),
        ("dists", "click==1.0 --index-url=http://127.0.0.1"),
        ("dists", "click"),
        ("dists", "-e ."),
        ("dists", "click==1.0\n--index-url=http://127.0.0.1"),
    ],
)
def test_a_field_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, value: str) -> None:
    ways = [way for way in FIELDS if name in way and not (name == "dists" and way == ("dists",))]
    assert ways
    for way in ways:
        with pytest.raises(ProdsimError, match=rf"\b{name} (is|has) "):
            store.loads(tmp_path / "candidate.json", with_value(way, json.dumps(value)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[" * 3_999_999, "is not JSON", id="brackets"),
        pytest.param('{"a":' * 700_000, "is not JSON", id="braces"),
        pytest.param("[" * 400 + "]" * 400, "has more than 8 lists and objects within one another", id="levels"),
        pytest.param(COMPLETE.replace('"acme/py.typed"', "[[[[[[[]]]]]]]"), "has more than 8 lists", id="deep in it"),
        pytest.param("[" + "[]," * 1_300_000 + "[]]", "its content is not a JSON object", id="lists"),
        pytest.param('{"schema": 3, "schema": 2}', "has the name 'schema' twice in one object", id="two of one name"),
        pytest.param(
            COMPLETE.replace('"acme/py.typed"', ",".join(f'"{at}"' for at in range(100_001))),
            "contents.data has more than 100,000 items",
            id="items",
        ),
        pytest.param(
            COMPLETE.replace('"cpu": "Xeon"', ",".join(f'"{at}": ""' for at in range(100_001))),
            "machine has more than 100,000 fields",
            id="fields",
        ),
        pytest.param('{"x\x1b[2J": 1}'.replace("\x1b", "\\u001b"), "a name has a control character", id="a name"),
        pytest.param(COMPLETE + " " * 4_000_000, "cannot be read: it is larger than 4 MB", id="blanks"),
    ],
)
def test_a_bomb_is_refused_in_one_line_within_bounds(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path / "baselines" / f"{KEY}.json", text)
    tracemalloc.start()
    with pytest.raises(ProdsimError, match=problem) as caught:
        store.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.message.isprintable()
    assert peak < 256_000_000


def test_fields_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "candidate.json"
    more = COMPLETE.replace('"schema": 3', '"schema": 3, "later": {"new": [1e308]}').replace(
        '"clock"', '"later": 1, "clock"'
    )
    assert store.loads(path, more) == store.loads(path, COMPLETE)
