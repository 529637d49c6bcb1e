"""A wrong request is one line that names the key and says what to do, before anything is installed or started."""

from __future__ import annotations

import os
import platform
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.baselines import SHA256, TEXT
from support.project import UV, Project, Result

from tox_prodsim.timing.baseline import store

SERVICE = "deploy = python -m http.server {port}\n"
HTTP = SERVICE + "ready = http://127.0.0.1:{port}/ "
NO_SECONDS = "is not a time limit, give a number of seconds from 0.001 to 604800"
NO_CODE = "is neither a code nor a prefix of one, see 'tox prodsim checks'"
NO_SIGNAL = "is not a signal of this system, write for example SIGTERM or SIGINT"
NO_END = "is neither an exit code (0 to 255) nor a signal of this system (such as SIGTERM)"
NO_URL = "is not a URL that can be asked, write for example http://127.0.0.1:{port}/health"
OR_NONE = "from 0.001 to 604800, or 0 for no limit"
NO_PORT = "is not a TCP port, use {port} for a free one or a number from 1 to 65535"
NO_PROBE = (
    "is not a probe, write http://…, tcp://host:port, unix:path, listen, log:/regex/, file:path, exec:command, "
    "delay:seconds or notify"
)
NO_STATUS = "is not an HTTP status, give for example status=200 or status=200,204"
NO_OPTION = "is not an option of an http probe, use status=, body=, header=, method=, timeout= or for="
NO_FOR = "is not a time, give the seconds for which it must stay satisfied, a number from 0.001 to 604800"
NO_SLASHES = "is not a regular expression between slashes, write /text/"
NO_DEPLOY = "needs 'deploy', the command that production would run"
NO_PREFIX = "a leading '-' or '!' has no meaning here, say with exit_codes which ends are allowed"
NO_WORDS = "is not text, give a list of words such as ['uvicorn', 'acme.web:app']"

