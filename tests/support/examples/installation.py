"""DEP: what is installed, and what an installer would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from support.examples.answers import PYTHON, Answers, Record, distribution, survey
from support.wheels import subject_of, wheel
from tox_prodsim.checks import installed, resolution
from tox_prodsim.checks.artifact import open_wheel
from tox_prodsim.checks.resolution.results import Conflict, Impossible, Resolution, Resolved, ResolvedDistribution
from tox_prodsim.model.findings import Finding, Level

ACME = installed.Distribution(name="acme", version="2.1.0")
YANKED = ResolvedDistribution(name="urllib3", version="2.0.0", from_sdist=False, yanked="responses are cut short")
CLICK = (Conflict(requirer="acme 1.0", requirement="click>=8.1"), Conflict(requirer="acme 1.0", requirement="click<8"))


def present(*distributions: Record, requires: tuple[str, ...] = ()) -> Callable[[Path], Iterable[Finding]]:
    """Return the case of these distributions in the environment."""
    subject = installed.Distribution(name="acme", version="2.1.0", requires=requires)
    return lambda _: installed.check_distribution(subject, Answers(installed=survey(*distributions)), PYTHON).findings


def undeclared(folder: Path) -> Iterable[Finding]:
    files = {"acme/__init__.py": "from acme import plugins\n", "acme/plugins.py": "import pkg_resources\n"}
    path = wheel(folder, files=files)
    there = survey(distribution("acme", "1.0"), distribution("setuptools", "80.0", tops=["pkg_resources"]))
    subject = subject_of(open_wheel(path))
    imported = frozenset(subject.modules)
    return installed.check_undeclared(subject, Answers(installed=there), PYTHON, path, imported=imported).findings


class Installer:
    """An installer that answers for the wheel and for its extras."""

    def __init__(self, base: Resolution, extras: Resolution) -> None:
        self._base = base
        self._extras = extras

    def resolve(self, requirements: list[str], *_: object, **__: object) -> Resolution:
        return self._extras if "[" in requirements[0] else self._base


def resolved(base: Resolution, extras: Resolution) -> Callable[[Path], Iterable[Finding]]:
    request = resolution.ResolutionRequest(wheel=Path(), name="acme", requires=("click",), provided=("web",))
    installer = cast("resolution.Installer", Installer(base, extras))
    return lambda folder: resolution.check_resolution(request, installer, cast("Any", None), folder).findings


def lowest(_: Path) -> Iterable[Finding]:
    pinned = (("click", "2.0"), ("jinja2", "3.0.0"))
    failed = [Finding(code=code, level=Level.ERROR, subject="acme", message="") for code in ("IMP503", "ENT510")]
    lowest_versions = resolution.LowestVersions(requirements=(), pinned=pinned)
    return [resolution.lowest_failed(lowest_versions, ("click==2.0", "jinja2==3.0.0"), failed)]


def two_owners(folder: Path) -> Iterable[Finding]:
    site, scripts = folder / "lib", folder / "bin"
    for name, version, target in (("acme", "2.1.0", "acme.cli:main"), ("acme-hub", "1.4.0", "acme_hub.cli:main")):
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[console_scripts]\nacme = {target}\n")
    return installed.check_owners(ACME, site, scripts).findings


def uninstallable(_: Path) -> Iterable[Finding]:
    name = "acme-1.0-py3-none-any.whl"
    output = "ERROR: No matching distribution found for acme-htpp"
    failed = resolution.FailedInstallation(subject=name, file=name, output=output, log="", of_requirements=True)
    return resolution.check_installation(failed, lambda: Impossible(reason="the index has no acme-htpp")).findings


EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    "DEP202": present(distribution("acme", "2.0.9")),
    "DEP203": present(
        distribution("acme", "2.1.0"),
        distribution("acme-plugins", "1.4.0", "click<9"),
        distribution("click", "9.0.1"),
    ),
    "DEP204": undeclared,
    "DEP205": resolved(Resolved(distributions=(YANKED,)), Resolved(distributions=())),
    "DEP206": resolved(Resolved(distributions=()), Impossible(reason="; ".join(map(str, CLICK)))),
    "DEP208": lowest,
    "DEP209": present(distribution("acme", "2.1.0"), requires=("pyyaml>=6",)),
    "DEP210": uninstallable,
    "DEP211": two_owners,
    "IMP500": present(distribution("acme", "2.1.0", editable="direct_url.json says editable: file:///home/me/acme")),
}
