"""The WSGI application: POST an order, GET what became of it, and /health for whoever watches."""

import json
import time

from redis import RedisError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job

from orders.store import connect

connection = connect()


def app(environ, start_response):
    """Answer one request."""
    status, content = _answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["wsgi.input"])
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(content).encode()]


def _answer(method, path, body):
    try:
        if path == "/orders" and method == "POST":
            job = Queue(connection=connection).enqueue("orders.tasks.total", json.load(body))
            return "202 Accepted", {"order": job.id}
        return "200 OK", _get(path)
    except (LookupError, NoSuchJobError) as problem:
        return "404 Not Found", {"error": str(problem)}
    except RedisError as problem:
        return "503 Service Unavailable", {"error": str(problem)}


def _get(path):
    if path == "/health":
        return {"db": connection.ping()}
    if path == "/slow":
        time.sleep(1)
        return {}
    if path.startswith("/orders/"):
        job = Job.fetch(path.rpartition("/")[2], connection=connection)
        return {"status": job.get_status(), "total": job.return_value()}
    raise LookupError(f"there is nothing at {path}")