INI = {
    "select = XYZ": f"select: 'XYZ' {NO_CODE}",
    "ignore = RUN9": f"ignore: 'RUN9' {NO_CODE}",
    "warn = run607": f"warn: 'run607' {NO_CODE}",
    "ignore = IMPS504:plum.win32": f"ignore: 'IMPS504:plum.win32' {NO_CODE}",
    "ignore = ABC504: plum.win32": f"ignore: 'ABC504:plum.win32' {NO_CODE}",
    "simulate = no_hoem": (
        "simulate: 'no_hoem' is not a condition, did you mean no_home? there are no_home, read_only_home, "
        "read_only_site, no_network, c_locale, utc, closed_stdin, umask_077, optimize, buffered_output, non_root, "
        "low_fds, pid1"
    ),
    "ready_timeout = -1": f"ready_timeout: -1 {NO_SECONDS}",
    "ready_timeout = 0": f"ready_timeout: 0 {NO_SECONDS}",
    "ready_timeout = nan": f"ready_timeout: nan {NO_SECONDS}",
    "ready_timeout = inf": f"ready_timeout: inf {NO_SECONDS}",
    "ready_timeout = 1e400": f"ready_timeout: 1e400 {NO_SECONDS}",
    "ready_timeout = 30s": f"ready_timeout: 30s {NO_SECONDS}",
    "ready_timeout =": f"ready_timeout: '' {NO_SECONDS}",
    "run_timeout = -0.5": f"run_timeout: -0.5 {NO_SECONDS}",
    "run_timeout = NaN": f"run_timeout: NaN {NO_SECONDS}",
    "run_timeout = 1,5": f"run_timeout: 1,5 {NO_SECONDS}",
    "stop_timeout = -inf": f"stop_timeout: -inf {NO_SECONDS}",
    "stop_timeout = soon": f"stop_timeout: soon {NO_SECONDS}",
    "reports = html5": (
        "reports: 'html5' is not a format, write one of text, json, junit, markdown, github, gitlab, sarif, html, "
        "trace, none"
    ),
    "reports = markdown, junit:no/x.xml": "reports: no/x.xml cannot be written: there is no folder {root}/no",
    "reports = markdown, junit: no/x.xml": "reports: no/x.xml cannot be written: there is no folder {root}/no",
    "reports = junit:": "reports: nothing is behind the colon of 'junit:'",
    "resolution = newest": "resolution: 'newest' is neither highest nor lowest-direct",
    "run_timeout = 1e308": f"run_timeout: 1e308 {NO_SECONDS}",
    "stop_timeout = 1e-320": f"stop_timeout: 1e-320 {NO_SECONDS}",
    f"ready_timeout = {'9' * 400}": f"ready_timeout: {'9' * 80}… (400 characters) {NO_SECONDS}",
    "measure_imports = acme.class": (
        "measure_imports: 'acme.class' is not the name of a module, write for example pandas or acme.testing"
    ),
    "prodsim_baseline_dir =": (
        "prodsim_baseline_dir: '' is not a folder, write one below the tox root such as .prodsim/baselines"
    ),
    "time_tolerance_percent = -10": (
        "time_tolerance_percent: -10 is not a percentage, give a number of percent, without the sign, "
        "from 0.01 to 10000"
    ),
    "compare_timeout = 0": f"compare_timeout: 0 {NO_SECONDS}",
    "time_tolerance_percent = 10%": (
        "time_tolerance_percent: 10% is not a percentage, give a number of percent, without the sign, "
        "from 0.01 to 10000"
    ),
    "stop_signal = SIGFOO": f"stop_signal: 'SIGFOO' {NO_SIGNAL}",
    "stop_signal = 0": f"stop_signal: '0' {NO_SIGNAL}",
    "stop_signal = SIG_IGN": f"stop_signal: 'SIG_IGN' {NO_SIGNAL}",
    "stop_signal =": f"stop_signal: '' {NO_SIGNAL}",
    "stop_signal = SIGSTOP": (
        "stop_signal: SIGSTOP suspends a process and does not end it, write for example SIGTERM or SIGINT"
    ),
    "exit_codes = 256": f"exit_codes: '256' {NO_END}",
    "exit_codes = 0 -1": f"exit_codes: '-1' {NO_END}",
    "exit_codes = 0-3": f"exit_codes: '0-3' {NO_END}",
    "exit_codes = SIGFOO": f"exit_codes: 'SIGFOO' {NO_END}",
    "measure_startup = maybe": (
        "measure_startup: value 'maybe' cannot be transformed to bool, valid: , 0, 1, false, no, off, on, true, yes"
    ),
    "audit = twine, auditwheel": ("audit[0]: 'twine,' cannot be installed, write for example twine or twine==6.1"),
    "extensions = acme._speedups, a-b": (
        "extensions: 'a-b' is not the name of a module, write for example pandas or acme.testing"
    ),
    # probes
    SERVICE + "ready = up": f"ready[0]: 'up' {NO_PROBE}",
    SERVICE + "ready = ftp://127.0.0.1/": f"ready[0]: 'ftp://127.0.0.1/' {NO_PROBE}",
    SERVICE + "ready =\n  listen\n  nothing": f"ready[1]: 'nothing' {NO_PROBE}",
    SERVICE + "ready = http://": f"ready[0]: 'http://' {NO_URL}",
    SERVICE + "ready = http://127.0.0.1:99999/": f"ready[0]: 'http://127.0.0.1:99999/' {NO_URL}",
    SERVICE + "ready = http://127.0.0.1:{prot}/": f"ready[0]: 'http://127.0.0.1:{{prot}}/' {NO_URL}",
    HTTP + "status=20": f"ready[0]: status=20 {NO_STATUS}",
    HTTP + "status=": f"ready[0]: status= {NO_STATUS}",
    HTTP + "200": f"ready[0]: '200' {NO_OPTION}",
    HTTP + "size=3": f"ready[0]: 'size=3' {NO_OPTION}",
    HTTP + "body=ok": f"ready[0]: 'ok' {NO_SLASHES}",
    HTTP + "body=/(/": ("ready[0]: '(' is not a regular expression: missing ), unterminated subpattern at position 0"),
    HTTP + "header=/x/": "ready[0]: header='x' needs the form /name: regex/",
    HTTP + "method=G:T": "ready[0]: method=G:T is not an HTTP method, write for example method=HEAD",
    HTTP + "timeout=-1": f"ready[0]: -1 {NO_SECONDS}",
    HTTP + "'x": 'ready[0]: "\'x" cannot be read: no closing quotation',
    SERVICE + "ready = tcp://127.0.0.1": (
        "ready[0]: tcp:'//127.0.0.1' needs host and port, write tcp://127.0.0.1:{port}"
    ),
    SERVICE + "ready = tcp://127.0.0.1:http": f"ready[0]: 'http' {NO_PORT}",
    SERVICE + "ready = listen:70000": f"ready[0]: '70000' {NO_PORT}",
    SERVICE + "ready = log:never": f"ready[0]: 'never' {NO_SLASHES}",
    SERVICE + "ready = log: never": f"ready[0]: 'never' {NO_SLASHES}",
    SERVICE + "ready =\n  listen\n  file:": "ready: nothing is behind the colon of 'file:'",
    SERVICE + "ready = listen for=0": f"ready[0]: for=0 {NO_FOR}",
    SERVICE + "ready = listen for=3s": f"ready[0]: for=3s {NO_FOR}",
    SERVICE + "ready = listen for=30": "ready[0]: for=30 leaves no time to become ready in ready_timeout = 30",
    SERVICE + "ready = delay: soon": f"ready[0]: soon {NO_SECONDS}",
    # the deployment
    "ready = listen": f"ready: {NO_DEPLOY}",
    "expect_output = up": f"expect_output: {NO_DEPLOY}",
    "reject_output = down": f"reject_output: {NO_DEPLOY}",
    "deploy = - python -m http.server": f"deploy: {NO_PREFIX}",
    "deploy = ! python -m http.server": f"deploy: {NO_PREFIX}",
    SERVICE + "expect_output = (": (
        "expect_output: '(' is not a regular expression: missing ), unterminated subpattern at position 0"
    ),
    SERVICE + "reject_output =\n  fine\n  *bad": (
        "reject_output[1]: '*bad' is not a regular expression: nothing to repeat at position 0"
    ),
    "redy = listen\ndeploy = python -V": "redy: there is no such key, did you mean ready?",
    "deploy-files = x": "deploy-files: there is no such key, did you mean deploy_files?",
    # files
    "deploy_files = missing.py": (
        "deploy_files: nothing below {root} matches 'missing.py', correct the name or remove it"
    ),
    "deploy_files = conf/*.toml": (
        "deploy_files: nothing below {root} matches 'conf/*.toml', correct the name or remove it"
    ),
    "deploy_files = /etc/passwd": (
        "deploy_files: '/etc/passwd' is not below the tox root {root}, give a relative path or glob"
    ),
    "deploy_files = a/../../x": (
        "deploy_files: 'a/../../x' is not below the tox root {root}, give a relative path or glob"
    ),
    "deploy_files = **.py": ("deploy_files: '**.py' is not a glob: '**' can only be an entire path component"),
    "deploy_files = .": "deploy_files: '.' is the tox root itself, name what is to be copied",
    "deploy_files = **": ("deploy_files: '**' matches {root}, which holds tox's own .tox; name what is to be copied"),
    "deploy_files = one/run.py, two/run.py": (
        "deploy_files: one/run.py and two/run.py would both be copied to run.py, leave one out or name their folders"
    ),
    # what would not be the wheel
    "skip_install = true": (
        "skip_install: true means that the wheel is not installed, remove it from this environment"
    ),
}
TOML = {
    "ready_timeout = true": f"ready_timeout: True {NO_SECONDS}",
    "ready_timeout = 'soon'": f"ready_timeout: soon {NO_SECONDS}",
    "run_timeout = [1]": f"run_timeout: [1] {NO_SECONDS}",
    "stop_timeout = nan": f"stop_timeout: nan {NO_SECONDS}",
    "stop_timeout = -inf": f"stop_timeout: -inf {NO_SECONDS}",
    "stop_signal = ['SIGTERM']": "stop_signal: value of type 'list' is not text, write one in quotes",
    "exit_codes = [0, 256]": f"exit_codes: '256' {NO_END}",
    "exit_codes = [[0]]": f"exit_codes: '[0]' {NO_END}",
    "select = 'XYZ'": f"select: 'XYZ' {NO_CODE}",
    "select = {code = 'RUN'}": f"select: \"{{'code': 'RUN'}}\" {NO_CODE}",
    "extensions = true": "extensions: true and false are not words, write a list of texts",
    "simulate = [false]": "simulate: true and false are not words, write a list of texts",
    "audit = [['pyroma', '.']]": (
        "audit[0]: pyroma . names neither {wheel} nor {sdist}, so that it would audit nothing"
    ),
    "deploy = ['python', 1]": f"deploy: 1 {NO_WORDS}",
    "deploy = [['python', '-V']]": f"deploy: ['python', '-V'] {NO_WORDS}",
    "deploy = '- python -V'": f"deploy: {NO_PREFIX}",
    "deploy = {cmd = 'python'}": ("deploy: is not a command, give a list of words such as ['uvicorn', 'acme.web:app']"),
    "deploy = ['python']\nready = [1]": (
        "ready[0]: 1 is neither a text nor a table, write for example http://127.0.0.1:{port}/health"
    ),
    "deploy = ['python']\nready = [{http = 'http://x', tcp = 'x:1'}]": (
        "ready[0]: {'http': 'http://x', 'tcp': 'x:1'} needs exactly one of "
        "http, exec, tcp, unix, listen, log, file, delay, notify"
    ),
    "deploy = ['python']\nready = [{htp = 'http://x'}]": (
        "ready[0]: {'htp': 'http://x'} needs exactly one of http, exec, tcp, unix, listen, log, file, delay, notify"
    ),
    "deploy = ['python']\nready = [{tcp = '127.0.0.1:80', status = 200}]": (
        "ready[0]: a tcp probe has no option 'status'"
    ),
    "deploy = ['python']\nready = [{http = 'http://x/', status = [200, 20]}]": f"ready[0]: status=200,20 {NO_STATUS}",
    "deploy = ['python']\nready = [{listen = false}]": f"ready[0]: 'False' {NO_PORT}",
    "deploy = ['python']\nready = [{file = ''}]": (
        "ready[0]: file: needs a path, write for example file:{scratch}/app.pid"
    ),
    "deploy = ['python']\nexpect_output = [1]": ("expect_output: 1 is not text, put the regular expression in quotes"),
    "deploy_files = 'missing.py'": "deploy_files: value of type 'str' is not list",
    "max_import_time = 'soon'": f"max_import_time: soon is not a limit, give a number of seconds {OR_NONE}",
    "max_startup_time = 1": "max_startup_time: needs 'deploy' and 'measure_startup', no start-up is timed",
    "max_modules = 2.5": (
        "max_modules: 2.5 is not a limit, give a whole number of modules from 1 to 1000000, or 0 for no limit"
    ),
    "max_wheel_size = 5": "max_wheel_size: 5 has no unit, write for example 5 MB or 5 KiB",
    "max_installed_size = '5 parsecs'": (
        "max_installed_size: 5 parsecs is not a size from 1 B to 1000 TB, write for example 5 MB or 512 KiB, "
        "or 0 for no limit"
    ),
    "forbid_modules = ['a-b']": (
        "forbid_modules: 'a-b' is not the name of a module, write for example pandas or acme.testing"
    ),
    "max_work_increase = -1": (
        "max_work_increase: -1 is not a limit, give a number of percent from 0.01 to 10000, or 0 for no limit"
    ),
    "prodsim_baseline_dir = 3": "prodsim_baseline_dir: 3 is not text, write one in quotes",
    "resolution = 5": "resolution: 5 is not text, write one in quotes",
}
RESTORE = "restore it, or delete it and record it again"
BASELINES = {
    "no baseline at all": f"is not JSON (line 1); {RESTORE}",
    "": f"is not JSON (line 1); {RESTORE}",
    "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> main\n": f"has a merge conflict in line 1; {RESTORE}",
    '{"schema": 4}': "has schema 4, this tox-prodsim knows 3: upgrade tox-prodsim",
    "[]": f"its content is not a JSON object; {RESTORE}",
    '{"schema": 1, "key": "x"}': f"built is missing, not a JSON object; {RESTORE}",
    "[" * 100_000: f"is not JSON; {RESTORE}",
    " " * 4_000_001: f"cannot be read: it is larger than 4 MB; {RESTORE}",
    TEXT.replace(SHA256, "../precious"): (f"built.wheel_sha256 is '../precious', not 64 hexadecimal digits; {RESTORE}"),
    TEXT.replace(SHA256, "{root}/precious"): "built.wheel_sha256 is ",
    TEXT.replace("4ebf3a1", "--exec=x"): "built.commit is '--exec=x', not the hexadecimal digits of a commit, or empty",
    TEXT.replace("click==8.4.2", "click==8.4.2 -i http://127.0.0.1"): (
        f"dists is 'click==8.4.2 -i http://127.0.0.1', not a distribution such as click==8.4.2; {RESTORE}"
    ),
    TEXT.replace('"ratio": 1.964', '"ratio": 1e308'): "metrics.import acme.ratio is 1e+308, not a number from ",
    TEXT.replace('"rounds": 16', f'"rounds": {"9" * 400}'): "metrics.import acme.rounds is 9999",
    TEXT.replace("Xeon", "Xe\\u001b[2Jon"): f"machine.cpu has a control character: 'Xe\\x1b[2Jon'; {RESTORE}",
}
"""Contents of a baseline file, and what is said of them."""


