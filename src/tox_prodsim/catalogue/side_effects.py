"""IMP52x: what importing the package does besides importing."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

_FOREIGN = "what a dependency does"

CHECKS = (
    Check(
        code="IMP520",
        level=Level.WARNING,
        exception=f"a note for a file that is only read, and for {_FOREIGN}",
        title="the import leaves file descriptors open",
        why=(
            "Servers import the application and fork their workers afterwards. All workers then share the socket, "
            "the pipe or the event loop that the import has opened, and take each other's data. None of 110 popular "
            "packages does it."
        ),
        example="WARN IMP520 acme: leaves a socket open when it is imported",
        causes=(
            "a client, a connection pool or an event loop is made as a global of a module",
            "a log file or a database is opened on import",
        ),
        solution=("make it when it is first used, for example in a function with functools.cache",),
    ),
    Check(
        code="IMP521",
        level=Level.NOTE,
        exception="a warning for a thread that is not a daemon",
        title="the import leaves a thread running",
        why=(
            "A process that is forked after the import lacks the thread, but keeps its state: a lock that it held is "
            "held for ever. A thread that is not a daemon also keeps every program that imports the package from "
            "ending."
        ),
        example="NOTE IMP521 acme: leaves the thread acme-metrics running when it is imported",
        causes=("a global of a module starts a background thread, such as a scheduler or a sender of metrics",),
        solution=("start it when there is something to do, or in a function that the program calls",),
    ),
    Check(
        code="IMP522",
        level=Level.ERROR,
        exception=(
            "a warning for a process, a file and a connection on this machine; a note for a folder below HOME and for "
            f"{_FOREIGN}"
        ),
        title="the import connects to something, starts a process or writes files",
        why=(
            "An import alone should not do any of this. Without a network the import hangs or fails, in a read-only "
            "container it cannot write, and every start of a program takes longer. None of 110 popular packages uses "
            "the network. Reads do not count, nor loopback sockets that test for IPv6, nor ldconfig and uname when "
            "the standard library runs them."
        ),
        example="FAIL IMP522 acme: connects to 93.184.215.14:443 when it is imported",
        causes=(
            "configuration, a licence or a list of versions is fetched by the code of a module",
            "the version is asked of git or of a compiler on import",
            "a cache, a log file or a folder of settings is made before anybody needs it",
        ),
        solution=("do it in a function, when it is asked for; the place is below the finding",),
    ),
    Check(
        code="IMP523",
        level=Level.WARNING,
        exception=f"a note for {_FOREIGN}",
        title="the import prints something",
        why=(
            "It gets into the output of every program that imports the package, and into the data of those whose "
            "output is read by another one. Warnings of Python count, too, if users see them when they import a "
            "fresh installation."
        ),
        example="WARN IMP523 acme: prints 'debug: settings loaded' when it is imported",
        causes=(
            "a print() was left behind",
            "something deprecated is used, such as pkg_resources, and it says so",
        ),
        solution=(
            "use logging instead, which is silent until the program configures it",
            "replace what is deprecated",
        ),
    ),
    Check(
        code="IMP524",
        level=Level.WARNING,
        exception=f"a note for a new environment variable, and for {_FOREIGN}",
        title="the import changes settings of the whole process",
        why=(
            "The handlers of the root logger, signal handlers, the locale, the working directory, the umask and the "
            "recursion limit belong to the program. A library that sets them on import overrules it: its logs appear "
            "twice or not at all, and Ctrl-C does something else. pyroma configures the root logger that way."
        ),
        example="WARN IMP524 acme: adds a StreamHandler to the root logger when it is imported",
        causes=(
            "logging.basicConfig() stands on the level of a module, or logging.info() is called there",
            "a module for a script is imported by the package",
        ),
        solution=("do it in the function behind the command: main() is where a program begins",),
    ),
)
