"""Servers and workers from the index, stopped with requests and tasks in flight: judged as production sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.certificates import self_signed
from support.project import Project, Result

pytestmark = pytest.mark.index

SITE = """\
import asyncio, time

def wsgi(environ, start_response):
    time.sleep(1.5 if environ["PATH_INFO"] == "/slow" else 0)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.sleep(0.2)
        print("the pool is closed", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    await asyncio.sleep(1.5 if scope["path"] == "/slow" else 0)
    events = 600 if scope["path"] == "/events" else 0
    kind = b"text/event-stream" if events else b"text/plain"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    for number in range(events):
        await send({"type": "http.response.body", "body": b"data: %d\\n\\n" % number, "more_body": True})
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"ok"})
"""
SLOW, EVENTS = "{url}/slow", "{url}/events"
TWO_SLOW = "\n  {url}/slow?a\n  {url}/slow?b"


@dataclass
class Stopped:
    """Runs of one environment, which is made for the first of them; each stops a deployment of its own."""

    project: Project
    deps: tuple[str, ...]
    modules: dict[str, str]
    requires: tuple[str, ...] = ()
    _made: list[Result] = field(default_factory=list)

    def __call__(self, deploy: str, **keys: str) -> Result:
        """Run tox with these keys; nothing of it may be left."""
        lines = {
            "deps": "\n  ".join(["", *self.deps]) if self.deps else "",
            "recreate": "false",
            "select": "RUN",
            "set_env": f"TAG = {self.project.tag}",
            "deploy": deploy,
            "ready": "http://127.0.0.1:{port}/ status=200",
            **keys,
        }
        self.project.write(
            "tox.ini", "\n".join(["[testenv:prodsim]", *(f"{key} = {value}" for key, value in lines.items())])
        )
        wheel = ("--installpkg", self.project.wheel(name="site_of_ours", files=self.modules, requires=self.requires))
        self._made.append(self.project.prodsim(*(("--skip-pkg-install",) if self._made else wheel)))
        assert self.project.left() == []
        return self._made[-1]

    def passed(self, deploy: str, **keys: str) -> str:
        """Return the evidence of a run that passes, and that accuses nobody."""
        result = self(deploy, **keys).passed()
        assert self.project.accused() == [], result.out
        return self.evidence

    @property
    def evidence(self) -> str:
        """Return what the last success consists of."""
        (step,) = (each for each in self.project.report()["steps"] if each["step"] == "deploy")
        evidence: str = step["detail"]
        return evidence

    def failed(self, deploy: str, **keys: str) -> list[str]:
        """Return the codes of a run that fails."""
        result = self(deploy, **keys)
        assert (result.code, "internal error" in result.out) == (1, False), result.out
        return self.project.accused()

    def message(self, code: str) -> str:
        """Return the message of the only finding of a code."""
        (finding,) = (each for each in self.project.findings() if each["code"] == code)
        message: str = finding["message"]
        return message


def servers(project: Project, *deps: str) -> Stopped:
    return Stopped(project, deps, {"site_of_ours.py": SITE})


GUNICORN = "gunicorn --bind 127.0.0.1:{port} --workers 2"
WORKERS = ["site_of_ours:wsgi", "--threads 4 site_of_ours:wsgi", "-k uvicorn_worker.UvicornWorker site_of_ours:asgi"]


@pytest.mark.servers
def test_gunicorn_answers_requests_in_flight(quick_project: Project) -> None:
    stop = servers(quick_project, "gunicorn==23.0.0", "uvicorn-worker==0.3.0", "uvicorn==0.34.0")
    for worker in WORKERS:
        evidence = stop.passed(f"{GUNICORN} {worker}", drain=TWO_SLOW)
        assert "was stopped, 2 of 2 requests in flight answered, left nothing running, started once more" in evidence
    codes = stop.failed(f"{GUNICORN} --graceful-timeout 1 {WORKERS[0]}", drain=SLOW, restarts="0")
    assert set(codes) - {"RUN623"} == {"RUN640"}  # a worker that is killed may still say what it did not close
    assert "closed without an answer" in stop.message("RUN640")


UVICORN = "uvicorn site_of_ours:asgi --port {port}"
CLOSED = "the pool is closed"


def test_uvicorn_answers_a_request_and_runs_its_shutdown_code(quick_project: Project, tmp_path: Path) -> None:
    stop = servers(quick_project, "uvicorn==0.34.0")
    pem = self_signed(tmp_path)
    for deploy, ready in (
        (f"{UVICORN} --workers 2", "http://127.0.0.1:{port}/"),
        (UVICORN.format(port=0), "listen"),
        (f"{UVICORN} --ssl-keyfile {pem} --ssl-certfile {pem}", "https://127.0.0.1:{port}/"),
    ):
        assert "1 of 1 requests in flight answered" in stop.passed(
            deploy, drain=SLOW, ready=ready, expect_output=CLOSED
        )


@pytest.mark.servers
def test_uvicorn_waits_for_an_event_stream_without_an_end(quick_project: Project) -> None:
    stop = servers(quick_project, "uvicorn==0.34.0")
    assert stop.failed(UVICORN, drain=EVENTS, stop_timeout="2", restarts="0") == ["RUN607", "RUN640"]
    assert "not ended within 2 s" in stop.message("RUN640")
    stop(f"{UVICORN} --timeout-graceful-shutdown 1", drain=EVENTS, expect_output=CLOSED).passed()
    assert "1 of 1 requests in flight answered" in stop.evidence
    assert quick_project.accused() == ["RUN624"], "it logs a traceback for the stream that it cancels"


@pytest.mark.servers
def test_hypercorn_runs_the_shutdown_code_of_its_workers(quick_project: Project) -> None:
    stop = servers(quick_project, "hypercorn==0.17.3")
    deploy = "hypercorn --bind 127.0.0.1:{port} site_of_ours:asgi"
    assert "1 of 1 requests in flight answered" in stop.passed(deploy, drain=SLOW, expect_output=CLOSED)
    assert stop.passed(f"{deploy} --workers 2", expect_output=CLOSED)
    # Its main process ends the other workers as soon as the first one has ended.
    assert stop.failed(f"{deploy} --workers 2", drain=SLOW, restarts="0") == ["RUN640"]


WORK = """
    open("began", "w").close()
    time.sleep(1.5)
    print("the task is done", flush=True)
