"""Every key of an environment and of a service, with odd values, in tox.toml and in tox.ini."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fuzz.engine import Target
from fuzz.inputs import TOKENS, edited
from hypothesis import strategies as st
from tox.report import HandledError
from tox.run import setup_state

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.config.keys import KEYS, SERVICE_KEYS
from tox_prodsim.plugin.config.read import read
from tox_prodsim.plugin.redaction import one_line

SOUND: dict[str, tuple[Any, ...]] = {
    "deploy": (["acme", "--port", "{port}"], "acme serve", "sh -c 'a | b'"),
    "services": (["db", "web"], "db web"),
    "ready": (["http://127.0.0.1:{port}/ 200 body=x every=1"], "tcp://127.0.0.1:{port}", ["log:up (a+)+b", "notify"]),
    "ready_timeout": (30, "1.5"),
    "stop_signal": ("SIGINT", "15"),
    "drain": (["http://127.0.0.1:{port}/"],),
    "exit_codes": ([0, "SIGTERM"], "0 143"),
    "allow_leaks": (["files:*.pid", "processes"],),
    "expect_output": (["a.*b"],),
    "deploy_files": (["conf/*"], "tox.*"),
    "audit": (["twine", ["check", "x"]], "pip-audit"),
    "simulate": (["no_network", "ascii_locale"],),
    "extensions": ("acme._fast",),
    "measure_imports": (["acme", "acme.cli"],),
    "time_tolerance_percent": (5, "7.5"),
    "max_modules": (100,),
    "max_wheel_size": ("5 MB", "512 KiB", "1.5GB"),
    "report_mode": ("0644", 420),
    "ignore": (["RUN6", "IMP504:acme.*"],),
    "set_env": ({"A": "1"}, "A=1\nB={env:HOME}"),
    "depends": (["db"], "db"),
}
"""Values from which odd ones are made; a key without any here gets those of all others."""
_ALL = tuple(value for values in SOUND.values() for value in values)
_NUMBERS = (
    0,
    -1,
    1,
    10**18,
    10**30,
    0.5,
    1e308,
    1e-320,
    "nan",
    "inf",
    "-inf",
    "1e999",
    "9" * 400,
    "9" * 5000,
    "\u0663",
    "\u00b2",
)
_OTHERS = (True, False, "", " ", "\t", [], [[]], [""], {}, {"a": 1}, [{"a": []}], [True], [1, "a"], "a" * 3000)
_REPLACEMENTS = (
    {"replace": "env", "name": "X"},
    {"replace": "posargs"},
    {"replace": "if"},
    "{env:X:{posargs}}",
    "{[tox]a}",
)


@st.composite
def _text(draw: st.DrawFn, sound: str) -> str:
    text = draw(edited([sound.encode()], most=3)).decode("utf-8", "replace")
    return text.replace("\ufffd", "?")


@st.composite
def _value(draw: st.DrawFn, key: str) -> Any:
    """Return a value for a key: one that is sound, of another key, odd, or a sound one that was edited."""
    sound = draw(st.sampled_from(SOUND.get(key, _ALL)))
    match draw(st.integers(0, 5)):
        case 0:
            return draw(st.sampled_from(_NUMBERS))
        case 1:
            return draw(st.sampled_from(_OTHERS))
        case 2:
            return draw(st.sampled_from(_ALL + _REPLACEMENTS))
        case 3:
            return draw(st.sampled_from(TOKENS)).decode("utf-8", "replace")
        case _ if isinstance(sound, list):
            return [draw(_text(each)) if isinstance(each, str) else each for each in sound]
        case _:
            return draw(_text(str(sound)))


def _toml(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str():
            return json.dumps(value).replace("\x7f", "\\u007f")
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def _ini(value: Any) -> str:
    items = value if isinstance(value, list) else [value]
    return "\n    ".join(str(each).replace("\r", "\n").replace("\0", "").replace("\n", "\n    ") for each in items)


def _sections(draw: st.DrawFn) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the sections of a configuration: the keys of the environment, and those of two services."""
    own = draw(st.lists(st.sampled_from([key.name for key in KEYS]), min_size=1, max_size=3, unique=True))
    plain: dict[str, Any] = {"deploy": ["acme"], "ready": ["tcp://127.0.0.1:{port}"]}
    if draw(st.integers(0, 2)) == 0:
        plain = {"services": ["db", "web"]}
        of_service = [key.name for key in SERVICE_KEYS]
        for name in ("db", "web"):
            changed = draw(st.lists(st.sampled_from(of_service), max_size=2, unique=True))
            yield f"prodsim:{name}", {"deploy": [name]} | {key: draw(_value(key)) for key in changed}
    kept = plain if draw(st.integers(0, 3)) else {}
    yield "env:prodsim", kept | {key: draw(_value(key)) for key in own}


@st.composite
def _toml_files(draw: st.DrawFn) -> bytes:
    text = ""
    for title, keys in _sections(draw):
        parts = ".".join(title.split(":"))
        text += f"[{parts}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())
    return text.encode("utf-8", "replace")


@st.composite
def _ini_files(draw: st.DrawFn) -> bytes:
    text = ""
    for title, keys in _sections(draw):
        name = "testenv:prodsim" if title == "env:prodsim" else title
        text += f"[{name}]\n" + "".join(f"{key} = {_ini(value)}\n" for key, value in keys.items())
    return text.encode("utf-8", "replace")


def _play(file_name: str) -> Callable[[bytes, Path], Iterator[str]]:
    """Return what reads a configuration as a run does; one that tox itself cannot read is not ours to judge."""

    def play(data: bytes, folder: Path) -> Iterator[str]:
        root = folder / file_name.replace(".", "_")
        root.mkdir(exist_ok=True)
        (root / "conf").mkdir(exist_ok=True)
        (root / "conf" / "a.cfg").touch()
        path = root / file_name
        path.write_bytes(data)
        try:
            state = setup_state(["config", "-c", str(path), "-e", "prodsim", "--workdir", str(root / ".tox")])
            tox_env = state.envs["prodsim"]
        except (Exception, SystemExit):  # noqa: BLE001 - of tox: the file is none that it can read
            return
        try:
            scenario = read(tox_env)
        except ProdsimError as problem:
            yield one_line(str(problem))
            return
        for deployment in scenario.deployments:
            launch = deployment.launch(port=1, scratch=root)
            yield repr(launch)
        yield repr(scenario)

    return play


TARGETS = (
    Target("keys_toml", _play("tox.toml"), _toml_files(), (ProdsimError, HandledError)),
    Target("keys_ini", _play("tox.ini"), _ini_files(), (ProdsimError, HandledError)),
)
