"""What tools say about the files, each in an environment that is kept; the tools are little scripts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support.wheels import Ended

from tox_prodsim.checks.audit import run
from tox_prodsim.checks.audit.run import AuditTools
from tox_prodsim.checks.audit.tool_env import ToolEnv
from tox_prodsim.model import auditors
from tox_prodsim.model.errors import Cancelled, ProdsimError
from tox_prodsim.model.findings import CheckResult

NONE: Mapping[str, str] = {}
WHEEL, SDIST = Path("/dist/acme-1.0-py3-none-any.whl"), Path("/dist/acme-1.0.tar.gz")
LINUX = Path("/dist/acme-1.0-cp311-cp311-manylinux_2_17_x86_64.whl")


@dataclass
class Index:
    """What there is to install: shell scripts by the names of commands; ``installed`` is what was, in order."""

    folder: Path
    scripts: dict[str, str] = field(default_factory=dict)
    installed: list[str] = field(default_factory=list)
    interrupted: bool = False

    def install(self, requirement: str, folder: Path) -> None:
        self.installed.append(requirement)
        name = requirement.partition("=")[0]
        if name not in self.scripts:
            raise ProdsimError("audit", f"ERROR: No matching distribution found for {requirement}")
        (folder / "bin").mkdir()
        (folder / "bin" / "python").symlink_to(sys.executable)
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{self.scripts[name]}\n")
        (folder / "bin" / name).chmod(0o755)
        info = ToolEnv(folder=folder, purpose="")._path("purelib") / f"{name.replace('-', '_')}-6.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 6.1\n")

    def run(self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NONE) -> Ended:
        ran = subprocess.run(argv, env={**os.environ, **variables}, capture_output=True, timeout=timeout_s, check=False)
        return Ended(ran.returncode, False, ran.stdout, ran.stderr)

    def tools(self, *items: str) -> AuditTools:
        return AuditTools(
            auditors=auditors.parse("audit", items),
            folder=self.folder / "tools",
            install=self.install,
            run=self.run,
            interrupted=lambda: self.interrupted,
        )

    def audit(self, *items: str, wheel: Path = WHEEL, sdist: Path | None = None) -> CheckResult:
        with ThreadPoolExecutor(4) as executor:
            return run.start(self.tools(*items), wheel, sdist, executor).result()


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path)


def said(checked: CheckResult) -> list[str]:
    return [f"{each.level} {each.code} {each.subject}: {each.message}" for each in checked.findings]


def test_a_tool_that_is_content_is_named_with_its_version(index: Index) -> None:
    index.scripts = {"check-wheel-contents": "echo OK", "twine": "echo PASSED"}
    checked = index.audit("check-wheel-contents", "twine==6.1", sdist=SDIST)
    assert checked.detail == "check-wheel-contents 6.1, twine 6.1"
    assert set(checked.codes) == {"AUD801", "AUD802"}
    assert (checked.findings, checked.not_checked, checked.evidence) == ((), (), ())
    assert sorted(index.installed) == ["check-wheel-contents", "twine==6.1"]


CONTENTS = """\
/dist/acme-1.0-py3-none-any.whl: W005: Wheel contains common toplevel name in library:
  tests/
