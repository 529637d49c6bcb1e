"""All that is found in the file itself, without installing or importing anything of it."""

from __future__ import annotations

import zipfile
from dataclasses import replace

from tox_prodsim.artifact import contents, identity, record, strays, upload
from tox_prodsim.artifact.wheel import Wheel
from tox_prodsim.findings import Checked
from tox_prodsim.phrases import counted

CODES = (*record.CODES, *identity.CODES, *upload.CODES, *contents.CODES, *strays.CODES)


def check_wheel(wheel: Wheel) -> Checked:
    """Return what is wrong with the file, found without installing or importing anything of it."""
    with zipfile.ZipFile(wheel.path) as archive:
        recorded, uploaded = record.check_record(wheel, archive), upload.check_upload(wheel, archive)
        checked = Checked.of(
            recorded,
            identity.check_identity(wheel, archive),
            uploaded,
            contents.check_contents(wheel),
            strays.check_strays(wheel, archive),
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
