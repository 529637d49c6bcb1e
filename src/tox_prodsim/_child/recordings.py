"""Starts ``recorder.py`` in fresh interpreters of the environment: CPython 3.9 and newer, standard library only.

    python -I recordings.py REQUEST    one line per recording on stdout; REQUEST is JSON, see ``main``

One process that starts the others, so that whoever supervises it pays for supervision once.
"""

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXACT, TIMED = "exact", "timed"
RECORDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorder.py")


def main(text: str) -> None:
    """Print one exact recording of importing the request's ``modules``, ``timed`` timed ones, and the environment.

    One that is not printed comes first: it may write bytecode. The first one that fails is printed and is the last.
    """
    import json  # a recording must not have it loaded
    import tempfile

    request = json.loads(text)
    files: "set[str]" = set()
    mark = "tox-prodsim {}: ".format(request["nonce"])
    words = [request["nonce"]] + request["modules"]
    with tempfile.TemporaryDirectory() as folder:
        for number, clock in enumerate([TIMED, EXACT] + [TIMED] * request["timed"]):
            answer = run_once(clock, words, folder, request["timeout_s"], warm_up=number == 0)
            if clock == EXACT:
                files.update(each[6] for each in answer.get("imports", ()))
            if "error" in answer or number:
                print(mark + json.dumps(answer), flush=True)
            if "error" in answer:
                return
    print(mark + json.dumps(environment(files)), flush=True)


def run_once(clock: str, words: "list[str]", folder: str, timeout_s: float, *, warm_up: bool) -> "dict[str, Any]":
    """Return the answer of one fresh interpreter, or its ``error``; a nonce precedes the modules in ``words``."""
    import json  # a recording must not have it loaded
    import subprocess
    import threading

    safe = ["-P"] if sys.version_info >= (3, 11) else []
    argv = [sys.executable, "-s", *safe, RECORDER, clock, *words]
    begin = "tox-prodsim {}: ".format(words[0]).encode()
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(
        argv, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, cwd=folder, env=environ(warm_up=warm_up)
    )
    begun = time.monotonic()
    killer = threading.Timer(timeout_s, started.kill)
    killer.start()
    # Reading to the answer, not to the end: a process that a module left behind may hold the pipe open.
    with started:
        answer = next((line for line in started.stdout or () if line.startswith(begin)), None)
    killer.cancel()
    if answer is not None:
        result: "dict[str, Any]" = json.loads(answer[len(begin) :].decode())
        return result
    if time.monotonic() - begun >= timeout_s:
        return {"error": "it took longer than {:g} s".format(timeout_s)}
    return {"error": "the interpreter ended with {} while importing".format(started.returncode)}


def environ(*, warm_up: bool) -> "dict[str, str]":
    """Return our environment without PYTHON* settings, with what makes two recordings do the same work."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept.update(PYTHONHASHSEED="0", LC_ALL="C.UTF-8")
    if not warm_up:
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return kept


def environment(files: "set[str]") -> "dict[str, Any]":
    """Return the version of this Python, the folders of modules, what is installed, and the owners of these files."""
    import platform
    import sysconfig

    paths = sysconfig.get_paths()
    versions, owners = distributions(files)
    return {
        "python": platform.python_version(),
        "stdlib": [paths["stdlib"], paths["platstdlib"]],
        "site": [paths["purelib"], paths["platlib"]],
        "versions": versions,
        "owners": owners,
    }


def distributions(files: "set[str]") -> "tuple[dict[str, str], dict[str, str]]":
    """Return the version of each distribution, and for these files the name of the one whose RECORD has them."""
    import csv
    import importlib.metadata

    versions, owners = {}, {}
    for dist in importlib.metadata.distributions():
        try:
            name = dist.metadata["Name"]
        except ValueError:  # it is not UTF-8
            continue
        if not name or name in versions:  # the first on the path is the one that is imported
            continue
        versions[name] = dist.version
        root = str(dist.locate_file(""))
        for row in csv.reader((dist.read_text("RECORD") or "").splitlines()):
            file = os.path.join(root, *row[:1])
            if file in files:
                owners[file] = name
    return versions, owners


if __name__ == "__main__":
    main(sys.argv[1])
