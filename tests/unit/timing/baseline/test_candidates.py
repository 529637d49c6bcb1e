"""Which baseline a candidate of a CI matrix becomes, and what is refused before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.baselines import ACME, IMPORT_ACME, KEY, metric

from tox_prodsim import timing
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.scenario import Update
from tox_prodsim.timing.baseline import store
from tox_prodsim.timing.baseline.contents import Contents

MINE = replace(ACME, env="prodsim", dists=())
OTHER_KEY = KEY.replace("3.13", "3.12")


@pytest.fixture
def stores(tmp_path: Path) -> dict[str, Path]:
    return {"prodsim": tmp_path / "stored", "py312-prodsim": tmp_path / "stored"}


def test_the_candidates_of_a_matrix_go_to_their_keys(tmp_path: Path, stores: dict[str, Path]) -> None:
    jobs = tmp_path / "jobs"
    store.save(jobs / "ubuntu-3.13/candidate.json", MINE)
    store.save(jobs / "ubuntu-3.12/deep/candidate.json", replace(MINE, key=OTHER_KEY))
    store.save(jobs / f"flat/{OTHER_KEY}.json", replace(MINE, key=OTHER_KEY, env="py312-prodsim"))
    (jobs / "flat/report.json").write_text("{}")
    store.save(stores["prodsim"] / f"prodsim/{KEY}.json", replace(MINE, metrics={IMPORT_ACME: metric(1.0)}))
    found = {str(path.relative_to(tmp_path)): is_new for path, _, is_new in decided(jobs, stores)}
    assert found == {
        f"stored/prodsim/{KEY}.json": True,
        f"stored/prodsim/{OTHER_KEY}.json": True,
        f"stored/py312-prodsim/{OTHER_KEY}.json": True,
    }
    [over] = [each for path, each, _ in decided(jobs, stores) if path.name == f"{KEY}.json"]
    assert over.metrics[IMPORT_ACME].history == (1.0, 1.964), "what was accepted continues its history"


@pytest.mark.parametrize("part", Update)
def test_a_part_of_a_candidate_is_accepted(tmp_path: Path, stores: dict[str, Path], part: Update) -> None:
    old = replace(MINE, metrics={IMPORT_ACME: metric(1.0)}, contents=Contents(version="1.3", created="2026-10-02"))
    new = replace(MINE, contents=Contents(version="1.4", created="2026-10-03", data=frozenset({"a"})))
    store.save(tmp_path / "jobs/candidate.json", new)
    store.save(stores["prodsim"] / f"prodsim/{KEY}.json", old)
    [(_, accepted, is_new)] = timing.accepted(timing.candidates(tmp_path / "jobs"), stores, part)
    assert is_new
    assert accepted.contents == (old if part is Update.TIMES else new).contents
    assert accepted.metrics[IMPORT_ACME].ratio == (1.0 if part is Update.CONTENTS else 1.964)


def decided(folder: Path, stores: dict[str, Path]) -> list[tuple[Path, store.Baseline, bool]]:
    return list(timing.accepted(timing.candidates(folder), stores))


def test_the_same_candidate_twice_and_one_that_changes_nothing_are_no_trouble(
    tmp_path: Path, stores: dict[str, Path]
) -> None:
    for name in ("one", "two"):
        store.save(tmp_path / f"jobs/{name}/candidate.json", MINE)
    store.save(stores["prodsim"] / f"prodsim/{KEY}.json", MINE)
    assert [is_new for _, _, is_new in decided(tmp_path / "jobs", stores)] == [False]


@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        pytest.param([], "has no candidate.json and no file named for a key", id="none"),
        pytest.param(
            [MINE, replace(MINE, python="3.13.1")], f"are both for prodsim/{KEY}, remove one", id="two for one"
        ),
        pytest.param([replace(MINE, env="")], "does not say of which environment it is", id="no environment"),
        pytest.param(
            [replace(MINE, env="lint")],
            "is of the environment lint, which is not one of prodsim, py312-prodsim; name it with -e",
            id="foreign",
        ),
        pytest.param([replace(MINE, key="../up")], "key is '../up', not a key such as", id="a key that is a path"),
        pytest.param([replace(MINE, env="../up")], "env is '../up', not the name of an", id="a name that is a path"),
        pytest.param(
            [replace(MINE, schema=9)], "has schema 9, this tox-prodsim knows 3: upgrade tox-prodsim", id="newer"
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, stores: dict[str, Path], candidates: list[store.Baseline], reason: str
) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    for at, candidate in enumerate(candidates):
        place = folder / str(at) / "candidate.json"
        place.parent.mkdir()
        place.write_text(store.dumps(candidate))
    with pytest.raises(ProdsimError) as caught:
        decided(folder, stores)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProdsimError, match="nowhere is not a folder"):
        timing.candidates(tmp_path / "nowhere")
