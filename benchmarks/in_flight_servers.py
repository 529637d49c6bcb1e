"""The servers and workers of ``in_flight.py``, and the applications that they serve."""

from __future__ import annotations

from dataclasses import dataclass

WORK_S = 2.0
REQUEST, STREAM = "/slow", "/events"
SITE = f'''\
import asyncio, time

def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "{STREAM}":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return events()
    if environ["PATH_INFO"] == "{REQUEST}":
        time.sleep({WORK_S})
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

def events():
    for number in range(600):
        yield b"data: %d\\n\\n" % number
        time.sleep(0.1)

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    is_stream = scope["path"] == "{STREAM}"
    if scope["path"] == "{REQUEST}":
        await asyncio.sleep({WORK_S})
    headers = [(b"content-type", b"text/event-stream")] if is_stream else [(b"content-length", b"2")]
    await send({{"type": "http.response.start", "status": 200, "headers": headers}})
    for number in range(600 if is_stream else 0):
        await send({{"type": "http.response.body", "body": b"data: %d\\n\\n" % number, "more_body": True}})
        await asyncio.sleep(0.1)
    await send({{"type": "http.response.body", "body": b"" if is_stream else b"ok"}})
'''
WORK = f"""\
    open("began", "w").close()
    time.sleep({WORK_S})
    open("done", "w").close()
    print("the task is done", flush=True)
"""
CELERY = f"""\
import os, sys, time
from celery import Celery
app = Celery("in_flight", broker="filesystem://")
folders = dict.fromkeys(("data_folder_in", "data_folder_out"), "queue")
app.conf.update(broker_transport_options=dict(folders, control_folder="control"), worker_hijack_root_logger=False)
@app.task(name="work")
def work():
{WORK}
def begin():
    os.makedirs("queue", exist_ok=True)
    work.delay()
"""
HUEY = f"""\
import time
from huey import SqliteHuey
queue = SqliteHuey("in_flight", filename="queue.db")
@queue.task()
def work():
{WORK}
begin = work
"""
BEGIN = """\
import importlib, sys
importlib.import_module(sys.argv[1]).begin()
"""
FILES = {
    "in_flight/__init__.py": "",
    "in_flight/site.py": SITE,
    "in_flight/celery_work.py": CELERY,
    "in_flight/huey_work.py": HUEY,
    "in_flight/begin.py": BEGIN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server or a worker: its distribution, and its command with ``{port}``; ``queue`` is the module of its task."""

    name: str
    package: str
    command: str
    queue: str = ""


def _on(name: str, package: str, command: str) -> Server:
    return Server(name=name, package=package, command=command)


_GUNICORN = "gunicorn --bind 127.0.0.1:{port} --workers 2"
_GRANIAN = "granian --host 127.0.0.1 --port {port}"
SERVERS = (
    _on("gunicorn, sync", "gunicorn", f"{_GUNICORN} in_flight.site:wsgi"),
    _on("gunicorn, gthread", "gunicorn", f"{_GUNICORN} --threads 4 in_flight.site:wsgi"),
    _on(
        "gunicorn, uvicorn-worker", "uvicorn-worker", f"{_GUNICORN} -k uvicorn_worker.UvicornWorker in_flight.site:asgi"
    ),
    _on("uvicorn", "uvicorn", "uvicorn --port {port} in_flight.site:asgi"),
    _on("uvicorn, 2 workers", "uvicorn", "uvicorn --port {port} --workers 2 in_flight.site:asgi"),
    _on(
        "uvicorn, graceful timeout of 3 s",
        "uvicorn",
        "uvicorn --port {port} --timeout-graceful-shutdown 3 in_flight.site:asgi",
    ),
    _on("hypercorn", "hypercorn", "hypercorn --bind 127.0.0.1:{port} in_flight.site:asgi"),
    _on("hypercorn, 2 workers", "hypercorn", "hypercorn --bind 127.0.0.1:{port} --workers 2 in_flight.site:asgi"),
    _on("daphne", "daphne", "daphne --port {port} in_flight.site:asgi"),
    _on("waitress", "waitress", "waitress-serve --listen 127.0.0.1:{port} in_flight.site:wsgi"),
    _on("granian", "granian", f"{_GRANIAN} --interface asgi in_flight.site:asgi"),
    _on("granian, 2 workers, wsgi", "granian", f"{_GRANIAN} --workers 2 --interface wsgi in_flight.site:wsgi"),
    _on("uWSGI", "pyuwsgi", "uwsgi --http-socket 127.0.0.1:{port} --master --module in_flight.site:wsgi"),
    _on(
        "uWSGI, die-on-term",
        "pyuwsgi",
        "uwsgi --http-socket 127.0.0.1:{port} --master --die-on-term --module in_flight.site:wsgi",
    ),
    Server(
        name="Celery, prefork",
        package="celery",
        command="celery -A in_flight.celery_work worker -c 2",
        queue="in_flight.celery_work",
    ),
    Server(
        name="Celery, threads",
        package="celery",
        command="celery -A in_flight.celery_work worker -c 2 -P threads",
        queue="in_flight.celery_work",
    ),
    Server(
        name="huey, threads",
        package="huey",
        command="huey_consumer in_flight.huey_work.queue",
        queue="in_flight.huey_work",
    ),
    Server(
        name="huey, processes",
        package="huey",
        command="huey_consumer -k process -w 2 in_flight.huey_work.queue",
        queue="in_flight.huey_work",
    ),
)
