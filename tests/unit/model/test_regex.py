"""Expressions that are compiled when they are used."""

from __future__ import annotations

import gc
import importlib
import pickle
import pkgutil
import re
from unittest.mock import Mock

import pytest

import tox_prodsim
from tox_prodsim.model.regex import lazy_regex


def test_nothing_is_compiled_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiling = Mock(wraps=re.compile)
    monkeypatch.setattr(re, "compile", compiling)
    words = lazy_regex("[a-z]+", re.IGNORECASE)
    assert compiling.call_count == 0
    assert [each.group() for each in words.finditer("one, TWO")] == ["one", "TWO"]
    assert words.findall("x") == ["x"]
    assert words.findall("y") == ["y"]
    compiling.assert_called_with("[a-z]+", re.IGNORECASE)
    assert compiling.call_count == 2, "once for each method"


def test_it_has_what_a_compiled_one_has() -> None:
    named = lazy_regex("(?P<name>b+)")
    assert named.sub(r"<\g<name>>", "abba") == "a<bb>a"
    assert (named.pattern, named.groups, dict(named.groupindex)) == ("(?P<name>b+)", 1, {"name": 1})
    assert lazy_regex(b"b").split(b"abc") == [b"a", b"c"]


def test_a_copy_in_another_process_is_a_compiled_one() -> None:
    assert pickle.loads(pickle.dumps(lazy_regex("a+", re.MULTILINE))) == re.compile("a+", re.MULTILINE)


def test_a_wrong_one_is_refused_when_it_is_used() -> None:
    with pytest.raises(re.error, match="missing"):
        lazy_regex("(").match("")


def test_every_expression_of_ours_can_be_compiled() -> None:
    for found in pkgutil.walk_packages(tox_prodsim.__path__, "tox_prodsim."):
        if "__main__" not in found.name:
            importlib.import_module(found.name)
    ours = [each for each in gc.get_objects() if type(each) is type(lazy_regex(""))]
    assert len(ours) > 200
    assert all(each.flags >= 0 for each in ours)


def test_it_has_no_more_attributes_than_a_compiled_one() -> None:
    assert not hasattr(lazy_regex("a"), "other")
    assert not hasattr(lazy_regex("a"), "__iter__")
