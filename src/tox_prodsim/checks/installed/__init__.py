"""What is installed in an environment, seen from inside of it: requirements, imports, extensions, entry points.

All of it is ``check_…(subject, runner, python, …) -> CheckResult``, or ``Imported`` where modules are loaded; what they
need of the environment comes through ``look``. A new family of checks is a new file of that shape beside these.
"""

from tox_prodsim.checks.installed.conditions import check_under, why_not
from tox_prodsim.checks.installed.extensions import check_extensions
from tox_prodsim.checks.installed.imports import Imported, check_imports, main_names
from tox_prodsim.checks.installed.modules import check_modules
from tox_prodsim.checks.installed.probe import Distribution
from tox_prodsim.checks.installed.requirements import check_distribution
from tox_prodsim.checks.installed.scripts import check_scripts
from tox_prodsim.checks.installed.undeclared import check_undeclared

__all__ = [
    "Distribution",
    "Imported",
    "check_distribution",
    "check_extensions",
    "check_imports",
    "check_modules",
    "check_scripts",
    "check_undeclared",
    "check_under",
    "main_names",
    "why_not",
]
