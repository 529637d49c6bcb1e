"""docs/timing.md: the example of the library is run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.documents import ROOT

from tox_prodsim import timing

DOCUMENT = ROOT / "docs" / "timing.md"


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


@pytest.mark.parametrize("name", ["measure", "sampling", "stats", "baseline"])
def test_every_name_of_the_table_is_there(name: str) -> None:
    table = DOCUMENT.read_text("utf-8").partition("| --- | --- |")[2]
    for dotted in re.findall(rf"`{name}\.(\w+)", table):
        assert hasattr(getattr(timing, name), dotted), f"{name}.{dotted}"


def test_the_library_imports_no_tox() -> None:
    code = "import sys, tox_prodsim.timing; sys.exit('tox' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
