"""What is installed, and the wheel of another version, as a second environment and the checks of owners read them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fuzz.engine import Target
from fuzz.files import ENTRY_POINTS, METADATA, NAME, SOURCE, named_members, said, sound_wheel
from fuzz.inputs import edited, edited_lines
from hypothesis import strategies as st

from tox_prodsim.building import base_requirements, clone_env
from tox_prodsim.checks import artifact, installed
from tox_prodsim.checks.installed import versions
from tox_prodsim.model.errors import CloneError, ProdsimError
from tox_prodsim.model.runner import Completed

ACME = installed.Distribution(name="acme", version="1.0")
RECORD = b"acme/__init__.py,sha256=x,12\nacme-1.0.dist-info/METADATA,,\n../../bin/acme,,\n"
ENVIRONMENT = json.dumps({"python_version": "3.11"}).encode()


def _site(folder: Path, **odd: bytes) -> clone_env.Site:
    """Return an environment with acme and with another distribution, of which some files of metadata are odd."""
    shutil.rmtree(folder / "env", ignore_errors=True)
    prefix = folder / "env"
    packages = prefix / "lib" / "site-packages"
    for name in ("acme", "other"):
        info = packages / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        plain = {"METADATA": METADATA.replace(b"acme", name.encode()), "RECORD": RECORD, "entry_points": ENTRY_POINTS}
        for file, content in (plain | odd).items():
            (info / (f"{file}.txt" if file == "entry_points" else file)).write_bytes(content)
    (packages / "acme").mkdir()
    (packages / "acme" / "__init__.py").write_bytes(SOURCE)
    (prefix / "bin").mkdir()
    python = prefix / "bin" / "python"
    return clone_env.Site(
        prefix=prefix, python=python, site_packages=packages, scripts=prefix / "bin", base_python=Path(sys.executable)
    )


def _texts(site: clone_env.Site, wheel: Path) -> Iterator[str]:
    """Read an environment, and make a second one with the wheel, in all ways in which a run does."""
    yield from said(installed.check_owners(ACME, site.site_packages, site.scripts))
    yield from versions.versions_in(str(site.site_packages))
    target = site.at(site.prefix.with_name("base"))

    def run(_argv: Sequence[str], **_: Any) -> Completed:
        for folder in (target.site_packages, target.scripts):
            folder.mkdir(parents=True, exist_ok=True)
        return Completed(returncode=0, timed_out=False, stdout=ENVIRONMENT, stderr=b"")

    try:
        opened = artifact.open_wheel(wheel)
        other = clone_env.OtherWheel(path=wheel, commands=opened.scripts)
        clone_env.clone(site, target.prefix, name="acme", wheel=other, runner=run, writes_bytecode=False)
        source = base_requirements.RequirementSource(install=lambda *_: None)
        yield from base_requirements.install(source, opened.requires, target, run)
    except (CloneError, ProdsimError) as problem:
        yield str(problem)
    finally:
        shutil.rmtree(target.prefix, ignore_errors=True)


def _play_file(name: str) -> Callable[[bytes, Path], Iterator[str]]:
    def play(data: bytes, folder: Path) -> Iterator[str]:
        path = folder / NAME
        path.write_bytes(sound_wheel())
        return _texts(_site(folder, **{name: data}), path)

    return play


def _play_wheel(data: bytes, folder: Path) -> Iterator[str]:
    path = folder / NAME
    path.write_bytes(data)
    return _texts(_site(folder), path)


TARGETS = (
    Target("installed_metadata", _play_file("METADATA"), edited_lines([METADATA])),
    Target("installed_record", _play_file("RECORD"), edited_lines([RECORD])),
    Target("installed_commands", _play_file("entry_points"), edited_lines([ENTRY_POINTS])),
    Target("other_wheel", _play_wheel, named_members() | st.deferred(lambda: edited([sound_wheel()], most=4))),
)
