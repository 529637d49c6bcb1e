"""What a maintainer meets who adopts the plugin: ``python benchmarks/adoption.py [--only NAME] [--json FILE]``.

Ten repositories of different layouts and build back ends are cloned at the tag of a release. Where git or its host is
not at hand, the sdist of that release stands in for a clone: it is unpacked into a fresh repository, and what the back
end added to it is left out; where it has no .gitignore, it gets the usual one.

Each gets an empty section ``prodsim`` in the tox configuration that it has, and is run once. Then the codes of findings
that are right are ignored, the rest is accepted as the baseline, and both are committed. Then it is run three times,
unchanged. A finding above a note in one of these three, a run that fails for another reason, or a file outside of
``.prodsim`` that git sees afterwards is exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from overhead import environ

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.published import Downloads  # noqa: E402 - found by the line above

LIMIT_S = 900.0
HOST_LIMIT_S = 20.0
ENV = "prodsim"
ACCEPT = ("--prodsim-update-baseline", "--prodsim-allow-ci-update")
CONFIGURATIONS = ("tox.ini", "tox.toml", "pyproject.toml")
GITIGNORE = "*.egg-info/\nbuild/\ndist/\n__pycache__/\n"
"""What every repository of such a project ignores, and few sdists have."""
IDENTITY = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """One to adopt the plugin in; ``true`` are codes of findings that are right, which its maintainer ignores.

    ``generated`` are files that only the sdist has, because a build makes them.
    """

    name: str
    release: str
    tag: str
    layout: str
    generated: str = ""
    true: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name.partition("/")[2]


REPOSITORIES = (
    Repository(name="un33k/python-slugify", release="python-slugify==8.0.4", tag="v8.0.4", layout="setuptools, flat"),
    Repository(name="theskumar/python-dotenv", release="python-dotenv==1.0.1", tag="v1.0.1", layout="setuptools, src"),
    Repository(name="jaraco/jaraco.functools", release="jaraco.functools==4.1.0", tag="v4.1.0", layout="a namespace"),
    Repository(name="hynek/structlog", release="structlog==25.1.0", tag="25.1.0", layout="hatchling, src"),
    Repository(name="pallets/itsdangerous", release="itsdangerous==2.2.0", tag="2.2.0", layout="flit, src"),
    Repository(name="python-poetry/cleo", release="cleo==2.1.0", tag="2.1.0", layout="poetry, src"),
    Repository(name="frostming/findpython", release="findpython==0.6.2", tag="0.6.2", layout="pdm, src"),
    Repository(
        name="roy-ht/editdistance",
        release="editdistance==0.8.1",
        tag="v0.8.1",
        layout="pdm, Cython",
        generated="src/editdistance/bycython.cpp",
        true={"WHL135": "its wheels on the index have a .gitignore at the root, too"},
    ),
    Repository(
        name="wjakob/nanobind",
        release="nanobind==2.4.0",
        tag="v2.4.0",
        layout="scikit-build-core",
        true={"VER307": "it has no Requires-Python, and 3.0.0 was withdrawn for a wrong one"},
    ),
    Repository(name="aio-libs/aiosmtpd", release="aiosmtpd==1.4.6", tag="v1.4.6", layout="setuptools, a service"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What one run of tox said, and what git saw after it."""

    code: int
    seconds: float
    findings: Sequence[Mapping[str, str]]
    strangers: Sequence[str]
    output: str

    @property
    def above(self) -> list[Mapping[str, str]]:
        """Return the findings that are more than a note."""
        return [each for each in self.findings if each["level"] != "note"]

    def __str__(self) -> str:
        counts = Counter((each["level"], each["code"]) for each in self.above)
        words = [f"{level} {code}" + (f" x{count}" if count > 1 else "") for (level, code), count in counts.items()]
        words += ["failed"] if self.code and not self.above else []
        words += [f"git sees {len(self.strangers)} more"] if self.strangers else []
        return ", ".join(words) or "nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopted:
    """All runs of one repository."""

    repository: Repository
    first: Run
    accepting: Run
    later: Sequence[Run]

    @property
    def quiet(self) -> bool:
        """Return whether the runs after acceptance passed, with nothing said and nothing written."""
        return all(not run.code and not run.above and not run.strangers for run in self.later)


def main() -> int:
    """Adopt it everywhere, and print the table."""
    options = _options()
    chosen = [each for each in REPOSITORIES if not options.only or any(part in each.name for part in options.only)]
    with tempfile.TemporaryDirectory(prefix="adoption-") as name:
        folder = Path(name)
        cloned = not options.sdists and _can_be_cloned(chosen[0])
        print("clones" if cloned else "no git host at hand: sdists of the index stand in for clones", flush=True)
        adopted: list[Adopted] = []
        for each in chosen:
            adopted.append(_adopted(each, folder, options, cloned=cloned))
            _print_findings(adopted[-1])
            if options.json:
                raw = json.dumps([asdict(each) for each in adopted], indent=2)
                options.json.write_text(f"{raw}\n", encoding="utf-8")
    _print_table(adopted)
    print(f"\n{sum(each.quiet for each in adopted)} of {len(adopted)} are quiet after acceptance")
    return 0 if all(each.quiet for each in adopted) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Adopt the plugin in ten repositories, and show what their owners see."
    )
    parser.add_argument("--only", action="append", help="only this one (a part of its name); more than once")
    parser.add_argument("--sdists", action="store_true", help="take sdists of the index, although a git host is there")
    parser.add_argument("--runs", type=int, default=3, help="runs after the baseline was accepted (default: 3)")
    parser.add_argument("--json", type=Path, help="a file for all findings and outputs")
    return parser.parse_args()


# the repositories