class Refusals:
    """What one run of tox said of many environments, each with one wrong key."""

    def __init__(self, project: Project, name: str, sections: Mapping[str, str], *options: str | Path) -> None:
        project.installer = UV
        for folder in ("one", "two"):
            project.write(f"{folder}/run.py", "")
        project.write("tox.ini" if name == "testenv:" else "tox.toml", _document(name, sections))
        self.root = project.folder
        environments = ",".join(f"prodsim-{at}" for at in range(len(sections)))
        self.result: Result = project.tox("run", "-e", environments, "--installpkg", project.wheel(), *options).failed()

    def of(self, at: int) -> list[str]:
        """Return all lines about an environment, without those that create and remove its folder."""
        lines = (line.strip() for line in self.result.out.splitlines())
        mine = (line for line in lines if line.startswith(f"prodsim-{at}: "))
        return [line.partition(": ")[2] for line in mine if not any(word in line for word in (": venv> ", " ✖ in "))]


def _document(name: str, sections: Mapping[str, str]) -> str:
    return "\n".join(f"[{name}prodsim-{at}]\n{text}\n" for at, text in enumerate(sections))


def _is_refused(refusals: Refusals, at: int, line: str) -> None:
    said = refusals.of(at)
    assert said[0] == f"failed with {line}", refusals.result.out
    assert said[1].startswith("FAIL code 1 ("), said
    assert len(said) == 2, "nothing is installed, and one line says why"


