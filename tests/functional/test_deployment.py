"""A deployment, job or service: ready and not ready, every way to end, and what it leaves."""

from __future__ import annotations

import http.server
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest
from support.deployments import JOB, SERVICE, SLEEPER, deploy, evidence, found, prepare, the
from support.project import Project

SERVER = """\
import http.server, pathlib, sys, time
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("X-App", "hello-1")
        self.end_headers()
        self.wfile.write(b"all is well")
    do_HEAD = do_GET
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hello)
pathlib.Path("app.pid").touch()
print("application is up", flush=True)
server.serve_forever()
"""
STUBBORN = """\
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(100)
"""
LEAVES_A_CHILD = """\
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)", sys.argv[1]])
print("done", flush=True)
"""
STUBBORN_CHILD = """\
import subprocess, sys, time
sleep = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(100)"
subprocess.Popen([sys.executable, "-c", sleep, sys.argv[1]])
time.sleep(100)
"""


# ready


@pytest.mark.parametrize(
    ("probe", "evidence"),
    [
        pytest.param("http://127.0.0.1:{port}/health", "http /health 200", id="http"),
        pytest.param(
            "http://127.0.0.1:{port}/ status=200,404 body=/is w.ll/ header=/x-app: hello-\\d/ timeout=5",
            "http / 404",
            id="http with options",
        ),
        pytest.param("http://127.0.0.1:{port}/health method=HEAD", "http /health 200", id="http HEAD"),
        pytest.param("tcp://127.0.0.1:{port}", "accepted", id="tcp"),
        pytest.param("listen", "listening 127.0.0.1:", id="listen"),
        pytest.param("listen:{port}", "listening 127.0.0.1:", id="listen on a port"),
        pytest.param("log:/application .. up/", 'log "application is up"', id="log"),
        pytest.param("file:app.pid", "file app.pid", id="file"),
        pytest.param("file:{scratch}/app.pid", "app.pid", id="file with its path"),
        pytest.param(
            "\n  log:/is up/\n  http://127.0.0.1:{port}/health\n  file:app.pid", 'log "application is up"', id="three"
        ),
    ],
)
def test_a_service_is_ready_when_its_probes_are_satisfied(quick_project: Project, probe: str, evidence: str) -> None:
    deploy(quick_project, SERVER, deploy="python app.py {port} {tag}", ready=probe).passed()
    (step,) = [step for step in quick_project.report()["steps"] if step["step"] == "deploy"]
    answers = [moment for moment in step["timeline"] if moment["name"] in {"ready", "answers"}]
    assert len(answers) == probe.count("\n") or len(answers) == 1
    assert evidence in " ".join(moment["detail"] for moment in answers)
    assert answers[-1]["name"] == "ready"
    assert answers[-1]["limit_s"] == 30
    assert {"RUN602", "RUN603"} <= set(step["checked"])


@pytest.mark.parametrize(
    ("probe", "last_answer"),
    [
        pytest.param("http://127.0.0.1:{port}/", "http 404", id="http of another status"),
        pytest.param("http://127.0.0.1:{port}/health status=204", "http 200", id="http of a status not asked for"),
        pytest.param(
            "http://127.0.0.1:{port}/health body=/sick/",
            "http 200, but the body does not match /sick/",
            id="http with another body",
        ),
        pytest.param(
            "http://127.0.0.1:{port}/health header=/x-app: ^bye/",
            "http 200, but the header x-app does not match /^bye/",
            id="http with another header",
        ),
        pytest.param("tcp://127.0.0.1:1", "connection refused", id="tcp"),
        pytest.param("listen:1", "no process of the deployment listens on port 1", id="listen on a port"),
        pytest.param("log:/never printed/", "no line matches /never printed/", id="log"),
        pytest.param("file:other.pid", "no file other.pid", id="file"),
        pytest.param("\n  log:/is up/\n  file:other.pid", "no file other.pid", id="one of two"),
    ],
)
def test_a_service_whose_probe_is_not_satisfied_is_not_ready(
    quick_project: Project, probe: str, last_answer: str
) -> None:
    keys = {"ready": probe, "ready_timeout": 2, "allow_leaks": "files:app.pid"}
    deploy(quick_project, SERVER, deploy="python app.py {port} {tag}", **keys).failed()
    assert quick_project.codes() == ["RUN603"]
    said = f"app.py: not ready within ready_timeout = 2 s (last answer: {last_answer}"
    assert the(quick_project, "RUN603").startswith(said)
    shown = evidence(quick_project)
    doing = shown["what it was doing"]
    assert doing[0].startswith("it serves (pid ")
    assert not [line for line in doing if "where it hangs" in line]
    assert quick_project.tag in " ".join(doing)
    if last_answer.startswith("http"):
        assert shown["what the probe got"][0].startswith(f"HTTP/1.0 {last_answer[5:8]} ")
        assert "X-App: hello-1" in shown["what the probe got"]
    if "the body" in last_answer:
        assert shown["what the probe got"][-1] == "all is well"


