"""BLD, SDI and AUD: a build that fails, an sdist that lacks something, and what other tools say."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from support.limits import Ended
from support.sdists import sdist, special
from support.wheels import wheel
from tox_prodsim.checks import audit
from tox_prodsim.checks.artifact import (
    TreeWheel,
    build_failure,
    check_equal,
    check_package_data,
    check_sdist,
    check_sdist_vs_wheel,
    checked_bounded,
    left_by_builds,
    open_sdist,
    open_wheel,
    unreadable_file,
)
from tox_prodsim.model import auditors
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import CheckResult, Finding
from tox_prodsim.model.runner import Completed, LeftProcess, unbounded
from tox_prodsim.run import sdist as sdist_step

PKG_INFO = "Metadata-Version: 2.4\nName: acme\nVersion: 2.1.0\n"


def acme_sdist(folder: Path, files: Mapping[str, str] | None = None, pkg_info: str = PKG_INFO, **options: Any) -> Path:
    top = "acme-2.1.0"
    return sdist(folder, files=files, pkg_info=pkg_info, top=top, file_name=f"{top}.tar.gz", **options)


def traceback(file: str, line: int, error: str) -> build_failure.BackendOutput:
    place = f'  File "{file}", line {line}, in <module>'
    output = f"Traceback (most recent call last):\n{place}\n{error}\n"
    return build_failure.BackendOutput(output=output, log=".tox/prodsim/prodsim/build.log")


def no_sdist(_: Path) -> Iterable[Finding]:
    error = "FileNotFoundError: [Errno 2] No such file or directory: 'VERSION'"
    return build_failure.sdist_failure(traceback("/src/acme/setup.py", 6, error), Path("/src/acme")).checked.findings


def no_wheel(folder: Path) -> Iterable[Finding]:
    output = traceback("/tmp/acme-2.1.0/setup.py", 40, "RuntimeError: no compiler")
    return build_failure.wheel_failure(open_sdist(acme_sdist(folder)), output, tree_builds=None).checked.findings


def incomplete(folder: Path) -> Iterable[Finding]:
    error = "FileNotFoundError: [Errno 2] No such file or directory: 'LICENSE'"
    output = traceback("/tmp/acme-2.1.0/setup.py", 16, error)
    return build_failure.wheel_failure(open_sdist(acme_sdist(folder)), output, tree_builds=True).checked.findings


def written(folder: Path) -> Iterable[Finding]:
    made = wheel(folder, version="2.1.0")
    tree = TreeWheel(path=made, stale=frozenset())
    provenance = sdist_step.Provenance(
        sdist=open_sdist(acme_sdist(folder)),
        reason="",
        codes=(),
        build_tree=lambda: sdist_step.TreeBuild(wheel=tree, written=(("src/acme/_version.py", False),)),
        rebuild=lambda: made,
    )
    return sdist_step.check(provenance, open_wheel(made), unbounded).findings


def refused_sdist(folder: Path) -> Iterable[Finding]:
    path = acme_sdist(folder, pkg_info=PKG_INFO + "".join(f"X-{at}: 1\n" for at in range(20_000)))
    try:
        open_sdist(path)
    except ProdsimError as problem:
        return unreadable_file(path, problem).findings
    return ()


def ended(folder: Path) -> Iterable[Finding]:
    return checked_bounded(Ended(), lambda: CheckResult(detail="", codes=()), acme_sdist(folder)).findings


def equality(
    folder: Path, one: Mapping[str, str], other: Mapping[str, str], again: Mapping[str, str]
) -> Iterable[Finding]:
    made = {}
    for name, files in (("sdist", one), ("tree", other), ("again", again)):
        (folder / name).mkdir()
        made[name] = wheel(folder / name, files=files)
    tree = TreeWheel(path=made["tree"], stale=frozenset({"acme/legacy.py"}))
    source = open_sdist(acme_sdist(folder, files=one))
    return check_equal(source, made["sdist"], tree, rebuild=lambda: made["again"]).findings


def stale(folder: Path) -> Iterable[Finding]:
    files = {"acme/__init__.py": ""}
    return equality(folder, files, {**files, "acme/legacy.py": ""}, files)


def unsteady(folder: Path) -> Iterable[Finding]:
    return equality(folder, {"acme/_build.py": "1"}, {"acme/_build.py": "2"}, {"acme/_build.py": "3"})


def another_requirement(folder: Path) -> Iterable[Finding]:
    made = wheel(folder, version="2.1.0", requires=["tomli>=2"])
    return check_sdist_vs_wheel(open_sdist(acme_sdist(folder)), open_wheel(made)).findings


def module_left_out(folder: Path) -> Iterable[Finding]:
    engine = {"acme/__init__.py": "", "acme/engine.py": "import acme.rules\n"}
    source = {f"src/{name}": text for name, text in {**engine, "acme/rules/__init__.py": ""}.items()}
    return check_sdist_vs_wheel(
        open_sdist(acme_sdist(folder, source)), open_wheel(wheel(folder, files=engine))
    ).findings


RULES = "RULES = Path(__file__).with_name('rules.json')"


def data_left_out(folder: Path) -> Iterable[Finding]:
    engine = {"acme/__init__.py": "", "acme/engine.py": RULES}
    source = {f"src/{name}": text for name, text in {**engine, "acme/rules.json": ""}.items()}
    made = open_wheel(wheel(folder, files=engine))
    return check_package_data(open_sdist(acme_sdist(folder, source)), made).findings


def licence_left_out(folder: Path) -> Iterable[Finding]:
    return check_package_data(open_sdist(acme_sdist(folder, {"LICENSE": ""})), open_wheel(wheel(folder))).findings


def reserved(folder: Path) -> Iterable[Finding]:
    return check_sdist(open_sdist(acme_sdist(folder, {"acme/con.py": ""}))).findings


def link(folder: Path) -> Iterable[Finding]:
    edit = special("acme-2.1.0/data/current", tarfile.SYMTYPE, "/srv/data")
    return check_sdist(open_sdist(acme_sdist(folder, edit=edit))).findings


def secret(folder: Path) -> Iterable[Finding]:
    text = "[pypi]\nusername = acme\npassword = correct-horse-battery\n"
    return check_sdist(open_sdist(acme_sdist(folder, {".pypirc": text}))).findings


def licence(folder: Path) -> Iterable[Finding]:
    return check_sdist(open_sdist(acme_sdist(folder, pkg_info=f"{PKG_INFO}License-File: LICENSE\n"))).findings


def audited(folder: Path, item: str, install: Callable[[str, Path], None], output: str = "") -> Iterable[Finding]:
    tools = audit.AuditTools(
        auditors=auditors.parse("audit", [item]),
        folder=folder / "tools",
        install=install,
        run=lambda *_, **__: Completed(returncode=1, timed_out=False, stdout=output.encode(), stderr=b""),
        interrupted=lambda: False,
    )
    with ThreadPoolExecutor(1) as executor:
        audits = audit.start(tools, Path("acme-2.1.0-py3-none-any.whl"), Path("acme-2.1.0.tar.gz"), executor)
        (pending,) = audits.pending
        return pending.result().findings


def watcher(_: Path) -> Iterable[Finding]:
    return left_by_builds([("build_wheel", (LeftProcess(pid=4711, command="node watch.js"),))])


def no_such_tool(requirement: str, _: Path) -> None:
    raise ProdsimError("audit", f"ERROR: No matching distribution found for {requirement}")


def any_tool(requirement: str, folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / requirement).touch(mode=0o755)


W005 = "acme-2.1.0-py3-none-any.whl: W005: Wheel contains common toplevel name in library:\n  tests/\n"
EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    "BLD101": no_sdist,
    "BLD102": no_wheel,
    "BLD103": written,
    "BLD104": stale,
    "BLD105": unsteady,
    "BLD106": watcher,
    "SDI201": incomplete,
    "SDI202": another_requirement,
    "SDI203": link,
    "SDI204": secret,
    "SDI205": licence,
    "SDI206": reserved,
    "SDI210": refused_sdist,
    "SDI211": ended,
    "SDI212": lambda folder: check_sdist(open_sdist(acme_sdist(folder, {"acme/txt\u202eyp.exe": ""}))).findings,
    "WHL111": module_left_out,
    "WHL112": data_left_out,
    "WHL114": licence_left_out,
    "AUD801": lambda folder: audited(folder, "check-wheel-contents", any_tool, W005),
    "AUD802": lambda folder: audited(folder, "twine==71", no_such_tool),
}
