"""WHL105 and WHL106: the file name agrees with METADATA and WHEEL."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from tox_prodsim.checks.artifact import pep440
from tox_prodsim.checks.artifact.wheel import Wheel, members, text
from tox_prodsim.model.findings import CheckResult, Finding, error
from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.regex import lazy_regex

CODES = ("WHL105", "WHL106")

_TAG_PART = lazy_regex(r"\w+", re.ASCII)


def check_identity(wheel: Wheel, archive: zipfile.ZipFile) -> CheckResult:
    """Return where the file name and the metadata contradict each other."""
    return CheckResult(detail="", codes=CODES, findings=(*_identity(archive, wheel), *_tags(archive, wheel)))


def _identity(archive: zipfile.ZipFile, wheel: Wheel) -> Iterator[Finding]:
    name, version, _, _ = parse_wheel_filename(wheel.file_name)
    hint = "do not rename wheels; build it again, so that file name and METADATA come from one source"
    if canonicalize_name(wheel.name) != name:
        yield error("WHL105", wheel.file_name, f"METADATA says that its name is {wheel.name}", hint)
    if pep440.parsed(wheel.version) != version:
        yield error("WHL105", wheel.file_name, f"METADATA says that its version is {wheel.version}", hint)
    for folder in sorted({member.partition("/")[0] for member in members(archive)}):
        if folder.endswith(".dist-info") and not _belongs_to(folder, name, version):
            yield error("WHL105", folder, f"does not belong to {wheel.file_name}, pip refuses such a wheel", hint)


def _belongs_to(folder: str, name: str, version: Version) -> bool:
    its_name, _, its_version = folder.removesuffix(".dist-info").partition("-")
    return canonicalize_name(its_name) == name and pep440.parsed(its_version.replace("_", "-")) == version


def _tags(archive: zipfile.ZipFile, wheel: Wheel) -> Iterator[Finding]:
    _, _, _, expected = parse_wheel_filename(wheel.file_name)
    lines = text(archive, f"{wheel.dist_info}/WHEEL").splitlines()
    found = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("tag:")]
    if not found:
        hint = "build it with a build back end of PEP 517; installers refuse it as it is"
        yield error("WHL106", f"{wheel.dist_info}/WHEEL", "is absent or names no tag", hint)
        return
    valid = {tag: parsed for tag in found if (parsed := _parsed_tag(tag))}
    if wrong := [tag for tag in found if tag not in valid]:
        hint = "let a build back end write WHEEL; a tag is python-abi-platform, such as py3-none-any"
        yield error("WHL106", f"{wheel.dist_info}/WHEEL", f"{shortened(wrong[0], 80)!r} is not a valid tag", hint)
        return
    tags = frozenset[Tag]().union(*valid.values())
    if tags != expected:
        message = (
            f"WHEEL says {_display(tags - expected) or 'nothing'} where the file name says {_display(expected - tags)}"
        )
        hint = "use 'wheel tags' to retag a wheel: it changes the file name, WHEEL and RECORD together"
        yield error("WHL106", wheel.file_name, message, hint)


def _parsed_tag(text: str) -> frozenset[Tag]:
    """Return the tags for which the text stands; nothing when it is not valid."""
    parts = [each for part in text.split("-") for each in part.split(".")]
    if text.count("-") != 2 or not all(_TAG_PART.fullmatch(each) for each in parts):
        return frozenset()
    return parse_tag(text)


def _display(tags: frozenset[Tag]) -> str:
    return ", ".join(sorted(map(str, tags))) or "nothing"