def _url(repository: Repository) -> str:
    return f"https://github.com/{repository.name}"


def _can_be_cloned(repository: Repository) -> bool:
    if not shutil.which("git"):
        return False
    environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        asked = subprocess.run(
            ["git", "ls-remote", "--exit-code", _url(repository), repository.tag],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=HOST_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _laid(repository: Repository, folder: Path, *, cloned: bool) -> Path:
    """Return the work tree of the repository, at the tag of the release."""
    tree = folder / str(repository)
    if cloned:
        clone = ["git", "clone", "--quiet", "--branch", repository.tag, _url(repository), str(tree)]
        subprocess.run(clone, check=True)
    else:
        _unpacked(Downloads(folder / "downloaded")(repository.release, sdist=True), tree, repository.generated)
        _git(tree, "init", "--quiet")
        _committed(tree, "the release")
        _git(tree, "clean", "-d", "-X", "--force", "--quiet")
        _git(tree, "tag", repository.tag)
    return tree


def _unpacked(sdist: Path, tree: Path, made: str) -> None:
    """Unpack an sdist without what its back end has added to the repository."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tree.with_suffix(".unpacked"), filter="data")
    (top,) = tree.with_suffix(".unpacked").iterdir()
    top.rename(tree)
    (tree / "PKG-INFO").unlink(missing_ok=True)
    for generated in tree.rglob("*.egg-info"):
        shutil.rmtree(generated)
    if not (tree / ".gitignore").exists():
        (tree / ".gitignore").write_text(f"{GITIGNORE}{made}\n", encoding="utf-8")


def _configured(tree: Path, ignored: Iterable[str]) -> None:
    """Add the section of our environment to the configuration of tox that the repository has, or make one."""
    codes = list(ignored)
    if (tree / "tox.toml").exists():
        _append(tree / "tox.toml", f"\n[env.{ENV}]\nignore = {json.dumps(codes)}\n")
    elif _tox_in(tree / "pyproject.toml"):
        _append(tree / "pyproject.toml", f"\n[tool.tox.env.{ENV}]\nignore = {json.dumps(codes)}\n")
    else:
        _append(tree / "tox.ini", f"\n[testenv:{ENV}]\n" + (f"ignore = {', '.join(codes)}\n" if codes else ""))


def _tox_in(pyproject: Path) -> bool:
    if not pyproject.exists() or (pyproject.parent / "tox.ini").exists():
        return False
    return "env" in tomllib.loads(pyproject.read_text("utf-8")).get("tool", {}).get("tox", {})


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _git(tree: Path, *arguments: str) -> str:
    argv = ["git", *IDENTITY, *arguments]
    return subprocess.run(argv, cwd=tree, check=True, capture_output=True, text=True).stdout


def _committed(tree: Path, message: str) -> None:
    _git(tree, "add", "--all")
    _git(tree, "commit", "--quiet", "--allow-empty", "-m", message)


# the runs


def _adopted(repository: Repository, folder: Path, options: argparse.Namespace, *, cloned: bool) -> Adopted:
    """Run it as it is, accept what is right, and run it again without a change."""
    tree = _laid(repository, folder, cloned=cloned)
    _configured(tree, ())
    _committed(tree, "try tox-prodsim")
    first = _run(tree)
    _git(tree, "reset", "--quiet", "--hard", "HEAD~1")
    _configured(tree, tuple(repository.true))
    accepting = _run(tree, *ACCEPT)
    _committed(tree, "adopt tox-prodsim")
    later = [_run(tree) for _ in range(options.runs)]
    shutil.rmtree(tree)
    return Adopted(repository=repository, first=first, accepting=accepting, later=later)


def _run(tree: Path, *arguments: str) -> Run:
    report = tree / ".tox" / ENV / "prodsim" / "report.json"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-m", "tox", "run", "-e", ENV, *arguments],
        cwd=tree,
        env=environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT_S,
        check=False,
    )
    return Run(
        code=ran.returncode,
        seconds=round(time.monotonic() - began, 1),
        findings=json.loads(report.read_text("utf-8"))["findings"] if report.is_file() else [],
        strangers=_strangers(tree),
        output=ran.stdout.decode(errors="replace"),
    )


def _strangers(tree: Path) -> list[str]:
    """Return the files that git sees beside the baselines and the configuration that is to be committed with them."""
    seen = _git(tree, "status", "--porcelain", "--untracked-files=all").splitlines()
    return [line[3:] for line in seen if not line[3:].startswith((".prodsim/", *CONFIGURATIONS))]


# the table


def _print_findings(adopted: Adopted) -> None:
    """Print each finding above a note once, and why it is right where that is known."""
    runs = (adopted.first, adopted.accepting, *adopted.later)
    print(f"{adopted.repository}: {'quiet' if adopted.quiet else 'not quiet'}", flush=True)
    said = [
        f"{each['level']} {each['code']} {each['subject']}: {each['message']}" for run in runs for each in run.above
    ]
    seen = [f"git sees {name}" for run in runs for name in run.strangers]
    right = [f"{code} is right: {reason}" for code, reason in adopted.repository.true.items()]
    ends = [line for run in adopted.later if run.code and not run.above for line in run.output.splitlines()[-20:]]
    for line in dict.fromkeys([*said, *seen, *right, *ends]):
        print(f"  {line}", flush=True)


def _print_table(adopted: Sequence[Adopted]) -> None:
    rows = [["", "layout", "without configuration", "after acceptance", "seconds"]]
    for each in adopted:
        seconds = " ".join(f"{run.seconds:.0f}" for run in (each.first, each.accepting, *each.later))
        later = " | ".join(map(str, each.later))
        rows.append([str(each.repository), each.repository.layout, str(each.first), later, seconds])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    print()
    for cells in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
