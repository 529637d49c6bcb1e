"""The catalogue: every code that can be reported has a page, and no other code has one."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import pytest
from support.findings import printed
from support.wheels import wheel

from tox_prodsim.catalogue import CATALOGUE, FAMILIES, Check, listing, page
from tox_prodsim.checks import resolution as resolving
from tox_prodsim.checks.artifact import check_versions, check_wheel, open_wheel
from tox_prodsim.checks.resolution.results import Conflict, Impossible, Resolved, ResolvedDistribution
from tox_prodsim.deployment import findings
from tox_prodsim.deployment.leaks import findings as leak_findings
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.leaks import AllowLeaks, Grade, Leak, LeakKind
from tox_prodsim.supervision import NotifyState, WrongProcess
from tox_prodsim.supervision.process import Cause, Ending, Survivor

ROOT = Path(str(files("tox_prodsim")))
WORDS = {Level.ERROR: "FAIL", Level.WARNING: "WARN", Level.NOTE: "NOTE"}
checks = pytest.mark.parametrize("check", CATALOGUE.values(), ids=CATALOGUE.keys())


def codes_in(text: str) -> set[str]:
    return set(re.findall(rf"\b(?:{'|'.join(FAMILIES)})[0-9]{{3}}\b", text))


def test_the_codes_of_the_source_are_those_of_the_catalogue() -> None:
    sources = [path for path in ROOT.rglob("*.py") if path.parent.name != "catalogue"]
    reported = set().union(*(re.findall(r'"([A-Z]{3}[0-9]{3})"', path.read_text("utf-8")) for path in sources))
    assert reported == set(CATALOGUE)


def test_no_code_has_two_pages() -> None:
    sources = (ROOT / "catalogue").glob("*.py")
    pages = [code for path in sources for code in re.findall(r'code="([A-Z]{3}[0-9]{3})"', path.read_text("utf-8"))]
    assert len(pages) == len(CATALOGUE)


def test_the_codes_stand_in_the_order_of_their_families_and_numbers() -> None:
    families = list(FAMILIES)
    assert list(CATALOGUE) == sorted(CATALOGUE, key=lambda code: (families.index(code[:3]), code))


def test_nobody_can_change_the_catalogue() -> None:
    with pytest.raises(TypeError):
        CATALOGUE["RUN999"] = CATALOGUE["RUN601"]  # type: ignore[index]


@checks
def test_a_page_has_all_sections_and_can_be_read_in_any_terminal(check: Check) -> None:
    text = page(check)
    titles = ["WHY IT MATTERS", "EXAMPLE", "COMMON CAUSES", "WHAT TO DO", "IF IT IS MEANT TO BE SO"]
    assert re.findall(r"^[A-Z ]+$", text, re.MULTILINE) == titles
    assert text.startswith(f"{check.code}: {check.title}\n{FAMILIES[check.code[:3]]}, {check.level}")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100


@checks
def test_an_entry_says_something_everywhere(check: Check) -> None:
    assert len(check.why) > 60
    assert check.causes
    assert check.solution
    assert not check.title.endswith(".")
    assert not any(text.endswith(".") for text in (*check.causes, *check.solution))


@checks
def test_an_example_is_a_line_as_it_is_printed(check: Check) -> None:
    word = "FAIL" if check.exception.startswith("an error") else WORDS[check.level]
    assert re.match(rf"{word} {check.code} \S.+", check.example)


def ended(code: int | None, *, signal: int | None = None, after_s: float = 0.0, **more: Any) -> Ending:
    cause = Cause.SIGNALLED if signal else Cause.EXITED
    return Ending(cause=cause, code=code, signal=signal, duration_s=after_s, **more)


WORKER = Survivor(pid=5127, command="python -m acme.worker", listens=("127.0.0.1:9000",))
OTHERS = Survivor(pid=5127, command="sudo sleep 1000", listens=(), state="sleeping", waits_on="do_wait", uid=0)
UNCLOSED = "ResourceWarning: unclosed file <_io.TextIOWrapper name='rows.csv' mode='r' encoding='UTF-8'>"
STALE = WrongProcess(address="http://127.0.0.1:8000/", pid=812, command="python old.py", since="since 07:12")


def leak(kind: LeakKind, subject: str, detail: str = "", *, grade: Grade = Grade.FIRM, **place: Any) -> Leak:
    return Leak(kind=kind, grade=grade, subject=subject, detail=detail, **place)


def leaked(name: str, *leaks: Leak) -> list[Finding]:
    return list(leak_findings.findings(name, leaks, AllowLeaks()))


class Answers:
    """An installer that answers for the wheel and for its extras."""

    def __init__(self, base: resolving.results.Resolution, extras: resolving.results.Resolution) -> None:
        self._base = base
        self._extras = extras

    def resolve(self, requirements: list[str], *_: object, **__: object) -> resolving.results.Resolution:
        return self._extras if "[" in requirements[0] else self._base


def resolution(base: resolving.results.Resolution, extras: resolving.results.Resolution) -> tuple[Finding, ...]:
    request = resolving.ResolutionRequest(wheel=ROOT, name="acme", requires=("click",), provided=("web",))
    installer = cast("resolving.Installer", Answers(base, extras))
    return resolving.check_resolution(request, installer, cast("Any", None), ROOT).findings


YANKED = ResolvedDistribution(name="urllib3", version="2.0.0", from_sdist=False, yanked="responses are cut short")
CLICK = (Conflict(requirer="acme 1.0", requirement="click>=8.1"), Conflict(requirer="acme 1.0", requirement="click<8"))


@pytest.mark.parametrize(
    "finding",
    [
        *resolution(Resolved(distributions=(YANKED,)), Resolved(distributions=())),
        *resolution(Resolved(distributions=()), Impossible(reason="; ".join(map(str, CLICK)))),
        resolving.lowest_failed(
            resolving.LowestVersions(requirements=(), pinned=(("click", "2.0"), ("jinja2", "3.0.0"))),
            ("click==2.0", "jinja2==3.0.0"),
            [
                Finding(code="IMP503", level=Level.ERROR, subject="acme", message=""),
                Finding(code="ENT510", level=Level.ERROR, subject="acme", message=""),
            ],
        ),
        findings.port_taken("127.0.0.1:8000", 812, "python old.py"),
        findings.exited_early("uvicorn", ended(1, after_s=0.16), "connection refused"),
        findings.not_ready("uvicorn", 30.0, "connection refused"),
        findings.foreign("uvicorn", STALE),
        findings.died("uvicorn", ended(None, signal=11, after_s=1.42)),
        findings.killed("uvicorn", "SIGTERM", 10.0),
        findings.no_handler("waitress-serve", "SIGTERM"),
        *findings.judged_end("celery", ended(1), frozenset({0, -15, 143})),
        findings.job_timed_out("python", 30.0, 29.6),
        findings.fell_silent("python", 20.0),
        findings.watchdog_missed("python", NotifyState(), 5.0),
        findings.flooded("python", "deploy.log", 1_000_000_000),
        *findings.unkillable("python", ended(0, unkillable=(OTHERS,))),
        findings.not_seen("deploy.log", re.compile(b"120 rows written")),
        findings.forbidden("deploy.log", re.compile(b"CRITICAL"), "CRITICAL cannot write to the cache"),
        findings.could_not_start("gunicorn", "No such file or directory"),
        *leaked("python", *leak_findings.survived(ended(0, survivors=(WORKER,)))),
        *leaked(
            "uvicorn",
            leak(LeakKind.FILE, "app.pid", "pid file in the working folder"),
            leak(LeakKind.FILE, "tmpx8rq2k1c", "folder in TMPDIR with 3 files, 12.4 kB"),
        ),
        *leaked("python", leak(LeakKind.WARNING, UNCLOSED, file="/srv/acme/export.py", line=14)),
        *leaked(
            "python",
            leak(LeakKind.SHARED_MEMORY, "psm_d20cd606", "shared memory, 10 bytes, made by this user during the run"),
        ),
        *leaked("python", leak(LeakKind.TASK, "task Task-7", "destroyed while pending", file="/srv/jobs.py", line=31)),
        *leaked("python", leak(LeakKind.THREAD, "metrics", "a daemon", grade=Grade.HINT)),
        findings.suspicious("deploy.log", "Traceback (most recent call last):", job=True),
        findings.near_limit("uvicorn", "ready_timeout", 26.1, 30.0),
        findings.proved_nothing("python"),
    ],
    ids=lambda finding: finding.code,
)
def test_an_example_is_what_the_finding_really_looks_like(finding: Finding) -> None:
    assert CATALOGUE[finding.code].example == printed(finding)


ACME = "Metadata-Version: 2.4\nName: acme\nVersion: {}\n{}\n"


@pytest.mark.parametrize(
    ("code", "fields", "files", "mode"),
    [
        ("WHL107", "", [f"acme/{name}.py" for name in ("__init__", *"abcdefg")], 0o700),
        ("WHL108", "Requires-Python: >=3.9,<4.x", ["acme.py"], 0o644),
        ("WHL120", "Classifier: Typing :: Typed", ["acme/__init__.py"], 0o644),
        ("WHL121", "", ["acme/__init__.py", "acme/__init__.pyi", *(f"acme/{name}.pyi" for name in "abcd")], 0o644),
        ("WHL130", "", ["acme/__init__.py", "acme/util.py", "acme/util/__init__.py"], 0o644),
        ("WHL131", "", ["acme/__init__.py", "acme/.env"], 0o644),
        ("WHL133", "", ["acme/__init__.py", "tests/__init__.py"], 0o644),
        ("DEP201", "Requires-Dist: acme-http @ git+https://github.com/acme/http", ["acme.py"], 0o644),
        ("DEP207", "Requires-Dist: click\nRequires-Dist: rich", ["acme.py"], 0o644),
        (
            "VER301",
            "Requires-Python: >=3.9,<3.11\nClassifier: Programming Language :: Python :: 3.12",
            ["acme.py"],
            0o644,
        ),
        ("VER302", "", ["acme.py"], 0o644),
        ("VER304", "Classifier: Programming Language :: Python :: 3.9", ["acme.py"], 0o644),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) == 6 else "",
)
def test_an_example_is_what_is_found_in_such_a_wheel(
    tmp_path: Path, code: str, fields: str, files: list[str], mode: int
) -> None:
    version = "2.1.0+d20260801" if code == "VER302" else "2.1.0"
    text, empty = ACME.format(version, fields), dict.fromkeys(files, "")
    opened = open_wheel(wheel(tmp_path, version=version, metadata=text, files=empty, mode=mode))
    found = (*check_wheel(opened).findings, *check_versions(opened, frozenset({"3.12"})).findings)
    assert CATALOGUE[code].example in [printed(finding) for finding in found if finding.code == code]


@checks
def test_a_page_names_no_code_that_does_not_exist(check: Check) -> None:
    assert codes_in(page(check)) <= set(CATALOGUE)


def test_a_page_in_full() -> None:
    assert page(CATALOGUE["RUN624"]) == (
        "RUN624: the output speaks of trouble although the exit code says success\n"
        "deployment, warning (does not fail the run); an error when it is a traceback in the output of a job\n"
        "that ended as a success\n"
        "\n"
        "WHY IT MATTERS\n"
        "  A traceback went by, and the exit code does not show it. A script whose 'finally:' calls\n"
        "  sys.exit(0) ends with 0 after any exception. For a job a traceback is therefore an error; a\n"
        "  service may log one about a bad request and be right.\n"
        "\n"
        "EXAMPLE\n"
        "  FAIL RUN624 deploy.log: counts as a success, but printed: Traceback (most recent call last):\n"
        "\n"
        "COMMON CAUSES\n"
        "  - sys.exit(0), os._exit(0) or 'return' in a 'finally:' block swallows the exception\n"
        "  - an 'except Exception:' logs the error and goes on\n"
        "  - a thread or a task raised, and nobody looked at its result\n"
        "\n"
        "WHAT TO DO\n"
        "  - let the exception pass, or end with another exit code than 0\n"
        "  - ask for the result of what runs beside: Future.result(), await task\n"
        "  - a traceback that is expected: log the message alone, without exc_info\n"
        "\n"
        "IF IT IS MEANT TO BE SO\n"
        "  Put it on the list of the environment: ignore = RUN624 (or warn = RUN624, to keep it as a warning)\n"
    )


def test_what_cannot_fail_the_run_needs_no_warn() -> None:
    assert "warn = " not in page(CATALOGUE["IMP521"])
    assert "warn = WHL101" in page(CATALOGUE["WHL101"])
    assert "warn = IMP504" in page(CATALOGUE["IMP504"])


def test_the_listing_groups_the_codes_by_family_with_their_levels() -> None:
    chosen = [CATALOGUE[code] for code in ("ENT510", "WHL110", "WHL104", "RUN624", "IMP504")]
    assert listing(chosen) == (
        "WHL: the wheel file\n"
        "  WHL110  E  there is nothing to import in the wheel\n"
        "  WHL104  E  two members of the wheel have the same name\n"
        "\n"
        "IMP: imports\n"
        "  IMP504  N* another module of the wheel cannot be imported\n"
        "\n"
        "ENT: entry points and scripts\n"
        "  ENT510  E* a console script does not load\n"
        "\n"
        "RUN: deployment\n"
        "  RUN624  W* the output speaks of trouble although the exit code says success\n"
        "\n"
        "E error, fails the run; W warning; N note; * with an exception\n"
        "tox prodsim explain CODE tells the rest\n"
    )


def test_the_listing_leaves_nothing_out() -> None:
    assert codes_in(listing(CATALOGUE.values())) == set(CATALOGUE)
