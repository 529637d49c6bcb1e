"""PRF: what a release takes besides time, against the stored baseline, and budgets of sizes that need none."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

_ACCEPT = "if it is meant to be, accept it: tox run -e prodsim --prodsim-update-baseline, and commit the file"

CHECKS = (
    Check(
        code="PRF740",
        level=Level.ERROR,
        title="the wheel has grown",
        why=(
            "Every user downloads it, and an index has a limit for each project. A wheel that suddenly grows often "
            "has files that were not meant to be released. Its size is exact. docs/explanation/footprint.md says "
            "from which difference on it is reported."
        ),
        example=(
            "FAIL PRF740 wheel size has grown: 4.2 MB, baseline 84.1 kB (+4898 %, limit +10 %); "
            "acme/data/model.bin (+4.12 MB, new)"
        ),
        causes=(
            "data of tests, notebooks, or a build folder came into the wheel",
            "a compiled module is built with debugging symbols",
            "a library is bundled that was linked before",
        ),
        solution=("look at the files that are named, and leave out what is not needed at run time", _ACCEPT),
    ),
    Check(
        code="PRF741",
        level=Level.ERROR,
        exception="a warning when a new version of a dependency has made most of it",
        title="what is installed has grown",
        why=(
            "An image, a layer of a function and an offline bundle hold the package with all that it requires. "
            "Bytecode and what the installer writes do not count, nor does what is installed for commands only."
        ),
        example=(
            "FAIL PRF741 installed size has grown: 71.2 MB, baseline 2.1 MB (+3290 %, limit +10 %); "
            "pandas 3.1.1 (+69.1 MB, new); of it pandas/_libs/groupby.so (+12.4 MB, new)"
        ),
        causes=(
            "a new requirement, or one of a requirement",
            "a dependency has a new version that is larger: it is named with both versions",
            "the wheel has grown: then PRF740 is reported as well",
        ),
        solution=(
            "make a requirement that few need an extra",
            "bound the version of a dependency that has grown",
            _ACCEPT,
        ),
    ),
    Check(
        code="PRF742",
        level=Level.WARNING,
        title="an import loads more modules than in the baseline",
        why=(
            "The number of modules is exact and the same on every machine. New ones are named with the line that "
            "imports them, so that a dependency is seen before it is slow."
        ),
        example=(
            "WARN PRF742 modules of import acme have grown: 62, baseline 40 (+55 %, limit +10 %); "
            "new: asyncio (imported at acme/core.py:3), 22 modules"
        ),
        causes=("a new import at the top of a module", "a dependency imports more than before"),
        solution=("import what is rarely needed inside of the function that needs it", _ACCEPT),
    ),
    Check(
        code="PRF743",
        level=Level.ERROR,
        title="an import needs more memory than in the baseline",
        why=(
            "Each worker of a service and each call of a tool needs it. The peak of the process is read in the "
            "samples that are taken for the time. What the interpreter itself has is measured beside it, so that "
            "another machine is not a regression."
        ),
        example=(
            "FAIL PRF743 memory of import acme has grown: 53.2 MB, baseline 31.6 MB (+68 %, limit +5 %); "
            "no module is new; most is held by acme/tables.py:12 (21.6 MB)"
        ),
        causes=(
            "a table, a cache or a model is made when the module is imported",
            "a new import brings a large library: it is named",
        ),
        solution=("make what is large when it is first needed, or import it there", _ACCEPT),
    ),
    Check(
        code="PRF744",
        level=Level.ERROR,
        title="the service needs more memory at readiness than in the baseline",
        why=(
            "It is what each instance costs before its first request. All processes of the service count, and what "
            "they share counts once (PSS), where the kernel reports that; elsewhere it is RSS, and called that."
        ),
        example=(
            "FAIL PRF744 memory at readiness has grown: 96.4 MB PSS, baseline 48.2 MB (+100 %, limit +5 %); "
            "processes 3 -> 5"
        ),
        causes=(
            "a table, a cache or a model is made before the service is ready",
            "there are more workers: then the number of processes is named",
            "the import needs more: then PRF743 is reported as well, and that is the place to look",
        ),
        solution=("load what is large before the workers are forked, so that they share it", _ACCEPT),
    ),
    Check(
        code="PRF745",
        level=Level.WARNING,
        title="the service has more threads or descriptors at readiness than in the baseline",
        why=(
            "Both are limited in production, for each process and for each user. More of them before the first "
            "request is mostly a pool that is made too early, or files that stay open."
        ),
        example=(
            "WARN PRF745 file descriptors at readiness have grown: 24, baseline 7 (+243 %, limit +10 %); "
            "socket 3 -> 18, file 3 -> 5"
        ),
        causes=("a pool of connections or of threads is larger", "files or sockets are opened and not closed"),
        solution=("open what is needed when it is needed, and close it", _ACCEPT),
    ),
    Check(
        code="PRF746",
        level=Level.NOTE,
        title="it is smaller than in the baseline",
        why=(
            "The baseline no longer describes the package. Until it is accepted anew, a later change can lose the "
            "gain without a finding."
        ),
        example=(
            "NOTE PRF746 wheel size is smaller than in the baseline: 84.1 kB, baseline 4.2 MB (-98 %, limit +10 %)"
        ),
        causes=("files, requirements or imports were left out, on purpose or by mistake",),
        solution=("keep the gain: tox run -e prodsim --prodsim-update-baseline, and commit the file",),
    ),
    Check(
        code="PRF750",
        level=Level.ERROR,
        title="the wheel is larger than its budget",
        why="max_wheel_size is a limit in bytes, which holds with a baseline and without one.",
        example="FAIL PRF750 wheel size is 12.4 MB, the limit is 5 MB",
        causes=("files came into the wheel that are not needed at run time", "the budget is older than the project"),
        solution=("leave out what is not needed at run time: unzip -lv WHEEL lists it", "raise max_wheel_size"),
    ),
    Check(
        code="PRF751",
        level=Level.ERROR,
        title="what is installed is larger than its budget",
        why=(
            "max_installed_size is a limit in bytes for the package with all that it requires, without bytecode. An "
            "image or a layer of a function grows by that size."
        ),
        example="FAIL PRF751 installed size is 71.2 MB, the limit is 50 MB",
        causes=("a new requirement, or one of a requirement", "a dependency has a new version that is larger"),
        solution=("make a requirement that few need an extra", "raise max_installed_size"),
    ),
    Check(
        code="PRF752",
        level=Level.ERROR,
        title="an import needs more memory than its budget",
        why=(
            "max_import_memory is a limit in bytes for a process that imports the module, with the interpreter. "
            "Memory hardly depends on the speed and the load of the machine."
        ),
        example="FAIL PRF752 memory of import acme is 82.4 MB, the limit is 60 MB",
        causes=(
            "a table, a cache or a model is made when the module is imported",
            "a large library is imported: with a baseline, PRF743 names it",
        ),
        solution=("make what is large when it is first needed, or import it there", "raise max_import_memory"),
    ),
    Check(
        code="PRF753",
        level=Level.ERROR,
        title="the service needs more memory at readiness than its budget",
        why=(
            "max_ready_memory is a promise in bytes for a service with all its processes, before its first request: "
            "the least that a limit of a container must allow."
        ),
        example="FAIL PRF753 memory at readiness is 312 MB, the limit is 200 MB",
        causes=("there are more workers", "a table, a cache or a model is made before the service is ready"),
        solution=("load what is large before the workers are forked, so that they share it", "raise max_ready_memory"),
    ),
)
