"""Lines of ini files that begin with a word of ours: tox would drop them, or keep them for a factor."""

from __future__ import annotations

from configparser import ConfigParser
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.refusals import refused
from tox.config.loader.ini import IniLoader
from tox.config.loader.section import Section
from tox.config.main import Config
from tox.config.sets import ConfigSet

from tox_prodsim.plugin.config.ini_lines import keep_words
from tox_prodsim.plugin.config.keys import KEYS

ANY_CONFIG = cast("Config", object())
"""With a configuration tox looks for factors; it reads nothing of it."""


def loaded(key: str, value: str, env_name: str = "prodsim") -> str:
    parser = ConfigParser(interpolation=None)
    parser.read_dict({"testenv:prodsim": {key: value}})
    loader = IniLoader(Section("testenv", "prodsim"), parser, [], Section(None, "tox"))
    conf: Any = SimpleNamespace(loaders=[loader])
    keep_words(cast("ConfigSet", conf), {key.name: key.factor_words for key in KEYS})
    raw: str = conf.loaders[0].load_raw(key, ANY_CONFIG, env_name)
    return raw


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param("delay: 0.5", "delay:0.5", id="on the line of the key"),
        pytest.param("\nlisten\n\tlog:  /up: 1/", "\nlisten\n\tlog:/up: 1/", id="on a line of its own"),
        pytest.param("http://h/ body=/log: x/", "http://h/ body=/log: x/", id="a word in the middle"),
        pytest.param("log: /a \\# b/  # why", "log:/a # b/", id="an escaped comment sign, and a comment"),
        pytest.param("exec: check \\\n  -v", "exec:check   -v", id="a line that is continued"),
        pytest.param("prodsim: delay: 2\npy312: delay: 3", "delay: 2", id="factors before a word"),
        pytest.param("py312: listen\n!py312: delay: 3", "delay: 3", id="a factor that is missing"),
    ],
)
def test_a_line_that_begins_with_a_kind_of_probe_is_kept(value: str, kept: str) -> None:
    assert loaded("ready", value).strip() == kept.strip()


def test_a_word_that_is_a_factor_of_the_environment_stays_one() -> None:
    assert loaded("ready", "log: listen", "prodsim-log") == "listen"


def test_other_keys_have_their_factors() -> None:
    assert loaded("deps", "log: structlog\nhttp: httpx\nacme", "prodsim-http") == "httpx\nacme"


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [("ignore", "IMP504: acme.*", "IMP504:acme.*"), ("allow_leaks", "files: *.pid", "files:*.pid")],
)
def test_words_of_other_keys_are_kept(key: str, value: str, kept: str) -> None:
    assert loaded(key, value) == kept


@pytest.mark.parametrize("value", ["delay:", "listen\nlog:  "])
def test_a_word_with_nothing_behind_its_colon_is_refused(value: str) -> None:
    assert "nothing is behind the colon" in refused(lambda: loaded("ready", value)).message
