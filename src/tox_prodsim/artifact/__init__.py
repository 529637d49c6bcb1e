"""The files that will be uploaded, read and checked without installing anything of them.

``wheel`` reads a wheel; what is checked of it is ``check_…(wheel, …) -> Checked``, one file for each family of checks.
"""

from tox_prodsim.artifact.checks import CODES, check_wheel
from tox_prodsim.artifact.data import data_files, lasting_modules, script_files
from tox_prodsim.artifact.equality import TreeWheel, check_equal
from tox_prodsim.artifact.last_words import evidence, is_absent_file, last_words
from tox_prodsim.artifact.native import check_native
from tox_prodsim.artifact.sdist import Sdist, check_sdist, open_sdist
from tox_prodsim.artifact.shipped import check_shipped
from tox_prodsim.artifact.syntax import check_syntax
from tox_prodsim.artifact.versions import check_versions
from tox_prodsim.artifact.wheel import EntryPoint, Wheel, open_wheel

__all__ = [
    "CODES",
    "EntryPoint",
    "Sdist",
    "TreeWheel",
    "Wheel",
    "check_equal",
    "check_native",
    "check_sdist",
    "check_shipped",
    "check_syntax",
    "check_versions",
    "check_wheel",
    "data_files",
    "evidence",
    "is_absent_file",
    "last_words",
    "lasting_modules",
    "open_sdist",
    "open_wheel",
    "script_files",
]