def test_the_address_on_which_it_listens_is_named_when_another_one_was_asked(quick_project: Project) -> None:
    keys = {"ready": "tcp://127.0.0.1:1", "ready_timeout": 2, "allow_leaks": "files:app.pid"}
    deploy(quick_project, SERVER, deploy="python app.py {port} {tag}", **keys).failed()
    assert "(last answer: connection refused; it listens on 127.0.0.1:" in the(quick_project, "RUN603")
    assert "have it listen on the port of the probe" in found(quick_project, "RUN603")[0]["hint"]


def test_of_a_service_that_listens_and_does_not_answer_it_is_said_where_it_hangs(quick_project: Project) -> None:
    script = SERVER.replace("def do_GET(self):", "def do_GET(self):\n        time.sleep(100)")
    keys = {"ready": "http://127.0.0.1:{port}/ timeout=0.5", "ready_timeout": 3, "allow_leaks": "files:app.pid"}
    deploy(quick_project, script, deploy="python app.py {port} {tag}", **keys).failed()
    assert "no answer within 0.5 s" in the(quick_project, "RUN603")
    doing = evidence(quick_project)["what it was doing"]
    assert "where it hangs" in doing[0]
    assert [line for line in doing if "time.sleep(100)" in line]


def test_a_service_that_returns_is_told_that_nothing_of_it_is_left(quick_project: Project) -> None:
    deploy(quick_project, "print('up')", **{**SERVICE, "ready": "log:/never/"}).failed()
    assert found(quick_project, "RUN602")[0]["hint"].startswith("it returned, and no process of it is left")


def test_listening_nowhere_is_not_ready(quick_project: Project) -> None:
    deploy(quick_project, SLEEPER, **{**SERVICE, "ready": "listen", "ready_timeout": 1}).failed()
    assert "no process of the deployment listens on a TCP port" in the(quick_project, "RUN603")


ASK = (
    "python -c \"import os, sys, urllib.request as u; print('HEALTH', u.urlopen(sys.argv[1] + '/health').status, "
    "*(os.environ[name] == given for name, given in zip(['PRODSIM_URL', 'PRODSIM_PORT'], sys.argv[1:])))\""
)


def test_listen_finds_the_port_and_tells_the_commands(quick_project: Project) -> None:
    keys = {"deploy": "python app.py 0 {tag}", "ready": "listen", "commands": f"{ASK} {{url}} {{port}}"}
    result = deploy(quick_project, SERVER, **keys).passed()
    assert "HEALTH 200 True True" in result.out


@pytest.mark.parametrize("probe", ["http://127.0.0.1:{}/health", "tcp://127.0.0.1:{}", "listen:{}"])
def test_a_port_of_its_own_is_told_to_the_commands(quick_project: Project, port: int, probe: str) -> None:
    keys = {"deploy": f"python app.py {port} {{tag}}", "ready": probe.format(port)}
    result = deploy(quick_project, SERVER, **keys, commands=f"{ASK} {{url}} {{port}}").passed()
    assert "HEALTH 200 True True" in result.out