@pytest.fixture(scope="module")
def ini(tmp_path_factory: pytest.TempPathFactory) -> Refusals:
    return Refusals(Project(tmp_path_factory.mktemp("ini")), "testenv:", INI)


@pytest.fixture(scope="module")
def toml(tmp_path_factory: pytest.TempPathFactory) -> Refusals:
    return Refusals(Project(tmp_path_factory.mktemp("toml")), "env.", TOML)


@pytest.mark.parametrize("text", INI)
def test_a_wrong_value_is_refused_in_one_line_before_anything_is_installed(ini: Refusals, text: str) -> None:
    _is_refused(ini, list(INI).index(text), INI[text].replace("{root}", str(ini.root)))


@pytest.mark.parametrize("text", TOML)
def test_a_wrong_value_in_toml_is_refused_in_one_line(toml: Refusals, text: str) -> None:
    _is_refused(toml, list(TOML).index(text), TOML[text])


def test_commands_of_tox_work_where_a_prodsim_section_is_wrong_in_every_way(ini: Refusals, toml: Refusals) -> None:
    for refusals in (ini, toml):
        project = Project(refusals.root, installer=UV)
        for command in (("list",), ("config", "-e", "prodsim-0"), ("schema",)):
            result = project.tox(*command).passed()
            assert "Traceback" not in result.out


