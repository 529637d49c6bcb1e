"""Checks of the files that will be uploaded, without installing anything from them.

A check is ``check_…(wheel, …) -> CheckResult``. To add one that reads only the wheel file, write such a function in the
file that fits, or in a new one, and call it in ``wheel_checks.py``. Others are exported here and called in ``run``.

=======================  ==========================================================================
``wheel.py``             reads a wheel: ``open_wheel`` (with ``archives.py``)
``member_facts.py``      what one pass over the members finds for all checks (with ``member_paths.py``)
``wheel_checks.py``      all checks of the wheel file alone: ``check_wheel``
``record.py``            WHL101 to WHL104, WHL107: RECORD, duplicates, modes
``file_name.py``         WHL105, WHL106: the file name against METADATA and WHEEL
``upload.py``            WHL108, DEP201, DEP207: what PyPI would refuse (with ``archive_scan.py``)
``description.py``       WHL141: the description renders
``classifiers.py``       WHL142: PyPI knows the classifiers
``tool_requirements.py`` DEP212: users install no test tools, linters and backports
``layout.py``            WHL110, WHL120 to WHL133, ENT510: what is installed where
``wheel_strays.py``      WHL131: stray files (with ``stray_patterns.py``)
``script_lines.py``      ENT516: the first lines of scripts
``path_files.py``        IMP510, IMP513: the paths in a ``.pth``, files for one Python only
``root_entries.py``      WHL135: what is in the root of site-packages and is not to be imported
``portable_names.py``    WHL136, SDI206: names that macOS or Windows cannot hold
``data_references.py``   WHL113: data files that the code reads (with ``file_readings.py``,
                         ``file_expressions.py``)
``versions.py``          VER301, VER302, VER304, VER307: version and Pythons (with ``pep440.py``)
``syntax.py``            VER305: the syntax is valid for the oldest Python (with ``newer_syntax.py``,
                         ``compiled_members.py``)
``native.py``            EXT401 to EXT404, EXT420: compiled files and tags (with ``binaries.py``)
``linkage.py``           EXT410 to EXT413, EXT415, EXT421: what the loader sees (with ``elf.py``)
``sdist.py``             reads an sdist; SDI203, SDI205: its form (with ``compiled_sources.py``,
                         ``exclusions.py``)
``sdist_strays.py``      SDI204: secrets and stray files in an sdist
``sdist_vs_wheel.py``    SDI202, WHL111, WHL120: the wheel against the sdist
``internal_imports.py``  what modules import of their own package (with ``wheel_sources.py``,
                         ``source_imports.py``, ``import_statements.py``)
``package_data.py``      WHL112, WHL114: data files and the licence of the sources (with
                         ``package_folders.py``)
``equality.py``          BLD104, BLD105: the wheel of the sdist against that of the source tree (with
                         ``elf_sections.py``)
``given_equality.py``    BLD107: a wheel that was given against that of its sdist
``build_failure.py``     BLD101, BLD102, SDI201: a build that failed (with ``build_log.py``,
                         ``build_hints.py``, ``tool_errors.py``)
``build_leftovers.py``   BLD106: what a build has left running
``build_warnings.py``    what a build back end warns of
``data_files.py``        the files that a baseline remembers
``release_folder.py``    reads a folder with the files of a release, and chooses a wheel
``release_files.py``     WHL160 to WHL162, WHL164, SDI220: the files of a release agree
``release_coverage.py``  WHL163: a wheel for each Python that is claimed
``non_code.py``          the names of tests, documentation and examples
``unreadable.py``        WHL140: a file that is neither a wheel nor an sdist
``digest.py``            the SHA-256 of a file
=======================  ==========================================================================
"""

from tox_prodsim.checks.artifact import build_failure
from tox_prodsim.checks.artifact.build_leftovers import BUILDS_LEAVE, left_by_builds
from tox_prodsim.checks.artifact.build_log import build_error, readable
from tox_prodsim.checks.artifact.build_warnings import build_warnings
from tox_prodsim.checks.artifact.compiled_members import foreign_names, sources_left
from tox_prodsim.checks.artifact.data_files import data_files, script_files, stable_modules, start_files
from tox_prodsim.checks.artifact.data_references import check_references
from tox_prodsim.checks.artifact.digest import file_sha256, release_file
from tox_prodsim.checks.artifact.equality import TreeWheel, check_equal
from tox_prodsim.checks.artifact.given_equality import check_given
from tox_prodsim.checks.artifact.internal_imports import internal_imports, is_optional
from tox_prodsim.checks.artifact.member_facts import MemberFacts, PackedFacts, read_facts, read_members
from tox_prodsim.checks.artifact.native import check_native
from tox_prodsim.checks.artifact.package_data import check_package_data, lost_data
from tox_prodsim.checks.artifact.release_coverage import check_coverage
from tox_prodsim.checks.artifact.release_files import (
    NamedMetadata,
    check_folder,
    check_same_metadata,
    read_metadata,
)
from tox_prodsim.checks.artifact.release_folder import (
    FolderFile,
    ReleaseFolder,
    best_wheel,
    no_fitting_wheel,
    no_sdist,
    read_folder,
)
from tox_prodsim.checks.artifact.sdist import Sdist, check_sdist, open_sdist, sdist_beside
from tox_prodsim.checks.artifact.sdist_vs_wheel import check_sdist_vs_wheel
from tox_prodsim.checks.artifact.syntax import Tried, check_syntax
from tox_prodsim.checks.artifact.unreadable import checked_bounded, read_bounded, unreadable_file
from tox_prodsim.checks.artifact.versions import check_versions
from tox_prodsim.checks.artifact.wheel import Wheel, open_wheel
from tox_prodsim.checks.artifact.wheel_checks import check_wheel

__all__ = [
    "BUILDS_LEAVE",
    "FolderFile",
    "MemberFacts",
    "NamedMetadata",
    "PackedFacts",
    "ReleaseFolder",
    "Sdist",
    "TreeWheel",
    "Tried",
    "Wheel",
    "best_wheel",
    "build_error",
    "build_failure",
    "build_warnings",
    "check_coverage",
    "check_equal",
    "check_folder",
    "check_given",
    "check_native",
    "check_package_data",
    "check_references",
    "check_same_metadata",
    "check_sdist",
    "check_sdist_vs_wheel",
    "check_syntax",
    "check_versions",
    "check_wheel",
    "checked_bounded",
    "data_files",
    "file_sha256",
    "foreign_names",
    "internal_imports",
    "is_optional",
    "left_by_builds",
    "lost_data",
    "no_fitting_wheel",
    "no_sdist",
    "open_sdist",
    "open_wheel",
    "read_bounded",
    "read_facts",
    "read_folder",
    "read_members",
    "read_metadata",
    "readable",
    "release_file",
    "script_files",
    "sdist_beside",
    "sources_left",
    "stable_modules",
    "start_files",
    "unreadable_file",
]