def test_a_probe_may_be_a_table_in_toml(quick_project: Project) -> None:
    quick_project.write("app.py", SERVER)
    quick_project.write(
        "tox.toml",
        """
[env.prodsim]
ignore = ["PRF"]
deploy_files = ["app.py"]
deploy = ["python", "app.py", "{port}"]
ready = [{ http = "{url}/health", status = 200, body = "all is w.ll" }, "log:/up/"]
""",
    )
    assert "http /health 200" in quick_project.prodsim("--installpkg", quick_project.wheel()).passed().out


def test_a_service_that_ends_before_it_is_ready_does_not_wait_for_the_timeout(quick_project: Project) -> None:
    result = deploy(quick_project, "raise SystemExit('no database')", **{**SERVICE, "ready_timeout": 200}).failed()
    assert "exit code 1" in the(quick_project, "RUN602")
    assert "| no database" in result.out
    assert result.seconds < 100


def test_a_service_that_goes_to_the_background_is_told_to_stay(quick_project: Project) -> None:
    deploy(quick_project, LEAVES_A_CHILD, **{**SERVICE, "ready": "log:/never/"}).failed()
    (finding,) = found(quick_project, "RUN602")
    assert "exit code 0" in finding["message"]
    assert finding["hint"] == "run it in the foreground, without --daemon"


# whose port


@pytest.fixture
def port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@pytest.mark.parametrize("probe", ["http://127.0.0.1:{}/", "tcp://localhost:{}", "listen:{}"])
def test_a_port_that_is_taken_is_said_with_pid_and_command_and_nothing_is_started(
    quick_project: Project, port: int, probe: str
) -> None:
    squat = f"import http.server; http.server.HTTPServer(('127.0.0.1', {port}), None).serve_forever()"
    with subprocess.Popen([sys.executable, "-c", squat, "yesterday"]) as squatter:
        try:
            while not [c for c in psutil.Process(squatter.pid).net_connections("tcp") if c.status == "LISTEN"]:
                assert squatter.poll() is None
            result = deploy(quick_project, SLEEPER, **{**SERVICE, "ready": probe.format(port)}).failed()
            assert squatter.poll() is None
        finally:
            squatter.kill()
    assert quick_project.codes() == ["RUN601"]
    assert the(quick_project, "RUN601").startswith(f"{'localhost' if 'localhost' in probe else '127.0.0.1'}:{port}: ")
    assert f"by pid {squatter.pid} " in the(quick_project, "RUN601")
    assert "yesterday" in the(quick_project, "RUN601")
    assert "spawn" not in result.out


def test_an_answer_of_a_foreign_process_is_no_evidence(quick_project: Project, port: int) -> None:
    keys = {**SERVICE, "ready": f"http://127.0.0.1:{port}/", "ready_timeout": 60}
    running = quick_project.start(
        "run", "-e", "prodsim", "--installpkg", prepare(quick_project, SLEEPER, **keys)
    ).until("spawn")
    server = http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        running.end().failed()
    finally:
        server.shutdown()
        server.server_close()
    assert quick_project.codes() == ["RUN604"]
    assert f"127.0.0.1:{port} answered, but not by this deployment: pid {psutil.Process().pid} " in the(
        quick_project, "RUN604"
    )
    assert quick_project.left() == []


# how it ends


@pytest.mark.parametrize(
    ("script", "exit_codes", "message"),
    [
        pytest.param("raise SystemExit(3)", "", "exit code 3 is not among the allowed ends (0)", id="a failure"),
        pytest.param("raise SystemExit(3)", "0 3", "", id="an allowed failure"),
        pytest.param("pass", "3", "exit code 0 is not among the allowed ends (3)", id="a success that is forbidden"),
        pytest.param(
            "import os; os.kill(os.getpid(), 9)", "", "ended by SIGKILL is not among the allowed ends (0)", id="SIGKILL"
        ),
        pytest.param("import os; os.kill(os.getpid(), 9)", "SIGKILL", "", id="an allowed signal"),
        pytest.param("raise SystemExit(137)", "SIGKILL", "", id="an allowed signal as a shell reports it"),
    ],
)
def test_the_end_of_a_job(quick_project: Project, script: str, exit_codes: str, message: str) -> None:
    result = deploy(
        quick_project, f"print('did it', flush=True); {script}", **JOB, exit_codes=exit_codes, expect_output="it"
    )
    assert [result.code, quick_project.codes()] == ([1, ["RUN609"]] if message else [0, []]), result.out
    assert not message or the(quick_project, "RUN609") == f"app.py: {message}"


