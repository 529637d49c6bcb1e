"""The files that will be uploaded, read and checked without installing anything of them.

``wheel`` reads a wheel. Each family of checks is one file with a function ``check_…(wheel, …) -> CheckResult``.
"""

from tox_prodsim.checks.artifact import build_failure
from tox_prodsim.checks.artifact.build_log import evidence, is_absent_file, last_words
from tox_prodsim.checks.artifact.data_files import data_files, lasting_modules, script_files
from tox_prodsim.checks.artifact.equality import TreeWheel, check_equal
from tox_prodsim.checks.artifact.native import check_native
from tox_prodsim.checks.artifact.sdist import Sdist, check_sdist, open_sdist
from tox_prodsim.checks.artifact.sdist_vs_wheel import check_shipped
from tox_prodsim.checks.artifact.syntax import check_syntax
from tox_prodsim.checks.artifact.versions import check_versions
from tox_prodsim.checks.artifact.wheel import Wheel, open_wheel
from tox_prodsim.checks.artifact.wheel_checks import CODES, check_wheel

__all__ = [
    "CODES",
    "Sdist",
    "TreeWheel",
    "Wheel",
    "build_failure",
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
