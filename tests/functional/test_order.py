"""The order of commands_pre, start, commands, stop, commands_post: also when one of them is empty or fails."""

from __future__ import annotations

from project import Project


def test_smoke_commands_run_while_the_service_is_up(project: Project) -> None:
    project.write(
        "tox.ini",
        """
[testenv:prodsim]
ignore = PRF
deploy = python -m http.server {port} --bind 127.0.0.1
ready = http://127.0.0.1:{port}/
commands_pre = python -c "print('ORDER pre')"
commands = python -c "import os, urllib.request as u; print('ORDER', u.urlopen(os.environ['PRODSIM_URL']).status)"
commands_post = python -c "print('ORDER post')"
""",
    )
    result = project.prodsim("--installpkg", project.wheel()).passed()
    order = ["ORDER pre", "spawn", "ready", "ORDER 200", "SIGTERM", "stopped", "ORDER post"]
    at = [result.out.index(text + ("\n" if text.startswith("ORDER") else "")) for text in order]
    assert at == sorted(at), result.out
