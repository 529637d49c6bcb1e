"""What modules import of their own package in vain, as the environment confirms it."""

from __future__ import annotations

from support.examples.answers import PYTHON, Answers, Record, lacks, loaded, raised

from tox_prodsim.checks.installed import check_own_imports
from tox_prodsim.model.findings import Level
from tox_prodsim.model.internal_imports import AbsentName, Importer, InternalImports

GONE = lacks("acme.gone")


def importer(module: str = "acme.cli", line: int = 3, *, in_function: bool = False) -> Importer:
    file = f"{module.replace('.', '/')}.py" if module else "acme-1.0.dist-info/METADATA"
    return Importer(file=file, line=line, module=module, in_function=in_function)


def absent(*importers: Importer, name: str = "acme.gone", module: str = "") -> AbsentName:
    return AbsentName(name=name, module=module, importers=importers)


def found(
    own: InternalImports, answer: Record = GONE, known: frozenset[str] = frozenset()
) -> list[tuple[Level, str, str]]:
    checked = check_own_imports(own, Answers({"acme.gone": answer}), PYTHON, known=known).checked
    return [(each.level, each.subject, each.message) for each in checked.findings]


def test_a_module_that_is_not_there_is_an_error() -> None:
    message = "is imported by acme.cli, but the wheel does not have it"
    assert found(InternalImports(absent=(absent(importer()),))) == [(Level.ERROR, "acme.gone", message)]


def test_the_finding_names_every_line_that_imports_it() -> None:
    own = InternalImports(absent=(absent(importer(line=9, in_function=True), importer("acme.web", 5)),))
    (finding,) = check_own_imports(own, Answers({"acme.gone": GONE}), PYTHON).checked.findings
    assert (finding.file, finding.line) == ("acme/web.py", 5)
    assert finding.hint.endswith("; it is imported at acme/web.py:5, acme/cli.py:9")


def test_a_name_that_the_environment_has_after_all_is_there() -> None:
    assert found(InternalImports(absent=(absent(importer()),)), loaded()) == []


def test_a_name_of_a_module_is_looked_up_there() -> None:
    own = InternalImports(absent=(absent(importer(), module="acme"),))
    assert found(own) == []  # acme loads, and has the attribute
    attribute = raised("AttributeError", "module 'acme' has no attribute 'gone'")
    checked = check_own_imports(own, Answers({"acme.gone": GONE, "acme": attribute}), PYTHON).checked
    assert [each.message for each in checked.findings] == ["is imported by acme.cli, but acme has no such name"]


def test_what_only_optional_modules_import_may_be_absent() -> None:
    own = InternalImports(absent=(absent(importer("acme.win")),), is_optional=lambda name: name == "acme.win")
    assert found(own) == []


def test_what_another_finding_says_is_not_said_again() -> None:
    assert found(InternalImports(absent=(absent(importer()),)), known=frozenset({"acme.gone.text"})) == []


def test_an_example_that_fails_is_a_warning_unless_the_package_has_nothing_in_it() -> None:
    names = (absent(importer("")),)
    message = "is imported by an example of the description, but the wheel does not have it"
    assert found(InternalImports(absent=names)) == [(Level.WARNING, "acme.gone", message)]
    assert found(InternalImports(absent=names, is_shell=True)) == [(Level.ERROR, "acme.gone", message)]


def test_many_names_are_folded() -> None:
    names = tuple(absent(importer(), name=f"acme.gone{at}") for at in range(8))
    answers = Answers({each.name: lacks(each.name) for each in names})
    findings = check_own_imports(InternalImports(absent=names), answers, PYTHON).checked.findings
    assert [each.subject for each in findings][4:] == ["acme.gone4", "acme.gone5 and 2 more"]


def test_sources_that_could_not_be_read_are_not_checked() -> None:
    checked = check_own_imports(InternalImports(unknown_because="reading was ended"), Answers({}), PYTHON).checked
    assert (checked.codes, checked.not_checked) == ((), (("IMP505", "reading was ended"),))
