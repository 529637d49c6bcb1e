"""Play one target with atheris, which keeps the inputs that reach new paths in our code; started by ``play.py``."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.play import SEEDS, Result

_RUNS = re.compile(r"^#(\d+)\s", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--child", action="store_true")
    parser.add_argument("--inside", default="")
    parser.add_argument("--target")
    parser.add_argument("--examples", type=int)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    if options.inside:
        _fuzz(options.target, Path(options.inside))
    else:
        print(json.dumps(asdict(_played(options))))


def _played(options: argparse.Namespace) -> Result:
    """Play the target in a process: atheris ends it, at a failure at once."""
    result, began = Result(options.target), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        for each in ("corpus", "work", "crashes"):
            (folder / each).mkdir()
        argv = [sys.executable, __file__, "--inside", name, "--target", options.target]
        limit = ["--examples", str(options.examples), "--seconds", str(options.seconds)]
        ended = subprocess.run([*argv, *limit], capture_output=True, check=False)
        text = ended.stderr.decode(errors="replace")
        result.inputs = max([0, *map(int, _RUNS.findall(text))])
        result.seconds = time.monotonic() - began
        crashes = sorted((folder / "crashes").iterdir())
        for path in crashes:
            result.add(RuntimeError(text[-4000:]), path.read_bytes())
        if ended.returncode and not crashes:
            result.add(RuntimeError(text[-4000:]), b"")
    return result


def _fuzz(name: str, folder: Path) -> None:
    import atheris

    with atheris.instrument_imports(include=["tox_prodsim"]):
        from fuzz.engine import check, play
        from fuzz.targets import TARGETS
    target = TARGETS[name]
    number = iter(range(10**9))

    def keep(data: bytes, _folder: Path) -> list[str]:
        (folder / "corpus" / str(next(number))).write_bytes(data)
        return []

    play(type(target)(name, keep, target.inputs), folder / "work", SEEDS, fixed=False)
    arguments = _libfuzzer(folder)
    atheris.Setup(arguments, lambda data: check(target, data, folder / "work"))
    atheris.Fuzz()


def _libfuzzer(folder: Path) -> list[str]:
    position = {name: sys.argv[sys.argv.index(f"--{name}") + 1] for name in ("examples", "seconds")}
    seconds = float(position["seconds"])
    limit = f"-max_total_time={seconds:.0f}" if seconds else f"-runs={position['examples']}"
    crashes = f"-artifact_prefix={folder / 'crashes'}/"
    return [sys.argv[0], str(folder / "corpus"), limit, crashes, "-timeout=100", "-max_len=20000", "-rss_limit_mb=0"]


if __name__ == "__main__":
    main()