@pytest.mark.parametrize(
    ("name", "section"), [("tox.ini", "[testenv]"), ("tox.toml", "[env_run_base]"), ("tox.ini", "[testenv:prodsim]")]
)
def test_a_misspelt_key_is_found_wherever_it_stands(quick_project: Project, name: str, section: str) -> None:
    quick_project.write(name, f"{section}\ndelpoy = 'x'\n")
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).failed()
    assert "prodsim: failed with delpoy: there is no such key, did you mean deploy?" in result.out


def test_several_files_that_fit_are_copied_and_tox_s_own_folder_is_not(quick_project: Project) -> None:
    quick_project.write("run.py", "import os; print(sorted(os.listdir()))")
    quick_project.write("conf/acme.toml", "")
    quick_project.write(
        "tox.ini", "[testenv:prodsim]\nignore = PRF\ndeploy_files = *\ndeploy = python run.py\nexpect_output = acme"
    )
    (quick_project.folder / "conf" / "acme.toml").rename(quick_project.folder / "acme.toml")
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    scratch = quick_project.folder / ".tox" / "prodsim" / "tmp" / "scratch"
    assert sorted(path.name for path in scratch.iterdir()) == ["acme.toml", "conf", "dist", "run.py", "tox.ini"]


def test_a_command_that_cannot_be_run_is_refused_before_it_is_started(quick_project: Project) -> None:
    sections = {
        "deploy = acme-server {port}": (
            "deploy: no command 'acme-server' in the environment; is it a script of a package that 'deps' should name?"
        ),
        "deploy = /no/such/thing": (
            "deploy: no command '/no/such/thing' in the environment; "
            "is it a script of a package that 'deps' should name?"
        ),
        "deploy = sh -c true": "deploy: sh is not allowed, use allowlist_externals to allow it",
        "deploy = sh -c true\nallowlist_externals = bash": (
            "deploy: sh is not allowed, use allowlist_externals to allow it"
        ),
    }
    refusals = Refusals(quick_project, "testenv:", sections)
    for at, line in enumerate(sections.values()):
        said = [each for each in refusals.of(at) if not each.startswith(("install_package>", "venv-query>"))]
        assert said[0] == f"failed with {line}", refusals.result.out
        assert len(said) == 2
    assert "spawn" not in refusals.result.out


