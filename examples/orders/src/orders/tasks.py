"""What the worker does."""

from orders.store import connect


def total(order):
    """Return what an order costs."""
    prices = connect()
    return sum(int(prices.hget("prices", item)) * count for item, count in order.items())
