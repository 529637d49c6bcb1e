"""What each tool says of releases that are broken: ``python benchmarks/releases.py [--json FILE]`` (with an index).

The broken releases of tests/corpus, as they lie on the index, are given to the tools in use and to this tree. A cell is
what a tool complains of: its codes where it has some, ``no`` for a refusal without a code, a mark of ten from pyroma,
``-`` where a tool has nothing to look at (validate-pyproject without a pyproject.toml in the sdist), and ``ok``.
``pip check`` is asked where the release is installed with all that it requires. An asterisk at a release says that the
code which is expected of this tree was not among its findings, or belongs to a check that does not exist yet.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.published import Downloads, Release, broken  # noqa: E402 - found by the line above

TOOLS = ("twine", "check-wheel-contents", "validate-pyproject", "pyroma")
LIMIT_S = 600.0
NOTHING = "-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """The files of one release, as far as there are any for this Python."""

    wheel: Path | None
    sdist: Path | None

    @property
    def all(self) -> list[str]:
        """Return those that there are."""
        return [str(file) for file in (self.wheel, self.sdist) if file]


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendOutput:
    """What a tool said: the cell of the table, and all of it."""

    cell: str
    command: str = ""
    code: int | None = None
    output: str = ""


def main() -> int:
    """Ask all tools about all releases, and print the table."""
    options = _options()
    releases = [each for each in broken() if each.kind != "app" and _chosen(each, options.release)]
    with tempfile.TemporaryDirectory(prefix="releases-") as name:
        folder = Path(name)
        tools = _environment(folder / "tools", *TOOLS)
        print(_versions(tools), flush=True)
        downloads = Downloads(folder / "downloaded")
        with ThreadPoolExecutor(options.jobs) as pool:
            rows = list(pool.map(lambda release: _row(release, tools, downloads, folder), releases))
    said = dict(zip(releases, rows, strict=True))
    _print(said)
    if options.json:
        raw = [{"release": str(release), "why": release.why, "said": _raw(row)} for release, row in said.items()]
        options.json.write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show what tools say of broken releases, side by side.")
    parser.add_argument("--jobs", type=int, default=2, help="releases that are looked at at the same time (default: 2)")
    parser.add_argument("--release", action="append", help="only this one (a part of name==version); more than once")
    parser.add_argument("--json", type=Path, help="a file for all that the tools said")
    return parser.parse_args()


def _chosen(release: Release, wanted: Sequence[str] | None) -> bool:
    return not wanted or any(part in str(release) for part in wanted)


def _environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment with the requirements, and return the folder of its commands."""
    venv.create(folder, with_pip=True)
    subprocess.run([str(folder / "bin" / "pip"), "install", "-qq", *requirements], check=True)
    return folder / "bin"


def _versions(tools: Path) -> str:
    freeze = subprocess.run([str(tools / "pip"), "freeze"], check=True, capture_output=True, text=True).stdout
    versions = dict(line.split("==") for line in freeze.splitlines() if "==" in line)
    pip = subprocess.run([str(tools / "pip"), "--version"], check=True, capture_output=True, text=True).stdout.split()
    named = ", ".join(f"{name} {versions[name]}" for name in TOOLS)
    return f"{named}, {pip[0]} {pip[1]}, Python {sys.version.split()[0]}"


# one release


def _row(release: Release, tools: Path, downloads: Downloads, folder: Path) -> Mapping[str, BackendOutput]:
    """Return what everyone says of a release."""
    work = folder / str(release).replace(" ", "-")
    work.mkdir()
    files = _files(release, downloads)
    environ = {**_environ(), **release.variables}
    row = {
        "twine": _twine(tools, files),
        "check-wheel-contents": _contents(tools, files),
        "pip check": _pip_check(tools, files, work, environ),
        "validate-pyproject": _validate(tools, files, work),
        "pyroma": _pyroma(tools, files),
        "tox-prodsim": _ours(release, files, work, environ),
    }
    print(".", end="", flush=True)
    return row


def _files(release: Release, downloads: Downloads) -> Files:
    """Return the files: of a release that is broken as a wheel also its sdist, for those who look at nothing else."""
    if release.sdist:
        return Files(wheel=None, sdist=downloads(release.requirement, sdist=True))
    try:
        sdist = downloads(release.requirement, sdist=True)
    except subprocess.CalledProcessError:  # there is none, or pip cannot even read its metadata
        sdist = None
    return Files(wheel=downloads(release.requirement), sdist=sdist)


def _environ() -> dict[str, str]:
    """Return our variables without those that would change what the tools do or say."""
    foreign = ("TOX", "__TOX", "PYTEST", "VIRTUAL_ENV", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "500"}


