"""WHL150 to WHL154, SDI210 to SDI212, RUN658: what is beyond the limits within which a file or a log is read."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

_WHEEL = (
    Check(
        code="WHL150",
        level=Level.ERROR,
        title="the wheel is beyond what is read of one",
        why=(
            "Reading a file of some kilobytes can take hours or all memory. It may unpack to a thousand times its "
            "size, have a tag that stands for millions, or a version of thousands of digits. Installers have no "
            "limits, and fail in different ways. Nothing else of such a file is checked, and nothing of it is "
            "installed. docs/explanation/checks.md lists the limits."
        ),
        example=(
            "FAIL WHL150 acme-1.0-py3-none-any.whl: acme-1.0.dist-info/METADATA has 20,002 fields, more than 20,000"
        ),
        causes=(
            "a build back end repeats fields, or writes a tag for each of many combinations",
            "a program that computes versions has put a whole number or a digest into them",
            "a file of zeros, such as a sparse disk image or an empty database, is in the wheel",
        ),
        solution=(
            "look into the file: python -m zipfile -l WHEEL, unzip -p WHEEL '*/METADATA' | head",
            "leave out what is huge, and let the program fetch or make it",
        ),
    ),
    Check(
        code="WHL151",
        level=Level.ERROR,
        title="reading or checking the wheel was ended at a limit of time or memory",
        why=(
            "Each reading has limits of processor time and memory; docs/explanation/checks.md lists them. A reading "
            "that was ended has no result: its findings are not known, and the run does not pass."
        ),
        example=("FAIL WHL151 acme-1.0-py3-none-any.whl: not checked: its checks were ended: it took longer than 60 s"),
        causes=(
            "generated sources of many megabytes, the syntax tree of which takes gigabytes",
            "tens of thousands of files, each of which is compared with all others",
            "the wheel was made to exhaust its readers",
        ),
        solution=(
            "look at the largest files and at their number: python -m zipfile -l WHEEL",
            "ship data as data files, and not as Python sources",
        ),
        no_project="Only a file of many megabytes takes so long or so much memory, and its run takes minutes.",
    ),
    Check(
        code="WHL152",
        level=Level.ERROR,
        title="another system, or a reader, takes the name of a member for another one",
        why=(
            "A backslash is a part of the name on Linux and a separator on Windows, so that the same wheel installs "
            "other files there. A name that begins with a drive leaves the folder of the installation. Characters that "
            "change the direction of writing show a reviewer another name than the one that is installed."
        ),
        example=(
            r"FAIL WHL152 acme\\cli.py: has a backslash: Windows puts it into a folder, other systems write a file of "
            "that whole name"
        ),
        causes=(
            "a script that was written on Windows packs the wheel with its own paths",
            "a name was pasted from a page, with invisible characters in it",
            "the name is meant to hide what a file is",
        ),
        solution=(
            "let a build back end write the archive, or write paths with / in the script that does",
            "look for invisible characters: python -m zipfile -l WHEEL | cat -A",
        ),
    ),
    Check(
        code="WHL154",
        level=Level.ERROR,
        title="a member is a symbolic link, or no file at all",
        why=(
            "The format of wheels has no links. pip and uv write a file that holds the path of the target, which then "
            "is imported or loaded in its place, and fails. Programs that unpack with links can be led out of the "
            "folder."
        ),
        example=(
            "FAIL WHL154 acme/libacme.so: is a symbolic link: installers write a file with the path of its target, and "
            "unzip makes a link"
        ),
        causes=(
            "the wheel was packed with 'zip --symlinks' or 'wheel pack' of a folder with links",
            "a shared library was copied with its links of versions: libacme.so to libacme.so.1",
        ),
        solution=(
            "put the file itself in the place of the link",
            "name the library as its users look for it (soname), and ship that file alone",
        ),
    ),
)
_SDIST = (
    Check(
        code="SDI210",
        level=Level.ERROR,
        title="the sdist is beyond what is read of one",
        why=(
            "An sdist of 3 MB can unpack to 3 GB, and its headers can claim any size. Nothing of such a file is "
            "unpacked, and nothing is built from it. docs/explanation/checks.md lists the limits."
        ),
        example="FAIL SDI210 acme-2.1.0.tar.gz: PKG-INFO has 20,003 fields, more than 20,000",
        causes=(
            "a sparse file, a disk image or a database of zeros is in the source tree, and in the sdist",
            "the archive is damaged, or was made to fill a disk",
        ),
        solution=(
            "look at the largest files: tar -tvzf dist/*.tar.gz | sort -k3 -n",
            "exclude them in the configuration of the build back end",
        ),
    ),
    Check(
        code="SDI211",
        level=Level.ERROR,
        title="reading or checking the sdist was ended at a limit of time or memory",
        why=(
            "Each reading has limits of processor time and memory; docs/explanation/checks.md lists them. A reading "
            "that was ended has no result: its findings are not known, and the run does not pass."
        ),
        example="FAIL SDI211 acme-2.1.0.tar.gz: not checked: its checks were ended: it took longer than 60 s",
        causes=(
            "tens of thousands of files, such as a data set for tests",
            "the sdist was made to exhaust its readers",
        ),
        solution=(
            "look at the number of files: tar -tzf dist/*.tar.gz | wc -l",
            "exclude them in the configuration of the build back end",
        ),
        no_project="Only a file of many megabytes takes so long or so much memory, and its run takes minutes.",
    ),
    Check(
        code="SDI212",
        level=Level.ERROR,
        title="another system, or a reader, takes the name of a file for another one",
        why=(
            "A name that is not UTF-8 is another one on each system. Characters that change the direction of writing "
            "show a reviewer another name than the one that is unpacked."
        ),
        example=(
            r"FAIL SDI212 acme/txt\u202eyp.exe: has characters that change the direction of writing, so that it is "
            "shown as another name"
        ),
        causes=(
            "a file was named on a system with another encoding, long ago",
            "a name was pasted from a page, with invisible characters in it",
            "the name is meant to hide what a file is",
        ),
        solution=(
            "rename the file: git ls-files prints such names with escapes",
            "exclude it in the configuration of the build back end",
        ),
    ),
)
_EXPRESSIONS = (
    Check(
        code="RUN658",
        level=Level.ERROR,
        title="the search for an expression of the configuration took too long",
        why=(
            "Some regular expressions take a time that doubles with each letter of the text: ^(a+)+b takes hours in "
            "a line of forty letters. The search has a limit of processor time; docs/explanation/checks.md has it. "
            "Whether the expression matches is not known, so the run does not pass."
        ),
        example=("FAIL RUN658 reject_output: not checked: the search for '^(a+)+b' was ended, it took longer than 2 s"),
        causes=(
            "a repetition inside of a repetition, where one text can be divided in many ways: (a+)+, (.*,)*, ( *a*)*",
            "several times .* in one expression, and a very long line",
        ),
        solution=(
            "take one of the repetitions away: a+ matches whatever (a+)+ does",
            "say what may not come: [^,]* instead of .*",
            "make it possessive (Python 3.11): (?:a++)+",
        ),
    ),
)
CHECKS = (*_WHEEL, *_SDIST, *_EXPRESSIONS)
