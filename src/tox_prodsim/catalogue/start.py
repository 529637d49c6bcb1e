"""IMP: what Python runs of the wheel whenever it starts, and what it does not find."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="IMP510",
        level=Level.ERROR,
        exception="a warning when a .pth adds a folder of the machine where it was built",
        title="a .pth file or sitecustomize of the wheel fails when Python starts",
        why=(
            "Every Python of the environment runs these files, whether it uses the package or not. One that fails "
            "prints a traceback at every start, pip included, and its other lines do not run."
        ),
        example=(
            "FAIL IMP510 acme.pth: fails whenever Python starts, at line 1: ModuleNotFoundError: No module named "
            "'acme_hook', and the rest of it is ignored"
        ),
        causes=(
            "the module that it imports is not in the wheel",
            "it imports a dependency that may not be installed, or not any more",
            "it was written by an editable install: it names a folder of one machine",
        ),
        solution=(
            "have the build include the module, or catch the ImportError in the line",
            "leave the file out of the wheel if only development needs it",
        ),
    ),
    Check(
        code="IMP511",
        level=Level.WARNING,
        title="a .pth file or sitecustomize of the wheel prints when Python starts",
        why=(
            "Every Python of the environment prints the text. Programs that read the output of another one, such "
            "as installers and editors, read it as part of the answer."
        ),
        example="WARN IMP511 acme.pth: prints 'acme: tracing is on' whenever Python starts",
        causes=("a message for debugging was left in", "a warning is issued where the hook cannot be set"),
        solution=("print nothing there; log it where the package is used",),
    ),
    Check(
        code="IMP512",
        level=Level.NOTE,
        title="a .pth file or sitecustomize of the wheel slows every start of Python",
        why=(
            "Each start of any program in the environment pays for it. It is measured in CPU time against the same "
            "start without the file, in turns; half as much again is reported. The hooks of setuptools and coverage "
            "add less than a tenth."
        ),
        example=(
            "NOTE IMP512 acme.pth: with it every start of Python takes 4.0 times the CPU time, 60 ms more, even if the "
            "program does not use it"
        ),
        causes=("it imports the package, and so all that this imports",),
        solution=(
            "import only what the hook needs, and only if a variable asks for it",
            "see what is imported: python -X importtime -c pass",
        ),
    ),
    Check(
        code="IMP514",
        level=Level.WARNING,
        title="an import leaves a process running",
        why=(
            "Every program that imports the package, for whatever reason, then has a process that outlives it: "
            "tests, documentation builds and type checkers too. It was ended here. A process that ends by itself "
            "within half a second is not reported, nor is Python's resource tracker."
        ),
        example=(
            "WARN IMP514 acme: importing it leaves 1 process running, which was ended: pid 4711 java -jar "
            "acme-server.jar"
        ),
        causes=(
            "a server, a browser or a virtual machine of Java is started at the top of a module",
            "a .pth of the distribution starts it with every Python",
        ),
        solution=("start it in a function, when it is first needed, and end it there or with atexit",),
    ),
    Check(
        code="IMP513",
        level=Level.WARNING,
        title="a file goes to the site-packages of one version of Python",
        why=(
            "The data scheme of a wheel is relative to the environment. A path in it that names the version of "
            "Python is that of the Python that built the wheel. Under any other Python the file is silently "
            "installed where nothing looks for it."
        ),
        example="WARN IMP513 acme.pth: goes to lib/python3.9/site-packages/, where only python3.9 finds it",
        causes=("data_files of setup.py names the folder that sysconfig or distutils gives for site-packages",),
        solution=(
            "have the build put the file at the root of the wheel, for example with force-include of hatchling",
            "a .pth that only sets something: do it where the package is imported",
        ),
    ),
)
