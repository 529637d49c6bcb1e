"""WHL, VER and DEP as they are read from the file of a wheel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from support.hostile import linked_wheel
from support.limits import Ended
from support.wheels import wheel
from tox_prodsim.checks.artifact import (
    check_references,
    check_syntax,
    check_versions,
    check_wheel,
    checked_bounded,
    open_wheel,
    unreadable_file,
)
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import CheckResult, Finding
from tox_prodsim.model.runner import Completed

PACKAGE = {"acme/__init__.py": ""}
METADATA = "Metadata-Version: 2.4\nName: acme\nVersion: {}\n{}\n"
README = "Acme\n====\n\nSee :ref:`usage`.\n"


def checked(path: Path) -> Iterable[Finding]:
    opened = open_wheel(path)
    return (*check_wheel(opened).findings, *check_versions(opened, frozenset({"3.12"})).findings)


def fields(text: str, files: Sequence[str] = ("acme.py",), *, mode: int = 0o644) -> Callable[[Path], Iterable[Finding]]:
    """Return the case of empty files, and of these lines of METADATA."""

    def make(folder: Path) -> Iterable[Finding]:
        metadata = METADATA.format("2.1.0", text)
        return checked(wheel(folder, version="2.1.0", metadata=metadata, files=dict.fromkeys(files, ""), mode=mode))

    return make


def files(*names: str, mode: int = 0o644) -> Callable[[Path], Iterable[Finding]]:
    return fields("", names, mode=mode)


def unrecorded(folder: Path) -> Iterable[Finding]:
    return checked(wheel(folder, unrecorded=[("acme/_build_info.py", "")]))


def absent(folder: Path) -> Iterable[Finding]:
    return checked(wheel(folder, edit_record=lambda lines: [*lines, "acme/data/rules.json,sha256=abc,3"]))


def changed(folder: Path) -> Iterable[Finding]:
    other = "acme/__init__.py,sha256=AAAA,0"
    return checked(wheel(folder, edit_record=lambda lines: [other, *lines[1:]]))


def twice(folder: Path) -> Iterable[Finding]:
    return checked(wheel(folder, files={**PACKAGE, "acme/config.py": ""}, unrecorded=[("acme/config.py", "")]))


def renamed(folder: Path) -> Iterable[Finding]:
    return checked(wheel(folder, version="2.1.0", metadata=METADATA.format("2.0.9", "")))


def retagged(folder: Path) -> Iterable[Finding]:
    tags = "Wheel-Version: 1.0\nTag: cp312-cp312-linux_x86_64\n"
    return checked(wheel(folder, version="2.1.0", wheel_file=tags))


def local_version(folder: Path) -> Iterable[Finding]:
    version = "2.1.0+d20260801"
    return checked(wheel(folder, version=version, metadata=METADATA.format(version, ""), files={"acme.py": ""}))


def too_new(folder: Path) -> Iterable[Finding]:
    metadata = METADATA.format("2.1.0", "Requires-Python: >=3.9")
    opened = open_wheel(wheel(folder, metadata=metadata, version="2.1.0", files={"acme/web.py": ""}))
    answer = b'tox-prodsim %s: {"how": "compiled", "wrong": {"acme/web.py": [7, "invalid syntax"]}, '
    answer += b'"imports": {}, "unread": {}}\n'

    def runner(argv: Sequence[str], **_: object) -> Completed:
        return Completed(returncode=0, timed_out=False, stdout=answer % argv[-1].encode(), stderr=b"")

    return check_syntax(opened, runner, Path("/srv/env/bin/python")).findings


def unread(folder: Path) -> Iterable[Finding]:
    text = "\n" * 6 + "RULES = Path(__file__).with_name('rules.json').read_text()"
    return check_references(open_wheel(wheel(folder, files={**PACKAGE, "acme/engine.py": text}))).findings


def no_module(folder: Path) -> Iterable[Finding]:
    return checked(wheel(folder, entry_points="[console_scripts]\nacme-server = acme.cli:main\n"))


def foreign_python(folder: Path) -> Iterable[Finding]:
    script = {"acme-2.1.0.data/scripts/acme-run": "#!/home/me/acme/.venv/bin/python\n"}
    return checked(wheel(folder, version="2.1.0", files={**PACKAGE, **script}))


def damaged(folder: Path) -> Iterable[Finding]:
    path = folder / "acme-1.0-py3-none-any.whl"
    path.write_bytes(wheel(folder).read_bytes()[:-40])
    try:
        open_wheel(path)
    except ProdsimError as problem:
        return unreadable_file(path, problem).findings
    return ()


def refused(folder: Path) -> Iterable[Finding]:
    """Return what is reported of a wheel beyond a limit."""
    many = "".join(f"X-{at}: 1\n" for at in range(19_998))
    path = wheel(folder, metadata=f"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nSummary: x\n{many}")
    try:
        open_wheel(path)
    except ProdsimError as problem:
        return unreadable_file(path, problem).findings
    return ()


def ended(folder: Path) -> Iterable[Finding]:
    """Return what is reported of checks that were ended."""
    return checked_bounded(Ended(), lambda: CheckResult(detail="", codes=()), wheel(folder)).findings


def linked(folder: Path) -> Iterable[Finding]:
    return checked(linked_wheel(folder, "acme/libacme.so"))


EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    "WHL101": unrecorded,
    "WHL102": absent,
    "WHL103": changed,
    "WHL104": twice,
    "WHL105": renamed,
    "WHL106": retagged,
    "WHL107": files(*(f"acme/{name}.py" for name in ("__init__", *"abcdefg")), mode=0o700),
    "WHL108": fields("Requires-Python: >=3.9,<4.x"),
    "WHL110": files(),
    "WHL113": unread,
    "WHL120": fields("Classifier: Typing :: Typed", ["acme/__init__.py"]),
    "WHL121": files("acme/__init__.py", "acme/__init__.pyi", *(f"acme/{name}.pyi" for name in "abcd")),
    "WHL130": files("acme/__init__.py", "acme/util.py", "acme/util/__init__.py"),
    "WHL131": files("acme/__init__.py", "acme/.env"),
    "WHL133": files("acme/__init__.py", "tests/__init__.py"),
    "WHL135": files("acme/__init__.py", "CHANGELOG.md", "LICENSE"),
    "WHL136": files("acme/__init__.py", "acme/aux.py"),
    "WHL140": damaged,
    "WHL150": refused,
    "WHL151": ended,
    "WHL152": files("acme/__init__.py", "acme\\cli.py"),
    "WHL154": linked,
    "DEP201": fields("Requires-Dist: acme-http @ git+https://github.com/acme/http"),
    "DEP207": fields("Requires-Dist: click\nRequires-Dist: rich"),
    "VER301": fields("Requires-Python: >=3.9,<3.11\nClassifier: Programming Language :: Python :: 3.12"),
    "VER302": local_version,
    "VER304": fields("Classifier: Programming Language :: Python :: 3.9"),
    "VER305": too_new,
    "IMP513": files("acme.py", "acme-2.1.0.data/data/lib/python3.9/site-packages/acme.pth"),
    "VER307": fields(""),
    "WHL141": fields(f"Description-Content-Type: text/x-rst\n\n{README}"),
    "WHL142": fields("Classifier: License :: OSI Approved :: MIT"),
    "DEP212": fields("Requires-Dist: pytest"),
    "ENT510": no_module,
    "ENT516": foreign_python,
}
