"""What must work in production: an order is priced."""

import json
import sys
import time
import urllib.request


def main(url):
    """Order, and wait for the total; an exception is the failure."""
    request = urllib.request.Request(url + "/orders", data=b'{"apple": 2, "pear": 1}', method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        order = json.load(answer)["order"]
    until = time.monotonic() + 20
    while True:
        with urllib.request.urlopen(f"{url}/orders/{order}", timeout=5) as answer:
            priced = json.load(answer)
        if priced["status"] == "finished" or time.monotonic() > until:
            break
        time.sleep(0.1)
    if priced["total"] != 105:
        raise SystemExit(f"the order should cost 105: {priced}")
    print(f"order {order} costs 105")


if __name__ == "__main__":
    main(sys.argv[1])
