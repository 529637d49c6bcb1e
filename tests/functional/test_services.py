"""Several services: their order, what each knows of the others, and what is left when one of them fails."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from typing import Any

import pytest
from support.project import Project, Result

SERVICE = """\
import http.server, os, pathlib, signal, sys, threading, time
name, port, *told = sys.argv[1:]
told = dict(word.partition("=")[::2] for word in told)
def wait_for(file):
    while not pathlib.Path(file).exists():
        time.sleep(0.01)
pathlib.Path(f"{name}.began").touch()
if "with" in told:
    wait_for(told["with"] + ".began")
if "exits" in told:
    sys.exit(told["exits"])
known = ("PRODSIM_", "MODE", "OWN", "TMPDIR")
print("knows", {key: value for key, value in os.environ.items() if key.startswith(known)})
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            os._exit(3)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
if "silent" in told:
    time.sleep(1000)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
def stop(*_):
    pathlib.Path(f"{name}.stopping").touch()
    def end():
        if "with" in told:
            wait_for(told["with"] + ".stopping")
        server.shutdown()
    threading.Thread(target=end).start()
signal.signal(signal.SIGTERM, stop)
server.serve_forever()
server.server_close()
if "needs" in told:
    import urllib.request
    urllib.request.urlopen(told["needs"]).read()
