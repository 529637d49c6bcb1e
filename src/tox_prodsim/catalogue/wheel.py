"""WHL: the file that will be uploaded, checked without installing it."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="WHL101",
        level=Level.ERROR,
        title="a file in the wheel is not listed in RECORD",
        why=(
            "RECORD is the wheel's own inventory. pip and uv silently install an unlisted file, but cannot verify "
            "its content, and pip cannot remove it again. PyPI compares the archive with RECORD and refuses wheels "
            "that disagree, so the upload fails, too."
        ),
        example="FAIL WHL101 acme/_build_info.py: is in the wheel, but RECORD does not list it",
        causes=(
            "the wheel was changed after it was built: a script or a CI step added a file with zip",
            "a tool that repairs or signs wheels did not write RECORD anew",
            "a build backend of your own writes RECORD before it writes the last file",
        ),
        solution=(
            "let the build backend put the file in, so that RECORD is written last",
            "change a finished wheel with 'wheel unpack' and 'wheel pack': packing writes RECORD anew",
        ),
    ),
    Check(
        code="WHL102",
        level=Level.ERROR,
        title="RECORD lists a file that is not in the wheel",
        why=(
            "Something that was meant to be shipped is missing. Installers do not notice: they copy what is in the "
            "archive, and the first to notice is the user whose import fails. PyPI refuses such a wheel."
        ),
        example="FAIL WHL102 acme/data/rules.json: is listed in RECORD, but is not in the wheel",
        causes=(
            "files were deleted from the finished wheel to make it smaller",
            "the archive was cut short while it was copied or uploaded as a CI artifact",
        ),
        solution=(
            "leave the file out by configuration of the build backend, not by editing the wheel",
            "build again and compare the sha256 before and after it is moved",
        ),
    ),
    Check(
        code="WHL103",
        level=Level.ERROR,
        title="the content of a file differs from the hash or size in RECORD",
        why=(
            "The file is not the one that was built. pip and uv do not verify these hashes on installation, so a "
            "damaged or replaced file is installed like any other. Auditors and PyPI do verify them."
        ),
        example="FAIL WHL103 acme/__init__.py: has another content than RECORD says (sha256 differs)",
        causes=(
            "a version number or a licence header was patched into the finished wheel",
            "a native library was stripped, signed or repaired without RECORD being written anew",
            "line ends were converted by an archive tool",
        ),
        solution=(
            "make the change before the build, or repack with 'wheel pack'",
            "if nothing of yours touches the wheel after the build: treat it as tampered with",
        ),
    ),
    Check(
        code="WHL104",
        level=Level.ERROR,
        title="two members of the wheel have the same name",
        why=(
            "Which of the two is installed depends on the program that unpacks them. That difference has been used to "
            "show one content to a scanner and another to an installer, which is why PyPI refuses such archives."
        ),
        example="FAIL WHL104 acme/config.py: is in the wheel 2 times",
        causes=(
            "a file was added to a finished wheel with zip in append mode instead of being replaced",
            "two rules of the build configuration (package data and force-include, say) name the same target",
        ),
        solution=(
            "keep one of the two rules; list the members with: python -m zipfile -l WHEEL",
            "repack with 'wheel unpack' and 'wheel pack'",
        ),
    ),
    Check(
        code="WHL105",
        level=Level.ERROR,
        title="the file name says another project or version than METADATA",
        why=(
            "Installers choose by the file name and record what METADATA says. uv refuses the wheel; pip installs it "
            "and from then on reports a version that was never released."
        ),
        example="FAIL WHL105 acme-2.1.0-py3-none-any.whl: METADATA says that its version is 2.0.9",
        causes=(
            "the wheel was renamed",
            "the version is computed at build time and came out differently the second time (a tag was missing)",
            "the file METADATA was patched after the build",
        ),
        solution=(
            "never rename a wheel: build it again with the version it shall have",
            "fetch the tags before the build when the version comes from git (actions/checkout: fetch-depth: 0)",
        ),
    ),
    Check(
        code="WHL106",
        level=Level.ERROR,
        title="the tags in the file WHEEL differ from those in the file name",
        why=(
            "The tags decide who gets the file. An installer looks at the file name alone. A wheel with compiled "
            "code that is named py3-none-any is installed on every platform, and works on one."
        ),
        example=(
            "FAIL WHL106 acme-2.1.0-py3-none-any.whl: WHEEL says cp312-cp312-linux_x86_64 where the file name "
            "says py3-none-any"
        ),
        causes=(
            "the wheel was renamed to get it past an index",
            "a repair tool changed the platform in the name only",
        ),
        solution=(
            "change tags with 'wheel tags', which writes both places",
            "tell the build backend whether the wheel is pure, instead of renaming it",
        ),
    ),
    Check(
        code="WHL107",
        level=Level.WARNING,
        title="a module is stored with a mode that lets its owner alone read it",
        why=(
            "Every member of a wheel has a mode. pip and uv replace it by what the umask allows. unzip, 'wheel "
            "unpack', packagers of distributions and builders of container layers keep it. If root installs the "
            "module, the user of the service then cannot import it."
        ),
        example=("WARN WHL107 acme/__init__.py and 7 more: others may not read what unzip makes of it (mode 0700)"),
        causes=(
            "the release was built under umask 077, or in a checkout whose files are private",
            "a script of your own wrote the wheel: zipfile.writestr stores mode 0600 for a name without a ZipInfo",
        ),
        solution=(
            "umask 022 and chmod -R go+rX before the build; look with: unzip -Z WHEEL",
            "build in CI from a fresh checkout",
        ),
    ),
    Check(
        code="WHL110",
        level=Level.ERROR,
        title="there is nothing to import in the wheel",
        why=(
            "A wheel with metadata and no code builds, uploads and installs without a complaint. The release is then "
            "spent: the version number cannot be used again."
        ),
        example="FAIL WHL110 acme-2.1.0-py3-none-any.whl: holds nothing but its metadata",
        causes=(
            "the package lies under src/ and the configuration looks in the root (or the other way round)",
            "the package directory is not named like the project, and the build backend guesses by the name",
            "the sdist, from which the wheel is built, does not contain the package",
            "the package is ignored by git, and the build backend follows .gitignore",
        ),
        solution=(
            "name the package: 'packages' of [tool.hatch.build.targets.wheel], [tool.setuptools.packages.find] 'where'",
            "look into the sdist first (tar -tzf dist/*.tar.gz): what is not in there cannot be in the wheel",
            "a project that is dependencies only, on purpose: ignore this code",
        ),
        exception="a note for a project without commands that requires others of its own name, such as acme-core",
    ),
    Check(
        code="WHL140",
        level=Level.ERROR,
        title="the file can be read neither as a wheel nor as an sdist",
        why=(
            "No installer takes such a file, and no index. Nothing else can be checked, so this is the only finding, "
            "and no setting makes the run pass."
        ),
        example="FAIL WHL140 acme-1.0-py3-none-any.whl: cannot be read as a wheel: File is not a zip file",
        causes=(
            "the file was cut short while it was copied, uploaded or downloaded",
            "it is a page that says that the file was not found, saved under the name of the file",
            "it was put together by hand and has no .dist-info folder, or METADATA has no name or version",
            "it was renamed: the name of a wheel is name-version-python-abi-platform.whl",
        ),
        solution=(
            "build it again with 'python -m build', and test the very file that will be uploaded",
            "compare the sha256 of the file before and after each copy",
        ),
    ),
)
