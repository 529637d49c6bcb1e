"""All that is found in the file itself, without installing or importing anything of it."""

from __future__ import annotations

import zipfile
from dataclasses import replace

from tox_prodsim.checks.artifact import file_name, layout, record, upload, wheel_strays
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.formatting import counted

CODES = (*record.CODES, *file_name.CODES, *upload.CODES, *layout.CODES, *wheel_strays.CODES)


def check_wheel(wheel: Wheel) -> CheckResult:
    """Return what is wrong with the file, found without installing or importing anything of it."""
    with zipfile.ZipFile(wheel.path) as archive:
        recorded, uploaded = record.check_record(wheel, archive), upload.check_upload(wheel, archive)
        checked = CheckResult.of(
            recorded,
            file_name.check_identity(wheel, archive),
            uploaded,
            layout.check_contents(wheel),
            wheel_strays.check_strays(wheel, archive),
        )
    return replace(checked, detail=_evidence(wheel, " and ".join(filter(None, (recorded.detail, uploaded.detail)))))


def _evidence(wheel: Wheel, sound: str) -> str:
    scripts = [point for point in wheel.scripts if point.group == "console_scripts"]
    facts = [
        f"{sound} ok" if sound else "",
        counted(len(wheel.modules), "module"),
        counted(len(scripts), "console script"),
    ]
    return ", ".join(filter(None, facts))
