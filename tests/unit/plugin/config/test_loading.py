"""Every key of the table, with values that nobody means: understood, or refused in one line that names the key."""

from __future__ import annotations

import math
from collections.abc import Iterator
from configparser import ConfigParser
from typing import Any

import pytest
from support.refusals import outcome
from tox.config.loader.ini import IniLoader
from tox.config.loader.section import Section
from tox.config.loader.toml import TomlLoader
from tox.config.main import Config
from tox.config.sets import ConfigSet
from tox.run import setup_state

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.config import keys
from tox_prodsim.plugin.config.key import Key
from tox_prodsim.plugin.config.keys import KEYS, SERVICE_KEYS
from tox_prodsim.plugin.config.loading import load, understood

TABLE = (*KEYS, *(key for key in SERVICE_KEYS if key not in KEYS))
NUMBERS = [0, -1, 1, 2.5, math.nan, math.inf, -math.inf, 1e308, 1e-320, 10**400, 10**5000, -(10**400), -0.0]
OTHERS = [
    True,
    False,
    {},
    {"a": 1},
    {"replace": "env"},
    [],
    [[]],
    [{}],
    [None],
    [True],
    [10**5000],
    [[1, "a"]],
    [1.5, {}],
]
TEXTS = [
    *(
        "",
        " ",
        "\n",
        "\t",
        "a\nb",
        "a\n\nb",
        ",",
        ":",
        "::",
        "=",
        "a:",
        ":a",
        "delay:",
        "delay: ",
        "/",
        "//",
        "[",
        "(",
        "'",
        '"',
    ),
    *(
        "\\",
        "{",
        "}",
        "{}",
        "{port",
        "{port}",
        "{env:NO}",
        "{x:y:z}",
        "{posargs}",
        "{[a]b}",
        "#",
        "-",
        "!",
        "- a",
        "!a",
        "*",
        "**",
    ),
    *(
        "a\0b",
        "\x1b[31m",
        "\u202e",
        "\ud800",
        "é",
        "²",
        "٣",
        "nan",
        "inf",
        "-inf",
        "1e308",
        "1e-320",
        "1e400",
        "-1",
        "0x10",
    ),
    *(
        "9" * 400,
        "9" * 5000,
        "x" * 300,
        "x" * 100_000,
        "a." * 3000,
        "(" * 5000,
        "a{1,99999999999}",
        "(?P<a>",
        "class",
        "acme..x",
    ),
    *(
        "http://",
        "http://[",
        "http://a:b/",
        "http://a:99999/",
        "tcp://",
        "tcp://a:" + "9" * 400,
        "listen:-1",
        "exec:",
        "exec:'",
    ),
    *(
        "http://a/ timeout=nan",
        "http://a/ timeout=1e308",
        "exec:a every=1e-320",
        "listen for=inf",
        "delay:1e308",
        "log:/(/",
    ),
    *(
        "http://a/ status=" + "9" * 400,
        "http://a/ header=/:/",
        "notify for=" + "9" * 400,
        "http://a/ body=/(/",
        "unix:",
        "file:",
    ),
    *(
        "/dev/zero",
        "/proc/self/mem",
        "../..",
        "~",
        "a/../../b",
        "SIGKILL",
        "SIG",
        "0600",
        "0777",
        "99999",
        "RUN:",
        "RUN:*",
        "files:",
    ),
    *(
        "warnings:(",
        "twine |",
        "twine '",
        "|",
        "a b",
        "port",
        "url",
        "a-b a_b",
        "1a",
        "IMP504:" + "[" * 5000,
        "warnings:" + "(" * 5000,
    ),
]
PROBES = [
    *({"http": value} for value in (1, 10**5000, [], None, "http://[")),
    *({"http": "http://a/", "timeout": value} for value in NUMBERS),
    *({"http": "http://a/", "status": value} for value in (10**5000, [10**5000], [], {}, "x", -200, 1e308)),
    *({"exec": value} for value in ([], [10**5000], [[]], [""], "'", 1, ["a\0"])),
    *({"exec": "a", "every": value} for value in NUMBERS),
    *({"listen": value} for value in NUMBERS),
    *({"delay": value} for value in [*NUMBERS, True, [], "x" * 100_000]),
    *({"notify": True, "for": value} for value in NUMBERS),
    *({"log": value} for value in (1, "(", "(" * 5000, [], "\ud800")),
]


class Odd(ConfigSet):
    """A section with every key of the table."""

    def register_config(self) -> None:
        """Register the keys."""
        for key in TABLE:
            if key is not keys.SET_ENV:
                self.add_config(key.name, key.of_type, key.default, key.help)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp("odd") / "tox.ini"
    path.write_text("[testenv:prodsim]\n")
    return setup_state(("config", "-c", str(path), "-e", "prodsim")).conf


def in_toml(config: Config, name: str, value: Any) -> ConfigSet:
    conf = Odd(config, Section("env", "odd"), "odd")
    conf.loaders.append(
        TomlLoader(
            section=Section("env", "odd"), overrides=[], content={name: value}, root_content={}, unused_exclude=set()
        )
    )
    return conf


def in_ini(config: Config, name: str, text: str) -> ConfigSet:
    parser = ConfigParser(interpolation=None)
    parser.read_dict({"testenv:odd": {name: text}})
    conf = Odd(config, Section("testenv", "odd"), "odd")
    conf.loaders.append(IniLoader(Section("testenv", "odd"), parser, [], Section(None, "tox")))
    keys.keep_words(conf)
    return conf


def said(conf: ConfigSet, key: Key) -> str:
    """Return the refusal of the value of a key; empty: it is understood."""
    problem = outcome(lambda: understood(key, load(conf, key)))
    if not isinstance(problem, ProdsimError):
        return ""
    assert problem.key.partition("[")[0] == key.name
    return problem.message


def refusals(config: Config, key: Key) -> Iterator[str]:
    for value in [*NUMBERS, *OTHERS, *TEXTS, *([text] for text in TEXTS), *([probe] for probe in PROBES)]:
        yield said(in_toml(config, key.name, value), key)
    for text in TEXTS:
        yield said(in_ini(config, key.name, text), key)


@pytest.mark.parametrize("key", [key for key in TABLE if key is not keys.SET_ENV], ids=lambda key: key.name)
def test_an_odd_value_is_understood_or_refused_in_one_line_that_names_the_key(config: Config, key: Key) -> None:
    messages = [message for message in refusals(config, key) if message]
    assert messages
    assert max(map(len, messages)) < 1000
    assert all(message.isprintable() for message in messages)
