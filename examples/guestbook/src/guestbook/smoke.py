"""What must work in production: an entry that is written can be read again."""

import json
import sys
import urllib.request


def main(url):
    """Write an entry and read it back; an exception is the failure."""
    request = urllib.request.Request(url + "/entries", data=b'{"name": "Ada"}', method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        number = json.load(answer)["number"]
    with urllib.request.urlopen(url + "/entries", timeout=5) as answer:
        entries = json.load(answer)
    if entries[number - 1] != {"name": "Ada"}:
        raise SystemExit(f"wrote Ada, read {entries!r}")
    print(f"wrote and read entry {number}")


if __name__ == "__main__":
    main(sys.argv[1])