print(name, "stopped")
"""
READY = "ready = http://127.0.0.1:{port}/"


def write(project: Project, env: Mapping[str, object], sections: Mapping[str, str]) -> None:
    project.write("service.py", SERVICE)
    keys = {
        "ignore": "PRF,RUN622,RUN623,RUN627",
        "deploy_files": "service.py",
        "services": ", ".join(sections),
        **env,
    }
    lines = ["[testenv:prodsim]", *(f"{key} = {value}" for key, value in keys.items())]
    for name, text in sections.items():
        lines += [f"[prodsim:{name}]", text.replace("SERVE", f"python service.py {name} {{port}} {project.tag}")]
    project.write("tox.ini", "\n".join(lines) + "\n")


def run(project: Project, env: Mapping[str, object], sections: Mapping[str, str], *options: str) -> Result:
    write(project, env, sections)
    result = project.prodsim("--installpkg", project.wheel(), *options)
    project.gone()
    return result


def deploy_step(project: Project) -> dict[str, Any]:
    (step,) = (each for each in project.report()["steps"] if each["step"] == "deploy")
    found: dict[str, Any] = step
    return found


def timeline(project: Project, *names: str) -> list[str]:
    """Return what happened to which service, in order, of the kinds that are named."""
    events = deploy_step(project)["timeline"]
    return [f"{each['service']} {each['name']}" for each in events if each["name"] in names]


def log(project: Project, name: str) -> str:
    return (project.folder / ".tox" / "prodsim" / "prodsim" / f"deploy-{name}.log").read_text()


def known(project: Project, name: str) -> dict[str, str]:
    (line,) = re.findall(r"^knows (.*)$", log(project, name), re.MULTILINE)
    return dict(eval(line))


ALL = {
    "web": f"deploy = SERVE needs={{db_url}}/last\n{READY}\ndepends = migrate, cache\nset_env = OWN={{cache_port}}",
    "cache": f"deploy = SERVE with=db\n{READY}",
    "db": f"deploy = SERVE with=cache\n{READY}",
    "migrate": "deploy = python -c \"import sys; print('migrated', sys.argv[1:])\" {db_url}\ndepends = db\n"
    "expect_output = migrated",
}


TELL = "import json, os, sys; print('told', sys.argv[1], json.dumps(dict(os.environ)))"


def test_services_are_started_in_order_and_stopped_in_reverse(quick_project: Project) -> None:
    env = {
        "set_env": "MODE=production\n  BIND=127.0.0.1:{port}",
        "commands": f'python -c "{TELL}" {{web_url}}',
    }
    result = run(quick_project, env, ALL).passed()
    began = timeline(quick_project, "spawn", "ready", "ended")
    assert began.index("db ready") < began.index("migrate spawn") < began.index("migrate ended")
    assert max(began.index("migrate ended"), began.index("cache ready")) < began.index("web spawn")
    stopped = timeline(quick_project, "SIGTERM", "stopped")
    assert stopped[:2] == ["web SIGTERM", "web stopped"]
    assert set(stopped[2:4]) == {"db SIGTERM", "cache SIGTERM"}
    again = timeline(quick_project, "restart", "again")
    assert again[-2:] == ["web restart", "web again"]
    assert sorted(again[:-2]) == ["cache again", "cache restart", "db again", "db restart"]
    step = deploy_step(quick_project)
    assert step["subject"] == "web, cache, db, migrate (3 services, 1 job)"
    each = "started, was ready, stayed so, was stopped, left nothing running, started once more"
    job = "ended with an allowed exit code, 1 of 1 expected line seen, left nothing running"
    assert step["detail"] == f"web, cache, db: each {each}; migrate: {job}"
    _assert_known(quick_project, result)


def _assert_known(project: Project, result: Result) -> None:
    """Each service knows where the others are, has variables and a TMPDIR of its own, and so do the commands."""
    web, db = known(project, "web"), known(project, "db")
    assert (web["MODE"], db["MODE"]) == ("production", "production")
    assert web["OWN"] == web["PRODSIM_CACHE_PORT"]
    assert web["PRODSIM_DB_URL"] == f"http://127.0.0.1:{web['PRODSIM_DB_PORT']}"
    assert int(web["PRODSIM_DB_PID"]) != int(web["PRODSIM_CACHE_PID"])
    assert db["PRODSIM_WEB_PORT"].isdigit()
    assert {"OWN", "PRODSIM_WEB_PID"}.isdisjoint(db)
    assert "PRODSIM_WEB_PORT" not in web
    assert len({web["TMPDIR"], db["TMPDIR"]}) == 2
    assert f"migrated ['{web['PRODSIM_DB_URL']}']" in log(project, "migrate")
    ((url, told),) = re.findall(r"^told (\S+) (.*)$", result.out, re.MULTILINE)
    variables = json.loads(told)
    assert url == variables["PRODSIM_WEB_URL"] == f"http://127.0.0.1:{db['PRODSIM_WEB_PORT']}"
    assert variables["PRODSIM_DB_PID"] == web["PRODSIM_DB_PID"]
    assert {"PRODSIM_URL", "PRODSIM_PORT", "PRODSIM_PID", "BIND"}.isdisjoint(variables)


def test_the_first_that_fails_stops_the_others_and_is_named_first(quick_project: Project) -> None:
    sections = {
        "last": f"deploy = SERVE\n{READY}\ndepends = web",
        "slow": f"deploy = SERVE silent\n{READY}\ndepends = db\nready_timeout = 200",
        "web": f"deploy = SERVE with=slow exits=no-table\n{READY}\ndepends = db",
        "db": f"deploy = SERVE\n{READY}",
    }
    result = run(quick_project, {"commands": "python -c pass"}, sections).failed()
    (finding,) = quick_project.findings()
    assert (finding["code"], finding["subject"], finding["service"]) == ("RUN602", "web", "web")
    assert "end of deploy-web.log:\n     | no-table" in result.out
    assert [each for each in timeline(quick_project, "spawn") if each.startswith("last")] == []
    assert timeline(quick_project, "stopped") == ["slow stopped", "db stopped"]
    assert "commands[0]" not in result.out
    assert deploy_step(quick_project)["not_checked"] == [
        "last: not started, because web has failed",
        "slow: how it stops is not judged, because web has failed",
        "db: how it stops is not judged, because web has failed",
    ]


ASK = """\
import http.client, sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1])
except http.client.HTTPException as problem:
    sys.exit(f"no answer: {problem}")
