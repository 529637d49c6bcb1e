"""timing.md and times.md: the example is run as it stands there, and every limit is that of the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.documents import document as document_at

from tox_prodsim import timing
from tox_prodsim.model.runner import CHILD_SCRIPTS
from tox_prodsim.model.scenario import Timing
from tox_prodsim.timing import measure, sampling, stats
from tox_prodsim.timing.baseline.store import OUTDATED_DAYS

DOCUMENT = document_at("timing.md")
LOOKS = [f"{', '.join(map(str, measure.Plan().looks[:-1]))} and {measure.Plan().looks[-1]}"]
MINIMUM = f"{1000 * stats.FLOOR_S:g}"


def constant(name: str) -> float:
    """Return a constant of the script that times imports, which no other program can import."""
    found = re.search(rf"^{name} = ([\d.]+)", (CHILD_SCRIPTS / "timing.py").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_the_example_does_what_it_says(tmp_path: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(example)
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert re.fullmatch(r"0\.\d{3} of stdlib-1, (8|12|16) rounds", lines[0])
    assert re.match(r"slower first \+\d+ % in \d+ rounds, again in \d+ fresh ones", lines[1])
    assert lines[2] == "True"
    assert lines[3].startswith("import decimal is slower than its baseline: ")
    assert any(re.match(r"\+[\d,]+ bytecodes  new  asyncio", line) for line in lines)
    assert "['asyncio is forbidden and imported" in ran.stdout
    assert re.fullmatch(r"import decimal asyncio imports \d+ modules, the limit is 10", lines[-1])


@pytest.mark.parametrize(
    ("document", "pattern", "expected"),
    [
        pytest.param("timing.md", r"p < ([\d.]+\d)", [f"{stats.SUSPECT_P:g}", f"{stats.SAME_P:g}"], id="levels"),
        pytest.param("timing.md", r"after ([\d, and]+) rounds", LOOKS, id="rounds"),
        pytest.param("times.md", r"after ([\d, and]+) rounds", LOOKS, id="rounds for users"),
        pytest.param("times.md", r"(\d+) seconds by default", [f"{Timing().timeout_s:g}"], id="seconds"),
        pytest.param("timing.md", r"tolerance is (\d+) %", [f"{100 * Timing().tolerance:g}"], id="tolerance"),
        pytest.param(
            "timing.md",
            r"at least (\d+) % against",
            [f"{100 * measure.Plan().least_tolerance:g}"],
            id="least tolerance",
        ),
        pytest.param("timing.md", r"at least (\d+) ms\.", [MINIMUM], id="least difference"),
        pytest.param("times.md", r"below (\d+) ms", [MINIMUM], id="least difference for users"),
        pytest.param("timing.md", r"exponent -(\d+)", [f"{stats._WEIGHT}"], id="power mean"),
        pytest.param("timing.md", r"(\d+) numbers made text", [f"{constant('PROBE_SIZE'):g}"], id="probe"),
        pytest.param("timing.md", r"`(stdlib-\d+)`", [sampling.CONTROL], id="control"),
        pytest.param("times.md", r"`(stdlib-\d+)`", [sampling.CONTROL], id="control for users"),
        pytest.param("times.md", r"older than (\d+) days", [f"{OUTDATED_DAYS}"], id="an old baseline"),
    ],
)
def test_a_number_of_the_documents_is_that_of_the_code(document: str, pattern: str, expected: list[str]) -> None:
    text = " ".join(document_at(document).read_text("utf-8").split())
    assert re.findall(pattern, text) == expected


def test_the_pace_is_probed_as_often_as_both_documents_say() -> None:
    assert constant("PROBE_EVERY_S") == 0.001
    for document in ("timing.md", "times.md"):
        assert "every millisecond of" in document_at(document).read_text("utf-8")


@pytest.mark.parametrize("name", ["measure", "sampling", "stats", "baseline"])
def test_every_name_of_the_table_is_there(name: str) -> None:
    table = DOCUMENT.read_text("utf-8").partition("| --- | --- |")[2]
    for dotted in re.findall(rf"`{name}\.(\w+)", table):
        assert hasattr(getattr(timing, name), dotted), f"{name}.{dotted}"


def test_the_library_imports_no_tox() -> None:
    code = "import sys, tox_prodsim.timing; sys.exit('tox' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
