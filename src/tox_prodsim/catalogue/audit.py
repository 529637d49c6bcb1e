"""AUD: what the tools of other projects say about the files."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="AUD801",
        level=Level.ERROR,
        title="a tool that audits the files complains",
        why=(
            "The environment asks for this tool with the key 'audit'. An exit code other than 0 fails the run, as it "
            "would fail a CI job. The first complaint is the message, and the whole output is shown below it. "
            "'auditwheel show' never fails. Its output is compared with the wheel's name: a name that promises an "
            "older system than the wheel needs is an error here."
        ),
        example=("FAIL AUD801 check-wheel-contents: W005: Wheel contains common toplevel name in library: tests/"),
        causes=(
            "the files have what the tool looks for: its own documentation explains its codes",
            "a new version of the tool has a new rule",
            "twine: the README is not valid reStructuredText, or its content type is not given",
            "auditwheel: the wheel was built on a newer system than its platform tag promises, and not repaired",
        ),
        solution=(
            "correct the files where the tool is right",
            "tell the tool what it should not look at, by options on its line in audit or in its own configuration",
            "pin its version when new rules should wait: audit = twine==7.0.0",
        ),
    ),
    Check(
        code="AUD802",
        level=Level.ERROR,
        title="a tool that was to audit the files could not be installed or run",
        why=(
            "A release that was not audited must not look as if it was. tox, too, fails when a dependency of an "
            "environment does not install. The tool's environment is kept in tox's work folder. A damaged one is "
            "made again before this is reported."
        ),
        example=("FAIL AUD802 twine: could not be installed: ERROR: No matching distribution found for twine==71"),
        causes=(
            "the index cannot be reached, or does not have that version for the Python that runs tox",
            "the command is named otherwise than the distribution",
            "the tool itself crashed on these files",
        ),
        solution=(
            "try it by hand with the same line and the Python that runs tox",
            "name what to install and what to run on both sides of a bar: audit = wheel-inspect | wheel2json {wheel}",
            "where there is no network: -x testenv:prodsim.audit= leaves the audits out for once",
        ),
    ),
)
