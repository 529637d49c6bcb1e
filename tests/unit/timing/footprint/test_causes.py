"""The cause of a growth: files, distributions and modules, the largest first."""

from __future__ import annotations

from support.examples.times import recording

from tox_prodsim.model.footprint import INSTALLED_SIZE, WHEEL_SIZE
from tox_prodsim.timing.footprint import Footprint, module_cause, size_cause


def test_the_files_of_a_wheel_that_grew_most_are_named_first_and_the_rest_is_evidence() -> None:
    then = Footprint(wheel_files={"a.py": 10_000, "b.py": 10_000, "gone.py": 99_000})
    now = Footprint(wheel_files={"a.py": 10_100, "b.py": 50_000, "c.bin": 300_000, "d.bin": 60_000, "e.bin": 50_000})
    cause = size_cause(WHEEL_SIZE, then, now, "acme")
    assert cause.sentence == "c.bin (+300 kB, new), d.bin (+60 kB, new), e.bin (+50 kB, new) and 1 more file"
    assert cause.lines[-1] == "+   40 kB  b.py"
    assert not any("a.py" in line for line in cause.lines), "a hundred bytes explain nothing"


def test_a_dependency_with_a_new_version_is_named_as_the_cause() -> None:
    then = Footprint(distributions={"acme==1.0": 1000, "flask==3.0": 500_000}, files={"flask/app.py": 90_000})
    now = Footprint(distributions={"acme==1.0": 1000, "flask==3.1": 900_000}, files={"flask/app.py": 490_000})
    cause = size_cause(INSTALLED_SIZE, then, now, "acme")
    assert cause.of_dependency == "flask 3.0 -> 3.1"
    assert cause.sentence == "flask 3.0 -> 3.1 (+400 kB); of it flask/app.py (+400 kB)"


def test_a_requirement_that_is_new_and_the_package_itself_are_the_releases_own_doing() -> None:
    then = Footprint(distributions={"acme==1.0": 1000})
    new = Footprint(distributions={"acme==1.1": 1000, "pandas==3.1": 900_000})
    own = Footprint(distributions={"acme==1.1": 900_000})
    assert size_cause(INSTALLED_SIZE, then, new, "acme").of_dependency == ""
    assert size_cause(INSTALLED_SIZE, then, own, "acme").of_dependency == ""
    assert size_cause(INSTALLED_SIZE, then, own, "acme").sentence == "acme 1.0 -> 1.1 (+899 kB)"


def test_new_modules_are_named_by_what_imports_them() -> None:
    then = recording(("acme", "", 1), ("json", "acme", 1))
    now = recording(("acme", "", 1), ("json", "acme", 1), ("kit", "acme", 1), ("kit.a", "kit", 1), ("x", "json", 1))
    cause = module_cause(then, now)
    assert cause.sentence == "new: kit (imported at acme.py:3), 2 modules; x (imported at json.py:3), 1 module"
    assert cause.lines == ("kit [kit]: kit, kit.a", "x [x]: x")