def _asked(
    argv: Iterable[str | Path],
    cell: Callable[[int, str], str],
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> BackendOutput:
    """Run a tool and return what it said; ``cell`` makes the cell of its exit code and its output."""
    command = [str(word) for word in argv]
    try:
        ran = subprocess.run(
            command,
            cwd=cwd,
            env=environ or _environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return BackendOutput(cell="timeout", command=" ".join(command))
    output = ran.stdout.decode(errors="replace")
    return BackendOutput(
        cell=cell(ran.returncode, output), command=" ".join(command), code=ran.returncode, output=output
    )


def _yes_or_no(code: int, _output: str) -> str:
    return "no" if code else "ok"


def _codes(pattern: str) -> Callable[[int, str], str]:
    """Return what makes a cell of the codes in an output."""
    return lambda code, output: " ".join(dict.fromkeys(re.findall(pattern, output))) or _yes_or_no(code, output)


# the tools


def _twine(tools: Path, files: Files) -> BackendOutput:
    return _asked([tools / "twine", "check", "--strict", *files.all], _yes_or_no)


def _contents(tools: Path, files: Files) -> BackendOutput:
    if files.wheel is None:
        return BackendOutput(cell=NOTHING)
    return _asked([tools / "check-wheel-contents", "--no-config", files.wheel], _codes(r"\b(W\d{3})\b"))


def _pip_check(tools: Path, files: Files, work: Path, environ: Mapping[str, str]) -> BackendOutput:
    """Install the release with all that it requires, as anybody would, and ask pip."""
    venv.create(work / "env")
    pip = [str(tools / "pip"), "--python", str(work / "env" / "bin" / "python")]
    installed = _asked([*pip, "install", "-q", files.all[0]], lambda code, _: "no" if code else "", environ)
    return installed if installed.cell else _asked([*pip, "check"], _yes_or_no, environ)


def _validate(tools: Path, files: Files, work: Path) -> BackendOutput:
    pyproject = _pyproject(files.sdist, work)
    return (
        BackendOutput(cell=NOTHING)
        if pyproject is None
        else _asked([tools / "validate-pyproject", pyproject], _yes_or_no)
    )


def _pyproject(sdist: Path | None, work: Path) -> Path | None:
    """Return the pyproject.toml of an sdist, None where there is none."""
    if sdist is None or not sdist.name.endswith(".tar.gz"):
        return None
    with tarfile.open(sdist) as archive:
        for member in archive:
            if re.fullmatch(r"[^/]+/pyproject\.toml", member.name):
                archive.extract(member, work, filter="data")
                return work / member.name
    return None


def _pyroma(tools: Path, files: Files) -> BackendOutput:
    """Ask for the mark of the sdist: of a wheel pyroma knows less."""
    return _asked([tools / "pyroma", str(files.sdist or files.wheel)], _mark)


def _mark(code: int, output: str) -> str:
    found = re.search(r"rating: (\d+/\d+)", output)
    return found[1] if found else _yes_or_no(code, output)


def _ours(release: Release, files: Files, work: Path, environ: Mapping[str, str]) -> BackendOutput:
    """Run tox with this tree on the file, without taking times; the cell has the codes of errors and warnings."""
    project = work / "project"
    project.mkdir()
    (project / "tox.ini").write_text(f"[testenv:prodsim]\nignore = PRF\n{release.config.strip()}\n", encoding="utf-8")
    tox = [sys.executable, "-m", "tox", "run", "-e", "prodsim", "--installpkg", files.all[0]]
    said = _asked(tox, lambda *_: "", environ, project)
    report = project / ".tox" / "prodsim" / "prodsim" / "report.json"
    findings = json.loads(report.read_text("utf-8"))["findings"] if report.is_file() else []
    codes = [each["code"] for each in findings if each["level"] != "note" or each["code"] in release.codes]
    cell = " ".join(dict.fromkeys(codes)) or _yes_or_no(said.code or 0, "")
    return BackendOutput(cell=cell, command=said.command, code=said.code, output=said.output)


# the table


def _print(said: Mapping[Release, Mapping[str, BackendOutput]]) -> None:
    tools = list(next(iter(said.values()), {}))
    rows = [["", *tools]]
    for release, row in said.items():
        caught = set(release.codes) <= set(row["tox-prodsim"].cell.split())
        rows.append([f"{release}{'' if caught else ' *'}", *(row[tool].cell for tool in tools)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    print()
    for cells in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    print("\n" + "\n".join(f"{release}: {release.why} ({', '.join(release.codes)})" for release in said))


def _raw(row: Mapping[str, BackendOutput]) -> dict[str, object]:
    return {tool: asdict(said) for tool, said in row.items()}


if __name__ == "__main__":
    sys.exit(main())
