"""Answers which lines hold most memory after an import: CPython 3.9 and newer, standard library only.

python -s holders.py REQUEST     REQUEST is JSON: the nonce of the mark, and the module
"""

import json
import os
import sys
import tracemalloc

MOST = 8
LEAST_BYTES = 50_000


def main(text: str) -> None:
    """Import the module, and answer with file, line and bytes of what holds most."""
    request = json.loads(text)
    answer_to = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    del sys.path[0]  # our own folder
    tracemalloc.start()
    try:
        __import__(request["module"])
    except BaseException:
        os._exit(1)
    answer = {"holders": holders(tracemalloc.take_snapshot())}
    os.write(answer_to, b"tox-prodsim " + request["nonce"].encode() + b": " + json.dumps(answer).encode() + b"\n")
    os._exit(0)


def holders(snapshot: tracemalloc.Snapshot) -> "list[list[object]]":
    """Return the largest, without what the import system holds of all modules: their code."""
    found = []
    for each in snapshot.statistics("lineno"):
        frame = each.traceback[0]
        if each.size >= LEAST_BYTES and not frame.filename.startswith("<frozen"):
            found.append([below_path(frame.filename), frame.lineno, each.size])
    return found[:MOST]


def below_path(file: str) -> str:
    """Return the path of a file below the folder on the path that it is in."""
    for folder in sorted(sys.path, key=len, reverse=True):
        if folder and file.startswith(folder + os.sep):
            return file[len(folder) + 1 :]
    return file


if __name__ == "__main__":
    main(sys.argv[1])
