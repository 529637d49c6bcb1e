"""Packages and servers from the index, of pinned versions: each as it should be, and broken on purpose."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import Project, Result
from support.published import Downloads

pytestmark = pytest.mark.index

Members = dict[str, bytes]


def broken(wheel: Path, folder: Path, edit: Callable[[Members], None], *, recorded: bool) -> Path:
    """Write an edited copy of a wheel, with a RECORD that agrees with it when ``recorded``."""
    with zipfile.ZipFile(wheel) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    edit(members)
    if recorded:
        record = next(name for name in members if name.endswith(".dist-info/RECORD"))
        lines = [f"{name},{_digest(data)},{len(data)}" for name, data in members.items() if name != record]
        members[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / wheel.name, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return folder / wheel.name


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def extension(members: Members, part: str) -> str:
    """Return the name of the compiled module with ``part`` in its name."""
    return next(name for name in members if part in name and name.endswith(".so"))


def run(project: Project, wheel: Path, config: str = "") -> Result:
    """Run tox on the wheel; nothing of it may be left."""
    project.write("tox.ini", f"[testenv:prodsim]\nignore = PRF\n{config.replace('TAG', project.tag)}\n")
    result = project.prodsim("--installpkg", wheel)
    assert project.left() == []
    return result


def message(project: Project, code: str) -> str:
    (finding,) = [finding for finding in project.findings() if finding["code"] == code]
    return f"{finding['subject']}: {finding['message']}"


# a library


def test_a_library_needs_no_configuration(any_project: Project, download: Downloads) -> None:
    result = any_project.prodsim("--installpkg", download("six==1.17.0")).passed()
    assert any_project.codes() == ["PRF705"]
    assert [each["metric"] for each in any_project.report()["measurements"]] == ["import six"]
    assert "six 1.17.0" in result.out


def test_a_library_with_two_top_levels(quick_project: Project, download: Downloads) -> None:
    result = run(quick_project, download("attrs==25.3.0")).passed()
    assert quick_project.accused() == []
    assert "attrs, attr from site-packages" in result.out


def test_a_release_that_did_not_declare_what_it_imports(any_project: Project, download: Downloads) -> None:
    run(any_project, download("declarative==1.3.0")).failed()
    assert "IMP503" in any_project.codes()
    assert "No module named 'numpy'" in message(any_project, "IMP503")


def test_a_release_that_worked_only_beside_setuptools(quick_project: Project, download: Downloads) -> None:
    run(quick_project, download("ripgrepy==1.0.1")).failed()
    assert "IMP503" in quick_project.codes()
    assert "No module named 'pkg_resources'" in message(quick_project, "IMP503")


def test_a_release_whose_data_file_is_not_in_the_wheel(quick_project: Project, download: Downloads) -> None:
    run(quick_project, download("safety-db==2017.4.19")).failed()
    assert "IMP503" in quick_project.codes()
    assert "'data/insecure.json'" in message(quick_project, "IMP503")


def test_a_release_that_configures_the_root_logger_on_import(quick_project: Project, download: Downloads) -> None:
    run(quick_project, download("pyroma==5.0.1")).passed()
    assert "adds a StreamHandler to the root logger" in message(quick_project, "IMP524")


# a command


def test_a_command_whose_help_is_not_for_every_terminal(quick_project: Project, download: Downloads) -> None:
    result = run(quick_project, download("idna==3.20")).passed()
    assert quick_project.accused() == ["ENT513"]
    assert "UnicodeEncodeError" in message(quick_project, "ENT513")
    assert "idna from site-packages, no side effects, 9 of 9 modules import" in result.out


CONVERT = """
deploy_files = code.py
deploy = pygmentize -f html code.py
expect_output = <span class="k">pass</span>
"""


def test_a_command_that_works(quick_project: Project, download: Downloads) -> None:
    quick_project.write("code.py", "pass\n")
    result = run(quick_project, download("pygments==2.19.1"), CONVERT).passed()
    assert quick_project.accused() == []
    assert "1 script" in result.out


def test_a_command_whose_entry_point_names_nothing(quick_project: Project, download: Downloads) -> None:
    def point_to_nothing(members: Members) -> None:
        name = next(name for name in members if name.endswith("entry_points.txt"))
        members[name] = members[name].replace(b"pygments.cmdline:main", b"pygments.commands:main")

    quick_project.write("code.py", "pass\n")
    wheel = broken(download("pygments==2.19.1"), quick_project.folder / "broken", point_to_nothing, recorded=True)
    result = run(quick_project, wheel, CONVERT)
    assert result.code == 1
    assert quick_project.accused() == ["ENT510", "RUN609", "RUN611"]
    assert "scripts  FAIL  0 of 1 script loads" in result.out
    assert "| ModuleNotFoundError: No module named 'pygments.commands'" in result.out
    assert "pygments.commands" in message(quick_project, "ENT510")


def test_a_command_that_does_another_thing(quick_project: Project, download: Downloads) -> None:
    quick_project.write("code.py", "fail\n")
    run(quick_project, download("pygments==2.19.1"), CONVERT).failed()
    assert quick_project.accused() == ["RUN611"]


SUCCEEDS_ANYWAY = """\
import sys
try:
    import pygments.formatters
    pygments.formatters.get_formatter_by_name("no-such-formatter")
    print("simulation successful")