def test_a_command_that_does_not_exist_fails_and_the_service_is_stopped(quick_project: Project) -> None:
    quick_project.write("up.py", "import sys, time\nprint('up', flush=True)\ntime.sleep(100)")
    quick_project.write(
        "tox.ini",
        "[testenv:prodsim]\nignore = PRF\ndeploy_files = up.py\nready = log:/up/\ncommands = acme-smoke\n"
        f"deploy = python up.py {quick_project.tag}\n",
    )
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).failed()
    assert "FAIL RUN605 commands[0]: " in result.out
    assert "SIGTERM    to the main process (1 process running)" in result.out
    assert quick_project.left() == []


def test_a_baseline_that_cannot_be_used_is_refused_and_left_as_it_is(quick_project: Project) -> None:
    key = store.key_for(
        implementation=platform.python_implementation(),
        version=platform.python_version(),
        platform=sysconfig.get_platform(),
    )
    names = [f".prodsim/baselines/prodsim-{at}/{key}.json" for at in range(len(BASELINES) + 3)]
    texts = [text.replace("{root}", str(quick_project.folder)) for text in BASELINES]
    paths = [quick_project.write(name, text) for name, text in zip(names, texts, strict=False)]
    folder, pipe, link = (quick_project.folder / name for name in names[len(BASELINES) :])
    precious = quick_project.write("precious/acme-1.0-py3-none-any.whl", "precious")
    folder.mkdir(parents=True)
    for path in (pipe, link):
        path.parent.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(quick_project.folder / "new.json")
    wheels = quick_project.folder / ".tox" / ".prodsim-wheels"
    wheels.mkdir(parents=True)
    (wheels / SHA256).symlink_to(precious.parent)
    sections = {f"description = {at}": "" for at in range(len(names))}
    refusals = Refusals(quick_project, "testenv:", sections, "--prodsim-update-baseline")
    for at, (path, line) in enumerate(zip(paths, BASELINES.values(), strict=True)):
        assert refusals.of(at)[0].startswith(f"failed with baseline: {path}: {line}"), refusals.result.out
    for at, (path, kind) in enumerate({folder: "a folder", pipe: "a FIFO", link: "a symbolic link"}.items()):
        line = f"cannot be read: {kind} is in the place of {path.name!r}, remove it; {RESTORE}"
        _is_refused(refusals, len(paths) + at, f"baseline: {path}: {line}")
    assert [path.read_text() for path in paths] == texts
    assert not (quick_project.folder / "new.json").exists()
    assert [(path.name, path.read_text()) for path in precious.parent.iterdir()] == [(precious.name, "precious")]


