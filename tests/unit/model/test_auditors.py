"""What the lines of ``audit`` ask for, and what there is to audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.model import auditors
from tox_prodsim.model.auditors import Auditor
from tox_prodsim.model.errors import ProdsimError

WHEEL, SDIST = Path("/dist/acme-1.0-py3-none-any.whl"), Path("/dist/acme-1.0.tar.gz")
LINUX = "acme-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
STABLE = "acme-1.0-cp39-abi3-manylinux_2_28_x86_64.whl"
MAC = "acme-1.0-cp39-abi3-macosx_11_0_arm64.whl"


def only(item: object) -> Auditor:
    (auditor,) = auditors.parse("audit", [item])
    return auditor


@pytest.mark.parametrize(
    ("item", "requirement", "command"),
    [
        pytest.param("check-wheel-contents", "check-wheel-contents", f"check-wheel-contents {WHEEL}", id="known"),
        pytest.param("twine", "twine", f"twine check --strict {WHEEL} {SDIST}", id="known, of both files"),
        pytest.param("Check_Wheel.Contents", "Check_Wheel.Contents", f"check-wheel-contents {WHEEL}", id="written so"),
        pytest.param("auditwheel>=6,<7", "auditwheel>=6,<7", f"auditwheel show {WHEEL}", id="known, of a version"),
        pytest.param(
            "abi3audit", "abi3audit", f"abi3audit --strict --verbose --summary {WHEEL}", id="known, with evidence"
        ),
        pytest.param("twine==6.1 check {sdist}", "twine==6.1", f"twine check {SDIST}", id="known, with arguments"),
        pytest.param("pyroma -n 9 {sdist}", "pyroma", f"pyroma -n 9 {SDIST}", id="a command"),
        pytest.param("acme[all]~=2.0 'a b' {wheel}", "acme[all]~=2.0", f"acme|a b|{WHEEL}", id="quoted"),
        pytest.param("acme-audit | audit --of={wheel}", "acme-audit", f"audit --of={WHEEL}", id="named otherwise"),
        pytest.param(["pyroma", "-n", "9", "{sdist}"], "pyroma", f"pyroma -n 9 {SDIST}", id="a list of words"),
        pytest.param(["acme", "|", "python", "my check.py", "{wheel}"], "acme", f"python|my check.py|{WHEEL}", id="|"),
    ],
)
def test_an_item_says_what_to_install_and_what_to_run(item: object, requirement: str, command: str) -> None:
    auditor = only(item)
    assert auditor.requirement == requirement
    assert auditor.command(WHEEL, SDIST) == (command.split("|") if "|" in command else command.split())


@pytest.mark.parametrize(
    ("item", "message"),
    [
        pytest.param(
            "pyroma",
            "how is pyroma called? write its command line, such as pyroma {wheel}; "
            "known are check-wheel-contents, twine, auditwheel, abi3audit",
            id="unknown",
        ),
        pytest.param(
            "pyroma -n 9 .", "pyroma -n 9 . names neither {wheel} nor {sdist}, so that it would audit nothing", id="no"
        ),
        pytest.param(
            "./check.sh {wheel}",
            "'./check.sh' cannot be installed, write for example twine or twine==6.1",
            id="a path",
        ),
        pytest.param("twine 'check", '"twine \'check" is not a command: no closing quotation', id="a quote"),
        pytest.param(7, "7 is not a command, write for example twine or ['pyroma', '{sdist}']", id="a number"),
        pytest.param(
            "wheel-inspect |",
            "no command follows the bar, write for example wheel-inspect | wheel-inspect {wheel}",
            id="half",
        ),
        pytest.param([], "[] is not a command, write for example twine or ['pyroma', '{sdist}']", id="no words"),
    ],
)
def test_an_item_that_means_nothing_is_refused_by_its_place(item: object, message: str) -> None:
    with pytest.raises(ProdsimError) as caught:
        auditors.parse("audit", ["twine", item])
    assert str(caught.value) == f"audit[1]: {message}"


@pytest.mark.parametrize(
    ("item", "name", "reason"),
    [
        ("check-wheel-contents", WHEEL.name, ""),
        ("auditwheel", WHEEL.name, "pure wheel"),
        ("abi3audit", WHEEL.name, "pure wheel"),
        ("auditwheel==6.8.2 show {wheel}", WHEEL.name, "pure wheel"),
        ("auditwheel", LINUX, ""),
        ("abi3audit", LINUX, "not built for the stable ABI"),
        ("auditwheel", MAC, "no wheel for Linux"),
        ("abi3audit", MAC, ""),
        ("abi3audit", STABLE, ""),
        ("pyroma {sdist}", WHEEL.name, "no sdist"),
        ("twine check {wheel} {sdist}", WHEEL.name, "no sdist"),
        ("twine", WHEEL.name, ""),
    ],
)
def test_a_tool_is_asked_only_what_it_can_answer(item: str, name: str, reason: str) -> None:
    assert only(item).inapplicable(name, None) == reason


def test_twine_looks_at_the_wheel_alone_when_there_is_no_sdist() -> None:
    assert only("twine").command(WHEEL, None) == ["twine", "check", "--strict", str(WHEEL)]


@pytest.mark.parametrize(
    ("name", "needed", "claim"),
    [
        (LINUX, "manylinux_2_28_x86_64", "manylinux_2_17_x86_64"),
        (LINUX, "manylinux_2_17_x86_64", ""),
        (LINUX, "manylinux_2_5_x86_64", ""),
        (LINUX, "linux_x86_64", "manylinux_2_17_x86_64"),
        ("acme-1.0-cp311-cp311-manylinux1_x86_64.whl", "manylinux_2_12_x86_64", "manylinux1_x86_64"),
        ("acme-1.0-cp311-cp311-manylinux2010_x86_64.whl", "manylinux_2_12_x86_64", ""),
        ("acme-1.0-cp311-cp311-musllinux_1_1_x86_64.whl", "musllinux_1_2_x86_64", "musllinux_1_1_x86_64"),
        ("acme-1.0-cp311-cp311-musllinux_1_1_x86_64.whl", "manylinux_2_28_x86_64", ""),
        ("acme-1.0-cp311-cp311-linux_x86_64.whl", "manylinux_2_28_x86_64", ""),
        ("acme-1.0-cp311-cp311-linux_x86_64.whl", "linux_x86_64", ""),
    ],
)
def test_a_name_promises_too_much_when_the_wheel_needs_a_newer_system(name: str, needed: str, claim: str) -> None:
    assert auditors.overclaimed_tag(name, needed) == claim
