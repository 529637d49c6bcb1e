"""The job that stores the prices; it may be run again."""

from orders.store import connect

PRICES = {"apple": 30, "pear": 45}


def main():
    """Store the prices."""
    connect().hset("prices", mapping=PRICES)
    print(f"{len(PRICES)} prices stored")


if __name__ == "__main__":
    main()