"""


def test_a_service_that_dies_while_commands_run_is_named_before_the_command(quick_project: Project) -> None:
    sections = {"web": f"deploy = SERVE\n{READY}\ndepends = db", "db": f"deploy = SERVE\n{READY}"}
    quick_project.write("ask.py", ASK)
    env = {"deploy_files": "*.py", "commands": "python ask.py {db_url}/die"}
    result = run(quick_project, env, sections).failed()
    assert [(each["code"], each["service"]) for each in quick_project.findings()] == [("RUN606", "db"), ("RUN605", "")]
    assert re.search(r"FAIL RUN606 db: .*\n(.*\n)*FAIL RUN605", result.out)
    assert timeline(quick_project, "died", "stopped") == ["db died", "web stopped"]


def test_a_service_that_dies_while_another_starts_is_the_failure(quick_project: Project) -> None:
    kill = "import os, signal, time; os.kill(int(os.environ['PRODSIM_DB_PID']), signal.SIGKILL); time.sleep(1000)"
    sections = {
        "web": f'deploy = python -c "{kill}" {{port}} {quick_project.tag}\n{READY}\ndepends = db\nready_timeout = 200',
        "db": f"deploy = SERVE\n{READY}",
    }
    run(quick_project, {}, sections).failed()
    (finding,) = quick_project.findings()
    assert (finding["code"], finding["service"]) == ("RUN606", "db")


def test_what_depends_on_a_job_that_fails_is_not_started(quick_project: Project) -> None:
    sections = {"web": f"deploy = SERVE\n{READY}\ndepends = job", "job": 'deploy = python -c "raise SystemExit(5)"'}
    run(quick_project, {}, sections).failed()
    (finding,) = quick_project.findings()
    assert (finding["code"], finding["service"]) == ("RUN609", "job")
    assert timeline(quick_project, "spawn") == ["job spawn"]


LOCKS = """\
import pathlib, sys
lock = pathlib.Path("db.lock")
if lock.exists():
    sys.exit("db.lock: is it running already?")
lock.touch()
sys.argv[1:1] = ["db"]
exec(pathlib.Path("service.py").read_text())
"""


@pytest.mark.parametrize(
    ("keys", "found", "not_checked"),
    [
        pytest.param("", [("RUN641", "db")], [], id="a lock is left"),
        pytest.param(
            "restarts = 0",
            [],
            ["web: a second start is not made, because db has restarts = 0"],
            id="it is not to be started again",
        ),
    ],
)
def test_the_second_start_of_services(
    quick_project: Project, keys: str, found: list[tuple[str, str]], not_checked: list[str]
) -> None:
    quick_project.write("locks.py", LOCKS)
    sections = {
        "web": f"deploy = SERVE\n{READY}\ndepends = db",
        "db": f"deploy = python locks.py {{port}} {quick_project.tag}\n{READY}\n{keys}",
    }
    result = run(quick_project, {"deploy_files": "*.py", "ignore": "PRF,RUN622,RUN623,RUN627"}, sections)
    assert [(each["code"], each["service"]) for each in quick_project.findings()] == found, result.out
    assert [each for each in deploy_step(quick_project)["not_checked"] if "second" in each] == not_checked
    assert ("db.lock: is it running already?" in result.out) is bool(found)


def test_a_condition_is_simulated_for_all_services_or_for_none(quick_project: Project) -> None:
    sections = {"web": f"deploy = SERVE needs={{db_url}}\n{READY}\ndepends = db", "db": f"deploy = SERVE\n{READY}"}
    run(quick_project, {"simulate": "utc, no_network", "restarts": 0}, sections).passed()
    (step,) = (each for each in quick_project.report()["steps"] if each["step"] == "simulate")
    assert step["outcome"] == "ok"
    assert [each for each in step["not_checked"] if "own" in each] in (
        ["no_network: the deployment: each service would have a network of its own, and could reach no other"],
        [],  # where no namespace can be had at all
    )


INTERRUPTED = {
    "web": f"deploy = SERVE silent\n{READY}\ndepends = db\nready_timeout = 500",
    "mail": f"deploy = SERVE silent\n{READY}\nready_timeout = 500",
    "db": f"deploy = SERVE\n{READY}",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_is_left_of_services_when_tox_is_ended(quick_project: Project, number: signal.Signals) -> None:
    write(quick_project, {}, INTERRUPTED)
    running = quick_project.start("run", "-e", "prodsim", "--installpkg", quick_project.wheel())
    running.until("web      spawn").until("mail     spawn")
    running.send(number).end()
    quick_project.gone()


def test_nothing_is_left_of_services_when_a_command_takes_too_long(quick_project: Project) -> None:
    sections = {"web": f"deploy = SERVE\n{READY}\ndepends = db", "db": f"deploy = SERVE\n{READY}"}
    env = {"commands": f'python -c "import time; time.sleep(1000)" {quick_project.tag}', "run_timeout": 1}
    run(quick_project, env, sections).failed()
    assert quick_project.codes() == ["RUN610"]
    assert timeline(quick_project, "stopped")[:2] == ["web stopped", "db stopped"]
