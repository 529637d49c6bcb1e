"""The files that will be uploaded, read and checked without installing anything of them.

``wheel`` reads a wheel; what is checked of it is ``check_…(wheel, …) -> Checked``, one file for each family of checks.
"""

from tox_prodsim.artifact.equality import TreeWheel, check_equal
from tox_prodsim.artifact.last_words import evidence, is_absent_file, last_words
from tox_prodsim.artifact.sdist import Sdist, check_sdist, open_sdist
from tox_prodsim.artifact.shipped import check_shipped
from tox_prodsim.artifact.wheel import CODES, EntryPoint, Wheel, check_wheel, open_wheel

__all__ = [
    "CODES",
    "EntryPoint",
    "Sdist",
    "TreeWheel",
    "Wheel",
    "check_equal",
    "check_sdist",
    "check_shipped",
    "check_wheel",
    "evidence",
    "is_absent_file",
    "last_words",
    "open_sdist",
    "open_wheel",
]
