"""What the accepted release held and this one does not, across the families: files, extensions, entry points."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

_MEANT = "a note with --prodsim-update-baseline, which accepts it"

CHECKS = (
    Check(
        code="WHL132",
        level=Level.ERROR,
        exception=_MEANT,
        title="a data file of the accepted release is no longer in the wheel",
        why=(
            "A pattern, a MANIFEST.in or a setting of the build backend decides which data files are in a wheel. "
            "When one stops matching, the build succeeds. The tests pass as well, because they run in the source "
            "tree, which has the file. py.typed of readme_renderer 34.0 was lost in this way."
        ),
        example=("FAIL WHL132 acme/templates/: had 12 data files in 2.0.9, and none of them is in the wheel"),
        causes=(
            "the folder or the suffix was renamed, and the pattern of the package data was not",
            "the build backend was changed, and the new one includes other files by default",
            "the file is made by a step (translations, a front end) that did not run before this build",
        ),
        solution=(
            "have the build include it: package-data of setuptools, 'artifacts' or 'force-include' of hatchling",
            "run the step that makes it before the build, and let it fail loudly",
            "it was removed or renamed on purpose: accept that with --prodsim-update-baseline",
        ),
    ),
    Check(
        code="WHL134",
        level=Level.ERROR,
        exception=_MEANT,
        title="a module of the accepted release is no longer in the wheel",
        why=(
            "Users may import it. A build silently leaves out a sub-package without an __init__.py, or one that the "
            "list of packages lacks. Then a user notices it after the upgrade."
        ),
        example="FAIL WHL134 acme.export: was in 2.0.9, with 4 modules below it, and is no longer in the wheel",
        causes=(
            "the packages are listed by hand, and the list was not kept up",
            "an __init__.py is missing, so that the search for packages passes the folder over",
            "the module was renamed: the line of the step lists the new name as new",
        ),
        solution=(
            "let the build backend find the packages instead of listing them",
            "leave a module of the old name that imports from the new one and warns, for one release",
            "it was removed on purpose: accept that with --prodsim-update-baseline",
        ),
    ),
    Check(
        code="ENT515",
        level=Level.ERROR,
        exception=_MEANT,
        title="a script or another entry point of the accepted release is gone",
        why=(
            "Users type scripts, and call them from cron tables, containers and units that you cannot search. A "
            "plugin whose entry point is gone is still installed, but its host never finds it."
        ),
        example=(
            "FAIL ENT515 [console_scripts] acme-sync: was a command of 2.0.9, and the wheel announces it no longer"
        ),
        causes=(
            "the entry points moved from setup.cfg or setup.py to pyproject.toml, and one was forgotten",
            "[project] is used and 'scripts' is neither there nor in 'dynamic', so that setup.py is not asked",
            "the command was renamed",
        ),
        solution=(
            "announce it in [project.scripts] or [project.entry-points]",
            "keep the old name beside the new one for a release, with a word of warning",
            "it was removed on purpose: accept that with --prodsim-update-baseline",
        ),
    ),
)
