"""The wheel of another version: kept by its sha256, built from a commit in a worktree of its own, or from the index."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.reference_wheels import WANTED, made, sources

from tox_prodsim.building import reference_wheel
from tox_prodsim.building.reference_wheel import ReferenceSpec, ReferenceWheel
from tox_prodsim.model.errors import ProdsimError, ReleaseRefusedError, WheelUnavailableError


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# the cache


def test_a_kept_wheel_is_found_by_its_sha256_under_its_own_name(tmp_path: Path) -> None:
    one = made(tmp_path)
    reference_wheel.keep(one, tmp_path / "cache")
    found = reference_wheel.kept(tmp_path / "cache", sha256(one))
    assert found == tmp_path / "cache" / sha256(one) / one.name
    assert found.read_bytes() == one.read_bytes()
    assert reference_wheel.kept(tmp_path / "cache", "0" * 64) is None


def test_a_wheel_that_was_damaged_is_not_returned_and_can_be_kept_again(tmp_path: Path) -> None:
    one, cache = made(tmp_path), tmp_path / "cache"
    reference_wheel.keep(one, cache).write_bytes(b"half of i")
    assert reference_wheel.kept(cache, sha256(one)) is None
    reference_wheel.keep(one, cache)
    assert reference_wheel.kept(cache, sha256(one)) is not None


def test_of_wheels_that_were_only_run_the_newest_are_kept_and_accepted_ones_longer(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wheels = [made(tmp_path, f"1.{minor}") for minor in range(reference_wheel.KEPT_RUNS + 3)]
    for at, one in enumerate(wheels):
        reference_wheel.keep(one, cache)
        if at == 0:
            reference_wheel.accept(sha256(one), cache)
        os.utime(cache / sha256(one), (time.time() - 1000 + at, time.time() - 1000 + at))
    reference_wheel.keep(wheels[-1], cache)
    left = [at for at, one in enumerate(wheels) if reference_wheel.kept(cache, sha256(one)) is not None]
    assert left == [0, *range(3, len(wheels))]


def test_accepted_wheels_are_bounded_too(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wheels = [made(tmp_path, f"1.{minor}") for minor in range(reference_wheel.KEPT_ACCEPTED + 2)]
    for at, one in enumerate(wheels):
        reference_wheel.keep(one, cache)
        reference_wheel.accept(sha256(one), cache)
        os.utime(cache / sha256(one), (time.time() - 1000 + at, time.time() - 1000 + at))
    reference_wheel.keep(wheels[-1], cache)
    assert len([*cache.iterdir()]) == reference_wheel.KEPT_ACCEPTED
    assert reference_wheel.kept(cache, sha256(wheels[0])) is None


def test_what_a_killed_run_left_half_done_is_never_found_and_goes_with_the_next(tmp_path: Path) -> None:
    one, other, cache = made(tmp_path), made(tmp_path, "2.0"), tmp_path / "cache"
    half = cache / sha256(one) / f".{one.name}.1-0123abcd.tmp"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    assert reference_wheel.kept(cache, sha256(one)) is None
    reference_wheel.keep(other, cache)
    assert not half.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../precious", "{precious}", "a" * 64, "{sha256}"])
def test_nothing_outside_of_the_cache_is_removed_or_touched(tmp_path: Path, name: str) -> None:
    """As a sha256 anything may come from a baseline: a path, and a folder of the cache that is a link."""
    cache, precious = tmp_path / "cache", tmp_path / "precious"
    precious.mkdir()
    (precious / "acme-1.0-py3-none-any.whl").write_bytes(b"precious")
    cache.mkdir()
    for link in ("a" * 64, "link"):
        (cache / link).symlink_to(precious)
    text = name.format(precious=precious, sha256=sha256(precious / "acme-1.0-py3-none-any.whl"))
    for _ in range(2):
        assert reference_wheel.kept(cache, text) is None
        reference_wheel.accept(text, cache)
    for version in range(reference_wheel.KEPT_RUNS + 2):
        reference_wheel.keep(made(tmp_path, f"1.{version}"), cache)
    assert [(path.name, path.read_bytes()) for path in precious.iterdir()] == [
        ("acme-1.0-py3-none-any.whl", b"precious")
    ]
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".whl"} == {"cache", "precious"}


def test_a_cache_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="cache: a symbolic link is in its place"):
        reference_wheel.keep(made(tmp_path), tmp_path / "cache")
    assert list((tmp_path / "precious").iterdir()) == []


def test_a_link_in_the_place_of_a_kept_wheel_is_not_followed(tmp_path: Path) -> None:
    one, cache = made(tmp_path / "wheels"), tmp_path / "cache"
    kept = reference_wheel.keep(one, cache)
    kept.unlink()
    kept.symlink_to(one)
    (kept.parent / "accepted").symlink_to(tmp_path / "new")
    assert reference_wheel.kept(cache, sha256(one)) is None
    with pytest.raises(OSError, match="a symbolic link is in its place"):
        reference_wheel.keep(one, cache)
    reference_wheel.accept(sha256(one), cache)
    assert (one.is_file(), (tmp_path / "new").exists()) == (True, False)


def test_a_wheel_that_cannot_be_kept_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="cache: a file is in its place"):
        reference_wheel.keep(made(tmp_path), tmp_path / "cache")


def test_accepting_what_is_not_kept_is_no_error(tmp_path: Path) -> None:
    reference_wheel.accept("0" * 64, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def refused(reason: str) -> Callable[..., Path]:
    def refuse(*_: object) -> Path:
        raise ProdsimError("base", reason)

    return refuse


# the order of the sources


def test_the_kept_wheel_comes_first(tmp_path: Path) -> None:
    one = made(tmp_path)
    place = reference_wheel.keep(one, tmp_path / "cache")
    found = reference_wheel.obtain(replace(WANTED, sha256=sha256(one)), sources(tmp_path))
    assert found == ReferenceWheel(wheel=place, origin="wheel 1.0, kept since then")


def test_where_there_is_no_commit_the_index_is_asked(tmp_path: Path) -> None:
    one = made(tmp_path)
    wanted = replace(WANTED, sha256=sha256(one))
    found = reference_wheel.obtain(wanted, sources(tmp_path, fetch=lambda *_: one))
    assert found == ReferenceWheel(wheel=one, origin="acme==1.0 from the index")


def test_a_release_with_another_sha256_than_the_baseline_recorded_is_refused(tmp_path: Path) -> None:
    release = made(tmp_path)
    with pytest.raises(ReleaseRefusedError) as refused:
        reference_wheel.obtain(WANTED, sources(tmp_path, fetch=lambda *_: release))
    assert str(refused.value) == (
        "its wheel is not kept here; the project is in no git repository; "
        f"acme==1.0 of the index has sha256 {sha256(release)[:12]}, the baseline recorded 000000000000: "
        "it is neither installed nor run"
    )


def test_a_version_that_the_user_names_may_be_built_from_its_sdist(tmp_path: Path) -> None:
    release = made(tmp_path)
    named = ReferenceSpec(name="acme", version="1.0")
    found = reference_wheel.from_index(named, sources(tmp_path, fetch_or_build=lambda *_: release))
    assert found.wheel == release


def test_when_nobody_has_it_every_source_says_why(tmp_path: Path) -> None:
    with pytest.raises(WheelUnavailableError) as problem:
        reference_wheel.obtain(WANTED, sources(tmp_path, fetch=refused("there is no network")))
    assert str(problem.value) == (
        "its wheel is not kept here; the project is in no git repository; "
        "acme==1.0 is not available from the index: there is no network"
    )


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        pytest.param(replace(WANTED, public=False), "the project is private", id="a private project"),
        pytest.param(replace(WANTED, version="1.0+local"), "version 1.0+local", id="a local version"),
        pytest.param(replace(WANTED, version="1.0.dev3"), "version 1.0.dev3", id="a development version"),
        pytest.param(replace(WANTED, version=""), "version unknown", id="no version"),
    ],
)
def test_the_index_is_not_asked_for_what_was_never_uploaded(tmp_path: Path, wanted: ReferenceSpec, reason: str) -> None:
    with pytest.raises(WheelUnavailableError, match="the index is not asked") as problem:
        reference_wheel.from_index(wanted, sources(tmp_path))
    assert reason in str(problem.value)
