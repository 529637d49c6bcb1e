"""What is installed in an environment, seen from inside of it: requirements, imports, entry points.

All of it is ``check_…(subject, runner, python, …) -> Checked``, or ``Imported`` where modules are loaded; what they
need of the environment comes through ``look``. A new family of checks is a new file of that shape beside these.
"""

from tox_prodsim.installed.imports import Imported, check_imports, main_names
from tox_prodsim.installed.look import EntryPoint, Subject
from tox_prodsim.installed.modules import check_modules
from tox_prodsim.installed.requirements import check_distribution
from tox_prodsim.installed.scripts import check_scripts
from tox_prodsim.installed.undeclared import check_undeclared

__all__ = [
    "EntryPoint",
    "Imported",
    "Subject",
    "check_distribution",
    "check_imports",
    "check_modules",
    "check_scripts",
    "check_undeclared",
    "main_names",
]
