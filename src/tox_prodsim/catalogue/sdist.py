"""SDI, and what of WHL is seen beside an sdist: the sources that will be uploaded, and what the wheel keeps of them."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="SDI201",
        level=Level.ERROR,
        title="the sdist is incomplete: no wheel builds from it, though one does from the source tree",
        why=(
            "On your machine the build finds the file in the source tree. Users of the sdist lack the file and "
            "cannot install: on another platform, on the next Python, in a distribution."
        ),
        example=(
            "FAIL SDI201 acme-2.1.0.tar.gz: is incomplete, the wheel builds from the source tree, but not from it: "
            "FileNotFoundError 'LICENSE' (setup.py:16), see .tox/prodsim/prodsim/build.log"
        ),
        causes=(
            "setup.py reads a file (requirements.txt, LICENSE, VERSION) that MANIFEST.in does not name",
            "setup.py imports a module beside it, such as versioneer, that is not in the sdist",
            "the build reads something above the project's folder",
        ),
        solution=(
            "name the file: MANIFEST.in (setuptools), 'include' of the sdist (hatchling, flit, poetry)",
            "look into it: tar -tzf dist/*.tar.gz",
        ),
    ),
    Check(
        code="SDI202",
        level=Level.ERROR,
        title="PKG-INFO of the sdist and METADATA of the wheel built from it contradict each other",
        why=(
            "Resolvers read PKG-INFO to learn what an sdist needs without building it. From metadata version 2.2 on "
            "they may rely on it, unless the field is declared dynamic: what they resolve is then not what is "
            "installed."
        ),
        example=(
            "FAIL SDI202 Requires-Dist: PKG-INFO says nothing where METADATA of the wheel built from it says tomli>=2"
        ),
        causes=(
            "setup.py decides about requirements by the machine or the Python it runs on",
            "the version is computed at build time and comes out differently from the sdist",
        ),
        solution=(
            "write what depends on the machine as a marker: tomli>=2; python_version < '3.11'",
            "name a field that really depends on the build in 'dynamic' of [project]; a version of an sdist may not be",
        ),
    ),
    Check(
        code="SDI203",
        level=Level.ERROR,
        title="a member of the sdist cannot be unpacked safely",
        why=(
            "A path that leads out of the folder, or a link to somewhere else, lets an archive write anywhere on the "
            "machine. pip and uv refuse such an sdist, and so does PyPI."
        ),
        example="FAIL SDI203 acme-2.1.0/data/current: is a link to /srv/data, outside of the sdist",
        causes=(
            "a symbolic link of the source tree points to a file outside of it and was packed as it is",
            "an archive was put together by hand with absolute paths",
        ),
        solution=("put a copy of the file where the link is", "leave it out of the sdist"),
    ),
    Check(
        code="SDI204",
        level=Level.WARNING,
        title="a secret, or what lay about in the folder, is in the sdist",
        why=(
            "What is uploaded once is copied to mirrors within minutes. A key or a token in it must be revoked. A "
            "cache, a virtual environment or the repository itself makes it large, and may publish what should stay "
            "private."
        ),
        example="FAIL SDI204 .pypirc: holds a password for uploads",
        causes=(
            "MANIFEST.in takes everything (graft ., recursive-include *)",
            "the file is not ignored by git, and the build back end follows git",
        ),
        solution=(
            "exclude it, and name in MANIFEST.in or 'include' what is wanted, not all there is",
            "revoke a key or a token that was ever uploaded: deleting the release does not take it back",
        ),
        exception="an error for a token of PyPI, a password in .pypirc, and a private key of ssh",
    ),
    Check(
        code="SDI205",
        level=Level.ERROR,
        title="the sdist is not made as an sdist has to be",
        why=(
            "An index finds the project and its version in the file name, and everything else in PKG-INFO of the one "
            "folder in the archive. PyPI refuses an sdist without these, and one that names a licence file which it "
            "does not hold."
        ),
        example="FAIL SDI205 LICENSE: is a License-File of PKG-INFO, but is not in the sdist",
        causes=(
            "the archive was made by hand, or by 'git archive'",
            "the archive or its folder was renamed",
            "the licence file is named in pyproject.toml, and excluded from the sdist",
        ),
        solution=(
            "let a build back end of PEP 517 make it: python -m build --sdist",
            "do not rename the archive, and leave the folder in it as it is",
        ),
    ),
    Check(
        code="SDI206",
        level=Level.WARNING,
        title="the sdist has a name that macOS or Windows cannot hold",
        why=(
            "Users who unpack the sdist there get an error, or one file instead of two. Names that tests and "
            "documentation work with are ignored."
        ),
        example="WARN SDI206 acme/con.py: cannot be unpacked on Windows: the name con.py is reserved there",
        causes=(
            "it was only ever unpacked on Linux",
            "a file was renamed from Data.json to data.json, and both are there",
        ),
        solution=("rename the file, or leave it out of the sdist",),
    ),
    Check(
        code="WHL112",
        level=Level.WARNING,
        exception=(
            "a note if no code names the file and the build back end takes all files of a package: then it was "
            "excluded on purpose"
        ),
        title="a data file of the package is in the sdist, or tracked by git, but not in the wheel",
        why=(
            "Each build back end has its own rules for data files. In the source tree, where tests run, the file is "
            "there. An installation lacks it, and fails where it is read. Tests, documentation, sources of what is "
            "compiled or translated, and what the configuration excludes are not compared."
        ),
        example=(
            "WARN WHL112 acme/rules.json: is in the sdist (src/acme/rules.json) and acme/engine.py names it, but it is "
            "not in the wheel"
        ),
        causes=(
            "setuptools takes no data files by itself: package-data or include-package-data does",
            "MANIFEST.in puts it into the sdist, and include_package_data is not set",
            "a pattern such as *.json does not go into folders below",
        ),
        solution=(
            "setuptools: [tool.setuptools.package-data] acme = ['*.json', 'templates/**']",
            "exclude what is not meant to be installed: exclude-package-data, or 'exclude' of the build back end",
        ),
    ),
    Check(
        code="WHL114",
        level=Level.WARNING,
        title="the sdist has a licence, and the wheel has none",
        why=(
            "Most licences say that they go with every copy, and a wheel is what people copy. Tools that list the "
            "licences of an installation look into the .dist-info folder."
        ),
        example="WARN WHL114 LICENSE: is in the sdist, but the wheel has no licence, which has to go with most copies",
        causes=(
            "the build back end is older than license-files",
            "the licence has a name that the build back end does not look for, or lies elsewhere",
        ),
        solution=("[project] license-files = ['LICENSE*']; license_files in setup.cfg",),
    ),
    Check(
        code="WHL111",
        level=Level.ERROR,
        title="a module of the sdist is missing from the wheel built from it",
        why=(
            "The list of packages in the configuration has not kept up with the folders. Tests that run in the source "
            "tree find the module; an installation does not have it."
        ),
        example=(
            "FAIL WHL111 acme.rules: is in the sdist (src/acme/rules/__init__.py) and acme/engine.py imports it, but "
            "it is not in the wheel"
        ),
        causes=(
            "'packages' of setuptools names the top package only, and not what is inside of it",
            "a folder without __init__.py is passed over by find_packages()",
            "an 'exclude' of the build back end matches more than it was meant to",
        ),
        solution=(
            "let the back end find packages: [tool.setuptools.packages.find], find_namespace_packages()",
            "name the package that is missing",
        ),
    ),
)
