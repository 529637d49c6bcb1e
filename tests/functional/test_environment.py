"""The environment is there without configuration, takes the settings that were meant for it, and bothers no other."""

from __future__ import annotations

import json
import re
import sys

import pytest
from support.project import Project, Result

from tox_prodsim.plugin.config.keys import KEYS

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
PY = f"py{sys.version_info.major}{sys.version_info.minor}"
LINT = {
    "tox.ini": "[testenv:lint]\nskip_install = true\ncommands = python -c 'print(\"LINTED\")'\n",
    "tox.toml": '[env.lint]\nskip_install = true\ncommands = [["python", "-c", "print(\'LINTED\')"]]\n',
    "pyproject.toml": (
        '[tool.tox.env.lint]\nskip_install = true\ncommands = [["python", "-c", "print(\'LINTED\')"]]\n'
    ),
}
BASE = {
    "tox.ini": "[testenv]\n{base}\n[testenv:prodsim]\n{own}\n",
    "tox.toml": "[env_run_base]\n{base}\n[env.prodsim]\n{own}\n",
    "pyproject.toml": "[tool.tox.env_run_base]\n{base}\n[tool.tox.env.prodsim]\n{own}\n",
}


def config(project: Project, env: str, *keys: str, more: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what tox takes the keys of an environment for, lists joined with blanks."""
    result = project.tox("config", "-e", env, *more, "-k", *keys).passed()
    text = result.out[result.out.index(f"[testenv:{env}]\n") :].replace("=\n  ", "= ").replace("\n  ", " ")
    return dict(re.findall(r"^(\w+) =[ ]?(.*)$", text, re.MULTILINE))


def ran(result: Result, name: str) -> bool:
    return bool(re.search(rf"^{re.escape(name)}: tox-prodsim ", result.out, re.MULTILINE))


def test_it_runs_where_nothing_is_configured(any_project: Project) -> None:
    result = any_project.prodsim("--installpkg", any_project.wheel()).passed()
    assert ran(result, "prodsim")
    assert "  import   ok    acme from site-packages" in result.out
    assert "  prodsim: OK" in result.out


@pytest.mark.parametrize("name", LINT)
def test_it_runs_and_is_listed_beside_the_environments_of_the_project(quick_project: Project, name: str) -> None:
    quick_project.write(name, LINT[name])
    assert ran(quick_project.prodsim("--installpkg", quick_project.wheel()).passed(), "prodsim")
    listed = quick_project.tox("list").passed().out
    assert re.search(r"^lint +->", listed, re.MULTILINE)
    assert re.search(r"^prodsim +-> prove that the wheel works as production will use it$", listed, re.MULTILINE)


def test_it_is_listed_where_nothing_is_configured(quick_project: Project) -> None:
    listed = quick_project.tox("list").passed().out
    for name, does in {"prodsim": "prove that the wheel", "prodsim-sdist": "the same from the sdist"}.items():
        assert re.search(rf"^{name} +-> {does}", listed, re.MULTILINE)


@pytest.mark.parametrize("name", [f"prodsim-{MINOR}", f"{PY}-prodsim"])
def test_its_name_may_have_a_python_factor(quick_project: Project, name: str) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    result = quick_project.tox("run", "-e", name, "--installpkg", quick_project.wheel()).passed()
    assert ran(result, name)
    assert f"· CPython {MINOR}." in result.out
    assert quick_project.report(name)["summary"]["verdict"] == "passed"


def test_a_factor_a_variable_and_a_list_of_environments_choose_it(quick_project: Project) -> None:
    quick_project.write(
        "tox.ini", f"[tox]\nenv_list = lint, {PY}-prodsim\n[testenv:prodsim]\nignore = PRF\n" + LINT["tox.ini"]
    )
    wheel = quick_project.wheel()
    by_factor = quick_project.tox("run", "-f", "prodsim", "--installpkg", wheel).passed()
    by_variable = quick_project.tox("run", "--installpkg", wheel, env={"TOXENV": "prodsim"}).passed()
    by_list = quick_project.tox("run", "--installpkg", wheel).passed()
    assert ran(by_factor, f"{PY}-prodsim")
    assert "LINTED" not in by_factor.out
    assert ran(by_variable, "prodsim")
    assert ran(by_list, f"{PY}-prodsim")
    assert "LINTED" in by_list.out


def test_a_factor_chooses_it_where_nothing_is_configured(quick_project: Project) -> None:
    assert ran(quick_project.tox("run", "-f", "prodsim", "--installpkg", quick_project.wheel()).passed(), "prodsim")


@pytest.mark.parametrize("name", BASE)
def test_own_settings_beat_the_defaults_of_the_plugin_and_these_beat_the_base_section(
    quick_project: Project, name: str
) -> None:
    ini = name == "tox.ini"
    base = (
        "deps = base-dep\n"
        "commands = base-command\npackage = wheel\nrecreate = false\nskip_install = true\nextras = test"
        if ini
        else 'deps = ["base-dep"]\ncommands = [["base-command"]]\npackage = "wheel"\nrecreate = false\n'
        'skip_install = true\nextras = ["test"]'
    )
    own = (
        "description = my own\nstop_timeout = 3\nchange_dir = {env_tmp_dir}/mine"
        if ini
        else 'description = "my own"\nstop_timeout = 3\nchange_dir = "{env_tmp_dir}/mine"'
    )
    quick_project.write(name, BASE[name].format(base=base, own=own))
    prefix = {"tox.ini": "testenv:prodsim", "tox.toml": "env.prodsim", "pyproject.toml": "tool.tox.env.prodsim"}[name]
    keys = ("description", "stop_timeout", "change_dir", "package", "recreate", "deps", "commands", "skip_install")
    found = config(quick_project, "prodsim", *keys, "ready_timeout", "extras", more=("-x", f"{prefix}.ready_timeout=7"))
    assert found == {
        "description": "my own",
        "stop_timeout": "3",
        "change_dir": str(quick_project.folder / ".tox" / "prodsim" / "tmp" / "mine"),
        "package": "sdist-wheel",
        "recreate": "True",
        "deps": "",
        "commands": "",
        "skip_install": "False",
        "ready_timeout": "7",
        "extras": "",
    }
    beaten = config(
        quick_project,
        "prodsim",
        "stop_timeout",
        "package",
        more=("-x", f"{prefix}.stop_timeout=4", "-x", f"{prefix}.package=wheel"),
    )
    assert beaten == {"stop_timeout": "4", "package": "wheel"}


def test_a_factored_environment_inherits_what_prodsim_says_unless_it_says_otherwise(quick_project: Project) -> None:
    quick_project.write(
        "tox.ini",
        f"[testenv:prodsim]\nstop_timeout = 3\nready_timeout = 4\nrun_timeout =\n  {PY}: 99\n  !{PY}: 11\n"
        f"[testenv:{PY}-prodsim]\nready_timeout = 5\n",
    )
    keys = ("stop_timeout", "ready_timeout", "run_timeout", "package")
    inherited = {"stop_timeout": "3", "ready_timeout": "4", "run_timeout": "11", "package": "sdist-wheel"}
    assert config(quick_project, f"prodsim-{MINOR}", *keys) == inherited
    assert config(quick_project, f"{PY}-prodsim", *keys) == inherited | {"ready_timeout": "5", "run_timeout": "99"}


def test_a_factored_environment_inherits_in_toml(quick_project: Project) -> None:
    quick_project.write("tox.toml", "[env.prodsim]\nstop_timeout = 3\n")
    assert config(quick_project, f"{PY}-prodsim", "stop_timeout") == {"stop_timeout": "3"}


def test_an_unrelated_environment_is_untouched(any_project: Project) -> None:
    any_project.write("pyproject.toml", "[project]\nname = 'acme'\nversion = '1'\n")
    any_project.write("tox.ini", LINT["tox.ini"])
    assert "LINTED" in any_project.tox("run", "-e", "lint").passed().out
    assert sorted(path.name for path in (any_project.folder / ".tox").iterdir() if path.is_dir()) == [".tmp", "lint"]


@pytest.mark.parametrize("arguments", [("-e", "lint"), ()], ids=["-e lint", "the list"])
def test_the_name_of_the_packaging_environment_in_the_list_is_no_trouble(
    quick_project: Project, arguments: tuple[str, ...]
) -> None:
    quick_project.write("tox.ini", "[tox]\nenv_list = .pkg, lint\n" + LINT["tox.ini"])
    if arguments:
        assert "LINTED" in quick_project.tox("run", *arguments).passed().out
    else:
        assert "lint" in quick_project.tox("list").passed().out


def test_all_are_those_of_the_project(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[tox]\nenv_list = lint\n" + LINT["tox.ini"])
    result = quick_project.tox("run", "-e", "ALL").passed()
    assert "LINTED" in result.out
    assert "prodsim" not in result.out
    assert not (quick_project.folder / ".tox" / "prodsim").exists()


def test_all_run_it_too_where_the_project_names_it(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n" + LINT["tox.ini"])
    result = quick_project.tox("run", "-e", "ALL", "--installpkg", quick_project.wheel()).passed()
    assert ran(result, "prodsim")
    assert "LINTED" in result.out


BROKEN = """
[testenv:prodsim]
deploy = - 'unclosed
ready = nonsense
ready_timeout = soon
exit_codes = 999
stop_signal = SIGFOO
select = XYZ
deploy_files = ../missing
commands = {[nowhere]nothing}
"""


@pytest.mark.parametrize(
    "command", [("list",), ("config", "-e", "lint"), ("schema",), ("run", "-e", "lint"), ("prodsim", "checks")]
)
def test_a_broken_section_is_no_trouble_where_it_is_not_run(quick_project: Project, command: tuple[str, ...]) -> None:
    quick_project.write("tox.ini", LINT["tox.ini"] + BROKEN)
    assert "Traceback" not in quick_project.tox(*command).passed().out


def test_a_broken_section_can_be_looked_at(quick_project: Project) -> None:
    quick_project.write("tox.ini", BROKEN)
    found = config(quick_project, "prodsim", "ready_timeout", "stop_signal", "ready")
    assert found == {"ready_timeout": "soon", "stop_signal": "SIGFOO", "ready": "nonsense"}


def test_every_key_is_shown(quick_project: Project) -> None:
    quick_project.write("tox.toml", "[env.prodsim]\nready = ['log:/a,b/', { http = '{url}' }]\nselect = 'RUN, WHL'\n")
    out = quick_project.tox("config", "-e", "prodsim", "--format", "json").passed().out
    found = json.loads(out[out.index("{") :])["env"]["prodsim"]
    assert {key.name for key in KEYS} <= found.keys()
    assert found["ready"] == ["log:/a,b/", {"http": "{url}"}]
    assert found["select"] == ["RUN", "WHL"]
    assert found["ready_timeout"] == 30.0


@pytest.mark.parametrize(("name", "text"), [("tox.ini", "[tox]\n"), ("tox.toml", "[env.prodsim]\n"), *LINT.items()])
def test_every_key_is_in_the_schema_of_tox_which_complains_of_nothing(
    quick_project: Project, name: str, text: str
) -> None:
    quick_project.write(name, text)
    described = json.loads(quick_project.tox("schema").passed().out)["properties"]["env_run_base"]["properties"]
    assert all(described[key.name]["type"] and described[key.name]["description"] == key.help for key in KEYS)
    assert described["deps"], "the keys of tox are there as well"


def test_a_name_that_only_contains_the_word_is_none_of_ours(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:noprodsim]\nskip_install = true\ncommands = python -c 'print(\"MINE\")'\n")
    result = quick_project.tox("run", "-e", "noprodsim").passed()
    assert "MINE" in result.out
    assert "tox-prodsim" not in result.out
    assert "stop_timeout" not in quick_project.tox("config", "-e", "noprodsim").passed().out
