"""ENT: the commands and plugins of the wheel."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="ENT510",
        level=Level.ERROR,
        exception=(
            "a warning when an extra for users brings what it lacks; a note when the entry point names the extra, or "
            "the script itself says what it lacks"
        ),
        title="a console script does not load",
        why=(
            "The installer makes the command without looking at the module behind it. The command is there, it is "
            "found on PATH, and it ends in a traceback for everyone who types it."
        ),
        example="FAIL ENT510 [console_scripts] acme-server = acme.cli:main: there is no module acme.cli in the wheel",
        causes=(
            "the module was moved or renamed, and the entry point was not",
            "the sub-package that holds it is not in the wheel",
            "the function after the colon does not exist (any more)",
            "the function is async: the command calls it, which makes a coroutine and does nothing",
            "the script needs an extra: tox-to-nox of nox ended in a traceback without it",
        ),
        solution=(
            "correct the line in [project.scripts], or ship the module",
            "for an async function: name one that calls asyncio.run(main())",
            "for a script that needs an extra: catch the ImportError and tell the user which extra to install",
        ),
    ),
    Check(
        code="ENT511",
        level=Level.WARNING,
        exception=(
            "a note when it lacks another project's module, such as its host, or names a module of the wheel as if "
            "it were an attribute"
        ),
        title="an entry point other than a script does not load",
        why=(
            "Entry points are how plugins are found. The program that looks for them will fail when it loads this one, "
            "or leave it out silently. It is not an error: a plugin may rightly need a host that is not installed."
        ),
        example=(
            "WARN ENT511 [acme.plugins] csv = acme.formats.csv: does not load: ModuleNotFoundError: No module "
            "named 'acme.formats'"
        ),
        causes=(
            "the host of the plugin is not installed in this environment",
            "the module was moved or is not in the wheel",
        ),
        solution=(
            "add the host to deps of this environment, so that the plugin is really checked",
            "correct the line in [project.entry-points]",
        ),
    ),
    Check(
        code="ENT512",
        level=Level.WARNING,
        exception=(
            "an error when it ends in TypeError, NameError, AttributeError or ImportError, or never awaits a "
            "coroutine; a note when the command itself says what it lacks, or prints its usage"
        ),
        title="a command fails when it is asked for --help",
        why=(
            "Asking for help is the first thing people try, and nearly every command answers with exit code 0. A "
            "command that fails mostly works, or needs a file, before it reads its arguments. An exception that is a "
            "fault of the code fails for every user. Console scripts, python -m PACKAGE and the scripts folder of "
            "the wheel are tried. A gui_script is tried without a display, and only such exceptions of it count."
        ),
        example=(
            "FAIL ENT512 [console_scripts] acme-worker = acme.worker:main: --help ends in TypeError: main() missing 1 "
            "required positional argument: 'argv'"
        ),
        causes=(
            "the function of the entry point takes an argument, which no installer gives it",
            "a dependency without an upper bound lost a name that the command imports",
            "the program reads its configuration, or connects to something, before it parses the arguments",
            "it has no --help and takes it for the name of a file",
        ),
        solution=(
            "run the command as it is installed, not only its function in a test",
            "parse the arguments first; argparse answers --help by itself",
            "a command that has no --help on purpose: ignore this code",
        ),
    ),
    Check(
        code="ENT513",
        level=Level.WARNING,
        exception="a note when the command itself refuses",
        title="--help fails where only ASCII can be printed",
        why=(
            "In the C locale of a cron job or a bare container, and in a Windows console, not every character can be "
            "printed. A dash or a quotation mark of a word processor then causes a traceback instead of the help. "
            "The help of idna 3.20 has such a character."
        ),
        example=(
            "WARN ENT513 [console_scripts] acme = acme.cli:main: --help exited with 1 where only ASCII can be printed: "
            "UnicodeEncodeError: 'ascii' codec can't encode character '\\u2014' in position 21: ordinal not in "
            "range(128)"
        ),
        causes=("the description or the help of an option has a character that is not ASCII",),
        solution=(
            "write the help in ASCII: - for a dash, ' and \" for quotation marks",
            "or let stdout replace what it cannot print: sys.stdout.reconfigure(errors='replace')",
        ),
    ),
    Check(
        code="ENT514",
        level=Level.NOTE,
        title="--help leaves files behind",
        why=(
            "--help should only print. Many service accounts cannot write HOME. There, a command that first makes "
            "its folders cannot even show its help."
        ),
        example="NOTE ENT514 [console_scripts] acme = acme.cli:main: --help leaves .acme in /tmp/home",
        causes=("a cache, a log file or a file of settings is made before the arguments are read",),
        solution=("make files and folders when they are needed",),
    ),
    Check(
        code="ENT517",
        level=Level.WARNING,
        title="a command leaves a process running when it is loaded, or asked for its help or version",
        why=(
            "--help should only print. Users do not know that it starts a server, a browser or a virtual machine of "
            "Java that stays. It was ended here. A process that ends by itself within half a second is not reported, "
            "nor is Python's resource tracker."
        ),
        example=(
            "WARN ENT517 [console_scripts] acme = acme.cli:main: --help leaves 1 process running, which was ended: "
            "pid 4711 java -jar acme-server.jar"
        ),
        causes=(
            "the process is started before the arguments are read",
            "the module of the command starts it when it is imported",
        ),
        solution=("start it when the command does its work, and end it before the command ends",),
    ),
    Check(
        code="ENT516",
        level=Level.ERROR,
        exception=(
            "a warning when it names the Python of the system or none at all; a note when env is to find a Python"
        ),
        title="the first line of a script does not name the Python of the environment",
        why=(
            "An installer puts its own Python into the first line of a script only where that begins with #!python. "
            "Any other line is copied. A path of the machine that built the wheel exists nowhere else. The Python of "
            "the system does not see what is installed in an environment."
        ),
        example=(
            "FAIL ENT516 [scripts] acme-run: its first line names /home/me/acme/.venv/bin/python, which is of the "
            "machine where it was built"
        ),
        causes=(
            "the script was installed on a developer's machine and then put into the wheel",
            "the build back end copies scripts as they are, with #!/usr/bin/env python3",
            "the file was written on Windows: its first line ends in a carriage return",
        ),
        solution=(
            "make it an entry point: [project.scripts], for which the installer writes the script",
            "or let the file begin with #!python",
        ),
    ),
    Check(
        code="VER306",
        level=Level.WARNING,
        title="the --version of a command is not the version of the distribution",
        why=(
            "People put the output of --version into bug reports, and scripts compare with it. It is asked only of "
            "commands whose help offers it, and counts only when it names the distribution or the command has its name."
        ),
        example=("WARN VER306 [console_scripts] acme = acme.cli:main: --version says 2.0.9, but METADATA says 2.1.0"),
        causes=("the number is kept in two places and one of them was forgotten when the release was made",),
        solution=("keep one: importlib.metadata.version('acme') gives what is installed",),
    ),
)
