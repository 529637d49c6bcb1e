"""WHL108, DEP and VER: what METADATA says, to PyPI and about versions."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

_PRIVATE = "a note when a classifier 'Private ::' says that it is not meant for PyPI"

CHECKS = (
    Check(
        code="WHL108",
        level=Level.ERROR,
        exception=(
            "a note for a file name or Metadata-Version that PyPI accepted in the past, and for more than 100 MB; a "
            "note when a classifier 'Private ::' says that it is not meant for PyPI"
        ),
        title="PyPI would refuse the upload",
        why=(
            "The refusal comes at the worst moment: the tag is pushed, and perhaps half of the files are up already. "
            "METADATA must follow the specification and the rules of PyPI (length of the summary, addresses, URLs, "
            "licence files that are named but absent). The name of the file and the archive itself are checked as "
            "well. PyPI rejects archives whose central directory and local headers disagree (CVE-2025-54368). "
            "License-File in metadata older than 2.4 is accepted, as on PyPI. The description and the classifiers "
            "have their own codes. Not checked: whether the name and the version are free."
        ),
        example=("FAIL WHL108 Requires-Python: PyPI refuses it: '>=3.9,<4.x' is invalid for 'requires-python'"),
        causes=(
            "setup.py computes a field, and the value is none that the specification allows",
            "another program added to the archive, padded it, or wrote it as a stream",
            "two jobs of CI wrote files of one name, and the artifact is a mixture of both",
            "an old build back end: name and Metadata-Version are those of its time",
        ),
        solution=(
            "state the field in pyproject.toml, where back ends check it",
            "write a changed wheel anew with 'wheel unpack' and 'wheel pack'",
            "it goes to another index: ignore this code",
        ),
    ),
    Check(
        code="DEP201",
        level=Level.ERROR,
        exception=_PRIVATE,
        title="a dependency is required from a URL",
        why=(
            "PyPI refuses a release that requires something from a URL, in an extra too: what it installs could change "
            "from one day to the next. pip installs such a wheel from elsewhere, and then needs git, the network and "
            "perhaps a password on every machine."
        ),
        example=(
            "FAIL DEP201 acme-http: PyPI refuses it: the wheel requires it from git+https://github.com/acme/http, not "
            "from an index"
        ),
        causes=(
            "a fork or a commit was needed during development and stayed in dependencies",
            "a dependency beside the project in one repository is named by its path",
        ),
        solution=(
            "wait for or make a release of it and require its version",
            "for development name the URL outside of the metadata: dependency groups, deps of tox, [tool.uv.sources]",
        ),
    ),
    Check(
        code="DEP207",
        level=Level.NOTE,
        title="dependencies have no lower bound",
        why=(
            "A fresh install takes the newest version, but an environment with an old one keeps it. The installer "
            "sees the requirement as met, and the first import or call fails. Those of extras are not counted."
        ),
        example=(
            "NOTE DEP207 click, rich: any version that was ever released may be installed, because no lower bound is "
            "given"
        ),
        causes=("the requirements were written down by name when the project began",),
        solution=("write the oldest version that is tested, click>=8.1, and test that one too",),
    ),
    Check(
        code="VER301",
        level=Level.ERROR,
        title="what is said about Python contradicts Requires-Python",
        why=(
            "Installers obey Requires-Python, people read the classifiers. When a classifier claims a Python that "
            "Requires-Python excludes, pip on that Python silently installs an older release. When no Python fits "
            "both the tags of the file and Requires-Python, it cannot be installed."
        ),
        example=("FAIL VER301 Python 3.12: a classifier claims it, but Requires-Python >=3.9,<3.11 excludes it"),
        causes=(
            "support was added or dropped in one of the two places",
            "an upper bound on Python was copied from a template",
        ),
        solution=("make both say the same; an upper bound is rarely right for a library",),
    ),
    Check(
        code="VER302",
        level=Level.WARNING,
        exception=f"{_PRIVATE}; a note for a version between two releases, such as 1.2.dev3+g3f2a1c9",
        title="the version is a local one, which PyPI refuses",
        why=(
            "2.1.0+g3f2a1c9 is for your own builds. If a tool takes the version from a tag, it means that the tree "
            "was not the tagged one: there were changes, or later commits."
        ),
        example="WARN VER302 2.1.0+d20260801: is a local version, which PyPI refuses",
        causes=(
            "setuptools-scm or the like found changes in the checkout, such as files that a step of CI wrote",
            "the tag was not fetched (actions/checkout: fetch-depth: 0)",
        ),
        solution=(
            "build from a clean checkout of the tag; 'git status' before the build shows what changed",
            "local_scheme = 'no-local-version' of setuptools-scm, if development releases are uploaded",
        ),
    ),
    Check(
        code="VER304",
        level=Level.NOTE,
        title="the classifiers name other Pythons than env_list tests",
        why=(
            "A Python that is claimed and never tested may not work. Users who search for a Python that is tested "
            "and not claimed do not find the release. The classifiers are compared with the versions in the names of "
            "env_list (py312, 3.12, py3.12). If one of the two has none, nothing is reported."
        ),
        example="NOTE VER304 Python 3.9: a classifier claims it, but no environment of env_list tests it",
        causes=(
            "a new Python was added to CI, or to the classifiers, and not to the other",
            "CI runs one environment 'py' under several Pythons",
        ),
        solution=("bring env_list and the classifiers into line",),
    ),
    Check(
        code="VER305",
        level=Level.ERROR,
        exception="a note for a module that is not known to be imported",
        title="the source is not valid syntax for the oldest Python that the wheel claims",
        why=(
            "Requires-Python lets the release into an environment in which it cannot be imported. It is an error for "
            "modules that the package or a command always imports. It is also an error for a module that imports in "
            "this Python, or did when the baseline was accepted. A module that is only imported below 'if', or is "
            "named for a newer Python, is a note. The modules are compiled by that very Python: the environment's, "
            "or a pythonX.Y on PATH. Else a newer Python parses them, and the line of the step says so. It finds "
            "match, except*, :=, positional-only and type parameters that are too new. It does not find the "
            "f-strings of 3.12, return *x and continue in finally of 3.8, the decorators of 3.9 or a[*b] of 3.11."
        ),
        example=(
            "FAIL VER305 acme/web.py: is not valid Python 3.9 syntax, the oldest version that the wheel claims: "
            "invalid syntax"
        ),
        causes=(
            "the code uses what came later, and no test runs on the oldest Python",
            "requires-python was never raised, or is absent from pyproject.toml and set elsewhere",
        ),
        solution=(
            "raise requires-python: pip then offers older Pythons the last release that fits",
            "add an environment for the oldest Python to env_list; ruff's target-version finds it while you write",
        ),
    ),
    Check(
        code="VER307",
        level=Level.WARNING,
        exception="a note where the tags name single Pythons, and where Python 2 is meant as well",
        title="Requires-Python is missing, or has no lower bound",
        why=(
            "It is the only way for an installer to leave out a release that its Python cannot run. Without it, "
            "every user of an older Python gets this release instead of the last one that worked, and it fails. "
            "scikit-build 0.16.0 was yanked for that. It cannot be added later: only a new release has it."
        ),
        example=(
            "WARN VER307 Requires-Python: there is none, so that installers take this release for every Python, older "
            "ones than it runs on too"
        ),
        causes=(
            "requires-python (or python_requires) was never written, or was lost when the back end changed",
            "the classifiers were taken for it: installers do not read them",
        ),
        solution=(
            "write requires-python in [project], with the oldest Python that is tested and no upper bound",
            "yank a release that broke older Pythons",
        ),
    ),
    Check(
        code="WHL141",
        level=Level.ERROR,
        exception=(
            "a warning without a content type, because PyPI accepted such uploads in the past; a note when a "
            "classifier 'Private ::' says that it is not meant for PyPI"
        ),
        title="the description does not render",
        why=(
            "PyPI refuses an upload whose description it cannot show. reStructuredText is read as PyPI reads it: by "
            "docutils, which stops at the first warning. Roles and directives of Sphinx, raw HTML and included files "
            "do not work there. Markdown and plain text always render. Without a content type it has to be "
            "reStructuredText."
        ),
        example=(
            "FAIL WHL141 Description: PyPI refuses it: it does not render as text/x-rst, line 4: Unknown interpreted "
            'text role "ref"'
        ),
        causes=(
            "a README for Sphinx or for a code host: ref, doc, toctree, raw",
            "the changelog is appended, and one of its entries has a backquote too many",
            "a README in Markdown without a content type",
        ),
        solution=(
            "see it with: docutils --halt=2 README.rst > /dev/null",
            'declare the type: readme = {file = "README", content-type = "text/markdown"}',
        ),
    ),
    Check(
        code="WHL142",
        level=Level.ERROR,
        exception="a note for a version that is newer than those of the list",
        title="PyPI does not know a classifier",
        why=(
            "PyPI refuses an upload with a classifier that is not, or no longer, on its list. The list is that of "
            "the distribution trove-classifiers, as it is installed beside tox-prodsim."
        ),
        example=("FAIL WHL142 License :: OSI Approved :: MIT: PyPI refuses it: there is no such classifier"),
        causes=(
            "a misprint, or a classifier that sounds as if it existed",
            "it was renamed: the list of PyPI has the successor",
        ),
        solution=(
            "take it from https://pypi.org/classifiers/",
            "update trove-classifiers when the list has it by now",
            "a private project: add 'Private :: Do Not Upload', which PyPI refuses on purpose",
        ),
    ),
    Check(
        code="DEP212",
        level=Level.WARNING,
        title="every user has to install a test tool, a linter or a backport",
        why=(
            "Every user installs what is required without an extra. It limits the versions that users can have, and "
            "it can break. enum34 and typing hide modules of the standard library, and a pinned pytest conflicts "
            "with that of the users. A tool is reported if the name and the entry points of the project are not "
            "about it, and only tests import or name it."
        ),
        example=(
            "WARN DEP212 pytest: is a tool for tests: every user has to install it, and no module of the wheel uses it"
        ),
        causes=(
            "requirements.txt of the developers was read into install_requires",
            "'poetry add pytest' without --group",
            "the support of an old Python was dropped, and the backports that it needed were left",
        ),
        solution=(
            "[dependency-groups] for what developers need, an extra for what some users need",
            "a marker for a backport that old Pythons still need: enum34; python_version < '3.4'",
            "the tool is run in a way that is not seen here: ignore this code",
        ),
    ),
)
