"""A misspelt key or section is refused, in the file and in ``-x``, in the three kinds of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.refusals import refused
from tox.config.types import Command
from tox.run import setup_state

from tox_prodsim.plugin import hooks
from tox_prodsim.plugin.config import misspelt

INI = "[testenv:prodsim]\nservices = web\n[prodsim:web]\ndeploy = serve\n[prodsim:other]\ndeploy = serve\n"
TOML = '[env.prodsim]\nservices = ["web"]\n[prodsim.web]\ndeploy = ["serve"]\n'
PYPROJECT = '[tool.tox.env.prodsim]\nservices = ["web"]\n[tool.tox.prodsim.web]\ndeploy = ["serve"]\n'
NO_SUCH = "there is no such key, did you mean deploy?"


def read(folder: Path, name: str, text: str, *options: str) -> None:
    (folder / name).write_text(text)
    state = setup_state(("config", "-c", str(folder / name), "-e", "prodsim", *options))
    conf = state.conf.get_env("prodsim")
    for key in ("commands_pre", "commands", "commands_post"):
        conf.add_config(key, list[Command], [], key)
    hooks.tox_add_env_config(conf, state)
    misspelt.refuse(conf)
    misspelt.refuse_unknown_services(conf, tuple(conf["services"]))


@pytest.mark.parametrize(
    ("name", "text", "override", "message"),
    [
        ("tox.ini", INI, "testenv:prodsim.deplyo=a", f"deplyo: {NO_SUCH}"),
        ("tox.ini", INI, "testenv:prodsim.deplyo+=a", f"deplyo: {NO_SUCH}"),
        ("tox.ini", INI, "testenv.deplyo=a", f"deplyo: {NO_SUCH}"),
        ("tox.ini", "[tox]\n", "testenv:prodsim.deplyo=a", f"deplyo: {NO_SUCH}"),
        ("tox.toml", TOML, "env.prodsim.deplyo=a", f"deplyo: {NO_SUCH}"),
        ("tox.toml", TOML, "env_run_base.deplyo=a", f"deplyo: {NO_SUCH}"),
        ("pyproject.toml", PYPROJECT, "tool.tox.env.prodsim.deplyo=a", f"deplyo: {NO_SUCH}"),
        ("tox.ini", INI, "prodsim:wbe.deploy=a", "-x prodsim:wbe: there is no service 'wbe', did you mean web?"),
        ("tox.toml", TOML, "prodsim.wbe.deploy=a", "-x prodsim.wbe: there is no service 'wbe', did you mean web?"),
        ("tox.ini", "[tox]\n", "prodsim:db.deploy=a", "-x prodsim:db: there is no service 'db', there are none"),
    ],
)
def test_a_misspelt_override_is_refused(tmp_path: Path, name: str, text: str, override: str, message: str) -> None:
    assert str(refused(lambda: read(tmp_path, name, text, "-x", override))) == message


@pytest.mark.parametrize(
    ("name", "text", "override"),
    [("tox.ini", INI, "env.prodsim.deploy=a"), ("tox.toml", TOML, "testenv:prodsim.deploy=a")],
)
def test_an_override_in_the_spelling_of_another_file_is_refused(
    tmp_path: Path, name: str, text: str, override: str
) -> None:
    message = refused(lambda: read(tmp_path, name, text, "-x", override)).message
    assert message.startswith(f"-x {override.removesuffix('=a')} is in no section that is read")


@pytest.mark.parametrize(
    ("name", "text", "override"),
    [
        ("tox.ini", INI, "testenv:prodsim.run_timeout=3"),
        ("tox.ini", INI, "testenv:other.deplyo=a"),
        ("tox.ini", INI, "prodsim:web.deploy=a"),
        ("tox.ini", INI, "prodsim.web.deploy=a"),
        ("tox.ini", INI, "prodsim:other.deploy=a"),
        ("tox.toml", TOML, "prodsim.web.run_timeout=3"),
        ("tox.toml", TOML, "env.prodsim.run_timeout=3"),
    ],
)
def test_another_override_is_not_refused(tmp_path: Path, name: str, text: str, override: str) -> None:
    read(tmp_path, name, text, "-x", override)
