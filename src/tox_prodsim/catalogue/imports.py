"""IMP: what happens when the installed wheel is imported."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="IMP500",
        level=Level.ERROR,
        title="the package is installed in editable mode",
        why=(
            "An editable install runs the source tree. It has the files that the wheel lacks, so a broken release "
            "looks healthy. All later checks would be about the source tree, not about the wheel."
        ),
        example=(
            "FAIL IMP500 acme: is installed in editable mode, production will not be: direct_url.json says editable: "
            "file:///home/me/acme"
        ),
        causes=(
            "'pip install -e .' was run in the environment, and --skip-pkg-install kept it",
            "a command of an earlier run installed it, and --skip-pkg-install kept it",
        ),
        solution=(
            "make the environment anew: tox run -r -e prodsim",
            "do not install the project in commands; use editable installs in environments for development",
        ),
    ),
    Check(
        code="IMP501",
        level=Level.ERROR,
        title="the interpreter died while it imported the package",
        why=(
            "A crash leaves no traceback and no exception to catch: a production process is simply gone. It is "
            "reported with the signal, and where Python could still tell, with the line it was in."
        ),
        example="FAIL IMP501 acme: importing it fails: the interpreter died with SIGSEGV",
        causes=(
            "an extension module was built against another version of Python or of a native library",
            "the code uses processor instructions that this machine does not have (SIGILL)",
            "the module calls sys.exit() or os._exit() when it is imported",
            "the system ran out of memory and killed the process (SIGKILL)",
        ),
        solution=(
            "repeat it by hand: python -X faulthandler -I -c 'import acme'",
            "rebuild the extension against the oldest Python and library it claims to support",
            "move what a module does on import into a function",
        ),
    ),
    Check(
        code="IMP502",
        level=Level.ERROR,
        title="the import came from somewhere else than the environment",
        why=(
            "The code that ran is not the code in the wheel, so a pass would be worth nothing. It is the most common "
            "way in which a package without its data files passes its own tests."
        ),
        example=(
            "FAIL IMP502 acme: is imported from /home/me/acme/acme/__init__.py instead of the environment's "
            "site-packages"
        ),
        causes=(
            "a .pth file or a sitecustomize module puts another folder in front of site-packages",
            "the module has the name of one of the standard library, such as queue: that one is imported",
        ),
        solution=(
            "remove what changes sys.path, and give the module a name of its own",
            "look at the path: python -c 'import acme, sys; print(acme.__file__, sys.path)'",
        ),
    ),
    Check(
        code="IMP503",
        level=Level.ERROR,
        title="a top-level package of the wheel cannot be imported",
        why=(
            "The first line of every user's program fails. The import is made in an empty directory, in a clean "
            "environment and with the declared dependencies only. So it shows mistakes that a developer's machine "
            "hides."
        ),
        example="FAIL IMP503 acme: importing it fails: ModuleNotFoundError: No module named 'yaml'",
        causes=(
            "a dependency is used and not declared: declarative 1.3.0 needs numpy and does not say so",
            "the missing module comes with setuptools, which new environments lack: ripgrepy 1.0.1 needs pkg_resources",
            "a data file that is read on import is not in the wheel: safety-db 2017.4.19",
            "a sub-package has no __init__.py and was not found, or it is not in the sdist",
            "an unbounded dependency had a new major release: flask 2.2.2 does not import with werkzeug 3",
        ),
        solution=(
            "declare the dependency in [project] dependencies, with the bounds that are known to work",
            "add the file to the wheel by the configuration of the build backend, and read it with importlib.resources",
            "go to the file and line below the finding: that is where the import stopped",
        ),
    ),
    Check(
        code="IMP504",
        level=Level.NOTE,
        exception=(
            "an error for a module that imported when the baseline was accepted; a warning if it lacks a file of the "
            "package, or what this Python or a required distribution no longer has; an error if most modules fail "
            "like that; no finding if an extra of the wheel brings what is missing"
        ),
        title="another module of the wheel cannot be imported",
        why=(
            "Modules behind the project's name or a command must import. Other modules often need not: one good "
            "package in four has modules that need an optional dependency or another operating system. They are "
            "noted because some of them are mistakes, and only you can tell which. A module that imported before and "
            "no longer does is a mistake."
        ),
        example=(
            "FAIL IMP504 acme.trio: importing it fails: ModuleNotFoundError: No module named 'trio', but it did import "
            "when the baseline was accepted"
        ),
        causes=(
            "the module belongs to an extra that is not installed here",
            "it is for Windows, macOS or another platform",
            "it reads a file on import that the build did not include",
            "it is a script, and does its work when it is imported",
            "it imports what newer Pythons lack: pywebcopy 7.1 needs cgi, which is gone since Python 3.13",
            "it was forgotten in a refactoring, and nothing imports it any more",
        ),
        solution=(
            "install the extra in this environment (extras = trio), to have it checked as well",
            "delete what is dead, and put the work of a script under: if __name__ == '__main__'",
            "a module that is meant to be gone or to need more: accept a new baseline",
        ),
    ),
    Check(
        code="IMP505",
        level=Level.ERROR,
        exception="a warning for a name that only an example in the description imports",
        title="a module of the wheel imports something of its own package that is not there",
        why=(
            "A module or a name was left out of the build, or renamed, and some lines still import it. They fail for "
            "every user, often only when a function is called, where no import of the package finds it. The sources "
            "are read for it, and the environment is asked whether it really lacks the name. What a try or a "
            "condition on the system guards is not counted, nor what modules may make when they run."
        ),
        example=(
            "FAIL IMP505 acme.plugins: is imported by acme.cli when a function is called, but the wheel does not have "
            "it"
        ),
        causes=(
            "a sub-package has no __init__.py or is not in the list of packages: spopt 0.0.3 has no spopt.region",
            "a name was moved, and not every module that imports it was changed: label-maker 0.7.0",
            "nothing but the version is in the wheel, and the description shows what should be: django-xml 4.0.0",
        ),
        solution=(
            "have the build back end find all packages, and compare the modules of the wheel with the source tree",
            "remove or correct the imports: the hint has their files and lines",
            "guard an import that may fail: try / except ImportError",
        ),
    ),
    Check(
        code="IMP506",
        level=Level.NOTE,
        title="a package cannot be imported here, because the environment or the machine lacks something",
        why=(
            "It may be a plugin of a program that is not installed or not set up. Or it needs a display, a sound "
            "card or a library. That is not a fault of the release, but the import was not checked. A framework "
            "classifier, a group of entry points or the name of the project names the host."
        ),
        example=(
            "NOTE IMP506 acme: cannot be imported here, because it is a plugin of sphinx, which is not installed: "
            "ModuleNotFoundError: No module named 'sphinx'"
        ),
        causes=(
            "a plugin does not require its host on purpose, because the host requires it: sphinxcontrib-jsmath 2.0.0",
            "a Django app reads the settings when it is imported, and there are none",
            "the machine has no display, no PortAudio, no libGL.so.1: sounddevice 0.5.1",
        ),
        solution=(
            "add the host to deps of this environment, and what it reads to set_env",
            "install the library on this machine, or run tox below xvfb-run",
            "if the package should work without: move the import into the function that needs it",
        ),
    ),
    Check(
        code="IMP515",
        level=Level.ERROR,
        title="an import works in one step and fails in another",
        why=(
            "Both steps import the same module from the same environment. An import that does not always work fails "
            "for some users, and one of the two results is wrong."
        ),
        example=(
            "FAIL IMP515 acme: imports when it is checked, and fails when it is timed: import acme: ImportError: "
            "cannot import name 'Engine' from partially initialized module 'acme'"
        ),
        causes=(
            "the import depends on time, on random numbers, or on what an earlier import has left in a file",
            "it depends on how Python was started, such as its flags, its output or its working directory",
            "the module answers for itself instead of being imported",
        ),
        solution=("import it several times in a fresh interpreter, and mend what differs",),
    ),
)