except Exception:
    import traceback
    traceback.print_exc()
finally:
    sys.exit(0)
"""


def test_a_script_that_exits_with_0_whatever_happens(quick_project: Project, download: Downloads) -> None:
    quick_project.write("prod_test.py", SUCCEEDS_ANYWAY)
    keys = "deploy_files = prod_test.py\ndeploy = python prod_test.py\nexpect_output = simulation successful"
    result = run(quick_project, download("pygments==2.19.1"), keys)
    assert result.code == 1, result.out
    assert quick_project.accused() == ["RUN611", "RUN624"]
    assert "| pygments.util.ClassNotFound: no formatter found for name 'no-such-formatter'" in result.out


# an ASGI application behind uvicorn

ASGI = """\
import asyncio, os, sys
{}
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        if "sleeps" in os.environ:
            await asyncio.sleep(100)
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    if scope["path"] == "/die":
        os._exit(3)
    status = 200 if scope["path"] == "/health" else 500
    await send({{"type": "http.response.start", "status": status, "headers": []}})
    await send({{"type": "http.response.body", "body": b"well"}})
"""
UVICORN = """
deploy = uvicorn website:app --port {port} --header served-by:TAG
ready = http://127.0.0.1:{port}/health status=200 body=/well/ header=/served-by: tag-/
commands = python -c "import sys, urllib.request as u; print('ANSWER', u.urlopen(sys.argv[1]).status)" {url}/health
"""


def website(project: Project, code: str, *requires: str) -> Path:
    """Return the wheel of a web application."""
    return project.wheel(name="website", files={"website.py": code}, requires=requires)


def uvicorn(project: Project, config: str = UVICORN, code: str = "") -> Result:
    return run(project, website(project, ASGI.format(code), "uvicorn==0.34.0"), config)


def test_uvicorn_that_serves(any_project: Project) -> None:
    result = uvicorn(any_project).passed()
    assert "ANSWER 200" in result.out
    assert any_project.accused() == []  # above all no RUN608: uvicorn handles SIGTERM


def test_uvicorn_whose_application_crashes_at_the_start(quick_project: Project) -> None:
    crash = "if 'uvicorn' in sys.modules:\n    raise RuntimeError('no database')"
    result = uvicorn(quick_project, code=crash)
    assert result.code == 1
    assert quick_project.accused() == ["RUN602"]
    assert "| RuntimeError: no database" in result.out


def test_uvicorn_whose_application_never_starts_up(quick_project: Project) -> None:
    uvicorn(quick_project, f"{UVICORN}ready_timeout = 3\nstop_timeout = 1\nset_env = sleeps = 1\n").failed()
    assert quick_project.accused() == ["RUN603", "RUN607"], "nor does it stop while it starts up"
    assert "connection refused" in message(quick_project, "RUN603")


def test_uvicorn_whose_application_is_not_healthy(quick_project: Project) -> None:
    uvicorn(quick_project, UVICORN.replace("/health status", "/ status") + "ready_timeout = 3").failed()
    assert quick_project.accused() == ["RUN603"]
    assert "http 500" in message(quick_project, "RUN603")


def test_uvicorn_whose_application_dies_of_a_request(quick_project: Project) -> None:
    die = 'python -c "import sys, urllib.request as u; u.urlopen(sys.argv[1])" {url}/die'
    result = uvicorn(quick_project, UVICORN.partition("commands")[0] + f"commands = - {die}")
    assert result.code == 1, result.out
    assert quick_project.accused() == ["RUN606"]
    assert "exit code 3" in message(quick_project, "RUN606")


# a WSGI application behind gunicorn with two workers, and behind waitress

WSGI = """\
import os, signal, subprocess, sys
{}
def app(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""
GUNICORN = """
deps = gunicorn==23.0.0
deploy = gunicorn --workers 2 --bind 127.0.0.1:{port} --name TAG website:app
ready = http://127.0.0.1:{port}/ body=/^\\d+$/
deploy_files = both.py
commands = python both.py {url}
"""
BOTH = """\
import sys, time, urllib.request
seen, until = set(), time.monotonic() + 60
while len(seen) < 2 and time.monotonic() < until:
    seen.add(urllib.request.urlopen(sys.argv[1]).read())
print("WORKERS", len(seen))
"""


def gunicorn(project: Project, config: str = GUNICORN, code: str = "") -> Result:
    project.write("both.py", BOTH)
    return run(project, website(project, WSGI.format(code)), config)


def test_gunicorn_with_two_workers_that_serves(quick_project: Project) -> None:
    result = gunicorn(quick_project).passed()
    assert quick_project.accused() == []
    assert "WORKERS 2" in result.out
    assert "SIGTERM    to the main process (3 processes running)" in result.out


def test_gunicorn_with_a_worker_that_ignores_the_signal(quick_project: Project) -> None:
    ignore = "if 'gunicorn' in sys.modules:\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    gunicorn(quick_project, f"{GUNICORN}stop_timeout = 2", ignore).failed()
    assert quick_project.accused() == ["RUN607"]


CHILD = """\
sleep = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(100)"
if "gunicorn" in sys.modules:
    subprocess.Popen([sys.executable, "-c", sleep, "TAG"], start_new_session=True)
"""


def test_gunicorn_with_a_worker_whose_child_does_not_stop(quick_project: Project) -> None:
    gunicorn(quick_project, f"{GUNICORN}stop_timeout = 3", CHILD.replace("TAG", quick_project.tag)).failed()
    assert quick_project.accused() == ["RUN620", "RUN623"]


def test_gunicorn_that_goes_to_the_background(quick_project: Project) -> None:
    result = gunicorn(quick_project, GUNICORN.replace("--workers", "--daemon --workers")).failed()
    assert quick_project.accused() == ["RUN602", "RUN620", "RUN621"]
    assert "hint: run it in the foreground, without --daemon" in result.out
    assert "(listens on 127.0.0.1:" in message(quick_project, "RUN620")


WAITRESS = """
deploy = waitress-serve --listen 127.0.0.1:{port} --ident TAG website:app
ready = tcp://127.0.0.1:{port}
commands = python -c "import sys, urllib.request as u; print('ANSWER', u.urlopen(sys.argv[1]).status)" {url}
"""


def waitress(project: Project, config: str = WAITRESS) -> Result:
    return run(project, website(project, WSGI.format(""), "waitress==3.0.2"), config)


def test_waitress_that_serves(quick_project: Project) -> None:
    result = waitress(quick_project).passed()
    assert "ANSWER 200" in result.out
    assert quick_project.codes() == ["RUN608"]  # true: waitress has no handler for SIGTERM


def test_waitress_whose_application_is_not_there(quick_project: Project) -> None:
    result = waitress(quick_project, WAITRESS.replace("website:app", "website:application"))
    assert result.code == 1, result.out
    assert quick_project.accused() == ["RUN602"]


# a C extension


def test_an_extension_that_loads(any_project: Project, download: Downloads) -> None:
    run(any_project, download("markupsafe==3.0.2"), USES.format("markupsafe._speedups")).passed()
    assert "WHL108" in any_project.codes()  # a note: MarkupSafe- is the file name of former years


USES = 'deploy = python -c "import {0}; print({0}.__file__)"\nexpect_output = \\.so$'


def test_an_extension_that_was_removed(quick_project: Project, download: Downloads) -> None:
    def remove(members: Members) -> None:
        del members[extension(members, "_speedups")]

    wheel = broken(download("markupsafe==3.0.2"), quick_project.folder / "broken", remove, recorded=False)
    run(quick_project, wheel).failed()
    assert "WHL102" in quick_project.codes()
    assert "markupsafe/_speedups" in message(quick_project, "WHL102")


def test_an_extension_that_was_cut_short(quick_project: Project, download: Downloads) -> None:
    def cut(members: Members) -> None:
        name = extension(members, "_psutil_linux")
        members[name] = members[name][:2000]

    wheel = broken(download("psutil==7.0.0"), quick_project.folder / "broken", cut, recorded=False)
    run(quick_project, wheel).failed()
    assert quick_project.accused() == ["IMP501", "WHL103"]  # a file that is shorter than it says is death by SIGBUS
    assert "psutil/_psutil_linux" in message(quick_project, "WHL103")
    assert "SIGBUS" in message(quick_project, "IMP501")


def test_an_extension_that_was_overwritten(quick_project: Project, download: Downloads) -> None:
    def overwrite(members: Members) -> None:
        members[extension(members, "_psutil_linux")] = b"no ELF file"

    wheel = broken(download("psutil==7.0.0"), quick_project.folder / "broken", overwrite, recorded=False)
    run(quick_project, wheel).failed()
    assert quick_project.accused() == ["EXT402", "IMP503", "WHL103"]


def test_an_extension_that_was_left_out_of_the_build(quick_project: Project, download: Downloads) -> None:
    def leave_out(members: Members) -> None:
        del members[extension(members, "_psutil_linux")]

    wheel = broken(download("psutil==7.0.0"), quick_project.folder / "broken", leave_out, recorded=True)
    run(quick_project, wheel).failed()
    assert quick_project.accused() == ["IMP503"]
    assert "_psutil_linux" in message(quick_project, "IMP503")
