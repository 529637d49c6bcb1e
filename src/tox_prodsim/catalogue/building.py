"""BLD: what the build back end makes of the sources, and whether the sdist makes the same of them."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="BLD101",
        level=Level.ERROR,
        title="the sdist does not build",
        why=(
            "Distributions, users of platforms without a wheel, and auditors of the release need the sdist. 'python "
            "-m build' makes the wheel from it, so there is no wheel either."
        ),
        example=(
            "FAIL BLD101 sdist: does not build: FileNotFoundError 'VERSION' (setup.py:6), see "
            ".tox/prodsim/prodsim/build.log"
        ),
        causes=(
            "the build reads a file that is not committed, and was there on another machine",
            "the version comes from git, and the checkout has no tags",
            "a build back end or a plugin of it was released that no longer takes the configuration",
        ),
        solution=(
            "build in a clean checkout, and read build.log beside the report: it has all that the build wrote",
            "fetch the tags before the build when the version comes from git (actions/checkout: fetch-depth: 0)",
        ),
    ),
    Check(
        code="BLD102",
        level=Level.ERROR,
        title="no wheel can be built from the sdist",
        why=(
            "pip builds the sdist wherever no wheel fits: on another platform, on the next Python, or with "
            "--no-binary. All these users get this error."
        ),
        example=(
            "FAIL BLD102 acme-2.1.0.tar.gz: builds no wheel: RuntimeError: no compiler (setup.py:40), see "
            ".tox/prodsim/prodsim/build.log"
        ),
        causes=(
            "the configuration of the build is wrong, and the source tree does not build either",
            "a requirement of the build is not in [build-system] requires",
            "a C extension does not compile on this Python, or needs a header or a library that is not installed",
        ),
        solution=(
            "read build.log beside the report: the message is its first error, of the compiler where one was run",
            "unpack the sdist in an empty folder and run 'pip wheel .' there",
            "if the source tree builds, the sdist is incomplete: that is SDI201",
        ),
    ),
    Check(
        code="BLD103",
        level=Level.WARNING,
        title="the build writes files into the source tree that git does not ignore",
        why=(
            "The tree is dirty after a build. The next version that is taken from git gets a suffix such as "
            "+d20240501, and 'git add .' commits what was generated."
        ),
        example="WARN BLD103 src/acme/_version.py: was written by the build, git does not ignore it",
        causes=(
            "a version file is generated beside the sources, and .gitignore does not name it",
            "setup.py copies or generates files in the source tree",
        ),
        solution=(
            "put what is generated on .gitignore",
            "generate it below build/, or read the version with importlib.metadata instead",
        ),
    ),
    Check(
        code="BLD104",
        level=Level.ERROR,
        title="the wheel from the source tree differs from the wheel from the sdist",
        why=(
            "The wheel from the source tree and the wheel from the sdist should be the same, and they are not. What "
            "was tested is not what some of your users will have. A folder build/ that setuptools has left there "
            "puts modules into the wheel that were deleted long ago."
        ),
        example="FAIL BLD104 acme/legacy.py: is in the wheel from the source tree only, it comes from a stale build/",
        causes=(
            "a folder build/ of an earlier build with setuptools is in the source tree",
            "a file is not in the sdist, and the build does without it: package data, a C source with a fallback",
            "a file is generated from what only the source tree has, such as the history of git",
        ),
        solution=(
            "delete build/ before a release, or let 'python -m build' make the wheel from the sdist",
            "have the sdist include what the wheel is made from: MANIFEST.in, or 'include' of the build back end",
        ),
    ),
    Check(
        code="BLD105",
        level=Level.NOTE,
        title="a file of the wheel comes out differently each time it is built",
        why=(
            "The release cannot be rebuilt and compared with the index. If the wheel from the source tree differs "
            "from the wheel from the sdist, the sdist is built once more. A file that differs again is reported "
            "here, because it says nothing about the source tree."
        ),
        example="NOTE BLD105 acme/_build.py: comes out differently each time the same sdist is built",
        causes=(
            "the time, the host or the folder of the build is written into a file",
            "a set or a directory listing is written in no defined order",
        ),
        solution=("take times from SOURCE_DATE_EPOCH, sort what is listed, and write paths relative to the package",),
    ),
    Check(
        code="BLD106",
        level=Level.WARNING,
        title="a build leaves a process running",
        why=(
            "Users who install your package from its sdist have that process too, and nothing ends it there. A build "
            "that waits for the end of its output waits for that process. It was ended here. Servers that compilers "
            "and build tools start to stay (sccache, Gradle, Bazel, Kotlin, Buck, watchman, VBCSCompiler, distcc) "
            "are ended as well, and are not reported."
        ),
        example=("WARN BLD106 build_wheel: leaves 1 process running, which was ended: pid 4711 node watch.js"),
        causes=(
            "setup.py or a build hook starts a server, a watcher or a container, and does not end it",
            "a tool that the build calls goes into the background",
        ),
        solution=(
            "end it in a 'finally:' block of the build",
            "call the tool with the option that keeps it in the foreground, or without its server",
        ),
    ),
)
