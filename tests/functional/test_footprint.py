"""What a service has at readiness: weighed at its starts, stored, compared, and limited."""

from __future__ import annotations

from support.project import Project

SERVER = """
import http.server, os, sys
DATA = bytes(range(256)) * int(os.environ.get("PRODSIM_TEST_PAGES", "0"))
address = "127.0.0.1", int(os.environ["PORT"])
http.server.ThreadingHTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""
INI = """
[testenv:prodsim]
deploy = python -m acme.serve
ready = http://127.0.0.1:{port}/
measure_imports = acme
set_env = PRODSIM_TEST_PAGES = %s
measure_startup = false
stop_signal = SIGKILL
max_ready_memory = %s
"""


def test_a_service_that_needs_more_at_readiness_is_found_with_and_without_a_baseline(quick_project: Project) -> None:
    wheel = quick_project.wheel(files={"acme/__init__.py": "", "acme/serve.py": SERVER})
    quick_project.write("tox.ini", INI % (0, "1 GB"))
    quick_project.prodsim("--installpkg", wheel, "--prodsim-update-baseline").passed()
    ready = {each["quantity"]: each for each in quick_project.report()["footprint"]}
    assert {"memory at readiness", "threads at readiness", "file descriptors at readiness"} <= ready.keys()
    assert ready["memory at readiness"]["source"] in {"PSS", "RSS"}
    assert ready["memory at readiness"]["samples"] == 2, "the start, and the one after it"

    quick_project.write("tox.ini", INI % (40_000, "8 MB"))
    result = quick_project.prodsim("--installpkg", wheel).failed()
    assert quick_project.accused() == ["PRF744", "PRF753"]
    assert "memory at readiness has grown: " in result.out
    shown = quick_project.tox("prodsim", "baseline", "show", "-e", "prodsim").passed()
    assert "memory at readiness" in shown.out
