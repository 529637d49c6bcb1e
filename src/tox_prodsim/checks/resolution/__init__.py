"""What the installer at hand would take: for a fresh install, for every extra, and at the lowest versions allowed.

Nothing is installed: pip and uv are asked what they would do, with the settings of the user.
"""

from tox_prodsim.checks.resolution.answers import Impossible, Unanswered, Unreachable, VersionUnavailable
from tox_prodsim.checks.resolution.checks import ResolutionRequest, check_lowest, check_resolution, lowest_failed
from tox_prodsim.checks.resolution.installers import Installer, Pip, Uv, pip_of_virtualenv
from tox_prodsim.checks.resolution.lowest import Lowest, lowest

__all__ = [
    "Impossible",
    "Installer",
    "Lowest",
    "Pip",
    "ResolutionRequest",
    "Unanswered",
    "Unreachable",
    "Uv",
    "VersionUnavailable",
    "check_lowest",
    "check_resolution",
    "lowest",
    "lowest_failed",
    "pip_of_virtualenv",
]