/dist/acme-1.0-py3-none-any.whl: W009: Wheel contains multiple toplevel library entries:
"""
TWINE = """\
Checking /dist/acme-1.0-py3-none-any.whl: \x1b[31mFAILED due to warnings\x1b[0m
\x1b[33mWARNING \x1b[0m `long_description` missing.      """
ABI3 = "[14:22:47] \U0001f481 acme-1.0-py3-none-any.whl: 1 extensions scanned; 2 ABI violations found   "


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        pytest.param(CONTENTS, "W005: Wheel contains common toplevel name in library: tests/", id="by a code"),
        pytest.param(TWINE, "WARNING `long_description` missing.", id="by a word, coloured"),
        pytest.param(ABI3, "1 extensions scanned; 2 ABI violations found", id="by a summary, stamped"),
        pytest.param("Rating of acme\n\nFinal rating: 5/10\n", "Final rating: 5/10", id="by nothing"),
        pytest.param("", "it says nothing", id="silently"),
    ],
)
def test_a_tool_that_complains_is_an_error_with_its_first_complaint(index: Index, output: str, complaint: str) -> None:
    index.scripts = {"acme-audit": f"cat << 'END'\n{output}\nEND\nexit 1"}
    checked = index.audit("acme-audit {wheel}")
    assert said(checked) == [f"error AUD801 acme-audit: {complaint}"]
    assert checked.detail == "acme-audit 6.1"


def test_the_whole_output_of_a_complaint_is_told_with_the_files_by_their_names(index: Index) -> None:
    index.scripts = {"acme-audit": 'echo "$1: W1"; echo >&2 more; exit 3'}
    checked = index.audit("acme-audit {wheel}")
    assert checked.evidence == (("what acme-audit says", ("acme-1.0-py3-none-any.whl: W1", "more")),)


def test_an_output_without_end_is_told_in_part(index: Index) -> None:
    index.scripts = {"acme-audit": "seq 100; exit 1"}
    ((_, lines),) = index.audit("acme-audit {wheel}").evidence
    assert lines[58:] == ("59", "60", "(40 more lines)")


COULD_BE = 'echo "is consistent\nwith the following platform tag: \\"manylinux_2_28_x86_64\\"."'


def test_auditwheel_complains_without_failing(index: Index) -> None:
    index.scripts = {"auditwheel": COULD_BE}
    assert said(index.audit("auditwheel", wheel=LINUX)) == [
        "error AUD801 auditwheel: it is manylinux_2_28_x86_64, and its name promises manylinux_2_17_x86_64"
    ]
    assert index.audit("auditwheel", wheel=LINUX.with_name(LINUX.name.replace("2_17", "2_28"))).findings == ()


def test_what_a_tool_has_nothing_to_say_about_is_not_checked(index: Index) -> None:
    checked = index.audit("auditwheel", "abi3audit")
    assert checked.codes == ()
    assert checked.detail == "auditwheel: pure wheel, abi3audit: pure wheel"
    assert checked.not_checked == (("AUD801", "auditwheel: pure wheel"), ("AUD801", "abi3audit: pure wheel"))
    assert index.installed == []


def test_an_sdist_that_nobody_looked_at_is_not_checked(index: Index) -> None:
    index.scripts = {"twine": '[ "$#" = 3 ]'}
    checked = index.audit("twine")
    assert checked.detail == "twine 6.1"
    assert checked.not_checked == (("AUD801", "twine: no sdist"),)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(None, "could not be installed: ERROR: No matching distribution found for acme-audit", id="absent"),
        pytest.param(
            "echo >&2 'Traceback (most recent call last):\n  File x\nImportError: broken'; exit 1",
            "could not be run: ImportError: broken",
            id="crashed",
        ),
        pytest.param("kill -11 $$", "could not be run: it died of signal 11", id="died"),
    ],
)
def test_an_audit_that_could_not_be_made_is_an_error_and_no_pass(index: Index, script: str | None, reason: str) -> None:
    index.scripts = {} if script is None else {"acme-audit": script}
    checked = index.audit("acme-audit {wheel}")
    assert said(checked) == [f"error AUD802 acme-audit: {reason}"]
    assert checked.codes == ("AUD802",)
    assert checked.not_checked == (("AUD801", f"acme-audit: {reason}"),)


def test_a_distribution_without_the_command_says_so(index: Index) -> None:
    index.scripts = {"acme": "true"}
    assert said(index.audit("acme | acme-audit {wheel}")) == [
        "error AUD802 acme: could not be run: acme brings no command acme-audit"
    ]


# the environments


def test_an_environment_is_kept_for_the_next_run_until_another_version_is_asked_for(index: Index) -> None:
    index.scripts = {"twine": "true"}
    for item in ("twine", "twine", "twine==6.1", "twine"):
        assert index.audit(item).findings == ()
    assert index.installed == ["twine", "twine==6.1"]


def test_an_environment_is_made_anew_when_that_is_asked_for(index: Index) -> None:
    index.scripts = {"twine": "true"}
    index.audit("twine")
    tools = replace(index.tools("twine"), recreate=True)
    assert run.audit(tools, tools.auditors[0], WHEEL, None).findings == ()
    assert index.installed == ["twine", "twine"]


@pytest.mark.parametrize("damage", ["prodsim-made.txt", "bin/python", "bin/twine"])
def test_an_environment_that_is_damaged_is_made_anew(index: Index, damage: str) -> None:
    index.scripts = {"twine": "true"}
    index.audit("twine")
    (folder,) = (each for each in (index.folder / "tools").iterdir() if each.is_dir())
    (folder / damage).unlink()
    assert index.audit("twine").findings == ()
    assert index.installed == ["twine", "twine"]


def test_a_tool_that_crashes_in_a_kept_environment_gets_another_chance(index: Index) -> None:
    index.scripts = {"twine": "echo >&2 'Traceback (most recent call last):\nImportError: rich'; exit 1"}
    index.audit("twine")
    index.scripts = {"twine": "true"}
    assert index.audit("twine").findings == ()


def test_an_installation_that_was_cut_short_is_made_again(index: Index) -> None:
    index.audit("twine")
    index.scripts = {"twine": "true"}
    assert index.audit("twine").detail == "twine 6.1"


def test_two_runs_do_not_install_into_one_environment(index: Index) -> None:
    index.scripts = {"twine": "true"}
    with ThreadPoolExecutor(2) as executor:
        tools = index.tools("twine")
        both = [executor.submit(run.audit, tools, tools.auditors[0], WHEEL, None) for _ in range(2)]
    assert [each.result().detail for each in both] == ["twine 6.1", "twine 6.1"]
    assert index.installed == ["twine"]


def test_who_waits_for_another_run_can_be_interrupted(index: Index) -> None:
    tools = index.tools("twine")
    kept = ToolEnv(folder=tools.folder / run._folder_name(tools.auditors[0]), purpose="twine")
    index.interrupted = True
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with kept.locked(lambda: False):
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    with pytest.raises(Cancelled):
        run.audit(tools, tools.auditors[0], WHEEL, None)
    done.set()
    holder.join()
