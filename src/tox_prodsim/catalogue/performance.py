"""PRF: import and start-up time against the stored baseline, and budgets that need none."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

_ACCEPT = "if the cost is worth it, accept it: tox run -e prodsim --prodsim-update-baseline, and commit the file"

CHECKS = (
    Check(
        code="PRF701",
        level=Level.ERROR,
        exception="a warning when the baseline was measured on another CPU",
        title="the import is slower than the baseline allows",
        why=(
            "Each start of each program that imports the package takes longer. Time is measured in fresh "
            "interpreters, beside a fixed control, so that the load and the speed of the machine cancel out. It is "
            "reported only if a second series of measurements agrees."
        ),
        example=(
            "FAIL PRF701 import acme is slower than its baseline: 148 ms, baseline 92 ms scaled to this machine "
            "(+61 %, limit +10 %); "
            "pandas [pandas 3.1.1] is new, imported at acme/report.py:3, and explains 97 % of it"
        ),
        causes=(
            "a new import at the top of a module: whenever 0.9.5 to 0.10.0 went from 40 to 62 modules, 14 to 24 ms",
            "a dependency got slower or imports more than before",
            "work is done in the body of a module: reading files, compiling expressions, asking the network",
        ),
        solution=(
            "look at the line that is named: the exact work of both imports was compared, module by module",
            "import what is rarely needed inside of the function that needs it",
            _ACCEPT,
        ),
    ),
    Check(
        code="PRF702",
        level=Level.ERROR,
        exception="a warning when the baseline was measured on another CPU",
        title="the start-up is slower than the baseline allows",
        why=(
            "It is the time from the start of the process until the service is ready, or a job has ended. Each "
            "restart, scale-out and cold start in production takes that long. It is compared in the same way as "
            "PRF701."
        ),
        example=(
            "FAIL PRF702 start-up is slower than its baseline: 412 ms, baseline 221 ms scaled to this machine "
            "(+86 %, limit +10 %)"
        ),
        causes=(
            "the import got slower: then PRF701 is reported as well, and that is the place to look",
            "more is prepared before the first request: connections, caches, models, migrations",
            "the number of workers has changed",
        ),
        solution=(
            "prepare lazily, or after the service has become ready",
            _ACCEPT,
        ),
    ),
    Check(
        code="PRF703",
        level=Level.NOTE,
        title="the comparison came to no conclusion",
        why=(
            "The measurements vary too much to say 'slower' or 'not slower' with confidence. The run does not fail "
            "for it. It does not prove that nothing has changed."
        ),
        example=(
            "NOTE PRF703 import acme: inconclusive: +10 %, but +20 % cannot be excluded (p 0.016); 64 rounds spread by "
            "51 %, the control by 42 %, 3 % of the time was waiting for a CPU"
        ),
        causes=(
            "other work on the machine: parallel environments, neighbours on a shared CI machine",
            "the import does something that takes a varying time, such as asking the network",
        ),
        solution=(
            "run it again, or on its own instead of with tox p",
            "take what varies out of the import",
        ),
        no_project="It depends on the load of the machine, so that no project shows it in each run.",
    ),
    Check(
        code="PRF704",
        level=Level.NOTE,
        title="it is faster than the baseline",
        why=(
            "The baseline no longer describes the package. Until it is accepted anew, a later change can lose the "
            "gain without a finding."
        ),
        example=(
            "NOTE PRF704 import acme is faster than its baseline: 71 ms, baseline 92 ms scaled to this machine "
            "(-23 %, limit +10 %)"
        ),
        causes=("something was made faster, on purpose or by a dependency",),
        solution=("keep the gain: tox run -e prodsim --prodsim-update-baseline, and commit the file",),
    ),
    Check(
        code="PRF705",
        level=Level.NOTE,
        title="there is no baseline to compare with",
        why=(
            "A time alone says little. From the first stored baseline on, every run can tell whether the package got "
            "slower, on this kind of interpreter and platform."
        ),
        example="NOTE PRF705 baseline: none yet for import acme; accept this run with --prodsim-update-baseline",
        causes=(
            "this is the first run",
            "the interpreter or the platform is another one: each has a baseline of its own",
            "the file is not committed, or prodsim_baseline_dir points elsewhere",
        ),
        solution=("store one: tox run -e prodsim --prodsim-update-baseline, and commit .prodsim/baselines",),
    ),
    Check(
        code="PRF706",
        level=Level.NOTE,
        exception="a warning when the import failed while it was timed",
        title="a time could not be measured",
        why=(
            "A time that was not measured was not compared. It is reported here, so that it does not count as a pass."
        ),
        example="NOTE PRF706 start-up: not compared: one round takes 3.1 s, 8 would take more than the 20 s left; "
        "about 5 s more are needed",
        causes=(
            "the import failed: that finding comes first",
            "the interpreter of the environment cannot run the timing script",
            "one round takes so long that 8 of them exceed the time left of compare_timeout",
        ),
        solution=(
            "correct what the other findings say, and run it again",
            "of an import that takes too long, time a part with measure_imports, or raise compare_timeout",
        ),
    ),
    Check(
        code="PRF707",
        level=Level.ERROR,
        title="an import takes longer than its budget",
        why=(
            "max_import_time is a limit in seconds, on any machine that runs the check. It is exceeded only if even "
            "the fastest quarter of the rounds is over it, so a busy machine alone rarely exceeds it."
        ),
        example=(
            "FAIL PRF707 import acme takes 412 ms, the limit is 300 ms: "
            "even the fastest quarter of 16 rounds is over it"
        ),
        causes=(
            "the import does more than it did: with a baseline, PRF701 names what",
            "the machine is slower than the one for which the limit was chosen",
        ),
        solution=(
            "import what is rarely needed inside of the function that needs it",
            "raise max_import_time, or leave it to the baseline, which cancels the speed of the machine",
        ),
    ),
    Check(
        code="PRF708",
        level=Level.ERROR,
        title="the start-up takes longer than its budget",
        why=(
            "max_startup_time is what a restart may cost, in seconds: until the service is ready, or a job has "
            "ended. It is exceeded only if even the fastest quarter of the starts is over it."
        ),
        example=(
            "FAIL PRF708 start-up takes 2.41 s, the limit is 2 s: even the fastest quarter of 8 rounds is over it"
        ),
        causes=(
            "more is prepared before the first request: connections, caches, models, migrations",
            "the machine is slower than the one for which the limit was chosen",
        ),
        solution=("prepare lazily, or after the service has become ready", "raise max_startup_time"),
    ),
    Check(
        code="PRF709",
        level=Level.ERROR,
        title="an import loads more modules than its budget",
        why=(
            "The number of modules is exact and the same on every machine. A higher number often means that a "
            "dependency imports more than it is worth."
        ),
        example="FAIL PRF709 import acme imports 445 modules, the limit is 200",
        causes=("a new import at the top of a module", "a dependency imports more than before"),
        solution=(
            "see which distributions they are of: they are named with the finding",
            "import what is rarely needed inside of the function that needs it",
        ),
    ),
    Check(
        code="PRF710",
        level=Level.ERROR,
        title="an import loads a module that forbid_modules names",
        why=(
            "forbid_modules names, for example, pandas in a library that most users use without it, or the tests of "
            "a tool. What happens at run time counts: imports by import_module and by plugins are seen as well."
        ),
        example=(
            "FAIL PRF710 import acme: pandas is forbidden and imported at acme/report.py:3: acme > acme.report > pandas"
        ),
        causes=(
            "an import at the top of a module that was meant to be inside of a function",
            "a dependency imports it: the chain ends there",
        ),
        solution=(
            "move the import of the line that is named into the function that needs it",
            "for annotations alone, put it below 'if TYPE_CHECKING:'",
        ),
    ),
    Check(
        code="PRF711",
        level=Level.ERROR,
        title="the work of the imports has grown by more than its budget",
        why=(
            "The work is counted exactly, in bytecodes, or in calls where the interpreter cannot count those. So "
            "even a small step is seen that a clock cannot tell from noise. Many small steps are how an import gets "
            "slow."
        ),
        example=(
            "FAIL PRF711 imports: the work has grown by 12 % (2,339,914 -> 2,625,002 bytecodes), the limit is 2 %, "
            "most of it in acme"
        ),
        causes=("a module does more in its body, or a new one is imported", "a dependency was upgraded"),
        solution=("look at the modules that are named with the finding", _ACCEPT),
    ),
    Check(
        code="PRF712",
        level=Level.NOTE,
        title="the baseline is old",
        why=(
            "After half a year the interpreter, the dependencies and the machines have changed. No comparison shows "
            "what became slower by small steps, each within the tolerance."
        ),
        example="NOTE PRF712 baseline: it is 214 days old, of 2026-04-22",
        causes=("no new times were accepted for 180 days",),
        solution=("store it anew: tox run -e prodsim --prodsim-update-baseline, and commit .prodsim/baselines",),
    ),
    Check(
        code="PRF730",
        level=Level.WARNING,
        title="the release of the index is not the file of the baseline",
        why=(
            "A slower import is confirmed beside the wheel of the baseline. If the wheel is neither kept nor built "
            "from its commit, it is fetched from the index. Then it must have the recorded sha256, so that neither "
            "the index nor a baseline in a pull request chooses which code runs. The change is confirmed without it."
        ),
        example=(
            "WARN PRF730 baseline: its wheel is not kept here; the project is in no git repository; acme==1.0 of the "
            "index has sha256 100ef6a71bac, the baseline recorded 000000000000: it is neither installed nor run"
        ),
        causes=(
            "the wheel was built once for the baseline and once more for the upload, and the build is not reproducible",
            "the project on this index is another one of the same name",
            "the file on the index, or the sha256 in the baseline, was changed",
        ),
        solution=(
            "compare the two files: pip download --no-deps NAME==VERSION, then sha256sum",
            "record the baseline of the file that is uploaded: --installpkg dist/NAME.whl --prodsim-update-baseline",
            "set reference_release = false when no release is to be fetched at all",
        ),
    ),
)
