"""What a deployment prints: what is expected and rejected, tracebacks, floods, and where its log is shown."""

from __future__ import annotations

import json

import pytest
from support.deployments import JOB, SERVICE, SLEEPER, deploy, evidence, found, the
from support.project import Project


@pytest.mark.parametrize(
    ("printed", "keys", "codes"),
    [
        pytest.param("12 rows", {"expect_output": r"\d+ rows"}, [], id="what is expected"),
        pytest.param("no rows", {"expect_output": r"\d+ rows"}, ["RUN611"], id="not what is expected"),
        pytest.param(
            "12 rows", {"expect_output": "\n  rows\n  columns\n  cells"}, ["RUN611", "RUN611"], id="one of three"
        ),
        pytest.param("ERROR: disk", {"reject_output": "ERROR"}, ["RUN612"], id="what is rejected"),
        pytest.param("all well", {"reject_output": "ERROR", "expect_output": "well"}, [], id="nothing rejected"),
        pytest.param("all well", {}, ["RUN631"], id="an exit code is not evidence"),
        pytest.param("all well", {"commands": "python -c pass"}, [], id="a command is evidence"),
        pytest.param(
            "x.py:1: ResourceWarning: unclosed file", {"expect_output": "file"}, ["RUN623"], id="a resource warning"
        ),
    ],
)
def test_the_output_of_a_job(quick_project: Project, printed: str, keys: dict[str, object], codes: list[str]) -> None:
    result = deploy(quick_project, f"print({printed!r})", **JOB, **keys)
    assert [finding["code"] for finding in quick_project.findings()] == codes
    assert result.code == int(bool({"RUN611", "RUN612"} & set(codes)))


def test_output_of_stderr_counts_as_well(quick_project: Project) -> None:
    deploy(quick_project, "import sys; print('12 rows', file=sys.stderr)", **JOB, expect_output="12 rows").passed()
    assert quick_project.codes() == []


SWALLOWS = """\
import sys, warnings
{}
try:
    import no_such_module
except ImportError:
    import traceback
    traceback.print_exc()
finally:
    sys.exit(0)
"""


@pytest.mark.parametrize("before", ["", "print('ResourceWarning: unclosed file', flush=True)"], ids=["alone", "second"])
def test_a_job_whose_traceback_is_followed_by_exit_0_fails(quick_project: Project, before: str) -> None:
    result = deploy(quick_project, SWALLOWS.format(before), **JOB, commands="python -c pass")
    assert result.code == 1, result.out
    levels = [finding["level"] for finding in found(quick_project, "RUN624")]
    assert levels[-1:] == ["error"], result.out
    assert "no_such_module" in result.out


def test_a_traceback_in_the_log_of_a_service_is_a_warning(quick_project: Project) -> None:
    script = "import traceback\ntry:\n    1/0\nexcept ZeroDivisionError:\n    traceback.print_exc()\n" + SLEEPER
    deploy(quick_project, script, **SERVICE).passed()
    assert quick_project.codes() == ["RUN608", "RUN624"]
    assert found(quick_project, "RUN624")[0]["level"] == "warning"


def test_a_flood_of_output_does_no_harm(quick_project: Project) -> None:
    script = (
        "import sys\nfor _ in range(50): sys.stdout.write('x' * 1023 + chr(10)); sys.stdout.write('y' * (1 << 20))\n"
    )
    result = deploy(quick_project, script + "print()\nprint('12 rows')", **JOB, expect_output="^12 rows$").passed()
    assert (quick_project.folder / ".tox/prodsim/prodsim/deploy.log").stat().st_size > 50 << 20
    assert len(result.out) < 20_000
    assert (quick_project.folder / ".tox/prodsim/prodsim/events.jsonl").stat().st_size < 100_000


def test_what_would_drive_a_terminal_is_escaped(quick_project: Project) -> None:
    script = (
        "import sys\n"
        r"sys.stdout.buffer.write(b'\xff\xfe \x00 \x1b[31mred\x1b]0;title\x07 \xe2\x80\xae bidi\r over\n::error::no\n')"
        "\nsys.exit(3)"
    )
    result = deploy(quick_project, script, **JOB).failed()
    evidence = result.out[result.out.index("end of deploy.log") :]
    assert not {"\x1b", "\x00", "\x07", "\r", "\u202e"} & set(result.out.replace("\r\n", "\n"))
    assert r"\x1b[31mred\x1b]0;title\x07" in evidence
    assert "\n::error::" not in evidence
    assert json.dumps(quick_project.report())


BREAKS = """\
import http.server, sys, traceback
class Broken(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = 200
        if self.path != "/":
            code = 500
            self.fail(90)
        self.send_response(code); self.send_header("Content-Length", "0"); self.end_headers()
    def fail(self, depth):
        try:
            self.deeper(depth)
        except LookupError:
            traceback.print_exc()
    def deeper(self, depth):
        if depth % 2: return self.even(depth)
        if not depth: raise LookupError("no such table: items")
        self.deeper(depth - 1)
    def even(self, depth): self.deeper(depth - 1)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Broken).serve_forever()
"""
FETCH = 'python -c "import sys, urllib.request as u; u.urlopen(sys.argv[1])" {url}'


def test_the_log_of_the_service_is_shown_when_a_smoke_command_fails(quick_project: Project) -> None:
    keys = {"deploy": "python app.py {port} {tag}", "ready": "http://127.0.0.1:{port}/", "restarts": 0}
    result = deploy(quick_project, BREAKS, **keys, commands=f"\n  {FETCH}/\n  {FETCH}/items")
    assert result.code == 1, result.out
    (finding,) = found(quick_project, "RUN605")
    assert "what the service printed is in .tox/prodsim/prodsim/deploy.log, its end is shown below" in finding["hint"]
    lines = evidence(quick_project)["end of deploy.log when commands[1] failed"]
    assert lines[0].startswith("Traceback (most recent call last):")
    assert lines[-1] == "LookupError: no such table: items"
    assert 'raise LookupError("no such table: items")' in lines[-2] + lines[-3]
    assert len(lines) <= 60
    assert "| LookupError: no such table: items" in result.out
    assert "printed a traceback: LookupError: no such table: items (app.py:16)" in the(quick_project, "RUN624")
    assert found(quick_project, "RUN624")[0]["line"] == 16
