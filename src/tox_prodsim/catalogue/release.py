"""WHL160 to WHL166, SDI220, BLD107: a release as a folder of files, and its sdist against the wheel that was given."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="BLD107",
        level=Level.ERROR,
        title="the given wheel is not what its sdist builds",
        why=(
            "Two files of one release claim to be the same version, and are not. Users of a platform without a "
            "wheel, distributions and auditors of the sources get other code than users of the wheel. It is also the "
            "trace of a wheel that was changed after it was built."
        ),
        example="FAIL BLD107 acme/__init__.py: has another content than what the sdist builds",
        causes=(
            "wheel and sdist were built from different commits, or one of them is left from an earlier build",
            "a stale build/ of setuptools is packed into a wheel that is built from the source tree",
            "the finished wheel was edited",
        ),
        solution=(
            "build both in one go in a clean checkout: 'python -m build' makes the wheel from the sdist",
            "give cibuildwheel the sdist to build the wheels from: cibuildwheel dist/acme-1.0.tar.gz",
        ),
    ),
    Check(
        code="SDI220",
        level=Level.ERROR,
        title="there is an sdist of another version, or a second one",
        why=(
            "'twine upload dist/*' uploads everything in the folder. An sdist of an old version is uploaded again, "
            "the index refuses it, and that ends the upload half way. An index takes one sdist of a release."
        ),
        example="FAIL SDI220 acme-2.0.0.tar.gz: is of version 2.0.0, the release is 2.1.0",
        causes=(
            "the folder was not emptied before the build",
            "the artifacts of several jobs were put together, and each of them built an sdist",
            "the version comes from git, and something was committed between two builds",
        ),
        solution=("delete the folder before each build", "build the sdist in one job only"),
    ),
    Check(
        code="WHL160",
        level=Level.ERROR,
        title="a wheel in the folder is of another version than the release",
        why=(
            "'twine upload dist/*' uploads everything in the folder. The index refuses a wheel of an old version, "
            "and that ends the upload half way. A wheel of a newer version would be an accidental release."
        ),
        example="FAIL WHL160 acme-2.0.0-py3-none-any.whl: is of version 2.0.0, the release is 2.1.0",
        causes=(
            "the folder was not emptied before the build",
            "the version comes from git: a checkout without tags, or with changes, builds another version",
            "the jobs of a build matrix ran on different commits",
        ),
        solution=(
            "delete the folder before each build",
            "fetch the tags in every job that builds (actions/checkout: fetch-depth: 0)",
        ),
    ),
    Check(
        code="WHL161",
        level=Level.ERROR,
        title="the metadata of the wheels of one release differ",
        why=(
            "Resolvers that lock for all platforms, such as uv and Poetry, read the metadata of one wheel and take "
            "it for that of all. PyPI shows the metadata of the file that was uploaded first. Users of another wheel "
            "lack a dependency, or get one too many."
        ),
        example=(
            "FAIL WHL161 Requires-Dist: is nothing in acme-2.1.0-cp312-cp312-win_amd64.whl, but colorama in "
            "acme-2.1.0-cp310-cp310-win_amd64.whl and 1 more wheel"
        ),
        causes=(
            "setup.py decides by sys.platform or sys.version_info what is required, instead of a marker",
            "the wheels were built from different commits, or by different versions of the back end",
        ),
        solution=(
            "write what depends on the platform as a marker: colorama; sys_platform == 'win32'",
            "build all wheels from one commit, with the same requirements of the build",
        ),
        exception="a warning for fields that no installer reads",
    ),
    Check(
        code="WHL162",
        level=Level.ERROR,
        title="two wheels of one version are for the same tag",
        why=(
            "An installer takes the wheel with the best tag. If two wheels have it, it takes the later build number, "
            "and without one any of them. Then chance decides what users get."
        ),
        example=(
            "FAIL WHL162 acme-2.1.0-py2.py3-none-any.whl and acme-2.1.0-py3-none-any.whl: are both for py3-none-any: "
            "which of them is installed is chance"
        ),
        causes=(
            "the tags of the wheel were changed, and the folder still has the wheel of an earlier build",
            "two jobs of a build matrix build wheels for overlapping tags",
            "the spelling of the name changed: Acme-1.0 and acme-1.0 are one project",
        ),
        solution=("delete the folder before each build", "build each tag in one job"),
        exception="a warning when the build numbers differ",
    ),
    Check(
        code="WHL163",
        level=Level.WARNING,
        title="there is no wheel for a Python that the release claims",
        why=(
            "On that Python, or on that platform, installers build the sdist: users need a compiler, and minutes. A "
            "wheel that is missing between others is mostly one that a job of the build lost."
        ),
        example=(
            "WARN WHL163 CPython 3.13: Requires-Python >=3.11 or a classifier claims it, and no wheel is for it: there "
            "the sdist is built"
        ),
        causes=(
            "a job of the build matrix failed or was skipped, or its artifact was not downloaded",
            "a new Python is claimed, and the tool that builds the wheels is too old to know it",
            "Requires-Python still allows a Python for which no wheels are built any more",
        ),
        solution=(
            "add the missing builds: CIBW_BUILD and CIBW_ENABLE of cibuildwheel select them",
            "raise Requires-Python, or remove the classifier, where no wheel is meant to be",
        ),
        exception="a note for PyPy and free-threaded Python; an error for CPython when there is no sdist either",
    ),
    Check(
        code="WHL164",
        level=Level.WARNING,
        title="there is a file in the folder that is neither a wheel nor an sdist",
        why=(
            "'twine upload dist/*', and so pypa/gh-action-pypi-publish, refuses the whole folder because of one file "
            "of another kind. Hidden files, signatures (*.asc) and attestations of the files are ignored."
        ),
        example=("WARN WHL164 SHA256SUMS: is neither a wheel nor an sdist"),
        causes=(
            "a list of digests, a log or a report is written into the folder of the release",
            "an artifact was downloaded into a folder of its own below it",
            "an installer or another format of the same version is built into the same folder",
        ),
        solution=(
            "write other files elsewhere; SHA256SUMS of a run is beside its report",
            "actions/download-artifact: merge-multiple: true puts the files of all artifacts into one folder",
        ),
    ),
    Check(
        code="WHL166",
        level=Level.ERROR,
        title="a file of the release changed while it was checked",
        why=(
            "What was checked is not the file that is there now, so nothing is known of the file that will be uploaded."
        ),
        example="FAIL WHL166 acme-2.1.0-py3-none-any.whl: changed while it was checked",
        causes=(
            "a build or a download into the folder still runs",
            "another step of the pipeline repairs, signs or renames the wheels at the same time",
        ),
        solution=("let the build end before the verification begins, and have nothing write there meanwhile",),
    ),
)
