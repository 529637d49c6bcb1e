"""WHL: what the wheel would put into site-packages, beside WHL110, which says that it is nothing."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="WHL113",
        level=Level.WARNING,
        title="the code reads a data file that is not in the wheel",
        why=(
            "Names that the code spells out, such as Path(__file__).with_name('rules.json') or files('acme.data'), "
            "are looked up in the wheel. A file that is read below an if or in a try, or tested with exists(), may "
            "be absent. If the import or a command reads it, they fail too (IMP503, ENT512)."
        ),
        example=("WARN WHL113 acme/rules.json: is read by acme/engine.py (line 7), but it is not in the wheel"),
        causes=(
            "setuptools takes no data files by itself, and no package-data names it",
            "the file was moved or renamed, and the code was not changed",
        ),
        solution=(
            "have the build include it: [tool.setuptools.package-data] acme = ['rules.json']",
            "look: python -m zipfile -l WHEEL",
        ),
    ),
    Check(
        code="WHL120",
        level=Level.ERROR,
        exception="a warning when the sdist or git has a py.typed, and no classifier claims it",
        title="it claims to be typed, but the wheel has no py.typed",
        why=(
            "The classifier Typing :: Typed is read by people, the empty file py.typed by type checkers; it may be "
            "in the sdist alone. Without it in the wheel the checker of every user says that the package has no "
            "types, whatever annotations are in it. A folder acme-stubs in the same wheel counts as typed. Wheels "
            "without packages are not checked, because PEP 561 has no marker for a single module."
        ),
        example=(
            "FAIL WHL120 acme-2.1.0-py3-none-any.whl: the classifier says Typing :: Typed, but there is no py.typed "
            "in the wheel"
        ),
        causes=(
            "py.typed is in the repository and the sdist, but is not a module: setuptools needs package-data for it",
            "the marker lies beside the package instead of in it",
        ),
        solution=(
            "setuptools: [tool.setuptools.package-data] acme = ['py.typed']; the other back ends take it by themselves",
            "look: python -m zipfile -l WHEEL | grep py.typed",
        ),
    ),
    Check(
        code="WHL121",
        level=Level.WARNING,
        exception="a note when no stub describes a package as a whole (__init__.pyi)",
        title="there are type stubs in a package without py.typed",
        why=(
            "mypy ignores the .pyi files of an installed package without the marker; other checkers and editors read "
            "them. Stubs of some compiled or generated modules are often meant for the project itself. So only a "
            "stub of a whole package is a warning."
        ),
        example=("WARN WHL121 acme/__init__.pyi and 4 more: mypy passes over it, because the package has no py.typed"),
        causes=(
            "the marker is not in the package data, where *.pyi is",
            "a code generator wrote the stubs, and it is not decided whether they are for users",
        ),
        solution=(
            "add an empty py.typed beside the __init__.py of the package and have the build include it",
            "or leave the stubs out of the wheel",
        ),
    ),
    Check(
        code="WHL130",
        level=Level.WARNING,
        title="a module can never be imported, because a package has its name",
        why=(
            "Where acme/util.py and acme/util/__init__.py are both there, Python imports the package. Changes to the "
            "module have no effect."
        ),
        example="WARN WHL130 acme/util.py: is never imported, because the package acme/util/ comes first",
        causes=(
            "the module was split into a package, and the old file was not deleted",
            "a stale build/ folder still had it: setuptools copies into it and never removes",
        ),
        solution=("delete the file; remove build/ before you build, or build the wheel from the sdist",),
    ),
    Check(
        code="WHL131",
        level=Level.WARNING,
        exception="an error for what holds secrets (.env, id_rsa, .pypirc) or the history of a repository (.git/)",
        title="there are stray files in the wheel",
        why=(
            "Stray files of the checkout are published with the release, and one of them may hold a password. PyPI "
            "keeps every file that was ever uploaded and others mirror it, so a published secret must be replaced. "
            "Folders for tests, templates and examples are not searched: their files may be meant to be there."
        ),
        example="FAIL WHL131 acme/.env: is where secrets are kept",
        causes=(
            "the build back end takes the whole folder, and the checkout was not clean",
            "a pattern such as acme/* in MANIFEST.in or package_data matches more than was thought of",
        ),
        solution=(
            "build from a clean checkout: git clean -ndx shows what does not belong",
            "narrow the pattern, or exclude: global-exclude *.orig *~ in MANIFEST.in, 'exclude' of hatch, poetry, flit",
            "a secret that was published is replaced, not deleted",
        ),
    ),
    Check(
        code="WHL133",
        level=Level.ERROR,
        exception=(
            "a warning when it holds no code, is a single module, or holds a command of the wheel; a warning for a "
            "general name, such as utils, config and data"
        ),
        title="the wheel would install tests, docs, utils or the like as a top-level package",
        why=(
            "site-packages is shared. A top-level 'tests' hides the tests of every project that imports its own by "
            "that name. If two distributions ship one, the files of the second overwrite those of the first, and "
            "uninstalling either breaks both. A project with such a name, or with a part of a namespace of that "
            "name, is not reported."
        ),
        example=(
            "FAIL WHL133 tests/: would be installed as top-level tests, beside and over that of every other project"
        ),
        causes=(
            "find_packages() without exclude, and tests/ has an __init__.py",
            "'packages' names a pattern that matches more than the package",
            "the configuration takes src itself for the package, so that it is imported as src.acme",
        ),
        solution=(
            "setuptools: [tool.setuptools.packages.find] include = ['acme*']",
            "hatch: packages = ['src/acme'] of [tool.hatch.build.targets.wheel]; poetry: packages with from = 'src'",
        ),
    ),
    Check(
        code="WHL135",
        level=Level.WARNING,
        title="the wheel would put files that are not to be imported into the root of site-packages",
        why=(
            "site-packages is shared. If two distributions write a LICENSE or a README.md there, the second replaces "
            "the first, and uninstalling either removes it. The same holds for folders without modules, such as "
            ".github/ and licenses/."
        ),
        example=(
            "WARN WHL135 CHANGELOG.md, LICENSE: would be written into the root of site-packages, where other projects "
            "have files of these names, too"
        ),
        causes=(
            "'include' of poetry is for the sdist and the wheel, unless it says format = 'sdist'",
            "data_files or package_data of setuptools with an empty name",
            "'force-include' or 'include' of hatchling names files beside the package",
        ),
        solution=(
            "poetry: include = [{ path = 'CHANGELOG.md', format = 'sdist' }]; licences belong in license-files",
            "move what the program reads into its package",
        ),
    ),
    Check(
        code="WHL136",
        level=Level.WARNING,
        title="the wheel has a name that macOS or Windows cannot hold",
        why=(
            "pip fails on Windows to write a file of a reserved name, such as aux.py, or with a colon in it. Two "
            "names that differ in their case only are one file on macOS and Windows. Wheels whose tag excludes macOS "
            "and Windows are not reported."
        ),
        example="WARN WHL136 acme/aux.py: cannot be unpacked on Windows: the name aux.py is reserved there",
        causes=(
            "the wheel was only ever installed on Linux",
            "files are named by what users type, or by a time such as 12:30",
        ),
        solution=("rename the file, or leave it out of the wheel",),
    ),
)
