"""All checks of the wheel file itself, without installing or importing anything from it."""

from __future__ import annotations

import zipfile
from dataclasses import replace

from tox_prodsim.checks.artifact import file_name, layout, path_files, record, script_lines, upload, wheel_strays
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.formatting import counted, joined

CODES = (
    *record.CODES,
    *file_name.CODES,
    *upload.CODES,
    *layout.CODES,
    *wheel_strays.CODES,
    *script_lines.CODES,
    *path_files.CODES,
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
            script_lines.check_script_lines(archive),
            path_files.check_path_files(archive),
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
