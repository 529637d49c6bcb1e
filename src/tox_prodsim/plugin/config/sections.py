"""The sections of services: ``[prodsim:db]`` in tox.ini, ``[prodsim.db]`` in tox.toml, ``[tool.tox.prodsim.db]``.

tox reads them as it reads those of environments: with its substitutions, its factors and its overrides.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator, Sequence

from tox.config.loader.api import Override
from tox.config.loader.ini import IniLoader
from tox.config.loader.section import Section
from tox.config.loader.toml import TomlLoader
from tox.config.main import Config
from tox.config.set_env import SetEnv
from tox.config.sets import ConfigSet, EnvConfigSet

from tox_prodsim.plugin.config import keys

PREFIX = "prodsim"
UNSET = object()
"""The value of a key that a section does not have."""
_configs: weakref.WeakKeyDictionary[EnvConfigSet, Config] = weakref.WeakKeyDictionary()


class ServiceSection(ConfigSet):
    """The section of one service."""

    def register_config(self) -> None:
        """Register the keys that a section of a service may have."""
        for key in keys.SERVICE_KEYS:
            factory = self._set_env if key is keys.SET_ENV else None
            self.add_config(key.name, key.of_type, UNSET, key.help, factory=factory)

    def _set_env(self, raw: object) -> SetEnv:
        if not isinstance(raw, str | dict | list):
            msg = f"{raw!r} is not a table of texts"
            raise TypeError(msg)
        return SetEnv(raw, "set_env", self.env_name, self._conf.core["tox_root"])

    @property
    def is_missing(self) -> bool:
        """Return whether the file has no such section, and no override stands for it."""
        return not self.loaders


def remember(env_conf: EnvConfigSet, config: Config) -> None:
    """Keep the configuration to which an environment belongs: that of its services is there as well."""
    _configs[env_conf] = config


def section_of(env_conf: EnvConfigSet, name: str) -> ServiceSection:
    """Return the section of a service, as the environment sees it."""
    config = _configs[env_conf]
    section = _section(env_conf, name)
    for other in _spellings(name):  # of an override, which tox would pass over in silence
        if other != section.key and other in config.overrides:
            config.overrides[section.key].extend(config.overrides.pop(other))  # type: ignore[attr-defined] # tox's own
    found = config.get_section_config(section, base=[], of_type=ServiceSection, for_env=env_conf.env_name)
    keys.keep_words(found)
    return found


def label(env_conf: EnvConfigSet, name: str) -> str:
    """Return the section of a service, or of anything else that is named, as it is written in the file."""
    section = _section(env_conf, name)
    return f"[{section.SEP.join((*getattr(section, 'PREFIX', ()), section.key))}]"


def overridden(env_conf: EnvConfigSet) -> Iterator[tuple[str, str]]:
    """Yield the sections of services that overrides name, as they are written, and the names of the services."""
    for namespace in sorted(_configs[env_conf].overrides):
        for prefix in _spellings(""):
            if namespace.startswith(prefix):
                yield namespace, namespace.removeprefix(prefix)


def overrides_of(env_conf: EnvConfigSet, namespace: str) -> Sequence[Override]:
    """Return the overrides of a section."""
    return _configs[env_conf].overrides.get(namespace, [])


def is_in_file(env_conf: EnvConfigSet, name: str) -> bool:
    """Return whether the file has a section of the service, with at least one key."""
    config, section = _configs[env_conf], _section(env_conf, name)
    found = config.get_section_config(section, base=[], of_type=ServiceSection, for_env=env_conf.env_name)
    return any(loader.found_keys() for loader in found.loaders)


def services_of_all(env_conf: EnvConfigSet) -> set[str]:
    """Return the names in ``services`` of all environments; one whose value cannot be read has none."""
    found: set[str] = set()
    for each in [each for each, config in _configs.items() if config is _configs[env_conf]]:
        with contextlib.suppress(Exception):  # the environment reports it when it is read itself
            found |= {*each["services"]}
    return found


def _section(env_conf: EnvConfigSet, name: str) -> Section:
    """Return the section of a service in the language of the file."""
    kinds = (type(loader.section) for loader in _loaders(env_conf))
    config = _configs[env_conf]
    is_toml = config.src_path.suffix == ".toml"
    return next(kinds, _DottedSection if is_toml else Section)(PREFIX, name)


class _DottedSection(Section):
    SEP = "."


def _loaders(env_conf: EnvConfigSet) -> Iterator[IniLoader | TomlLoader]:
    """Yield the loaders of the file."""
    loaders = (*env_conf.loaders, *_configs[env_conf].core.loaders)
    return (loader for loader in loaders if isinstance(loader, IniLoader | TomlLoader))


def _spellings(name: str) -> tuple[str, ...]:
    return f"{PREFIX}:{name}", f"{PREFIX}.{name}", f"tool.tox.{PREFIX}.{name}"
