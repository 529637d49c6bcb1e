"""Checks of the installed distribution: its requirements, imports, extension modules, entry points and commands.

A check is ``check_…(distribution, runner, python, …) -> CheckResult``; those that import modules return ``Imported``.
To add one, write such a function in the file that fits, or in a new one, export it here and call it in ``run.checks``.

====================  ==============================================================================
``requirements.py``   DEP202, DEP203, DEP209, DEP210, IMP500: the right distribution, its requirements are met
``owners.py``         DEP211: files and commands of two distributions
``undeclared.py``     DEP204: modules are imported that no requirement names (reads ``sources.py``)
``imports.py``        IMP501 to IMP506, VER303: the top-levels import, from site-packages
``side_effects.py``   IMP520 to IMP524: what an import does besides
``modules.py``        IMP504: all other modules import
``own_imports.py``    IMP505: what modules import of their own package is there
``extensions.py``     EXT405, EXT406, EXT414: extension modules load
``scripts.py``        ENT510, ENT511: commands and other entry points load
``commands.py``       the commands of a distribution, and how each is started
``cli_checks.py``     ENT512 to ENT514, VER306: what commands print with ``--help`` and ``--version``
``help_failures.py``  ENT512: what it means that ``--help`` fails
``own_words.py``      what a program that failed says that it lacks
``start.py``          IMP510 to IMP512: what Python does of the wheel when it starts
``left_running.py``   IMP514, ENT517: what imports and commands have left running
``conditions.py``     SIM801, SIM802: imports and commands under a harsher condition
``import_runs.py``    imports many modules: a few with their effects, or all within a budget
``probe.py``          runs ``_child/probe.py`` in the environment
``probe_answers.py``  reads the answers of ``_child/probe.py``
``outcomes.py``       what becomes of a module or an entry point that is loaded
``inventory.py``      the distribution that is checked, and what is installed beside it
``sources.py``        what the sources in a wheel import at module level
``messages.py``       findings and hints about what does not load
``surroundings.py``   what an import lacks that is not the release's to bring
``providers.py``      which distribution is known to provide a module
``versions.py``       compares a reported version with that of METADATA
``sizes.py``          what the distribution and its requirements take on the disk
====================  ==============================================================================
"""

from tox_prodsim.checks.installed.conditions import check_condition, unavailable_reason
from tox_prodsim.checks.installed.extensions import check_extensions
from tox_prodsim.checks.installed.imports import Imported, check_imports, main_names
from tox_prodsim.checks.installed.inventory import Distribution, Inventory
from tox_prodsim.checks.installed.left_running import PlainImports, WatchedRunner, check_left_by_imports
from tox_prodsim.checks.installed.modules import budget_for, check_modules, modules_behind
from tox_prodsim.checks.installed.own_imports import check_own_imports
from tox_prodsim.checks.installed.owners import check_owners
from tox_prodsim.checks.installed.probe import take_inventory
from tox_prodsim.checks.installed.requirements import check_distribution
from tox_prodsim.checks.installed.scripts import check_scripts
from tox_prodsim.checks.installed.sizes import InstalledSizes, TargetPython, sizes_in
from tox_prodsim.checks.installed.start import check_start
from tox_prodsim.checks.installed.undeclared import check_undeclared
from tox_prodsim.checks.installed.versions import versions_in

__all__ = [
    "Distribution",
    "Imported",
    "InstalledSizes",
    "Inventory",
    "PlainImports",
    "TargetPython",
    "WatchedRunner",
    "budget_for",
    "check_condition",
    "check_distribution",
    "check_extensions",
    "check_imports",
    "check_left_by_imports",
    "check_modules",
    "check_own_imports",
    "check_owners",
    "check_scripts",
    "check_start",
    "check_undeclared",
    "main_names",
    "modules_behind",
    "sizes_in",
    "take_inventory",
    "unavailable_reason",
    "versions_in",
]
