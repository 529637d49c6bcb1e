"""All checks of the wheel file itself, without installing or importing anything from it."""

from __future__ import annotations

import zipfile
from dataclasses import replace

from tox_prodsim.checks.artifact import (
    classifiers,
    description,
    file_name,
    layout,
    record,
    tool_requirements,
    upload,
    wheel_strays,
)
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.formatting import counted, joined

CODES = (
    *(*record.CODES, *file_name.CODES, *upload.CODES, *layout.CODES, *wheel_strays.CODES),
    *(description.CODE, classifiers.CODE, tool_requirements.CODE),
)


def check_wheel(wheel: Wheel) -> CheckResult:
    """Return what is wrong with the file, without installing or importing anything from it."""
    with zipfile.ZipFile(wheel.path) as archive:
        of_record, of_upload = record.check_record(wheel, archive), upload.check_upload(wheel, archive)
        checked = CheckResult.of(
            of_record,
            file_name.check_identity(wheel, archive),
            of_upload,
            layout.check_contents(wheel),
            wheel_strays.check_strays(wheel, archive),
            description.check_description(wheel, archive),
            classifiers.check_classifiers(wheel),
            tool_requirements.check_tool_requirements(wheel, archive),
        )
    return replace(checked, detail=_detail(wheel, joined((of_record.detail, of_upload.detail), " and ")))


def _detail(wheel: Wheel, valid: str) -> str:
    scripts = [point for point in wheel.scripts if point.group == "console_scripts"]
    facts = [
        f"{valid} ok" if valid else "",
        counted(len(wheel.modules), "module"),
        counted(len(scripts), "console script"),
    ]
    return joined(facts)
