"""Services: their sections in the three files, what they take from the environment, and what is refused in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.refusals import refused
from tox.config.types import Command
from tox.run import setup_state

from tox_prodsim.model.scenario import Deployment
from tox_prodsim.plugin import hooks
from tox_prodsim.plugin.config.deployments import deployments
from tox_prodsim.plugin.config.keys import KEYS
from tox_prodsim.plugin.config.loading import load

ENV = "[testenv:prodsim]\nservices = db, web\n"
DB = "[prodsim:db]\ndeploy = serve {port}\nready = tcp://127.0.0.1:{port}\n"
WEB = "[prodsim:web]\ndeploy = web {port} {db_port}\nready = http://127.0.0.1:{port}/\ndepends = db\n"


def read(folder: Path, text: str, *options: str, name: str = "tox.ini") -> dict[str, Deployment]:
    """Return the deployments of the environment prodsim of a file, by their names."""
    (folder / name).write_text(text)
    state = setup_state(("config", "-c", str(folder / name), "-e", "prodsim", *options))
    conf = state.conf.get_env("prodsim")
    for key in ("commands_pre", "commands", "commands_post"):  # of the runner, which would look for a Python
        conf.add_config(key, list[Command], [], key)
    hooks.tox_add_env_config(conf, state)
    values = {key.name: key.parse(key.name, load(conf, key)) for key in KEYS}
    return {each.name: each for each in deployments(conf, values)}


def refusal(folder: Path, text: str, *options: str, name: str = "tox.ini") -> str:
    return str(refused(lambda: read(folder, text, *options, name=name)))


INI = (
    "[testenv:prodsim]\nservices = db, web\nset_env = MODE=production\nstop_timeout = 7\n"
    "[prodsim:db]\ndeploy = serve --root {tox_root} {port}\nready = tcp://127.0.0.1:{port}\nstop_signal = SIGINT\n"
    "[prodsim:web]\ndeploy = web {port}\nready = http://127.0.0.1:{port}/\ndepends = db\nready_timeout = 5\n"
    "set_env = DB=redis://127.0.0.1:{db_port}\n"
)
TOML = """\
[env.prodsim]
services = ["db", "web"]
set_env = { MODE = "production" }
stop_timeout = 7
[prodsim.db]
deploy = ["serve", "--root", "{tox_root}", "{port}"]
ready = ["tcp://127.0.0.1:{port}"]
stop_signal = "SIGINT"
[prodsim.web]
deploy = ["web", "{port}"]
ready = [{ http = "http://127.0.0.1:{port}/" }]
depends = ["db"]
ready_timeout = 5
set_env = { DB = "redis://127.0.0.1:{db_port}" }
"""
PYPROJECT = TOML.replace("[env.", "[tool.tox.env.").replace("[prodsim.", "[tool.tox.prodsim.")
FILES = {"tox.ini": INI, "tox.toml": TOML, "pyproject.toml": PYPROJECT}


@pytest.mark.parametrize("name", FILES)
def test_a_section_says_what_is_deployed_and_takes_the_rest_from_the_environment(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, FILES[name], name=name)
    db, web = found["db"], found["web"]
    assert list(found) == ["db", "web"]
    assert (db.argv, web.argv) == (("serve", "--root", str(tmp_path), "{port}"), ("web", "{port}"))
    assert (db.depends, web.depends, db.uses_port, web.uses_port) == ((), ("db",), True, True)
    assert (db.stop.signal.name, db.stop.grace_s, db.ready_timeout_s) == ("SIGINT", 7.0, 30.0)
    assert (web.stop.signal.name, web.stop.grace_s, web.ready_timeout_s) == ("SIGTERM", 7.0, 5.0)
    assert (db.set_env, web.set_env) == ({}, {"DB": "redis://127.0.0.1:{db_port}"})
    assert (db.is_service, db.restarts, -2 in db.exit_codes, -2 in web.exit_codes) == (True, 1, True, False)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("spelt", ["prodsim:web", "prodsim.web", "tool.tox.prodsim.web"])
def test_a_section_can_be_overridden_in_every_spelling(tmp_path: Path, name: str, spelt: str) -> None:
    found = read(tmp_path, FILES[name], "-x", f"{spelt}.ready_timeout=99", name=name)
    assert (found["db"].ready_timeout_s, found["web"].ready_timeout_s) == (30.0, 99.0)


def test_a_factor_of_the_environment_decides_in_a_section(tmp_path: Path) -> None:
    text = f"{ENV}{DB}{WEB}ready_timeout =\n  py312: 12\n  !py312: 8\n"
    assert read(tmp_path, text)["web"].ready_timeout_s == 8.0


def test_a_word_that_begins_a_probe_is_kept_in_a_section(tmp_path: Path) -> None:
    text = "[testenv:prodsim]\nservices = job\n[prodsim:job]\ndeploy = work\nready = log: /up/\n"
    assert read(tmp_path, text)["job"].ready == ("log:/up/",)


def test_the_only_deployment_has_no_name(tmp_path: Path) -> None:
    (only,) = read(tmp_path, "[testenv:prodsim]\ndeploy = serve {port}\nready = listen\n").values()
    assert (only.name, only.section, only.depends) == ("", "", ())


def test_a_job_does_not_take_from_the_environment_what_is_of_services(tmp_path: Path) -> None:
    env = "restarts = 2\ncrash = true\ndrain = {url}/slow\nready = http://127.0.0.1:{port}/\n"
    found = read(tmp_path, f"{ENV}{env}{WEB}[prodsim:db]\ndeploy = migrate\nready =\n")
    job, web = found["db"], found["web"]
    assert (job.is_service, job.restarts, job.crash, job.drain) == (False, 0, False, ())
    assert (web.is_service, web.restarts, web.crash, web.drain) == (True, 2, True, ("{url}/slow",))


@pytest.mark.parametrize(
    ("texts", "uses_port"),
    [
        pytest.param({}, False, id="nobody names its port"),
        pytest.param({"env": "commands = smoke {db_url}"}, True, id="a command does"),
        pytest.param({"env": "set_env = URL=redis://127.0.0.1:{db_port}"}, True, id="a variable of all does"),
        pytest.param({"web": "set_env = URL=redis://127.0.0.1:{db_port}"}, True, id="another service does"),
        pytest.param({"web": "drain = {db_url}/slow"}, True, id="a request of another service does"),
        pytest.param(
            {"db": "ready = tcp://127.0.0.1:6379", "env": "commands = smoke {db_url}"}, False, id="6379 it is"
        ),
    ],
)
def test_a_service_has_a_port_when_anybody_names_it(tmp_path: Path, texts: Mapping[str, str], uses_port: bool) -> None:
    db, web, env = texts.get("db", ""), texts.get("web", ""), texts.get("env", "")
    ready = "" if "ready" in db else "ready = log:/up/\n"
    text = (
        f"{ENV}{env}\n[prodsim:db]\ndeploy = serve\n{ready}{db}\n[prodsim:web]\ndeploy = web\nready = listen\n{web}\n"
    )
    assert read(tmp_path, text)["db"].uses_port is uses_port


REFUSED: dict[str, str] = {
    # the list
    f"{ENV}deploy = serve\n{DB}{WEB}": "services: has no meaning beside 'deploy': write the command in the section "
    "of a service",
    "[testenv:prodsim]\nservices = port\n": "services: a service cannot be named 'port': {port} and PRODSIM_PORT mean "
    "something else",
    "[testenv:prodsim]\nservices = URL\n": "services: a service cannot be named 'URL': {url} and PRODSIM_URL mean "
    "something else",
    "[testenv:prodsim]\nservices = scratch\n": "services: a service cannot be named 'scratch': {scratch} and "
    "PRODSIM_SCRATCH mean something else",
    "[testenv:prodsim]\nservices = db, web, db\n": "services: 'db' is listed twice",
    "[testenv:prodsim]\nservices = a-b, a_b\n": "services: 'a-b' and 'a_b' share {a_b_port}",
    "[testenv:prodsim]\nservices = 2nd\n": "services: '2nd' is not a name of a service",
    # the sections
    f"{ENV}{DB}": "[prodsim:web]: there is no such section, in which deploy says what 'web' runs",
    f"{ENV}{DB}[prodsim:web]\nready = listen\n": "[prodsim:web] deploy: there is no value, write the command that "
    "production would run as 'web'",
    f"{ENV}{DB}{WEB}redy = listen\n": "[prodsim:web] redy: there is no such key, did you mean ready?",
    f"{ENV}{DB}{WEB}simulate = utc\n": "[prodsim:web] simulate: is a key of the environment, and none",
    f"{ENV}{DB}{WEB}image = redis\n": "[prodsim:web] image: there is no such key, a service has deploy, depends, ready",
    f"{ENV}{DB}{WEB}stop_timeout = soon\n": "[prodsim:web] stop_timeout: soon is not a time limit, give a number of "
    "seconds from 0.001 to 604800",
    f"{ENV}{DB}{WEB}stop_to = all\n": "[prodsim:web] stop_to: 'all' is not one of main, group, tree",
    f"{ENV}{DB}{WEB}crash = maybe\n": "[prodsim:web] crash: value 'maybe' cannot be transformed to bool",
    f"{ENV}{DB}[prodsim:web]\ndeploy = web\nready = up\n": "[prodsim:web] ready[0]: 'up' is not a probe",
    f"{ENV}{WEB}[prodsim:db]\ndeploy = migrate\nrestarts = 1\n": "[prodsim:db] restarts: a job would do its work twice",
    f"{ENV}{WEB}[prodsim:db]\ndeploy = migrate\ncrash = true\n": "[prodsim:db] crash: needs 'ready', by which",
    f"{ENV}{DB}[prodsim:web]\ndeploy = web && other\n": "[prodsim:web] deploy: no shell runs this command, so '&&' is",
    f"{ENV}{DB}[prodsim:web]\ndeploy = DB=1 web\n": "[prodsim:web] deploy: 'DB=1' before a command is shell syntax, "
    "write it in set_env",
    f"{ENV}{DB}[prodsim:web]\ndeploy =\n  web\n  other\n": "[prodsim:web] deploy: 'other' on a second line would be",
    # the order
    f"{ENV}{DB}{WEB.replace('depends = db', 'depends = dbb')}": "[prodsim:web] depends: 'dbb' is not one of the "
    "services (db, web)",
    f"{ENV}{DB}depends = web\n{WEB}": "[prodsim:db] depends: they depend on one another in a circle: db -> web -> db",
    f"{ENV}{DB}depends = db\n{WEB}": "[prodsim:db] depends: they depend on one another in a circle: db -> db",
    # the placeholders
    f"{ENV}{DB}[prodsim:web]\ndeploy = web {{dbb_port}}\n": "[prodsim:web] deploy: {dbb_port} is not of any service: "
    "there are {db_port}, {db_url}, {web_port}, {web_url}",
    f"{ENV}{DB}{WEB}drain = {{wbe_url}}/slow\n": "[prodsim:web] drain: {wbe_url} is not of any service",
    f"{ENV}{DB}{WEB}set_env = X={{dbb_url}}\n": "[prodsim:web] set_env: {dbb_url} is not of any service",
    f"{ENV}commands = smoke {{wbe_url}}\n{DB}{WEB}": "commands: {wbe_url} is not of any service",
    f"{ENV}commands = smoke {{url}}\n{DB}{WEB}": "commands: {url} would be that of any of the services: write {db_url} "
    "or {web_url}",
    f"{ENV}[prodsim:db]\ndeploy = serve\nready = listen\n[prodsim:web]\ndeploy = web {{db_port}}\n": "[prodsim:web] "
    "deploy: where 'db' listens is known once it is ready: write depends = db",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_is_one_line_that_names_the_section_and_the_key(tmp_path: Path, text: str) -> None:
    said = refusal(tmp_path, text)
    assert said.startswith(REFUSED[text])
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "text", "section"),
    [
        ("tox.toml", TOML.replace("[prodsim.web]", "[prodsim.wbe]"), "[prodsim.web]"),
        ("pyproject.toml", PYPROJECT.replace("prodsim.web]", "prodsim.wbe]"), "[tool.tox.prodsim.web]"),
    ],
)
def test_a_section_is_named_as_it_is_written_in_the_file(tmp_path: Path, name: str, text: str, section: str) -> None:
    assert refusal(tmp_path, text, name=name).startswith(f"{section}: there is no such section")


def test_the_type_of_a_value_in_toml_is_refused_with_its_section(tmp_path: Path) -> None:
    text = TOML.replace("ready_timeout = 5", "ready_timeout = true")
    assert refusal(tmp_path, text, name="tox.toml").startswith("[prodsim.web] ready_timeout: True is not a time limit")
    text = TOML.replace('set_env = { DB = "redis://127.0.0.1:{db_port}" }', "set_env = 3")
    assert refusal(tmp_path, text, name="tox.toml").startswith("[prodsim.web] set_env: 3 is not a table of texts")


def test_an_override_of_no_key_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, INI, "-x", "prodsim:web.redy_timeout=99")
    assert said == "[prodsim:web] redy_timeout: there is no such key, did you mean ready_timeout?"


def test_code_in_braces_is_no_placeholder(tmp_path: Path) -> None:
    job: Any = read(
        tmp_path,
        "[testenv:prodsim]\nservices = job\n[prodsim:job]\n"
        "deploy = python -c \"base_url = 1; print(f'{base_url} ok')\"\n",
    )["job"]
    assert job.argv[-1] == "base_url = 1; print(f'{base_url} ok')"
