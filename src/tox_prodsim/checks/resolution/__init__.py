"""Checks of the requirements: what an installer would take, and whether it can be installed. Nothing is installed.

====================  =============================================================================
``checks.py``         DEP205, DEP206: a fresh install and all extras; DEP208: the lowest versions
``installation.py``   DEP210: an installation that failed
``lowest.py``         the lowest versions that the requirements allow
``installers.py``     how pip and uv are run, with the settings of the user
``results.py``        the results: ``Resolved``, ``Impossible`` and others
``pip_output.py``     parses what pip prints
``uv_output.py``      parses what uv prints
====================  =============================================================================

To add a check, write a function in ``checks.py``. To add an installer, add a class to ``installers.py``.
"""

from tox_prodsim.checks.resolution.checks import (
    LIMIT_S,
    ResolutionRequest,
    check_lowest,
    check_resolution,
    lowest_failed,
)
from tox_prodsim.checks.resolution.installation import FailedInstallation, check_installation
from tox_prodsim.checks.resolution.installers import Installer, Pip, Uv, pip_of_virtualenv
from tox_prodsim.checks.resolution.lowest import LowestVersions, resolve_lowest
from tox_prodsim.checks.resolution.results import (
    Impossible,
    IndexUnreachable,
    Resolution,
    Undetermined,
    VersionUnavailable,
)

__all__ = [
    "LIMIT_S",
    "FailedInstallation",
    "Impossible",
    "IndexUnreachable",
    "Installer",
    "LowestVersions",
    "Pip",
    "Resolution",
    "ResolutionRequest",
    "Undetermined",
    "Uv",
    "VersionUnavailable",
    "check_installation",
    "check_lowest",
    "check_resolution",
    "lowest_failed",
    "pip_of_virtualenv",
    "resolve_lowest",
]
