"""WHL141: the description renders as on PyPI: docutils stops at the first warning, and has no files and no raw HTML."""

from __future__ import annotations

import io
import threading
import zipfile

from packaging.metadata import parse_email

from tox_prodsim.checks.artifact.wheel import Wheel, content
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.regex import lazy_regex

CODE = "WHL141"

_RST = "text/x-rst"
_AS_PYPI = {"file_insertion_enabled": False, "raw_enabled": False, "halt_level": 2, "report_level": 5}
"""The settings of readme_renderer that decide whether there is a result; 2 is a warning."""
_ALONE = {"_disable_config": True, "syntax_highlight": "none", "strip_comments": True, "doctitle_xform": False}
"""Settings that keep the configuration of this machine out, and leave out work that decides nothing."""
_PROBLEM = lazy_regex(r"<string>:(?P<line>\d*): \(\w+/\d\) (?P<text>[^\n]*)")
_LIMIT_BYTES = 1 << 20
_one_at_a_time = threading.Lock()
"""docutils keeps roles and languages in globals."""


def check_description(wheel: Wheel, archive: zipfile.ZipFile) -> CheckResult:
    """Return whether PyPI can show the description; Markdown and plain text always render."""
    fields, _ = parse_email(content(archive, f"{wheel.dist_info}/METADATA"))
    text, declared = fields.get("description", ""), fields.get("description_content_type", "")
    kind = declared.partition(";")[0].strip().lower()
    if kind not in {"", "unknown", _RST} or not text.strip() or len(text) > _LIMIT_BYTES:
        return CheckResult(detail="", codes=(CODE,))
    try:
        problem = _problem(text)
    except Exception as crash:  # noqa: BLE001 - docutils has bugs, and none of them is one of the release
        reason = f"docutils fails with {type(crash).__name__}"
        return CheckResult(detail="", codes=(), not_checked=((CODE, reason),))
    found = (_finding(wheel, problem, declared=kind == _RST),) if problem else ()
    return CheckResult(detail="", codes=(CODE,), findings=found)


def _problem(text: str) -> str:
    """Return why there is no result; nothing if there is one."""
    from docutils.core import publish_doctree  # noqa: PLC0415 - it takes a third of a second, and few need it
    from docutils.utils import SystemMessage  # noqa: PLC0415

    settings = {**_AS_PYPI, **_ALONE, "warning_stream": io.StringIO()}
    try:
        with _one_at_a_time:
            publish_doctree(text, settings_overrides=settings)
    except SystemMessage as message:
        found = _PROBLEM.match(str(message))
        return f"line {found['line']}: {found['text'].rstrip('.')}" if found and found["line"] else str(message)
    return ""


def _finding(wheel: Wheel, problem: str, *, declared: bool) -> Finding:
    level = Level.NOTE if wheel.is_private else Level.ERROR if declared else Level.WARNING
    if declared:
        message = f"PyPI refuses it: it does not render as {_RST}, {problem}"
        hint = "correct the file that readme names; see it with: docutils --halt=2 README.rst"
    else:
        message = f"PyPI refuses it: without a content type it has to be reStructuredText, {problem}"
        hint = 'declare its type: readme = "README.md" in [project], or long_description_content_type in setup.cfg'
    return Finding(code=CODE, level=level, subject="Description", message=message, hint=hint)
