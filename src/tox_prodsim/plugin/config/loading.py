"""The value of one key as tox has it, and what is refused before tox reads it."""

from __future__ import annotations

from tox.config.loader.ini import IniLoader
from tox.config.loader.ini.factor import filter_for_env
from tox.config.sets import ConfigSet
from tox.report import HandledError
from tox.tox_env.errors import Fail, Skip

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.config import shell_words
from tox_prodsim.plugin.config.keys import Key


def load(conf: ConfigSet, key: Key) -> object:
    """Return what tox makes of the value of a key; its complaint about one becomes one line that names the key."""
    try:
        return conf[key.name]
    except HandledError as problem:
        _, found, complaint = str(problem).partition(f"{key.name}: ")
        if not found:
            raise
        return key.refuse(key.name, complaint)
    except (Fail, Skip, ProdsimError):
        raise
    except Exception as problem:
        raise ProdsimError(key.name, " ".join(str(problem).split()) or type(problem).__name__) from problem


def refuse_second_command(conf: ConfigSet) -> None:
    """Refuse a second line of ``deploy`` in an ini file: tox takes its words for arguments of the first."""
    for loader in conf.loaders:
        if isinstance(loader, IniLoader) and "deploy" in loader.found_keys():
            lines = filter_for_env(loader.load_raw("deploy", None, None), conf.env_name)
            shell_words.refuse_second_line("deploy", lines)
            return
