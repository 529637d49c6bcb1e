"""All checks of the wheel file itself, without installing or importing anything from it."""

from __future__ import annotations

import zipfile
from dataclasses import replace

from packaging.utils import parse_wheel_filename

from tox_prodsim.checks.artifact import (
    archives,
    classifiers,
    description,
    file_name,
    layout,
    member_kinds,
    path_files,
    portable_names,
    record,
    root_entries,
    script_lines,
    tool_requirements,
    upload,
    wheel_strays,
)
from tox_prodsim.checks.artifact.member_facts import MemberFacts, PackedFacts
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.formatting import counted, joined

CODES = (
    *(*record.CODES, *file_name.CODES, *upload.CODES, *layout.CODES, *wheel_strays.CODES),
    *(*root_entries.CODES, "WHL136", "WHL152", *member_kinds.CODES, *script_lines.CODES, *path_files.CODES),
    *(description.CODE, classifiers.CODE, tool_requirements.CODE),
)


def check_wheel(wheel: Wheel, facts: MemberFacts | PackedFacts | None = None) -> CheckResult:
    """Return what is wrong with the file, without installing or importing anything from it."""
    with archives.opened(wheel.path) as archive:
        of_record, of_upload = record.check_record(wheel, archive, facts), upload.check_upload(wheel, archive)
        checked = CheckResult.of(
            of_record,
            file_name.check_identity(wheel, archive),
            of_upload,
            layout.check_contents(wheel),
            wheel_strays.check_strays(wheel, archive),
            root_entries.check_root(wheel),
            _check_names(wheel, archive),
            member_kinds.check_kinds(archive),
            script_lines.check_script_lines(archive),
            path_files.check_path_files(archive),
            description.check_description(wheel, archive),
            classifiers.check_classifiers(wheel),
            tool_requirements.check_tool_requirements(wheel, archive),
        )
    return replace(checked, detail=_detail(wheel, joined((of_record.detail, of_upload.detail), " and ")))


def _check_names(wheel: Wheel, archive: zipfile.ZipFile) -> CheckResult:
    """Return the names that a system for which the wheel is made cannot hold, and those that are misread."""
    platforms = {tag.platform for tag in parse_wheel_filename(wheel.file_name)[3]}
    systems = [each for each in wheel.classifiers if each.startswith("Operating System :: ")]
    on_windows = any(platform.startswith(("any", "win")) for platform in platforms)
    claims_windows = not systems or any("Windows" in each or "Independent" in each for each in systems)
    is_for_linux = all("linux" in platform for platform in platforms)
    findings = (
        *portable_names.misleading("WHL152", archive.namelist()),
        *(portable_names.refused_by_windows("WHL136", wheel.files) if on_windows and claims_windows else ()),
        *(portable_names.differing_in_case("WHL136", wheel.files) if not is_for_linux else ()),
    )
    return CheckResult(detail="", codes=("WHL136", "WHL152"), findings=findings)


def _detail(wheel: Wheel, valid: str) -> str:
    scripts = [point for point in wheel.scripts if point.group == "console_scripts"]
    facts = [
        f"{valid} ok" if valid else "",
        counted(len(wheel.modules), "module"),
        counted(len(scripts), "console script"),
    ]
    return joined(facts)
