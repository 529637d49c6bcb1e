"""A change confirmed beside the baseline's own wheel, with real environments and real imports."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from support.wheels import Env, wheel

from tox_prodsim.building import clone_env, reference_wheel
from tox_prodsim.model.events import Change, Compared, Measured
from tox_prodsim.model.metrics import Metric
from tox_prodsim.run.confirmation import BaseInstall, Confirmation
from tox_prodsim.run.context import ReferenceInputs
from tox_prodsim.timing import baseline, measure, paired, sampling, stats

QUICK, SLOW = (f"for _ in range({count}):\n    pass\n" for count in (1_500_000, 6_000_000))
"""An amount of work and four times as much: like the control, it takes what the machine of the moment needs."""


class Project:
    """An environment with acme, which imports other; the baseline was taken when both were quick."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = Env.create(folder / "env")
        self.cache = folder / "wheels"
        self.old = self.install("acme", "1.0", f"import other\n{QUICK}")
        self.install("other", "7", QUICK)
        kept = reference_wheel.keep(self.old, self.cache)
        self.sha256 = kept.parent.name
        sampled = self.sampler()(8)
        self.stored = stats.StoredRatio(
            ratio=stats.ratio(sampled.target_s, sampled.control_s),
            rel_error=0.01,
            control=sampling.CONTROL,
            clock=sampled.clock,
        )

    def install(self, name: str, version: str, text: str) -> Path:
        """Install this version in place of the one before; return its wheel."""
        for left in self.env.site_packages.glob(f"{name}-*"):
            for path in left.iterdir():
                path.unlink()
            left.rmdir()
        made = wheel(self.folder, name=name, version=version, files={f"{name}/__init__.py": text})
        self.env.install(made)
        return made

    def sampler(self) -> sampling.Sampler:
        return sampling.import_sampler("acme", python=self.env.python, runner=self.env.run)

    def confirmed(self, *dists: str) -> Compared:
        """Return what the import compares to now, and assert that nothing is left of the confirmation."""
        nothing = cast("Any", None)
        private = self.folder / "private"
        sources = reference_wheel.WheelSources(
            cache=self.cache, folder=private, git=nothing, build=nothing, fetch=nothing, fetch_or_build=nothing
        )
        site = clone_env.Site(
            prefix=self.env.folder,
            python=self.env.python,
            site_packages=self.env.site_packages,
            scripts=self.env.scripts_dir,
            base_python=Path(os.path.realpath(sys.executable)),
        )
        spec = reference_wheel.ReferenceSpec(name="acme", version="1.0", sha256=self.sha256)
        run, changes = self.env.run, baseline.EnvironmentChanges(dists=dists, machine=())
        confirmation = Confirmation(
            ReferenceInputs(spec=spec, sources=sources, site=site, folder=private, runner=run, changes=changes)
        )

        def sampler_for(base: BaseInstall) -> paired.PairedSampler:
            return paired.import_sampler("acme", python=self.env.python, base_python=base.site.python, runner=run)

        def confirm(suspected: measure.CandidateChange) -> tuple[Measured | None, Compared]:
            return confirmation.confirm(suspected, sampler_for, tolerance=0.25)

        compared = measure.measure(
            Metric.of_import("acme"), self.sampler(), self.stored, tolerance=0.25, confirm=confirm
        )[1]
        confirmation.close()
        assert not private.exists()
        return compared


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_slower_project_is_its_own_fault(project: Project) -> None:
    project.install("acme", "1.1", f"import other\n{SLOW}")
    compared = project.confirmed()
    assert compared.change is Change.SLOWER
    assert compared.detail.startswith("your change; ")
    assert "beside wheel 1.0, kept since then, same dependencies: +" in compared.detail


@pytest.mark.times
def test_a_slower_dependency_is_blamed_by_its_versions(project: Project) -> None:
    project.install("acme", "1.1", f"import other\n{QUICK}# another text\n")
    project.install("other", "8", SLOW)
    compared = project.confirmed("other 7 -> 8")
    assert compared.change is Change.SLOWER
    assert compared.detail.startswith("a dependency got slower: other 7 -> 8; the baseline's own wheel is +")


def test_a_stored_ratio_that_this_machine_does_not_have_is_no_regression(project: Project) -> None:
    project.stored = stats.StoredRatio(
        ratio=project.stored.ratio / 2, rel_error=0.01, control=sampling.CONTROL, clock=project.stored.clock
    )
    compared = project.confirmed()
    assert compared.change is Change.SAME
    assert compared.detail.startswith("this machine differs (nothing that is recorded changed)")


@pytest.mark.times
def test_a_base_that_the_dependencies_of_today_broke_leaves_the_stored_ratio_to_decide(project: Project) -> None:
    project.install("acme", "1.1", SLOW)
    (project.env.site_packages / "other/__init__.py").write_text("raise ImportError('not any more')")
    compared = project.confirmed("other 7 -> 8")
    assert compared.change is Change.SLOWER
    assert compared.detail.endswith(
        "; not beside the baseline's own wheel: "
        "beside wheel 1.0, kept since then: import acme: ImportError: not any more"
    )
