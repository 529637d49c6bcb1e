"""All targets of the fuzzer by their names."""

from __future__ import annotations

from collections.abc import Mapping

from fuzz import answers, files, installed, printing, settings, stored, talking
from fuzz.engine import Target

TARGETS: Mapping[str, Target] = {
    target.name: target
    for family in (files, installed, answers, stored, talking, settings, printing)
    for target in family.TARGETS
}