PREFORK_WITHOUT_STOP = """\
import os, signal, sys, time
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print("up", flush=True)
    time.sleep(100)
signal.signal(signal.SIGTERM, lambda *_: None)
os.waitpid(child, 0)
"""
STOPS_WITH = """\
import signal, sys, time
signal.signal(signal.{}, lambda *_: sys.exit({}))
print("up", flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize(
    ("script", "keys", "codes"),
    [
        pytest.param(STOPS_WITH.format("SIGTERM", 0), {}, [], id="0"),
        pytest.param(STOPS_WITH.format("SIGTERM", 143), {}, [], id="128 + SIGTERM"),
        pytest.param(STOPS_WITH.format("SIGTERM", 7), {}, ["RUN609"], id="a failure"),
        pytest.param(STOPS_WITH.format("SIGTERM", 7), {"exit_codes": "7"}, [], id="an allowed failure"),
        pytest.param(STOPS_WITH.format("SIGTERM", 0), {"exit_codes": "7"}, ["RUN609"], id="0 is not allowed"),
        pytest.param(STOPS_WITH.format("SIGINT", 0), {"stop_signal": "SIGINT"}, [], id="another signal"),
        pytest.param(SLEEPER, {}, ["RUN608"], id="no handler at all"),
        pytest.param(STUBBORN, {"stop_timeout": 1}, ["RUN607"], id="the signal is ignored"),
        pytest.param(
            STUBBORN_CHILD,
            {"stop_timeout": 1, "stop_to": "tree"},
            ["RUN607", "RUN608", "RUN623"],
            id="a child ignores the signal that all processes get",
        ),
        pytest.param(
            STUBBORN_CHILD,
            {"stop_timeout": 1, "stop_to": "group"},
            ["RUN608", "RUN620", "RUN623"],
            id="a child ignores the signal that the group gets",
        ),
        pytest.param(
            STUBBORN_CHILD, {"stop_timeout": 1}, ["RUN608", "RUN620", "RUN623"], id="the main process leaves a child"
        ),
        pytest.param(PREFORK_WITHOUT_STOP, {"stop_timeout": 1}, ["RUN607"], id="the main process stops no worker"),
    ],
)
def test_the_end_of_a_service(quick_project: Project, script: str, keys: dict[str, object], codes: list[str]) -> None:
    result = deploy(quick_project, script, **{**SERVICE, **keys})
    fails = bool({"RUN607", "RUN609", "RUN620"} & set(codes))
    assert [result.code, quick_project.codes()] == [int(fails), codes], result.out
    if "RUN607" in codes:
        assert "did not stop within stop_timeout = 1 s after SIGTERM and was killed" in the(quick_project, "RUN607")
    if codes == ["RUN608"]:
        assert found(quick_project, "RUN608")[0]["level"] == "note"


def test_a_service_that_dies_while_it_serves(quick_project: Project) -> None:
    kill = "import os, time; os.kill(int(os.environ['PRODSIM_PID']), 11); time.sleep(1)"
    deploy(quick_project, SLEEPER, **SERVICE, commands=f'python -c "{kill}"').failed()
    assert quick_project.codes() == ["RUN606", "RUN608"]
    assert "exited while serving: ended by SIGSEGV" in the(quick_project, "RUN606")


def test_a_service_that_ends_well_too_early_died_as_well(quick_project: Project) -> None:
    script = "print('up', flush=True); import time; time.sleep(0.5)"
    deploy(
        quick_project, script, **SERVICE, commands='python -c "import time; time.sleep(2)"', ignore="PRF,RUN608"
    ).failed()
    assert quick_project.codes() == ["RUN606"]


def test_a_job_that_takes_too_long_is_stopped_and_shown(quick_project: Project) -> None:
    result = deploy(quick_project, SLEEPER, **JOB, run_timeout=1).failed()
    assert the(quick_project, "RUN610").startswith("app.py: did not end within run_timeout = 1 s")
    assert "what it was doing:" in result.out
    assert "app.py:" in result.out[result.out.index("what it was doing:") :]
    assert result.seconds < 60


@pytest.mark.parametrize(
    ("keys", "timed_out"),
    [
        pytest.param({"run_timeout": 1}, "RUN610", id="a job"),
        pytest.param({"ready": "log:/never/", "ready_timeout": 1}, "RUN603", id="a service"),
    ],
)
def test_what_is_out_of_time_and_does_not_stop_either_is_told_both(
    quick_project: Project, keys: dict[str, object], timed_out: str
) -> None:
    deploy(quick_project, STUBBORN, **{**JOB, **keys}, stop_timeout=1, ignore="PRF,RUN631").failed()
    assert quick_project.codes() == sorted([timed_out, "RUN607"])


@pytest.mark.parametrize("key", ["commands_pre", "commands", "commands_post"])
def test_a_command_that_takes_too_long_is_stopped(quick_project: Project, key: str) -> None:
    sleep = 'python -c "import time; time.sleep(100)" {tag}'
    result = deploy(quick_project, STOPS_WITH.format("SIGTERM", 0), **SERVICE, **{key: sleep}, run_timeout=1).failed()
    assert quick_project.codes() == ["RUN610"]
    assert f"{key}[0]: stopped, its commands ran longer than run_timeout = 1 s" in the(quick_project, "RUN610")
    assert result.seconds < 60


def test_the_time_limit_holds_for_all_commands_together(quick_project: Project) -> None:
    sleep = '\n  python -c "import time; time.sleep(2)"'
    deploy(quick_project, "print('it')", deploy="", commands=2 * sleep, run_timeout=3.5).failed()
    assert the(quick_project, "RUN610").startswith("commands[1]: ")


def test_a_job_that_came_near_its_limit_is_warned(quick_project: Project) -> None:
    deploy(
        quick_project, "import time; time.sleep(4.9); print('it')", **JOB, expect_output="it", run_timeout=6
    ).passed()
    assert the(quick_project, "RUN630").startswith("app.py: used 8")
    assert found(quick_project, "RUN630")[0]["level"] == "warning"


def test_a_start_that_came_near_its_limit_is_warned(quick_project: Project) -> None:
    script = "import time; time.sleep(4.9); " + SLEEPER
    deploy(quick_project, script, **SERVICE, ready_timeout=6, stop_timeout=100).passed()
    assert quick_project.codes() == ["RUN608", "RUN630"]
    assert "of ready_timeout: 4." in the(quick_project, "RUN630") or "of ready_timeout: 5." in the(
        quick_project, "RUN630"
    )


# what it leaves


def test_a_job_that_leaves_a_process(quick_project: Project) -> None:
    deploy(quick_project, LEAVES_A_CHILD, **JOB, expect_output="done").failed()
    assert quick_project.codes() == ["RUN620", "RUN623"]
    assert the(quick_project, "RUN620").startswith("app.py: left 1 process running: pid ")
    assert " python -c import time; " in the(quick_project, "RUN620")


def test_what_is_left_is_said_with_the_port_it_holds(quick_project: Project) -> None:
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(100)"
    script = (
        f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {listen!r}, sys.argv[1]])\n"
        "time.sleep(1); print('done')"
    )
    deploy(quick_project, script, **JOB, expect_output="done").failed()
    assert quick_project.codes() == ["RUN620", "RUN621", "RUN623"]
    assert "(listens on 127.0.0.1:" in the(quick_project, "RUN620")
    assert the(quick_project, "RUN621").startswith("app.py: left 1 address in use: 127.0.0.1:")


@pytest.mark.parametrize("key", ["commands_pre", "commands", "commands_post"])
def test_a_command_that_leaves_a_process(quick_project: Project, key: str) -> None:
    deploy(quick_project, LEAVES_A_CHILD, deploy="", **{key: "python app.py {tag}"}).failed()
    assert quick_project.codes() == ["RUN620"]
    assert the(quick_project, "RUN620").startswith(f"{key}[0]: left 1 process running: pid ")


# where it comes from


def test_a_command_that_the_system_cannot_start(quick_project: Project) -> None:
    quick_project.write("broken", "#!/no/such/interpreter\n").chmod(0o755)
    keys = {"deploy": "{scratch}/broken", "deploy_files": "app.py, broken", "allowlist_externals": "*"}
    deploy(quick_project, "", **keys).failed()
    assert quick_project.codes() == ["RUN614"]
    assert "the interpreter that its first line names does not exist" in the(quick_project, "RUN614")


def test_deploy_may_use_a_command_of_the_system_only_when_it_is_allowed(quick_project: Project) -> None:
    result = deploy(quick_project, "", deploy="sh -c 'echo it'", expect_output="it").failed()
    assert "deploy: sh is not allowed, use allowlist_externals to allow it" in result.out
    deploy(quick_project, "", deploy="sh -c 'echo it'", expect_output="it", allowlist_externals="sh").passed()


def test_deps_bring_the_server(quick_project: Project) -> None:
    server = quick_project.wheel(
        name="servant",
        files={"servant.py": "def main():\n    print('served by servant')\n"},
        entry_points="[console_scripts]\nservant = servant:main\n",
    )
    deploy(quick_project, "", deploy="servant", expect_output="served by servant", deps=server).passed()
    assert quick_project.codes() == []


def test_the_variables_of_the_deployment(quick_project: Project) -> None:
    script = "import os\nfor name in ('SET', 'PASSED', 'KEPT', 'PORT'): print(name, os.environ.get(name, '-'))"
    keys = {"set_env": "SET = 1 {port}", "pass_env": "PASSED"}
    quick_project.env |= {"PASSED": "2", "KEPT": "3", "PORT": "4"}
    deploy(quick_project, script, **JOB, **keys, expect_output="SET 1 \\d+").passed()
    lines = dict(
        line.split(maxsplit=1)
        for line in (quick_project.folder / ".tox/prodsim/prodsim/deploy.log").read_text().splitlines()
    )
    assert lines == {"SET": f"1 {lines['PORT']}", "PASSED": "2", "KEPT": "-", "PORT": lines["PORT"]}
    assert lines["PORT"] not in {"-", "4"}


def test_a_shell_without_exec_is_named_as_the_cause(quick_project: Project) -> None:
    """The shell ends by the signal, and the server that it started never gets it."""
    quick_project.write("start.sh", "echo starting\npython app.py $1\necho ended\n")
    keys = {"deploy": "sh start.sh {tag}", "deploy_files": "\n  app.py\n  start.sh", "allowlist_externals": "sh"}
    result = deploy(quick_project, SLEEPER, **{**SERVICE, **keys, "ignore": "PRF,RUN608"}).failed()
    assert quick_project.codes() == ["RUN620"]
    assert "the main process is a shell (sh), which passes no signal on" in the(quick_project, "RUN620")
    assert "write exec before the last command" in result.out


def test_the_whole_tree_is_asked_to_stop(quick_project: Project) -> None:
    child = "import signal, sys, time; signal.signal(2, lambda *_: (print('child stops', flush=True), sys.exit(0))); "
    script = (
        f"import signal, subprocess, sys, time\nsignal.signal({int(signal.SIGINT)}, lambda *_: None)\n"
        f"""child = subprocess.Popen([sys.executable, "-c", "{child}print('up', flush=True); time.sleep(100)"])\n"""
        "child.wait()\nprint('parent stops')"
    )
    deploy(
        quick_project,
        script,
        **SERVICE,
        stop_to="tree",
        stop_signal="SIGINT",
        expect_output="\n  child stops\n  parent stops",
    ).passed()
    assert quick_project.codes() == []
