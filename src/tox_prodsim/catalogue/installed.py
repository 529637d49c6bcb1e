"""DEP and VER: what the installed environment consists of, and whether it calls itself rightly."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="DEP202",
        level=Level.ERROR,
        title="the wheel under test is not what is installed",
        why=(
            "The environment holds no such distribution, or another version of it. All later checks would be about "
            "another version than the one that will be uploaded."
        ),
        example="FAIL DEP202 acme: version 2.0.9 is installed, not 2.1.0 of the wheel under test",
        causes=(
            "another release was installed into the environment by hand, and --skip-pkg-install kept it",
            "a command of an earlier run installed another release or removed it, and --skip-pkg-install kept that",
        ),
        solution=(
            "make the environment anew: tox run -r -e prodsim",
            "do not install the project in deps or in commands: tox installs the wheel",
        ),
    ),
    Check(
        code="DEP203",
        level=Level.ERROR,
        title="the installed packages do not fit together (pip check)",
        why=(
            "Some installed package requires another one in a version that is not there. Users who install the "
            "release today get the same packages, and they fail when the incompatible part is first used."
        ),
        example="FAIL DEP203 acme-plugins 1.4.0: requires click<9, but click 9.0.1 is installed",
        causes=(
            "deps of the environment or a constraints file pin a version that the package excludes",
            "two dependencies ask for versions of a third one that exclude each other",
            "something was installed into the environment after the resolver had run, and --skip-pkg-install kept it",
        ),
        solution=(
            "correct the range in the project's dependencies, or drop the pin in deps",
            "a clean result proves little, by the way: flask 2.2.2 with werkzeug 3 passes, and does not import",
        ),
    ),
    Check(
        code="DEP204",
        level=Level.WARNING,
        exception=(
            "an error when no requirement of the wheel brings it; a note when nothing is known to lead to the "
            "import, and when a requirement pins one version that brings it"
        ),
        title="a module is imported that no requirement names",
        why=(
            "It works by chance. Another dependency brings it today and may drop it in its next release. Or a tool "
            "in this environment brings it that users do not have. The sources are read. Only imports that always "
            "run count, outside of if, try and functions."
        ),
        example=(
            "FAIL DEP204 pkg_resources: is imported by acme.plugins, but no requirement names it: setuptools is here "
            "only because this environment has it"
        ),
        causes=(
            "an import was added and the dependency was installed already, by another one",
            "pkg_resources or setuptools is used, which older environments had without asking",
            "the requirement is in an extra or a group for development, and the import is always made",
        ),
        solution=(
            "add the distribution to [project] dependencies",
            "an optional dependency: import it where it is needed, or below try: ... except ImportError:",
        ),
    ),
    Check(
        code="DEP209",
        level=Level.ERROR,
        title="a requirement of the wheel's own METADATA is not installed",
        why=(
            "tox installs the dependencies that pyproject.toml states; users get those that the METADATA of the wheel "
            "states. Where the two differ, the tests of the project run in an environment that no user will have."
        ),
        example="FAIL DEP209 pyyaml>=6: is required by the wheel, but pyyaml is not installed",
        causes=(
            "[project] has no dependencies, and the build back end adds some: [tool.poetry.dependencies]",
            "a requirement was removed from the environment, and --skip-pkg-install kept it so",
        ),
        solution=(
            "state the dependencies in [project] dependencies, so that there is one truth",
            "compare with: unzip -p WHEEL '*/METADATA' | grep Requires-Dist",
        ),
    ),
    Check(
        code="VER303",
        level=Level.ERROR,
        exception=(
            "a warning when the module is not named like the project; a note for a post release, which leaves the "
            "software unchanged"
        ),
        title="__version__ is not the version of the installed distribution",
        why=(
            "People put __version__ into bug reports, and programs compare with it. When it says another version than "
            "the metadata, every answer built on it is wrong."
        ),
        example="FAIL VER303 acme: __version__ is '2.0.9', but METADATA says 2.1.0",
        causes=(
            "the number is kept in two places and one of them was forgotten when the release was made",
            "a _version.py that a tool had written was committed, and shadows the one written at build time",
        ),
        solution=(
            "keep one: let the build backend read it from the module (dynamic = ['version'])",
            "or drop __version__ and tell users to call importlib.metadata.version('acme')",
        ),
    ),
)