def test_no_baseline_is_stored_in_ci(quick_project: Project) -> None:
    result = quick_project.prodsim(
        "--prodsim-update-baseline", "--installpkg", quick_project.wheel(), env={"CI": "true"}
    )
    line = (
        "prodsim: failed with --prodsim-update-baseline: CI is set, and a baseline stored here would be lost: "
        "pass --prodsim-allow-ci-update when it is committed\n"
    )
    assert line in result.failed().out
    assert "install_package" not in result.out
    assert not (quick_project.folder / ".prodsim").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "tox prodsim: error: the following arguments are required: COMMAND; see: tox prodsim --help"),
        ("checked", "tox prodsim: error: argument COMMAND: invalid choice: 'checked'"),
        ("baseline drop", "tox prodsim baseline: error: argument COMMAND: invalid choice: 'drop'"),
        ("explain", "tox prodsim explain: error: the following arguments are required: CODE"),
        ("explain XX1", "XX1: there is no such code; 'tox prodsim checks' lists all"),
        ("explain RUN6077", "RUN6077: there is no such code; did you mean RUN607? 'tox prodsim checks' lists all"),
        ("report", "there is no run to report, start one with: tox run -e prodsim"),
        ("report --format xml", "tox prodsim report: error: argument --format: invalid choice: 'xml'"),
        ("report --output no/such/x.xml", "--output: no/such/x.xml cannot be written: there is no folder no/such"),
    ],
)
def test_a_wrong_word_after_tox_prodsim_is_answered_in_one_line(quick_project: Project, words: str, line: str) -> None:
    result = quick_project.tox("prodsim", *words.split()).failed()
    assert line in result.out
    assert not list(quick_project.folder.glob(".tox/*/prodsim"))


def test_a_file_that_is_no_wheel_is_refused_before_anything_is_installed(quick_project: Project) -> None:
    dist = quick_project.folder / "dist"
    dist.mkdir()
    for name in ("acme-1.0-py3-none-any.whl", "acme.whl", "acme.zip"):
        (dist / name).write_text("garbage")
    with zipfile.ZipFile(dist / "bare-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme.py", "")
    quick_project.wheel(name="half", metadata="Metadata-Version: 2.1\n")
    reasons = {
        "acme-1.0-py3-none-any.whl": "cannot be read as a wheel: File is not a zip file",
        "acme.whl": "is not the name of a wheel, which is name-version-python-abi-platform.whl",
        "bare-1.0-py3-none-any.whl": "is not a wheel: it has no .dist-info folder",
        "half-1.0-py3-none-any.whl": "is not a wheel: half-1.0.dist-info/METADATA has no Name",
    }
    for name, reason in reasons.items():
        result = quick_project.prodsim("--installpkg", dist / name).failed()
        assert [(each["code"], each["subject"], each["message"]) for each in quick_project.findings()] == [
            ("WHL140", name, reason)
        ]
        assert quick_project.report()["wheel"]["name"] == name
        assert "install_package" not in result.out
    result = quick_project.prodsim("--installpkg", dist / "acme.zip").failed()
    line = f"{dist / 'acme.zip'} is neither a wheel (.whl) nor an sdist (.tar.gz)"
    assert f"\nprodsim: failed with --installpkg: {line}\n" in result.out


def test_a_file_that_is_no_sdist_is_refused(quick_project: Project) -> None:
    garbage = quick_project.write("acme-1.0.tar.gz", "garbage")
    quick_project.prodsim("--installpkg", garbage).failed()
    found = [(each["code"], each["subject"], each["message"]) for each in quick_project.findings()]
    assert found == [("WHL140", "acme-1.0.tar.gz", "cannot be unpacked: not a gzip file")]
    empty = quick_project.folder / "empty-1.0.tar.gz"
    with tarfile.open(empty, "w:gz"):
        pass
    quick_project.prodsim("--installpkg", empty).failed()
    message = "is not a valid sdist: it must hold one folder, and holds 0 files and folders"
    assert [(each["code"], each["message"]) for each in quick_project.findings()] == [("WHL140", message)]


def test_a_file_that_does_not_exist_is_refused_by_tox(quick_project: Project) -> None:
    missing = quick_project.folder / "missing-1.0-py3-none-any.whl"
    result = quick_project.prodsim("--installpkg", missing).failed()
    assert f"argument --installpkg: {missing} does not exist\n" in result.out


def test_a_misspelt_key_on_the_command_line_is_refused_like_in_the_file(project: Project) -> None:
    project.write("tox.ini", "[testenv:prodsim]\nprodsim_baseline_dir = ..\n")
    options = ("run", "-e", "prodsim", "--installpkg", project.wheel())
    result = project.tox(*options, "-x", "testenv:prodsim.deplyo=true").failed()
    assert "failed with deplyo: there is no such key, did you mean deploy?" in result.out
    result = project.tox(*options).failed()
    assert "failed with prodsim_baseline_dir: '..' leads out of the tox root, to " in result.out
