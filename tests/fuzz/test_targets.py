"""Odd inputs for everything that reads what others wrote: the same few in each run, and all that failed once."""

from __future__ import annotations

from contextlib import suppress

import pytest
from fuzz.engine import EXAMPLES, FOUND, Hang, Target, check, play
from fuzz.targets import TARGETS
from hypothesis import strategies as st

from tox_prodsim.model.errors import ProdsimError

pytestmark = pytest.mark.fuzz
_FOUND = sorted(path for path in FOUND.glob("*/*") if path.is_file())


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("name", TARGETS)
def test_odd_inputs_are_read_or_refused(name: str, folder) -> None:
    assert play(TARGETS[name], folder, EXAMPLES, fixed=True).inputs > 0


@pytest.mark.parametrize("path", _FOUND, ids=[f"{path.parent.name}-{path.name}" for path in _FOUND])
def test_what_failed_once_does_not_fail_again(path, folder) -> None:
    check(TARGETS[path.parent.name], path.read_bytes(), folder)


# the fuzzer itself


def _raising(problem: BaseException):
    def read(data: bytes, _folder) -> list[str]:
        if b"\x1b" in data:
            raise problem
        return []

    return read


@pytest.mark.parametrize(
    ("play_one", "expected"),
    [
        pytest.param(_raising(KeyError("x")), KeyError, id="another exception"),
        pytest.param(_raising(Hang("x")), Hang, id="a hang"),
    ],
)
def test_a_defect_is_found_and_made_small(play_one, expected: type[BaseException], folder) -> None:
    target = Target("one", play_one, st.lists(st.sampled_from([b"a", b"\x1b"]), max_size=9).map(b"".join))
    with pytest.raises(expected) as caught:
        play(target, folder, 200, fixed=True)
    assert caught.value.smallest == b"\x1b"  # type: ignore[attr-defined]


def test_a_documented_refusal_is_none(folder) -> None:
    target = Target("one", _raising(ProdsimError("key", "\x1b is not a value")), st.just(b"\x1b"))
    assert play(target, folder, 5, fixed=True).inputs == 1


def test_an_input_that_takes_for_ever_is_ended(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.engine.LIMIT_S", 0.2)

    def spin(_data: bytes, _folder) -> list[str]:
        while True:
            with suppress(Exception):  # as code under test may do
                sum(range(1000))

    with pytest.raises(Hang):
        check(Target("one", spin, st.just(b"")), b"", folder)
