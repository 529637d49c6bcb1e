"""DEP: what an installer would take for the wheel, and whether the lowest versions that it allows still work."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="DEP205",
        level=Level.WARNING,
        exception="a note for a pre-release",
        title="a fresh install takes a dependency that was yanked, or that has to be built",
        why=(
            "A yanked release was withdrawn for a reason; only a pin still leads to it. An sdist is built on the "
            "machine of every user. The build needs a compiler or at least a network for build tools, runs code, and "
            "fails for some users. An environment that happens to work shows neither."
        ),
        example="WARN DEP205 urllib3 2.0.0: a fresh install takes it, although it was yanked: responses are cut short",
        causes=(
            "a pin (==) on a release that its authors withdrew later",
            "a dependency that has no wheel for this Python on this platform, or none at all",
            "a specifier that names a pre-release, and so allows all pre-releases of that project",
        ),
        solution=(
            "allow a release that is not yanked: urllib3>=2.0.2 instead of urllib3==2.0.0",
            "ask that project for wheels, replace it, or let an extra bring it",
        ),
    ),
    Check(
        code="DEP206",
        level=Level.ERROR,
        exception=(
            "a warning for an extra that a dependency does not have; a warning for one that needs a newer release "
            "than the index has, because it may be about to be released with this one; a note if this Python or this "
            "platform alone cannot install it"
        ),
        title="the wheel with one of its extras cannot be installed",
        why=(
            "'pip install acme[extra]' ends with an error for every user: the requirements exclude each other, or "
            "name something that was never released. Tests rarely install the extras, so this is found after the "
            "release. Two extras that exclude each other are not an error: each is then tried alone."
        ),
        example=("FAIL DEP206 acme[web]: cannot be installed: acme 1.0 asks for click>=8.1; acme 1.0 asks for click<8"),
        causes=(
            "a bound was raised in the dependencies, and an extra still has the old one",
            "a name or a version is misprinted, or was removed from the index",
            "a dependency renamed the extra that is asked for; installers only warn of that",
        ),
        solution=(
            "see what the installer says: pip install --dry-run 'acme[web]'",
            "for another platform or Python only: say so with a marker, such as pywin32; sys_platform == 'win32'",
            "a sibling that is released together with it: set PIP_FIND_LINKS or UV_FIND_LINKS to the folder of it",
        ),
    ),
    Check(
        code="DEP208",
        level=Level.ERROR,
        title="it does not work with the lowest versions that its dependencies allow",
        why=(
            "A lower bound is a promise. A user may have an older release of a dependency in that range, because "
            "something else needs it. The installation succeeds, and then an import or a call fails. The tests of "
            "the project never see it: they run with the newest."
        ),
        example=("FAIL DEP208 dependencies: with click 2.0, jinja2 3.0.0 it does not work: IMP503 acme, ENT510 acme"),
        causes=(
            "the code uses what a dependency has only since a later release, and the bound was never raised",
            "the lowest release does not work with this Python any more, or with the newest of what it requires",
            "the lowest releases exclude each other, so that they cannot be installed together",
        ),
        solution=(
            "raise the lower bound of the dependency that the other findings name, and run prodsim-lowest again",
            "run prodsim too: what fails there as well has nothing to do with the lowest versions",
        ),
    ),
    Check(
        code="DEP210",
        level=Level.ERROR,
        title="the release cannot be installed",
        why=(
            "'pip install' ends with an error for every user; those who have another version keep it. The files are "
            "checked nevertheless, and the report has what the installer says. Nothing else can be tried: no setting "
            "makes such a run pass."
        ),
        example=("FAIL DEP210 acme-1.0-py3-none-any.whl: cannot be installed: the index has no acme-htpp"),
        causes=(
            "a requirement is misprinted, was never released, or excludes another one",
            "a requirement has no wheel for this Python on this platform, and its sdist does not build",
            "the wheel is for another Python: by its tags, or by Requires-Python, which uv ignores for a file",
            "the metadata is not valid for current installers, such as PyYAML>=5.1.*",
            "the file is damaged, or has no RECORD: the findings about the wheel file say which",
        ),
        solution=(
            "try it with the command of the hint; the whole output is in install.log, beside the report",
            "test a wheel with the Python that it is for: tox run -e py312-prodsim",
            "a sibling that is released together with it: set PIP_FIND_LINKS or UV_FIND_LINKS to the folder of it",
        ),
    ),
    Check(
        code="DEP211",
        level=Level.WARNING,
        exception=(
            "a note when both files are the same, and when two other distributions share them; an error when the "
            "installed module is not that of the wheel"
        ),
        title="two installed distributions write the same file or command",
        why=(
            "Whichever is installed last wins, and the order is not defined. Uninstalling or upgrading one of them "
            "removes or changes the file of the other. The RECORDs of all installed distributions are read, and the "
            "entry points, of which installers make commands. Folders that several share are not a collision, nor "
            "are the __init__.py of namespace packages."
        ),
        example=(
            "WARN DEP211 acme: is a command of acme 2.1.0 and acme-hub 1.4.0, which run acme.cli:main and "
            "acme_hub.cli:main"
        ),
        causes=(
            "code moved to another distribution, and both still announce the command or ship the module",
            "a top-level with a common name: tests, utils, config",
            "two variants of a distribution are required at once, such as one for servers and one with a display",
        ),
        solution=(
            "keep it in one of the two, and require that one",
            "move modules below the package of the project; give the command another name",
        ),
    ),
)
