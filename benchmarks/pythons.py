"""Which suites of tests pass on which Pythons, and what is not available.

Pythons are looked for where the tests look: PRODSIM_TEST_PYTHONS, PATH, pyenv and uv. For those that are missing, root
makes a root of Debian's unstable release with debootstrap, and keeps it; it also has PyPy and a CPython without GIL.
Each Python of the plugin gets an environment with this tree and its tests, which is kept as well, and runs the suites.
``under_test`` is played by the newest Python of the plugin, here and in the root: the environment under test is on each
of the Pythons. ``bounds`` installs the lowest and the newest requirements that pyproject.toml allows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debian_root import PYTHONS, DebianRoot
from overhead import ROOT

sys.path.insert(0, str(ROOT / "tests"))
from support.interpreters import SPECS, find

PLUGIN = ("3.11", "3.12", "3.13", "3.14", "3.15")
SUITES = {
    "unit": ["tests/unit", "tests/test_layers.py", "tests/test_mirror.py"],
    "processes": ["tests/processes"],
    "functional": ["tests/functional", "-m", "not index"],
    "index": ["tests/functional", "-m", "index"],
}
UNDER_TEST = ["tests/functional/test_other_pythons.py", "-m", "pythons"]
BOUNDED = ("tox", "pluggy", "psutil", "virtualenv", "packaging", "tox-uv")
COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped)")
NOT_INSTALLED = "failed: the tests cannot be installed, see {}"


@dataclass(frozen=True)
class Python:
    """An interpreter, on this machine or in the root."""

    spec: str
    path: str
    root: DebianRoot | None
    cache: Path

    @property
    def place(self) -> str:
        """Return where it is."""
        return "here" if self.root is None else "root of Debian"

    def command(self, argv: Sequence[str], env: Mapping[str, str], cwd: str) -> list[str]:
        """Return the command that runs another one where this Python is."""
        if self.root:
            return self.root.command(argv, env, cwd)
        return ["env", "-C", cwd, *(f"{name}={value}" for name, value in env.items()), *argv]

    def folder(self, name: str) -> tuple[Path, str]:
        """Return a kept folder: its path on this machine, and its path for the commands."""
        inside = f"/srv/prodsim/{name}" if self.root else str(self.cache / name)
        outside = Path(f"{self.root.folder}{inside}") if self.root else Path(inside)
        outside.mkdir(parents=True, exist_ok=True)
        return outside, inside


def main() -> int:
    """Run what is asked for and print the table; return 1 when a test failed."""
    options = parsed()
    options.cache.mkdir(parents=True, exist_ok=True)
    root = DebianRoot(options.cache / "sid")
    why_not = "" if options.root == "never" else root.make(options.cache / "root.log", options.pythons)
    found = dict(interpreters(options, root))
    rows = [row for spec, python in found.items() for row in suites(python, options) if spec in options.pythons]
    if "under_test" in options.suites:
        rows += under_test(found, options)
    if "bounds" in options.suites:
        rows += bounds(found[options.bounds_on], options)
    for line in table(rows):
        print(line)
    for spec in SPECS:
        if spec not in found:
            print(f"untested: {spec} is not on this machine{f' ({why_not})' if why_not else ''}")
    return any("failed" in outcome or "error" in outcome for row in rows for outcome in row[-1:])


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tox-prodsim" / "pythons"
    everything = (*SUITES, "under_test", "bounds")
    parser.add_argument("--pythons", type=listed, default=SPECS, help="such as 3.13,3.14; by default all")
    parser.add_argument("--suites", type=listed, default=everything, help=f"of {','.join(everything)}; by default all")
    parser.add_argument("--root", choices=["keep", "never"], default="keep", help="never: no root of Debian")
    parser.add_argument("--cache", type=Path, default=cache, help="where the root and the environments are kept")
    parser.add_argument("--jobs", default="2", help="workers of pytest")
    parser.add_argument("--bounds-on", default="3.11", help="the Python of the suite bounds")
    parser.add_argument("--args", type=str.split, default=[], help="more arguments of pytest")
    return parser.parse_args()


def listed(text: str) -> tuple[str, ...]:
    """Return the words of a list with commas."""
    return tuple(text.split(","))


def interpreters(options: argparse.Namespace, root: DebianRoot) -> Iterator[tuple[str, Python]]:
    """Yield each Python that is available, here before in the root."""
    for spec in SPECS:
        path, inside = find(spec), PYTHONS.get(spec, "")
        if path:
            yield spec, Python(spec, str(path), None, options.cache)
        elif options.root != "never" and inside and root.has(inside):
            yield spec, Python(spec, inside, root, options.cache)


# suites

Row = tuple[str, str, str, str]
"""Python, where, suite, outcome."""


def suites(python: Python, options: argparse.Namespace) -> Iterator[Row]:
    """Run the suites of the plugin on a Python; yield their outcomes."""
    names = [name for name in SUITES if name in options.suites]
    if not names or python.spec not in PLUGIN or python.spec not in options.pythons:
        return
    played = Environment(python, f"env-{python.spec}")
    if not played.install():
        yield python.spec, python.place, ", ".join(names), NOT_INSTALLED.format(played.log)
        return
    for name in names:
        yield played.version(), python.place, name, played.pytest(name, SUITES[name], options)


def under_test(found: Mapping[str, Python], options: argparse.Namespace) -> Iterator[Row]:
    """Play environments under test: each place has one Python of the plugin, and all that are there are tried."""
    for root in {python.root for python in found.values()}:
        there = {spec: python for spec, python in found.items() if python.root == root}
        plugin = next((there[spec] for spec in reversed(PLUGIN) if spec in there), None)
        if plugin is None:
            continue
        played = Environment(plugin, f"env-{plugin.spec}")
        if not played.install():
            yield plugin.spec, plugin.place, "under_test", NOT_INSTALLED.format(played.log)
            continue
        for spec, python in there.items():
            if spec in options.pythons:
                env = {"PRODSIM_TEST_PYTHONS": python.path}
                outcome = played.pytest(f"under_test-{spec}", [*UNDER_TEST, "-k", f"[{spec}]"], options, env)
                yield spec, python.place, f"environment under test, tox on {played.version()}", outcome


def bounds(python: Python, options: argparse.Namespace) -> Iterator[Row]:
    """Run suites with the lowest and with the newest direct requirements."""
    for resolution in ("lowest-direct", "highest"):
        played = Environment(python, f"bounds-{resolution}")
        if not played.install(resolution):
            yield python.spec, python.place, resolution, NOT_INSTALLED.format(played.log)
            continue
        versions = " ".join(f"{name} {played.version(name)}" for name in BOUNDED)
        for name in ("unit", "processes", "functional"):
            outcome = played.pytest(f"{resolution}-{name}", SUITES[name], options)
            yield f"{played.version()}: {versions}", python.place, f"{name}, {resolution}", outcome


class Environment:
    """An environment with this tree and its tests, which is kept; the tree is copied to where the Python is."""

    def __init__(self, python: Python, name: str) -> None:
        self._python = python
        self._tree, self._tree_inside = python.folder("tree")
        self._folder, self._inside = python.folder(name)
        self.log = python.cache / f"{name}.log"
        self.log.unlink(missing_ok=True)
        self._copy_tree()

    def _copy_tree(self) -> None:
        listing = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"]
        files = subprocess.run(listing, capture_output=True, check=True, text=True).stdout.split("\0")
        shutil.rmtree(self._tree)
        for name in filter(None, files):
            if (ROOT / name).is_file():
                (self._tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self._tree / name, follow_symlinks=False)

    def install(self, resolution: str = "highest") -> bool:
        """Install the tree with its tests; return whether that worked. What the tests alone need is the newest."""
        python, uv = f"{self._inside}/bin/python", f"{self._inside}/bin/uv"
        (self._folder / "tests.in").write_text("\n".join(needed_by_tests("tox-uv")), "utf-8")
        compiled, tests = f"{self._inside}/bounds.txt", f"{self._inside}/tests.in"
        compiling = [uv, "pip", "compile", "-q", "--resolution", resolution, "-o", compiled, "--python", python]
        installing = [uv, "pip", "install", "-q", "--python", python, "--reinstall-package", "tox-prodsim"]
        steps = [
            [self._python.path, "-m", "venv", self._inside],
            [python, "-m", "pip", "install", "-q", "uv"],
            [*compiling, "pyproject.toml", tests],
            [*installing, ".", "--group", "test", "--constraint", compiled],
        ]
        return all(self._run(step) for step in steps)

    def version(self, of: str = "") -> str:
        """Return the version of the Python, or of a distribution in the environment."""
        code = f"from importlib.metadata import version; print(version({of!r}))"
        if not of:
            code = "import platform as p; print(p.python_version())"
        argv = self._python.command([f"{self._inside}/bin/python", "-c", code], {}, self._tree_inside)
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()

    def pytest(
        self, name: str, what: Sequence[str], options: argparse.Namespace, env: Mapping[str, str] | None = None
    ) -> str:
        """Run a part of the tests; return the counts that pytest prints."""
        log = self._python.cache / f"{self._folder.name}-{name}.log"
        argv = [f"{self._inside}/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        argv += ["-n", options.jobs, "--dist", "worksteal", *what, *options.args]
        search = f"{self._inside}/bin:{os.environ['PATH'] if not self._python.root else '/usr/local/bin:/usr/bin:/bin'}"
        print(f"{self._python.spec}: {name}, see {log}", file=sys.stderr, flush=True)
        with log.open("wb") as output:
            command = self._python.command(argv, {"PATH": search, **(env or {})}, self._tree_inside)
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            ).returncode
        counts = [f"{count} {kind}" for count, kind in COUNTS.findall(log.read_text(errors="replace").split("\n")[-2])]
        return ", ".join(counts) or f"failed: pytest ended with {code}, see {log}"

    def _run(self, argv: Sequence[str]) -> bool:
        with self.log.open("ab") as output:
            command = self._python.command(argv, {}, self._tree_inside)
            return not subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            ).returncode


def needed_by_tests(name: str) -> list[str]:
    """Return the requirements of the group test that are those of one distribution."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    return [each for each in groups["test"] if re.match(rf"{name}\b(?!-)", each)]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the outcomes as a table of Markdown."""
    yield f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"
    yield "| Python | where | suite | outcome |"
    yield "| --- | --- | --- | --- |"
    yield from (f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
