"""What the installer at hand would take: for a fresh install, for every extra, and at the lowest versions allowed.

Nothing is installed: pip and uv are asked what they would do, with the settings of the user.
"""

from tox_prodsim.resolving.answers import Impossible, Unanswered, Unavailable, Unreachable
from tox_prodsim.resolving.check import Request, check_lowest, check_resolution, lowest_failed
from tox_prodsim.resolving.installers import Installer, Pip, Uv, pip_of_virtualenv
from tox_prodsim.resolving.lowest import Lowest, lowest

__all__ = [
    "Impossible",
    "Installer",
    "Lowest",
    "Pip",
    "Request",
    "Unanswered",
    "Unavailable",
    "Unreachable",
    "Uv",
    "check_lowest",
    "check_resolution",
    "lowest",
    "lowest_failed",
    "pip_of_virtualenv",
]
