"""What is installed in an environment, seen from inside of it: requirements, imports, extensions, entry points.

All of it is ``check_…(subject, runner, python, …) -> Checked``; what they need of the environment comes through
``look``. A new family of checks is a new file of that shape beside these.
"""

from tox_prodsim.installed.extensions import check_extensions
from tox_prodsim.installed.imports import check_imports, main_names
from tox_prodsim.installed.look import EntryPoint, Subject
from tox_prodsim.installed.requirements import check_distribution
from tox_prodsim.installed.scripts import check_scripts

__all__ = [
    "EntryPoint",
    "Subject",
    "check_distribution",
    "check_extensions",
    "check_imports",
    "check_scripts",
    "main_names",
]