"""
CELERY = f"""\
import os, time
from celery import Celery
app = Celery("work", broker="filesystem://")
app.conf.broker_transport_options = dict(data_folder_in="queue", data_folder_out="queue", control_folder="control")
@app.task(name="work")
def work():{WORK}
def begin():
    os.makedirs("queue", exist_ok=True)
    work.delay()
"""
IN_A_TASK = {"ready": "file:began", "expect_output": "the task is done"}


@pytest.mark.servers
def test_celery_finishes_a_task_in_flight(quick_project: Project) -> None:
    stop = Stopped(quick_project, (), {"work_of_ours.py": CELERY}, ("celery==5.5.3",))
    deploy = "celery -A work_of_ours worker --concurrency 2"
    begin = 'python -c "from work_of_ours import begin; begin()"'
    stop.passed(deploy, commands_pre=begin, stop_timeout="30", **IN_A_TASK)
    codes = stop.failed(deploy, commands_pre=begin, stop_signal="SIGQUIT", exit_codes="0 1", restarts="0", **IN_A_TASK)
    assert "RUN611" in codes, "a cold shutdown loses it"


HUEY = f"""\
import time
from huey import SqliteHuey
queue = SqliteHuey("queue", filename="queue.db")
@queue.task()
def work():{WORK}
"""


@pytest.mark.servers
def test_huey_loses_a_task_at_sigterm_and_finishes_it_at_sigint(quick_project: Project) -> None:
    stop = Stopped(quick_project, (), {"work_of_ours.py": HUEY}, ("huey==2.5.3",))
    deploy = "huey_consumer work_of_ours.queue"
    begin = 'python -c "from work_of_ours import work; work()"'
    assert stop.failed(deploy, commands_pre=begin, restarts="0", **IN_A_TASK) == ["RUN611"]
    stop.passed(deploy, commands_pre=begin, stop_signal="SIGINT", **IN_A_TASK)


DJANGO = {
    "visits/__init__.py": "",
    "visits/settings.py": """\
SECRET_KEY, ALLOWED_HOSTS, ROOT_URLCONF, INSTALLED_APPS = "secret", ["127.0.0.1"], "visits.urls", ["visits"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "visits.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "visits/models.py": """\
from django.db import models
class Visit(models.Model):
    path = models.TextField()
""",
    "visits/migrations/__init__.py": "",
    "visits/migrations/0001_initial.py": """\
from django.db import migrations, models
class Migration(migrations.Migration):
    fields = [("id", models.BigAutoField(primary_key=True)), ("path", models.TextField())]
    operations = [migrations.CreateModel(name="Visit", fields=fields)]
""",
    "visits/urls.py": """\
import time
from django.http import HttpResponse
from django.urls import path
def visit(request):
    from visits.models import Visit
    if "slow" in request.path:
        time.sleep(1.5)
        Visit.objects.create(path=request.path)
    return HttpResponse(Visit.objects.count())
urlpatterns = [path("", visit), path("slow", visit)]
""",
    "visits/wsgi.py": """\
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
""",
}
SET_UP = "python -m django migrate --settings visits.settings"
COUNT = """\
import sqlite3, sys
sys.exit(sqlite3.connect("visits.db").execute("SELECT count(*) FROM visits_visit").fetchone()[0] != 1)
"""
CREATES_ITS_TABLES_AT_EACH_START = """\
set -e
python -c "import sqlite3; sqlite3.connect('visits.db').execute('CREATE TABLE visits_visit (id INTEGER, path TEXT)')"
exec gunicorn --bind 127.0.0.1:$PORT visits.wsgi
"""


def test_django_is_migrated_once_and_starts_again(quick_project: Project) -> None:
    stop = Stopped(quick_project, ("gunicorn==23.0.0",), DJANGO, ("django==5.2.8",))
    files = {"count.py": COUNT, "start.sh": CREATES_ITS_TABLES_AT_EACH_START}
    for name, text in files.items():
        quick_project.write(name, text)
    keys = {"set_env": "DJANGO_SETTINGS_MODULE = visits.settings", "deploy_files": "\n  ".join(["", *files])}
    deploy = "gunicorn --bind 127.0.0.1:{port} visits.wsgi"
    evidence = stop.passed(deploy, commands_pre=SET_UP, drain=SLOW, commands_post="python count.py", **keys)
    assert "1 of 1 requests in flight answered, left nothing running, started once more" in evidence
    assert stop.failed("sh start.sh", allowlist_externals="sh", **keys) == ["RUN641"]
    assert "table visits_visit already exists" in stop._made[-1].out
