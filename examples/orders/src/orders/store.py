"""The database, where the environment says it is."""

import os

import redis


def connect():
    """Return a connection."""
    return redis.Redis.from_url(os.environ["REDIS_URL"])
